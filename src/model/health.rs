//! Health: whether Flux reports that a version runs well in the clusters of an environment.

use std::fmt;

use super::{CommitId, EnvironmentName, ImageName, Printable, RepoPath, ServiceName, Tag, Timestamp};

/// What the clusters of an environment say about a target now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Every cluster runs the version that Git has, and reports it ready.
    Healthy,
    /// A cluster does not run it, or does not report it ready.
    Unhealthy(Unhealthy),
    /// A cluster cannot be asked, or is not the right one. A printable sentence says why.
    Unknown(String),
}

/// Why a target is not healthy: the first thing that speaks against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhealthy {
    /// The name of the cluster.
    pub cluster: String,
    /// The kind and the name of the object, such as `HelmRelease common/app`.
    pub object: String,
    /// What is the matter with it.
    pub cause: UnhealthyCause,
}

/// What is the matter with an object in a cluster. Texts are the cluster's own, bounded, and printed as [`Printable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnhealthyCause {
    /// The cluster has no such object.
    Missing,
    /// No Flux Kustomization that follows the repository applies the file.
    NoKustomization {
        /// The file.
        file: RepoPath,
    },
    /// The Flux Kustomization has not applied the commit yet.
    NotApplied {
        /// The name of the Kustomization, with its namespace.
        kustomization: String,
        /// The commit that must be applied.
        commit: CommitId,
        /// The last commit that it applied.
        applied: Option<CommitId>,
    },
    /// The live object holds other versions of the image.
    OtherVersion {
        /// The versions.
        tags: Vec<Tag>,
    },
    /// The live object holds no version of the image that can be seen.
    VersionNotSeen,
    /// `spec.suspend` is true.
    Suspended,
    /// The Ready condition is about an earlier generation of the object, or missing.
    Outdated,
    /// Flux works on it.
    Reconciling {
        /// The message of the condition.
        message: String,
    },
    /// The Ready condition is not true.
    NotReady {
        /// Its reason.
        reason: String,
        /// Its message.
        message: String,
    },
    /// The rollout of a workload is not complete.
    RollingOut {
        /// How far it is.
        progress: String,
    },
}

impl UnhealthyCause {
    /// Whether Flux or Kubernetes has not come to it yet, or is at it: it may become healthy by itself.
    pub fn is_in_progress(&self) -> bool {
        matches!(
            self,
            Self::NotApplied { .. }
                | Self::OtherVersion { .. }
                | Self::Outdated
                | Self::Reconciling { .. }
                | Self::RollingOut { .. }
        )
    }
}

/// Maximum characters of a condition's message in a sentence.
const MOST_MESSAGE: usize = 160;

impl fmt::Display for Unhealthy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, object, cause } = self;
        let object = Printable::new(object);
        match cause {
            UnhealthyCause::Missing => write!(formatter, "{object} does not exist"),
            UnhealthyCause::NoKustomization { file } => {
                write!(formatter, "no Kustomization that follows this repository applies {file}")
            }
            UnhealthyCause::NotApplied { kustomization, commit, applied } => {
                write!(formatter, "Kustomization {} has not applied ", Printable::new(kustomization))?;
                write!(formatter, "{}", commit.short())?;
                match applied {
                    Some(applied) => write!(formatter, "; it is at {}", applied.short()),
                    None => Ok(()),
                }
            }
            UnhealthyCause::OtherVersion { tags } => {
                let tags: Vec<&str> = tags.iter().take(3).map(Tag::as_str).collect();
                write!(formatter, "{object} still holds {}", tags.join(", "))
            }
            UnhealthyCause::VersionNotSeen => write!(formatter, "{object} does not show the version"),
            UnhealthyCause::Suspended => write!(formatter, "{object} is suspended"),
            UnhealthyCause::Outdated => write!(formatter, "{object} is not reconciled yet"),
            UnhealthyCause::Reconciling { message } => {
                write!(formatter, "{object} is being reconciled")?;
                quote(formatter, message)
            }
            UnhealthyCause::NotReady { reason, message } => {
                write!(formatter, "{object} is not ready ({})", Printable::bounded(reason, 60))?;
                quote(formatter, message)
            }
            UnhealthyCause::RollingOut { progress } => {
                write!(formatter, "{object} is rolling out: {}", Printable::new(progress))
            }
        }?;
        write!(formatter, " in cluster {}", Printable::bounded(cluster, 80))
    }
}

fn quote(formatter: &mut fmt::Formatter<'_>, message: &str) -> fmt::Result {
    if message.is_empty() {
        return Ok(());
    }
    write!(formatter, ": \"{}\"", Printable::bounded(message, MOST_MESSAGE))
}

/// An image of a service in an environment, for observations that outlive a pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HealthSubject {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The image.
    pub image: ImageName,
}

/// A change of a target's health, as a pass saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthObservation {
    /// The commit that brought what runs.
    pub commit: CommitId,
    /// Since when its objects have been ready, by the clock of the cluster: the latest of their transitions. `None` where it
    /// is not healthy. Another value than before shows that it was lost in between, whoever was looking.
    pub ready_since: Option<Timestamp>,
    /// When it was seen.
    pub at: Timestamp,
}

impl HealthObservation {
    /// Whether it was healthy.
    pub fn is_healthy(&self) -> bool {
        self.ready_since.is_some()
    }

    /// Whether both say the same of the same rollout.
    pub fn is_same(&self, other: &Self) -> bool {
        self.commit == other.commit && self.ready_since == other.ready_since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cluster_says_is_bounded_and_escaped() {
        let not_ready = |message: &str| Unhealthy {
            cluster: "prod".to_owned(),
            object: "HelmRelease common/app".to_owned(),
            cause: UnhealthyCause::NotReady {
                reason: "UpgradeFailed".to_owned(),
                message: message.to_owned(),
            },
        };
        assert_eq!(
            not_ready("timed out\u{1b}[31m").to_string(),
            "HelmRelease common/app is not ready (UpgradeFailed): \"timed out\\u{1b}[31m\" in cluster prod"
        );
        assert!(not_ready(&"x".repeat(5_000)).to_string().len() < 300);
    }
}
