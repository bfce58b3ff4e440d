//! The health gate: Flux reports that the candidate runs well in the previous environment.
//!
//! It is asked only where the previous environment has a cluster.

use std::fmt;

use crate::model::{EnvironmentName, Health, Tag, Timestamp, Unhealthy};
use crate::policy::facts::PreviousHealth;
use crate::policy::health_clock::{HealthClock, health_clock};
use crate::policy::local_time::LocalTime;

use super::question::{Answer, Question};
use super::soak::Soaking;

/// The reason of the health gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthReason {
    /// It is healthy.
    Healthy {
        /// The previous environment.
        environment: EnvironmentName,
        /// The candidate.
        tag: Tag,
        /// Since when.
        since: LocalTime,
    },
    /// It was healthy when a newer version replaced it, and counts nevertheless.
    WasHealthy {
        /// The previous environment.
        environment: EnvironmentName,
        /// The candidate.
        tag: Tag,
    },
    /// It was not healthy when a newer version replaced it.
    WasUnhealthy {
        /// The previous environment.
        environment: EnvironmentName,
        /// The candidate.
        tag: Tag,
    },
    /// It is not healthy.
    Unhealthy {
        /// The previous environment.
        environment: EnvironmentName,
        /// The candidate.
        tag: Tag,
        /// What is the matter.
        why: Unhealthy,
    },
    /// Its health is unknown.
    Unknown {
        /// The previous environment.
        environment: EnvironmentName,
        /// A printable sentence.
        why: String,
    },
    /// The previous environment does not run it, as the soak gate says.
    NotRunning {
        /// The previous environment.
        environment: EnvironmentName,
        /// The candidate.
        tag: Tag,
    },
}

/// Asks about the candidate that soaks; `None` where the previous environment has no cluster.
pub(super) fn ask(question: Question<'_>, soaking: &Soaking<'_>) -> Option<(Answer, HealthReason)> {
    let before = question.facts.before?;
    let health = before.health?;
    let environment = before.environment.clone();
    let tag = question.candidate.tag.clone();
    Some(match soaking {
        Soaking::Same { .. } => running(question, health, soaking, environment, tag),
        Soaking::PastRun { run, .. } => {
            let clock = health_clock(health.observed, run.rollout_commit.commit, question.policy.soak_mode);
            match clock {
                Some(HealthClock { stopped_at: None, .. }) => {
                    (Answer::Open, HealthReason::WasHealthy { environment, tag })
                }
                _ => (Answer::Closed, HealthReason::WasUnhealthy { environment, tag }),
            }
        }
        _ => (Answer::Open, HealthReason::NotRunning { environment, tag }),
    })
}

fn running(
    question: Question<'_>,
    health: PreviousHealth<'_>,
    soaking: &Soaking<'_>,
    environment: EnvironmentName,
    tag: Tag,
) -> (Answer, HealthReason) {
    match health.now {
        Health::Healthy => {
            let clock = soaking
                .rollout_commit()
                .and_then(|commit| health_clock(health.observed, commit, question.policy.soak_mode));
            let since: Timestamp = clock.map_or(question.now, |clock| clock.since);
            let since = LocalTime { at: since, zone: question.policy.environment.zone };
            (Answer::Open, HealthReason::Healthy { environment, tag, since })
        }
        Health::Unhealthy(why) => {
            (Answer::Closed, HealthReason::Unhealthy { environment, tag, why: why.clone() })
        }
        Health::Unknown(why) => (Answer::Closed, HealthReason::Unknown { environment, why: why.clone() }),
    }
}

impl HealthReason {
    /// Whether it has failed there, so that waiting for it may be in vain.
    pub fn has_failed(&self) -> bool {
        match self {
            Self::Unhealthy { why, .. } => !why.cause.is_in_progress(),
            Self::WasUnhealthy { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for HealthReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy { environment, tag, since } => {
                write!(formatter, "{tag} is healthy in {environment} since {since}")
            }
            Self::WasHealthy { environment, tag } => {
                write!(formatter, "{tag} was healthy in {environment} when a newer version replaced it")
            }
            Self::WasUnhealthy { environment, tag } => {
                write!(formatter, "{tag} was not healthy in {environment} when a newer version replaced it")
            }
            Self::Unhealthy { environment, tag, why } => {
                write!(formatter, "{tag} is not healthy in {environment}: {why}")
            }
            Self::Unknown { environment, why } => {
                write!(formatter, "the health of {environment} is unknown: {why}")
            }
            Self::NotRunning { environment, tag } => {
                write!(formatter, "{environment} does not run {tag}, so that there is no health to see")
            }
        }
    }
}
