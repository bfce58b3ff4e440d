//! API versions that a newer one replaces.

use super::finding::{Drafts, Fix};
use super::flux_version::FluxVersion;
use super::object::Object;
use super::rule::Rule;
use crate::manifest::{Content, NodeId};
use crate::model::Printable;

/// A version 2 of Flux.
const fn flux(minor: u32) -> FluxVersion {
    FluxVersion::new(2, minor)
}

/// One replaced API version.
struct Replaced {
    group: &'static str,
    kinds: &'static [&'static str],
    old: &'static [&'static str],
    new: &'static str,
    /// The first Flux that serves the new version; `None` for what Kubernetes has served for long.
    since: Option<FluxVersion>,
    /// Fields that the new version does not have: with one of them, no edit of the version alone is right.
    removed: &'static [&'static [&'static str]],
}

const HELM: &str = "helm.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const IMAGE: &str = "image.toolkit.fluxcd.io";

/// By the release notes of Flux 2.0 to 2.7, and of Kubernetes 1.21 to 1.26.
const REPLACED: [Replaced; 12] = [
    Replaced {
        group: HELM,
        kinds: &["HelmRelease"],
        old: &["v2beta1", "v2beta2"],
        new: "v2",
        since: Some(flux(3)),
        removed: &[
            &["spec", "chart", "spec", "valuesFile"],
            &["spec", "postRenderers", "kustomize", "patchesStrategicMerge"],
            &["spec", "postRenderers", "kustomize", "patchesJson6902"],
        ],
    },
    Replaced {
        group: SOURCE,
        kinds: &["GitRepository"],
        old: &["v1beta1", "v1beta2"],
        new: "v1",
        since: Some(flux(0)),
        removed: &[&["spec", "gitImplementation"], &["spec", "accessFrom"]],
    },
    Replaced {
        group: SOURCE,
        kinds: &["HelmRepository", "HelmChart"],
        old: &["v1beta1", "v1beta2"],
        new: "v1",
        since: Some(flux(3)),
        removed: &[&["spec", "accessFrom"], &["spec", "valuesFile"]],
    },
    Replaced {
        group: SOURCE,
        kinds: &["Bucket"],
        old: &["v1beta1", "v1beta2"],
        new: "v1",
        since: Some(flux(4)),
        removed: &[&["spec", "accessFrom"]],
    },
    Replaced {
        group: SOURCE,
        kinds: &["OCIRepository"],
        old: &["v1beta2"],
        new: "v1",
        since: Some(flux(6)),
        removed: &[],
    },
    Replaced {
        group: KUSTOMIZE,
        kinds: &["Kustomization"],
        old: &["v1beta1", "v1beta2"],
        new: "v1",
        since: Some(flux(0)),
        removed: &[&["spec", "validation"], &["spec", "patchesStrategicMerge"], &["spec", "patchesJson6902"]],
    },
    Replaced {
        group: IMAGE,
        kinds: &["ImageRepository", "ImagePolicy", "ImageUpdateAutomation"],
        old: &["v1beta1", "v1beta2"],
        new: "v1",
        since: Some(flux(7)),
        removed: &[&["spec", "accessFrom"]],
    },
    Replaced { group: "batch", kinds: &["CronJob"], old: &["v1beta1"], new: "v1", since: None, removed: &[] },
    Replaced {
        group: "autoscaling",
        kinds: &["HorizontalPodAutoscaler"],
        old: &["v2beta2"],
        new: "v2",
        since: None,
        removed: &[],
    },
    // An empty selector selects nothing before and everything after.
    Replaced {
        group: "policy",
        kinds: &["PodDisruptionBudget"],
        old: &["v1beta1"],
        new: "v1",
        since: None,
        removed: &[&["spec"]],
    },
    // `backend` and `pathType` changed.
    Replaced {
        group: "networking.k8s.io",
        kinds: &["Ingress"],
        old: &["v1beta1"],
        new: "v1",
        since: None,
        removed: &[&["spec"]],
    },
    Replaced {
        group: "extensions",
        kinds: &["Ingress", "Deployment", "DaemonSet", "ReplicaSet", "NetworkPolicy"],
        old: &["v1beta1"],
        new: "v1 of networking.k8s.io or apps",
        since: None,
        removed: &[&["spec"]],
    },
];

/// Adds a finding when a newer API version replaces that of the object.
pub(super) fn check(object: &Object<'_, '_>, findings: &mut Drafts) {
    let is_old = |replaced: &&Replaced| {
        replaced.group == object.group()
            && replaced.kinds.contains(&object.kind)
            && replaced.old.contains(&object.version())
    };
    let Some(replaced) = REPLACED.iter().find(is_old) else { return };
    let Some(node) = object.get(&["apiVersion"]) else { return };
    let since = replaced.since.map(|since| format!(", which Flux {since} serves")).unwrap_or_default();
    let old = Printable::bounded(object.api_version, 80);
    let message = format!("{old} of {} is replaced by {}{since}", object.kind, replaced.new);
    let removed: Vec<String> =
        replaced.removed.iter().filter(|path| object.has(path)).map(|path| path.join(".")).collect();
    let hint = match removed.as_slice() {
        [] => format!("write {}/{}, or run `tidegate check --fix`", replaced.group, replaced.new),
        fields => format!("move to {} by hand: it reads {} differently", replaced.new, fields.join(", ")),
    };
    let fix = removed.is_empty().then(|| fix(object, node, replaced)).flatten();
    findings.add_fixable(Rule::DeprecatedApi, object.position(node), message, hint, fix);
}

/// The edit, where the value is one scalar of this object.
fn fix(object: &Object<'_, '_>, node: NodeId, replaced: &Replaced) -> Option<Fix> {
    let written = object.document.node(node);
    matches!(written.content, Content::Scalar { .. }).then(|| Fix {
        span: written.span.clone(),
        value: format!("{}/{}", replaced.group, replaced.new),
        since: replaced.since,
    })
}
