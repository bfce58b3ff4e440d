//! The conventions of the teams that run Tidegate, held in every rendering: limits, probes, labels, no floating tag, no secret.

use serde_json::Value;

use super::tools::{OVERLAYS, chart, documents, kustomized, of_kind};

/// Every way to deploy, rendered.
fn renderings() -> Vec<(String, Vec<Value>)> {
    let mut renderings: Vec<_> =
        OVERLAYS.iter().map(|overlay| ((*overlay).to_owned(), documents(&kustomized(overlay)))).collect();
    renderings.push(("the chart".to_owned(), documents(&chart(&[]))));
    renderings
}

#[test]
fn every_container_has_requests_limits_and_probes() {
    for (name, rendered) in renderings() {
        let containers = &of_kind(&rendered, "Deployment")["spec"]["template"]["spec"]["containers"];
        for container in containers.as_array().unwrap() {
            for amount in ["requests", "limits"] {
                for resource in ["cpu", "memory"] {
                    assert!(
                        container["resources"][amount][resource].is_string(),
                        "{name}: {amount}.{resource}"
                    );
                }
            }
            for (probe, path) in
                [("startupProbe", "/startupz"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
            {
                assert_eq!(container[probe]["httpGet"]["path"], path, "{name}");
                assert!(container[probe]["timeoutSeconds"].is_number(), "{name}: {probe}");
            }
        }
    }
}

#[test]
fn every_object_has_the_required_labels_and_the_namespace() {
    for (name, rendered) in renderings() {
        for object in &rendered {
            let place = format!("{name}: {} {}", object["kind"], object["metadata"]["name"]);
            let labels = &object["metadata"]["labels"];
            assert_eq!(labels["environment"], "production", "{place}");
            assert_eq!(labels["managed-by"], "flux", "{place}");
            if object["kind"] != "Namespace" {
                assert_eq!(labels["app"], "tidegate", "{place}");
            }
            let is_cluster_wide =
                ["Namespace", "ClusterRole", "ClusterRoleBinding"].iter().any(|kind| object["kind"] == *kind);
            // Helm sets the namespace when it applies.
            let is_placed = object["metadata"]["namespace"] == "tidegate" || name == "the chart";
            assert!(is_cluster_wide || is_placed, "{place}");
        }
    }
}

#[test]
fn names_are_those_of_the_team() {
    for (name, rendered) in renderings() {
        let spec = &of_kind(&rendered, "Deployment")["spec"]["template"]["spec"];
        let volumes = spec["volumes"].as_array().unwrap();
        let volume = |wanted: &str| volumes.iter().find(|volume| volume["name"] == wanted).unwrap();
        assert!(
            volume("config")["configMap"]["name"].as_str().unwrap().starts_with("tidegate-config"),
            "{name}"
        );
        assert_eq!(volume("secret")["secret"]["secretName"], "tidegate-secret", "{name}");
    }
}

#[test]
fn no_tag_floats_and_no_secret_is_in_plain_text() {
    for (name, rendered) in renderings() {
        let image = &of_kind(&rendered, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"];
        let tag = image.as_str().unwrap().rsplit_once(':').unwrap().1;
        assert!(tag.starts_with('v') && tag.matches('.').count() == 2, "{name}: {tag}");
        assert!(rendered.iter().all(|object| object["kind"] != "Secret"), "{name}");
    }
}

#[test]
fn every_pod_selector_matches_the_deployment() {
    for (name, rendered) in renderings() {
        let deployment = of_kind(&rendered, "Deployment");
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        let selectors = [
            &deployment["spec"]["selector"]["matchLabels"],
            &of_kind(&rendered, "Service")["spec"]["selector"],
            &of_kind(&rendered, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
            &of_kind(&rendered, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        ];
        for selector in selectors {
            let selector = selector.as_object().unwrap();
            assert!(!selector.is_empty(), "{name}");
            for (key, value) in selector {
                assert_eq!(&labels[key], value, "{name}: {key}");
            }
        }
    }
}
