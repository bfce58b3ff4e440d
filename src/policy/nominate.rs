//! Nomination: which version would move into an environment, before any gate is asked.
//!
//! In the first environment of a chain it is the highest that may be chosen; in the others it is what the environment
//! before runs. Owns also the sentence that says why there is none. Must not know the gates.

use std::fmt;

use crate::model::{EnvironmentName, Tag};

use super::facts::{Before, BeforeRunning, Facts, TrackPolicy};
use super::gates::list;
use super::select::Candidate;

/// What would move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nomination<'a> {
    /// This would, if every gate is open.
    Candidate(&'a Candidate),
    /// Nothing would.
    Nothing(NoCandidate),
}

/// Why nothing would move. `Display` is a plain sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCandidate {
    /// What runs isn't known.
    NothingRuns,
    /// The registry has nothing that the rules admit.
    NothingAdmitted,
    /// The registry has nothing newer that the rules admit.
    Newest {
        /// The lowest version that runs.
        running: Tag,
    },
    /// The environment before runs nothing newer.
    AsBefore {
        /// The environment before.
        environment: EnvironmentName,
        /// What it runs.
        before: Tag,
        /// The lowest version that runs here.
        running: Tag,
    },
    /// The environment before doesn't have it.
    MissingBefore {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// The environment before runs something newer, but not one version in every path.
    SeveralBefore {
        /// The environment before.
        environment: EnvironmentName,
        /// What it runs, ascending.
        before: Vec<Tag>,
    },
    /// The environment before runs something newer that the rules don't admit here.
    NotAdmitted {
        /// The environment before.
        environment: EnvironmentName,
        /// What it runs.
        before: Tag,
        /// The versions that the rules admit.
        versions: String,
    },
    /// The environment before runs something newer that the registry no longer has.
    Vanished {
        /// The environment before.
        environment: EnvironmentName,
        /// What it runs.
        before: Tag,
    },
    /// There is an environment before, but what it runs isn't known.
    UnknownBefore {
        /// The environment before.
        environment: EnvironmentName,
    },
}

impl NoCandidate {
    /// Whether all is as it should be: nothing newer is there to wait for.
    pub fn is_up_to_date(&self) -> bool {
        matches!(self, Self::Newest { .. } | Self::AsBefore { .. })
    }
}

/// Which candidate would move, whatever the gates say.
pub fn nominate<'a>(policy: &TrackPolicy<'_>, facts: &Facts<'a>) -> Nomination<'a> {
    let Some(lowest) = facts.running.first() else {
        return Nomination::Nothing(NoCandidate::NothingRuns);
    };
    let found = match (facts.before, &policy.environment.after) {
        (Some(before), _) => from_before(policy, facts, before, lowest),
        (None, Some(environment)) => Err(NoCandidate::UnknownBefore { environment: environment.clone() }),
        (None, None) => from_registry(facts, lowest),
    };
    found.map_or_else(Nomination::Nothing, Nomination::Candidate)
}

fn from_registry<'a>(facts: &Facts<'a>, lowest: &Candidate) -> Result<&'a Candidate, NoCandidate> {
    let highest = facts.selection.highest().ok_or(NoCandidate::NothingAdmitted)?;
    if highest.version > lowest.version {
        Ok(highest)
    } else {
        Err(NoCandidate::Newest { running: lowest.tag.clone() })
    }
}

fn from_before<'a>(
    policy: &TrackPolicy<'_>,
    facts: &Facts<'a>,
    before: Before<'_>,
    lowest: &Candidate,
) -> Result<&'a Candidate, NoCandidate> {
    let environment = || before.environment.clone();
    let as_before = |candidate: &Candidate| NoCandidate::AsBefore {
        environment: environment(),
        before: candidate.tag.clone(),
        running: lowest.tag.clone(),
    };
    let candidate = match before.running {
        BeforeRunning::One { candidate, .. } => candidate,
        BeforeRunning::Missing => return Err(NoCandidate::MissingBefore { environment: environment() }),
        BeforeRunning::Several(running) => {
            return Err(match running.iter().max_by(|a, b| a.version.cmp(&b.version)) {
                Some(highest) if highest.version <= lowest.version => as_before(highest),
                _ => NoCandidate::SeveralBefore {
                    environment: environment(),
                    before: running.iter().map(|candidate| candidate.tag.clone()).collect(),
                },
            });
        }
    };
    if candidate.version <= lowest.version {
        return Err(as_before(candidate));
    }
    let before = candidate.tag.clone();
    facts.selection.find_candidate(candidate).ok_or_else(|| {
        // The rules are asked again to say which of the two it is: not admitted, or gone from the registry.
        match policy.rules.version_of(&candidate.tag) {
            Some(version) if policy.rules.versions.admits(&version) => {
                NoCandidate::Vanished { environment: environment(), before }
            }
            _ => NoCandidate::NotAdmitted {
                environment: environment(),
                before,
                versions: policy.rules.versions.to_string(),
            },
        }
    })
}

impl fmt::Display for NoCandidate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRuns => write!(formatter, "it is not known which version runs"),
            Self::NothingAdmitted => write!(formatter, "the registry has no tag that the rules admit"),
            Self::Newest { running } => {
                write!(formatter, "runs {running}, and the registry has nothing newer that the rules admit")
            }
            Self::AsBefore { environment, before, running } => {
                write!(formatter, "runs {running}, and {environment} runs nothing newer ({before})")
            }
            Self::MissingBefore { environment } => write!(formatter, "{environment} does not have it"),
            Self::SeveralBefore { environment, before } => {
                write!(formatter, "{environment} does not run one version in every path, but ")?;
                list(formatter, before)
            }
            Self::NotAdmitted { environment, before, versions } => {
                write!(formatter, "{environment} runs {before}, which the rules do not admit ({versions})")
            }
            Self::Vanished { environment, before } => {
                write!(formatter, "{environment} runs {before}, which the registry no longer has")
            }
            Self::UnknownBefore { environment } => {
                write!(formatter, "it is not known what {environment} runs")
            }
        }
    }
}
