//! Fates: why each version that is higher than what runs is the one that comes next, or is not.

use std::fmt;
use std::time::Duration;

use crate::model::{CommitId, Elapsed, EnvironmentName, Printable, Tag, Timestamp};
use crate::policy::clock::{SoakClock, past_clock};
use crate::policy::facts::{Facts, PastRun, PreviousEnvironment, PreviousRunning, SoakMode, TargetPolicy};
use crate::policy::gates::{ControlReference, Question, rollback_against};
use crate::policy::local_time::{LocalTime, elapsed, later};
use crate::policy::select::Candidate;

/// A version, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionReport {
    /// The version, as the registry has it.
    pub tag: Tag,
    /// What becomes of it.
    pub fate: VersionStatus,
}

/// What becomes of a version. `Display` is a plain sentence without a full stop, of which the version is the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionStatus {
    /// It is the one that comes next, and nobody spoke against it.
    Candidate,
    /// A newer one comes instead.
    Superseded {
        /// The newer one.
        by: Tag,
    },
    /// The range does not admit it.
    NotAdmitted {
        /// The range.
        versions: String,
    },
    /// It is no image to run.
    NoImage {
        /// What it is, or what it lacks.
        reason: String,
    },
    /// Somebody said that it is bad.
    Quarantined(ControlReference),
    /// A pin does not let it come.
    Pinned {
        /// What the pin admits.
        versions: String,
        /// Who pinned it, and why.
        note: ControlReference,
    },
    /// A person moved an environment back from it, or from a higher one here.
    RolledBack {
        /// Where.
        environment: EnvironmentName,
        /// Who. Somebody else's text.
        author: String,
        /// In which commit.
        commit: CommitId,
        /// When.
        at: LocalTime,
    },
    /// It ran in the environment before, and was replaced there.
    Replaced {
        /// The environment before.
        environment: EnvironmentName,
        /// For how long it ran.
        lasted: Duration,
        /// For how long it would have had to.
        needed: Duration,
        /// When it was replaced.
        left_at: LocalTime,
        /// When it will have soaked, if it goes on soaking all the same.
        soaks_until: Option<LocalTime>,
    },
    /// The environment before runs it.
    RunsBefore {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// A part of the environment before runs it.
    RunsPartly {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// It has not come to the environment before yet.
    Ahead {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// It never ran in the environment before, which runs a newer one.
    Skipped {
        /// The environment before.
        environment: EnvironmentName,
    },
}

/// What becomes of each version among `tags` that is higher than the lowest that runs, ascending. `candidate` is the one
/// that would come by itself.
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
        // Nothing keeps it out and yet nothing comes: what runs before is not known.
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
        let soaks_until = soaks_until(question, run);
        // What has soaked and is not the one that comes is passed over for a newer one that has soaked too.
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

/// When a version that was replaced will have soaked, where that goes on.
fn soaks_until(question: Question<'_>, run: &PastRun) -> Option<Timestamp> {
    let Question { policy, facts, candidate, .. } = question;
    if policy.soak_mode != SoakMode::Elapsed {
        return None;
    }
    match past_clock(run, facts.observations.of(&candidate.tag), None, policy.clock_tolerance) {
        SoakClock::Running { since, .. } => later(since, policy.soak),
        SoakClock::Moved { .. } | SoakClock::NotObserved => None,
    }
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
