//! What is kept of a cluster: the objects that say what runs, reduced to what decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::{CommitId, Digest, ImageName, ServiceName, Tag, Timestamp, UnhealthyCause};

/// The name of an object in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// The namespace.
    pub namespace: Box<str>,
    /// The name.
    pub name: Box<str>,
}

impl ObjectName {
    /// The name of an object.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The object that a service is named after.
    pub fn of(service: &ServiceName) -> Self {
        Self::new(service.namespace(), service.name())
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// The kinds of objects that can run a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// Flux's HelmRelease.
    HelmRelease,
    /// Flux's OCIRepository.
    OciRepository,
    /// A workload.
    Deployment,
    /// A workload.
    StatefulSet,
    /// A workload.
    DaemonSet,
    /// A workload, which has no rollout.
    CronJob,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::HelmRelease,
        Self::OciRepository,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::CronJob,
    ];

    /// As manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HelmRelease => "HelmRelease",
            Self::OciRepository => "OCIRepository",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::CronJob => "CronJob",
        }
    }

    /// Whether it is a workload.
    pub fn is_workload(self) -> bool {
        !matches!(self, Self::HelmRelease | Self::OciRepository)
    }
}

/// A Flux GitRepository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSource {
    /// `spec.url`.
    pub url: String,
    /// What it follows: `spec.ref.branch`, or another reference in words.
    pub reference: GitReference,
}

/// What a GitRepository follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitReference {
    /// A branch.
    Branch(String),
    /// A tag, a range of tags or a commit, as text.
    Other(String),
}

impl fmt::Display for GitReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(branch) => write!(formatter, "branch {branch}"),
            Self::Other(other) => formatter.write_str(other),
        }
    }
}

/// A Flux Kustomization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveKustomization {
    /// The GitRepository that it applies; `None` for a source of another kind.
    pub source: Option<ObjectName>,
    /// `spec.path` without `./` and slashes at the ends; empty for the root of the repository.
    pub path: String,
    /// The commit in `status.lastAppliedRevision`.
    pub applied: Option<CommitId>,
}

impl LiveKustomization {
    /// Whether a path of the repository lies under it.
    pub fn covers(&self, path: &str) -> bool {
        self.path.is_empty()
            || path.strip_prefix(&*self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// An object that can run a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveObject {
    /// The Flux Kustomization that applied it, by its labels.
    pub kustomization: Option<ObjectName>,
    /// The HelmRelease that made it, by its labels.
    pub release: Option<ObjectName>,
    /// The versions that it holds.
    pub versions: Vec<LiveVersion>,
    /// The short texts of its spec that may be a version without its image beside it: `v1.2.3`, `app:v1.2.3`.
    pub texts: BTreeSet<Box<str>>,
    /// Whether it is ready, and since when; else what is the matter.
    pub readiness: Result<Timestamp, UnhealthyCause>,
}

/// A version that a live object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveVersion {
    /// The image; `None` where the chart knows it.
    pub image: Option<ImageName>,
    /// The tag.
    pub tag: Tag,
    /// The digest, if it is pinned.
    pub digest: Option<Digest>,
}

/// The objects of one cluster, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterObjects {
    /// GitRepositories.
    pub sources: BTreeMap<ObjectName, Arc<GitSource>>,
    /// Flux Kustomizations.
    pub kustomizations: BTreeMap<ObjectName, Arc<LiveKustomization>>,
    /// What can run a version.
    pub objects: BTreeMap<(ObjectKind, ObjectName), Arc<LiveObject>>,
}

/// What is known of one cluster now.
#[derive(Clone, Debug)]
pub struct ClusterReport {
    /// Its name: the context of the kubeconfig, or `in-cluster`.
    pub name: String,
    /// The objects, or a printable sentence that says why they are not known.
    pub objects: Result<Arc<ClusterObjects>, String>,
}
