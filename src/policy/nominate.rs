//! Nomination: which version would move into an environment, before any gate is asked.
//!
//! In the first environment of a chain it is the highest that may be chosen; in the others it is what the environment
//! before runs, or ran when that counts too. Owns also the sentence that says why there is none. Must not know what the
//! gates answer.

use std::fmt;

use crate::model::{EnvironmentName, Tag, Timestamp};

use super::clock::{SoakClock, past_clock, soak_clock};
use super::facts::{Facts, PreviousEnvironment, PreviousRunning, SoakMode, TargetPolicy};
use super::gates::{ControlReference, write_tags};
use super::local_time::later;
use super::select::Candidate;

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
    /// There is something newer, but a pin does not let it come.
    Pinned {
        /// The newest that would come.
        tag: Tag,
        /// What the pin admits.
        versions: String,
        /// Who pinned it, and why.
        note: ControlReference,
    },
}

impl NoCandidate {
    /// Whether all is as it should be: nothing newer is there to wait for.
    pub fn is_up_to_date(&self) -> bool {
        matches!(self, Self::Newest { .. } | Self::AsBefore { .. })
    }
}

/// The version that would move at `now`, whatever the gates say.
///
/// # Errors
/// With the reason why the target stays as it is.
pub fn find_candidate<'a>(
    policy: &TargetPolicy<'_>,
    facts: &Facts<'a>,
    now: Timestamp,
) -> Result<&'a Candidate, NoCandidate> {
    let Some(lowest) = facts.running.first() else {
        return Err(NoCandidate::NothingRuns);
    };
    let found = match (facts.before, &policy.environment.after) {
        (Some(before), _) => match from_past(policy, facts, before, lowest, now) {
            Some(candidate) => Ok(candidate),
            None => from_before(policy, facts, before, lowest),
        },
        (None, Some(environment)) => Err(NoCandidate::UnknownBefore { environment: environment.clone() }),
        (None, None) => from_registry(facts, lowest, now),
    };
    found.and_then(|candidate| match facts.controls.pin_against(candidate, now) {
        None => Ok(candidate),
        Some(pin) => Err(NoCandidate::Pinned {
            tag: candidate.tag.clone(),
            versions: pin.versions.to_string(),
            note: ControlReference::new(&pin.note, policy.environment.zone),
        }),
    })
}

/// The highest version that no pin keeps out and that is not quarantined; else the highest that no pin keeps out, so that
/// the quarantine is told; else the highest of all, so that the pin is.
fn from_registry<'a>(
    facts: &Facts<'a>,
    lowest: &Candidate,
    now: Timestamp,
) -> Result<&'a Candidate, NoCandidate> {
    let highest = facts.selection.highest().ok_or(NoCandidate::NothingAdmitted)?;
    if highest.version <= lowest.version {
        return Err(NoCandidate::Newest { running: lowest.tag.clone() });
    }
    let controls = facts.controls;
    let descending = facts.selection.above(&lowest.version).iter().rev();
    let mut may_come =
        descending.filter(|candidate| controls.pin_against(candidate, now).is_none()).peekable();
    let first = may_come.peek().copied();
    let clean = may_come.find(|candidate| controls.quarantine_of(candidate, now).next().is_none());
    Ok(clean.or(first).unwrap_or(highest))
}

/// The candidate when a version goes on soaking after it was replaced: the highest that has soaked, else the one that
/// will have first. Nothing, when what runs in the environment before is the only one in question.
fn from_past<'a>(
    policy: &TargetPolicy<'_>,
    facts: &Facts<'a>,
    before: PreviousEnvironment<'a>,
    lowest: &Candidate,
    now: Timestamp,
) -> Option<&'a Candidate> {
    if policy.soak_mode != SoakMode::Elapsed {
        return None;
    }
    let soak_end = |clock: &SoakClock<'_>| match clock {
        SoakClock::Running { since, .. } => later(*since, policy.soak),
        SoakClock::Moved { .. } | SoakClock::NotObserved => None,
    };
    let observed = |candidate: &Candidate| facts.observations.of(&candidate.tag);
    let mut counted: Vec<(&'a Candidate, Option<Timestamp>)> = Vec::new();
    if let PreviousRunning::One { candidate, rollout_commit: Some(rollout_commit) } = before.running {
        let clock = soak_clock(rollout_commit, observed(candidate), None, policy.clock_tolerance);
        counted.push((candidate, soak_end(&clock)));
    }
    for run in before.past {
        // Of one version, only its last run counts.
        if counted.iter().all(|(candidate, _)| candidate.version != run.candidate.version) {
            let clock = past_clock(run, observed(&run.candidate), None, policy.clock_tolerance);
            counted.push((&run.candidate, soak_end(&clock)));
        }
    }
    let may_come = |candidate: &Candidate| {
        candidate.version > lowest.version
            && facts.selection.find_candidate(candidate).is_some()
            && facts.controls.pin_against(candidate, now).is_none()
            && facts.controls.quarantine_of(candidate, now).next().is_none()
            && facts.rolled_back.iter().all(|moved| moved.version != candidate.version)
    };
    counted.retain(|(candidate, _)| may_come(candidate));
    let soaked = counted.iter().filter(|(_, end)| end.is_some_and(|end| end <= now));
    let best = soaked.max_by(|(one, _), (other, _)| one.version.cmp(&other.version));
    let first = counted
        .iter()
        .filter_map(|(candidate, end)| Some((end.as_ref()?, candidate)))
        .min_by_key(|(end, _)| *end);
    let best = best.map(|(candidate, _)| *candidate).or(first.map(|(_, candidate)| *candidate));
    best.and_then(|candidate| facts.selection.find_candidate(candidate))
}

fn from_before<'a>(
    policy: &TargetPolicy<'_>,
    facts: &Facts<'a>,
    before: PreviousEnvironment<'_>,
    lowest: &Candidate,
) -> Result<&'a Candidate, NoCandidate> {
    let environment = || before.environment.clone();
    let as_before = |candidate: &Candidate| NoCandidate::AsBefore {
        environment: environment(),
        before: candidate.tag.clone(),
        running: lowest.tag.clone(),
    };
    let candidate = match before.running {
        PreviousRunning::One { candidate, .. } => candidate,
        PreviousRunning::Missing => return Err(NoCandidate::MissingBefore { environment: environment() }),
        PreviousRunning::Several(running) => {
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
                write_tags(formatter, before)
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
            Self::Pinned { tag, versions, note } => {
                write!(formatter, "{tag} is there, but it is pinned to {versions} {note}")
            }
        }
    }
}
