//! What a real API server makes of `deploy/`: custom resources, Pod Security, and rights.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use serde_json::{Value, json};

use super::api_server::ApiServer;
use super::tools::{OVERLAYS, chart, documents, kustomized, of_kind, root};

/// The pod that a deployment would make.
fn pod_of(rendered: &[Value], namespace: &str) -> Value {
    let template = &of_kind(rendered, "Deployment")["spec"]["template"];
    let metadata =
        json!({"name": "tidegate-0", "namespace": namespace, "labels": template["metadata"]["labels"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

const NAMESPACE: &str = "tidegate-chart";

/// One server for all of it, because it takes seconds to start.
#[test]
fn a_real_api_server_accepts_everything() {
    let server = ApiServer::start();
    for overlay in OVERLAYS {
        let text = kustomized(overlay);
        server.apply(&text);
        restricted_pods_only(&server, &documents(&text), "tidegate");
    }
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    server.apply(
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
            .to_string(),
    );
    let text = chart(&["--namespace", NAMESPACE]);
    server.good(&["apply", "--server-side", "--namespace", NAMESPACE, "--filename", "-"], &text);
    restricted_pods_only(&server, &documents(&text), NAMESPACE);
    for namespace in ["tidegate", NAMESPACE] {
        reads_only(&server, &format!("system:serviceaccount:{namespace}:tidegate"));
    }
    the_example_repository_is_accepted(&server);
}

/// The namespace takes our pod, and no pod that is anything less.
fn restricted_pods_only(server: &ApiServer, rendered: &[Value], namespace: &str) {
    let pod = pod_of(rendered, namespace);
    assert_eq!(server.refusal(&pod), None);
    let container = "/spec/containers/0/securityContext";
    for (place, value) in [
        (format!("{container}/allowPrivilegeEscalation"), json!(true)),
        (format!("{container}/capabilities"), json!({})),
        ("/spec/securityContext/runAsNonRoot".to_owned(), json!(false)),
        ("/spec/securityContext/runAsUser".to_owned(), json!(0)),
        ("/spec/securityContext/seccompProfile".to_owned(), Value::Null),
        ("/spec/hostNetwork".to_owned(), json!(true)),
    ] {
        let mut pod = pod.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        pod.pointer_mut(parent).unwrap()[key] = value;
        let refusal = server.refusal(&pod).unwrap_or_default();
        assert!(refusal.contains("violates PodSecurity \"restricted"), "{place}: {refusal}");
    }
}

fn reads_only(server: &ApiServer, account: &str) {
    for resource in [
        "helmreleases.helm.toolkit.fluxcd.io",
        "kustomizations.kustomize.toolkit.fluxcd.io",
        "gitrepositories.source.toolkit.fluxcd.io",
        "ocirepositories.source.toolkit.fluxcd.io",
        "deployments.apps",
        "pods",
        "events",
        "services",
    ] {
        for verb in ["get", "list", "watch"] {
            assert!(server.allows(account, verb, resource), "{account} cannot {verb} {resource}");
        }
        for verb in ["create", "update", "patch", "delete"] {
            assert!(!server.allows(account, verb, resource), "{account} can {verb} {resource}");
        }
    }
    for resource in ["secrets", "configmaps", "serviceaccounts", "clusterroles.rbac.authorization.k8s.io"] {
        for verb in ["get", "create"] {
            assert!(!server.allows(account, verb, resource), "{account} can {verb} {resource}");
        }
    }
}

fn the_example_repository_is_accepted(server: &ApiServer) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}});
    server.apply(&namespace.to_string());
    for cluster in ["non-prod-digital-eks", "prod-digital-eks"] {
        let clusters = root().join("deploy/flux/clusters").join(cluster);
        // Namespaces first, as Flux does.
        server.apply(&fs::read_to_string(clusters.join("tidegate/namespace.yaml")).unwrap());
        server.good(
            &["apply", "--server-side", "--recursive", "--filename", &clusters.display().to_string()],
            "",
        );
    }
}
