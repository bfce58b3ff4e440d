//! API versions that a newer one replaces.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::finding::{Drafts, Fix};
use super::object::Object;
use super::rule::Rule;
use crate::manifest::{Content, NodeId};
use crate::model::Printable;

/// A version of Flux: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FluxVersion {
    major: u32,
    minor: u32,
}

/// Not a version of Flux, such as `2.6` or `v2.6.0`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this is not a version of Flux")]
pub struct FluxVersionError;

impl FromStr for FluxVersion {
    type Err = FluxVersionError;

    fn from_str(text: &str) -> Result<Self, FluxVersionError> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or(FluxVersionError);
        Ok(Self { major: number()?, minor: number()? })
    }
}

impl fmt::Display for FluxVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// What came in a version of Flux; `None` for what Kubernetes serves for long.
const fn flux(minor: u32) -> Option<FluxVersion> {
    Some(FluxVersion { major: 2, minor })
}

/// One replaced API version.
struct Replaced {
    group: &'static str,
    kinds: &'static [&'static str],
    old: &'static [&'static str],
    new: &'static str,
    /// The first Flux that serves the new version.
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
        since: flux(3),
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
        since: flux(0),
        removed: &[&["spec", "gitImplementation"], &["spec", "accessFrom"]],
    },
    Replaced {
        group: SOURCE,
        kinds: &["HelmRepository", "HelmChart"],
        old: &["v1beta1", "v1beta2"],
        new: "v1",
        since: flux(3),
        removed: &[&["spec", "accessFrom"], &["spec", "valuesFile"]],
    },
    Replaced {
        group: SOURCE,
        kinds: &["Bucket"],
        old: &["v1beta1", "v1beta2"],
        new: "v1",
        since: flux(4),
        removed: &[&["spec", "accessFrom"]],
    },
    Replaced {
        group: SOURCE,
        kinds: &["OCIRepository"],
        old: &["v1beta2"],
        new: "v1",
        since: flux(6),
        removed: &[],
    },
    Replaced {
        group: KUSTOMIZE,
        kinds: &["Kustomization"],
        old: &["v1beta1", "v1beta2"],
        new: "v1",
        since: flux(0),
        removed: &[&["spec", "validation"], &["spec", "patchesStrategicMerge"], &["spec", "patchesJson6902"]],
    },
    Replaced {
        group: IMAGE,
        kinds: &["ImageRepository", "ImagePolicy", "ImageUpdateAutomation"],
        old: &["v1beta1", "v1beta2"],
        new: "v1",
        since: flux(7),
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

/// The version of Flux that `gotk-components.yaml` installs, by the comment that `flux install` writes.
pub(super) fn installed_flux(text: &str) -> Option<FluxVersion> {
    let comment = text.lines().take(10).find_map(|line| line.strip_prefix("# Flux Version:"))?;
    comment.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_flux_are_read_and_compared() {
        let read = |text: &str| text.parse::<FluxVersion>();
        assert!(read("v2.10.1").unwrap() > read("2.6").unwrap());
        assert_eq!(
            installed_flux("---\n# This manifest was generated by flux.\n# Flux Version: v2.6.0\n"),
            read("2.6").ok()
        );
        for text in ["", "2", "latest", "v.6"] {
            assert_eq!(read(text), Err(FluxVersionError), "{text}");
        }
    }
}
