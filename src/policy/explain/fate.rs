//! Why each version above the running one is the next candidate, or is not.

use std::fmt;
use std::time::Duration;

use crate::model::{CommitId, Elapsed, EnvironmentName, Printable, Tag, Timestamp};
use crate::policy::clock::{past_clock, while_healthy};
use crate::policy::facts::{Facts, PastRun, PreviousEnvironment, PreviousRunning, SoakMode, TargetPolicy};
use crate::policy::gates::{ControlReference, Question, rollback_against};
use crate::policy::local_time::{LocalTime, elapsed};
use crate::policy::select::Candidate;

/// A newer version, and its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionReport {
    /// The version's tag in the registry.
    pub tag: Tag,
    /// Its status.
    pub fate: VersionStatus,
}

/// The status of a newer version. `Display` is a plain sentence without a full stop, with the version as its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionStatus {
    /// It is the candidate.
    Candidate,
    /// A newer version comes instead.
    Superseded {
        /// The newer version.
        by: Tag,
    },
    /// Outside the range.
    NotAdmitted {
        /// The range.
        versions: String,
    },
    /// Not a runnable image.
    NoImage {
        /// What it is, or what it lacks.
        reason: String,
    },
    /// Quarantined.
    Quarantined(ControlReference),
    /// Excluded by a pin.
    Pinned {
        /// The versions that the pin admits.
        versions: String,
        /// Author and reason of the pin.
        note: ControlReference,
    },
    /// A person rolled back from it, or from a higher one here.
    RolledBack {
        /// The environment.
        environment: EnvironmentName,
        /// The person; untrusted text.
        author: String,
        /// The commit.
        commit: CommitId,
        /// When.
        at: LocalTime,
    },
    /// It ran in the previous environment and was replaced there.
    Replaced {
        /// The previous environment.
        environment: EnvironmentName,
        /// How long it ran.
        lasted: Duration,
        /// The required soak.
        needed: Duration,
        /// When it was replaced.
        left_at: LocalTime,
        /// When its soak ends, if it continues after the replacement.
        soaks_until: Option<LocalTime>,
    },
    /// The previous environment runs it.
    RunsBefore {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// A part of the previous environment runs it.
    RunsPartly {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// It has not reached the previous environment yet.
    Ahead {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// It never ran in the previous environment, which runs a newer version.
    Skipped {
        /// The previous environment.
        environment: EnvironmentName,
    },
}

/// The status of each of `tags` above the lowest running version, ascending. `candidate` is the one that comes by
/// itself.
pub fn version_reports(
    policy: &TargetPolicy<'_>,
    facts: &Facts<'_>,
    tags: &[Tag],
    candidate: Option<&Candidate>,
    now: Timestamp,
) -> Vec<VersionReport> {
    let Some(lowest) = facts.running.first() else { return Vec::new() };
    let is_higher = |tag: &Tag| {
        let version = policy.rules.version_of(tag)?;
        version.may_follow(&lowest.version).then(|| Candidate { tag: tag.clone(), version })
    };
    let mut higher: Vec<Candidate> = tags.iter().filter_map(is_higher).collect();
    higher.sort_by(|one, other| one.version.cmp(&other.version).then_with(|| one.tag.cmp(&other.tag)));
    higher.dedup();
    let fate = |version: Candidate| {
        let fate = fate(Question { policy, facts, candidate: &version, now }, candidate);
        VersionReport { tag: version.tag, fate }
    };
    higher.into_iter().map(fate).collect()
}

fn fate(question: Question<'_>, nominated: Option<&Candidate>) -> VersionStatus {
    let Question { policy, facts, candidate, now } = question;
    let zone = policy.environment.zone;
    if !policy.rules.admits(&candidate.version) {
        return VersionStatus::NotAdmitted { versions: policy.rules.shown() };
    }
    if let Some(reason) = facts.selection.rejection(&candidate.tag) {
        return VersionStatus::NoImage { reason: reason.to_string() };
    }
    if let Some(quarantine) = facts.controls.quarantine_of(candidate, now).next() {
        return VersionStatus::Quarantined(ControlReference::new(&quarantine.note, zone));
    }
    if let Some(moved) = rollback_against(question) {
        return VersionStatus::RolledBack {
            environment: moved.environment.clone(),
            author: moved.author.clone(),
            commit: moved.commit,
            at: LocalTime { at: moved.at, zone },
        };
    }
    if let Some(pin) = facts.controls.pin_against(candidate, now) {
        return VersionStatus::Pinned {
            versions: pin.versions.to_string(),
            note: ControlReference::new(&pin.note, zone),
        };
    }
    match (facts.before, nominated) {
        (_, Some(nominated)) if nominated == candidate => VersionStatus::Candidate,
        (Some(before), _) => fate_before(question, before, nominated),
        (None, Some(by)) => VersionStatus::Superseded { by: by.tag.clone() },
        // Nothing excludes it and yet there is no candidate: the version of the previous environment is unknown.
        (None, None) => match &policy.environment.after {
            Some(environment) => VersionStatus::Ahead { environment: environment.clone() },
            None => VersionStatus::Candidate,
        },
    }
}

fn fate_before(
    question: Question<'_>,
    before: PreviousEnvironment<'_>,
    nominated: Option<&Candidate>,
) -> VersionStatus {
    let candidate = question.candidate;
    let environment = || before.environment.clone();
    let running: &[Candidate] = match before.running {
        PreviousRunning::Missing => &[],
        PreviousRunning::Several(running) => running,
        PreviousRunning::One { candidate, .. } => std::slice::from_ref(candidate),
    };
    let is_there = running.contains(candidate);
    match before.running {
        PreviousRunning::One { .. } if is_there => {
            return VersionStatus::RunsBefore { environment: environment() };
        }
        PreviousRunning::Several(_) if is_there => {
            return VersionStatus::RunsPartly { environment: environment() };
        }
        _ => {}
    }
    let last_run = before.past.iter().find(|run| run.candidate == *candidate);
    if let Some(run) = last_run {
        let soaks_until = soaks_until(question, &before, run);
        // A version that has soaked but is not the candidate gives way to a newer one that has soaked too.
        return match nominated {
            Some(by) if has_soaked(soaks_until, question.now) && by.version > candidate.version => {
                VersionStatus::Superseded { by: by.tag.clone() }
            }
            _ => replaced(question, before, run, soaks_until),
        };
    }
    if running.iter().all(|there| there.version < candidate.version) {
        return VersionStatus::Ahead { environment: environment() };
    }
    VersionStatus::Skipped { environment: environment() }
}

fn replaced(
    question: Question<'_>,
    before: PreviousEnvironment<'_>,
    run: &PastRun,
    soaks_until: Option<Timestamp>,
) -> VersionStatus {
    let zone = question.policy.environment.zone;
    VersionStatus::Replaced {
        environment: before.environment.clone(),
        lasted: elapsed(run.rollout_commit.committed_at, run.left_at),
        needed: question.policy.soak,
        left_at: LocalTime { at: run.left_at, zone },
        soaks_until: soaks_until.filter(|at| *at > question.now).map(|at| LocalTime { at, zone }),
    }
}

fn has_soaked(soaks_until: Option<Timestamp>, now: Timestamp) -> bool {
    soaks_until.is_some_and(|at| at <= now)
}

/// When the soak of a replaced version ends, if it continues.
fn soaks_until(question: Question<'_>, before: &PreviousEnvironment<'_>, run: &PastRun) -> Option<Timestamp> {
    let Question { policy, facts, candidate, .. } = question;
    if policy.soak_mode != SoakMode::Elapsed {
        return None;
    }
    let clock = past_clock(run, facts.observations.of(&candidate.tag), None, policy.clock_tolerance);
    while_healthy(clock, policy, before, run.rollout_commit.commit).ends_at(policy.soak)
}

impl fmt::Display for VersionStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Candidate => write!(formatter, "comes next"),
            Self::Superseded { by } => write!(formatter, "passed over: {by} is newer"),
            Self::NotAdmitted { versions } => write!(formatter, "not in the range {versions}"),
            Self::NoImage { reason } => write!(formatter, "skipped: {reason}"),
            Self::Quarantined(note) => write!(formatter, "quarantined {note}"),
            Self::Pinned { versions, note } => {
                write!(formatter, "excluded by a pin to {versions} {note}")
            }
            Self::RolledBack { environment, author, commit, at } => write!(
                formatter,
                "{} rolled back {environment} at {at} in {}",
                Printable::bounded(author, 60),
                commit.short()
            ),
            Self::Replaced { environment, lasted, needed, left_at, soaks_until } => {
                let (lasted_shown, needed_shown) = (Elapsed(*lasted), Elapsed(*needed));
                write!(formatter, "ran in {environment} for {lasted_shown} until {left_at}, ")?;
                match soaks_until {
                    Some(at) => write!(formatter, "and keeps soaking until {at}"),
                    None if lasted < needed => {
                        write!(formatter, "replaced before its soak of {needed_shown} was over")
                    }
                    None => write!(formatter, "and was replaced before it moved on"),
                }
            }
            Self::RunsBefore { environment } => write!(formatter, "runs in {environment}"),
            Self::RunsPartly { environment } => write!(formatter, "runs in a part of {environment} only"),
            Self::Ahead { environment } => write!(formatter, "not in {environment} yet"),
            Self::Skipped { environment } => write!(formatter, "never ran in {environment}"),
        }
    }
}
