//! What was read of a service in a cluster, as the API reports it. Texts are the cluster's own: bounded, and printed as
//! [`Printable`](crate::model::Printable).

use crate::model::{CommitId, ObjectName, Timestamp};

/// What is known of a service in one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The name of the cluster.
    pub cluster: String,
    /// The service.
    pub service: Option<ObjectName>,
    /// When it was read.
    pub at: Timestamp,
    /// The commit of the branch that Flux should have applied.
    pub head: Option<CommitId>,
    /// The sources of the Kustomizations and of the release.
    pub sources: Vec<FluxObject>,
    /// The Flux Kustomizations that apply the service.
    pub kustomizations: Vec<FluxObject>,
    /// Its HelmRelease and the HelmChart of that.
    pub releases: Vec<FluxObject>,
    /// Its workloads.
    pub workloads: Vec<Workload>,
    /// The pods of the workloads.
    pub pods: Vec<Pod>,
    /// Services of type LoadBalancer that have no address.
    pub pending_load_balancers: Vec<String>,
    /// Events about any of these, the newest first.
    pub events: Vec<Event>,
    /// What could not be read, and why: printable sentences.
    pub unread: Vec<String>,
}

/// An object of Flux.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FluxObject {
    /// The kind.
    pub kind: String,
    /// The name, with its namespace.
    pub name: String,
    /// `spec.suspend`.
    pub is_suspended: bool,
    /// `metadata.generation`.
    pub generation: Option<i64>,
    /// The commit that a Kustomization applied last.
    pub applied: Option<CommitId>,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

/// A condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its type.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The reason, in one word.
    pub reason: String,
    /// The message.
    pub message: String,
    /// The generation that it is about.
    pub observed_generation: Option<i64>,
    /// Since when it has been so.
    pub since: Option<Timestamp>,
}

/// A Deployment, StatefulSet or DaemonSet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Kind and name, such as `Deployment app`.
    pub name: String,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// The name.
    pub name: String,
    /// `status.phase`.
    pub phase: String,
    /// `status.reason`, such as `Evicted`.
    pub reason: String,
    /// `status.message`.
    pub message: String,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    /// Its containers, those that initialize first.
    pub containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The name.
    pub name: String,
    /// The image.
    pub image: String,
    /// Whether it passes its readiness probe.
    pub is_ready: bool,
    /// How often it was restarted.
    pub restarts: i64,
    /// Why it waits: reason and message.
    pub waiting: Option<(String, String)>,
    /// How it ended last, now or before its restart.
    pub ended: Option<Ended>,
    /// The last lines of its log, without credentials; of the run before, if it was restarted.
    pub log: Vec<String>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The reason, such as `OOMKilled` or `Error`.
    pub reason: String,
    /// The exit code.
    pub exit_code: i64,
    /// The message.
    pub message: String,
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Kind and name of its object.
    pub object: String,
    /// The reason, in one word.
    pub reason: String,
    /// The message.
    pub message: String,
    /// When it was seen last.
    pub at: Option<Timestamp>,
}

impl FluxObject {
    /// A condition of the object.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// The Ready condition, if it is false and about the current generation.
    pub fn failure(&self) -> Option<&Condition> {
        let is_current = |ready: &&Condition| {
            ready.observed_generation.is_none() || ready.observed_generation >= self.generation
        };
        self.condition("Ready").filter(|ready| ready.status == "False").filter(is_current)
    }

    /// Kind and name.
    pub fn title(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}
