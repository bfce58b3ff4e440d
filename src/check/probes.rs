//! Probes: whether there are any, and whether they ask a port and a path that can answer.

use super::finding::Drafts;
use super::images::{Image, is_template};
use super::object::Object;
use super::rule::Rule;
use crate::manifest::{Content, NodeId};
use crate::model::Printable;

const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// Adds findings about the probes of an object that serves requests.
pub(super) fn check(object: &Object<'_, '_>, images: &[Image<'_>], findings: &mut Drafts) {
    if object.is_helm_release() {
        if let Some(values) = object.get(&["spec", "values"]) {
            check_values(object, values, images, findings);
        }
    } else if ["Deployment", "StatefulSet", "DaemonSet"].contains(&object.kind) {
        for container in object.containers(&["containers"]) {
            check_container(object, container, findings);
        }
    }
}

fn check_values(object: &Object<'_, '_>, values: NodeId, images: &[Image<'_>], findings: &mut Drafts) {
    let port = object.document.get_path(values, &["service", "port"]).and_then(|node| object.text_of(node));
    let has_another_port = ["containerPort", "targetPort", "containerPorts", "ports"].iter().any(|key| {
        object.document.get(values, key).is_some()
            || object.document.get_path(values, &["service", key]).is_some()
    });
    let ports: Vec<&str> = port.filter(|_| !has_another_port).into_iter().collect();
    let mut is_missing = Vec::new();
    for name in PROBES {
        match object.document.get(values, name) {
            Some(probe) => check_probe(object, name, probe, &ports, findings),
            None if name != "startupProbe" => is_missing.push(name),
            None => {}
        }
    }
    // Only a chart with `service.port` and one image at the top is known to serve requests by these values.
    let serves = port.is_some() && images.iter().any(|image| image.container == values);
    if serves && !object.is_patch() && !is_missing.is_empty() {
        findings.add(
            Rule::MissingProbe,
            object.position(values),
            format!("{} has a port and no {}", object.label(), is_missing.join(" and no ")),
            "add `httpGet` probes of a path that answers when the service is well",
        );
    }
}

fn check_container(object: &Object<'_, '_>, container: NodeId, findings: &mut Drafts) {
    let listed = object.document.get(container, "ports").map(|ports| object.items(ports)).unwrap_or_default();
    let ports: Vec<&str> = listed
        .iter()
        .flat_map(|port| ["containerPort", "name"].map(|key| object.document.get(*port, key)))
        .filter_map(|node| object.text_of(node?))
        .collect();
    let mut is_missing = Vec::new();
    for name in PROBES {
        match object.document.get(container, name) {
            Some(probe) => check_probe(object, name, probe, &ports, findings),
            None if name != "startupProbe" => is_missing.push(name),
            None => {}
        }
    }
    if !listed.is_empty() && !is_missing.is_empty() {
        findings.add(
            Rule::MissingProbe,
            object.position(container),
            format!("a container of {} has a port and no {}", object.label(), is_missing.join(" and no ")),
            "add `httpGet` probes of a path that answers when the service is well",
        );
    }
}

/// Checks a probe against the ports that are known; with none known, only its path.
fn check_probe(object: &Object<'_, '_>, name: &str, probe: NodeId, ports: &[&str], findings: &mut Drafts) {
    let document = object.document;
    if !matches!(document.node(document.target(probe)).content, Content::Mapping) {
        return;
    }
    if let Some(path) = document.get_path(probe, &["httpGet", "path"])
        && let Some(text) = object.text_of(path)
        && !text.starts_with('/')
        && !is_template(text)
    {
        findings.add(
            Rule::ProbeTarget,
            object.position(path),
            format!("the path `{}` of {name} does not begin with `/`", Printable::bounded(text, 60)),
            "write the path from the root, such as /health",
        );
    }
    for kind in ["httpGet", "tcpSocket"] {
        let Some(port) = document.get_path(probe, &[kind, "port"]) else { continue };
        let Some(text) = object.text_of(port) else { continue };
        // A name is resolved by the chart; an open list of ports is documentation only.
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !ports.is_empty() && !ports.contains(&text) {
            let known: Vec<&str> =
                ports.iter().copied().filter(|port| port.bytes().all(|byte| byte.is_ascii_digit())).collect();
            findings.add(
                Rule::ProbeTarget,
                object.position(port),
                format!(
                    "{name} asks port {text}, but the service listens on {}",
                    Printable::bounded(&known.join(", "), 60)
                ),
                "use the same port in both places",
            );
        }
    }
}
