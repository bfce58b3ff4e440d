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
    /// The registry does not list what runs, so it may not list what is newer either.
    Unlisted {
        /// What runs.
        running: Tag,
    },
    /// Something newer is there, but its index lacks an image to run.
    NoImage {
        /// The lowest version that runs.
        running: Tag,
        /// The newest one.
        tag: Tag,
        /// What it lacks.
        reason: String,
    },
    /// The environment before runs something newer that is no image to run.
    NoImageBefore {
        /// The environment before.
        environment: EnvironmentName,
        /// What it runs.
        before: Tag,
        /// What it is, or what it lacks.
        reason: String,
    },
    /// There is an environment before, but what it runs isn't known.
    UnknownBefore {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// The paths run different variants of the image, so nobody can say which one the others should become.
    SeveralVariants {
        /// The lowest version that runs.
        running: Tag,
        /// One of another variant.
        other: Tag,
    },
    /// Everything newer is another variant of the image, and another image with that.
    OtherVariants {
        /// The lowest version that runs.
        running: Tag,
        /// The highest of another variant.
        other: Tag,
    },
    /// The environment before runs another variant of the image, or one that is built on something older.
    OtherVariantBefore {
        /// The environment before.
        environment: EnvironmentName,
        /// What it runs.
        before: Tag,
        /// The lowest version that runs here.
        running: Tag,
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
    if let Some(other) = facts.running.iter().find(|one| !one.version.is_same_variant(&lowest.version)) {
        return Err(NoCandidate::SeveralVariants { running: lowest.tag.clone(), other: other.tag.clone() });
    }
    let found = match (facts.before, &policy.environment.after) {
        (Some(before), _) => match from_past(policy, facts, before, lowest, now) {
            Some(candidate) => Ok(candidate),
            None => from_before(policy, facts, before, lowest),
        },
        (None, Some(environment)) => Err(NoCandidate::UnknownBefore { environment: environment.clone() }),
        (None, None) => from_registry(policy, facts, lowest, now),
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

/// The highest version of the running variant that is neither excluded by a pin nor quarantined, and old enough if one is;
/// else the highest that no pin excludes, so that the quarantine is reported; else the highest of all, so that the pin is.
fn from_registry<'a>(
    policy: &TargetPolicy<'_>,
    facts: &Facts<'a>,
    lowest: &'a Candidate,
    now: Timestamp,
) -> Result<&'a Candidate, NoCandidate> {
    let mut descending: Vec<&Candidate> = facts.selection.above(&lowest.version).rev().collect();
    let Some(highest) = descending.first().copied() else {
        let running = lowest.tag.clone();
        if let Some((tag, reason)) = facts.selection.highest_incomplete_above(&lowest.version) {
            return Err(NoCandidate::NoImage { running, tag: tag.clone(), reason: reason.to_owned() });
        }
        if facts.selection.is_empty() {
            return Err(NoCandidate::NothingAdmitted);
        }
        let other = facts.selection.higher(&lowest.version).last().map(|other| other.tag.clone());
        return Err(match other.filter(|_| !lowest.version.variant().is_empty()) {
            Some(other) => NoCandidate::OtherVariants { running, other },
            None => NoCandidate::Newest { running },
        });
    };
    // Of one version, the tag that is written like the running one comes first.
    let has_v = |candidate: &Candidate| candidate.tag.as_str().starts_with('v');
    let is_alike = |candidate: &Candidate| has_v(candidate) == has_v(lowest);
    descending.sort_by(|one, other| {
        other.version.cmp(&one.version).then_with(|| is_alike(other).cmp(&is_alike(one)))
    });
    let controls = facts.controls;
    let mut may_come =
        descending.into_iter().filter(|candidate| controls.pin_against(candidate, now).is_none()).peekable();
    let first = may_come.peek().copied();
    let clean: Vec<&Candidate> =
        may_come.filter(|candidate| !controls.is_quarantined(candidate, now)).collect();
    // A version that is too young holds up none that is old enough.
    let is_old_enough = |candidate: &&&Candidate| {
        let first_seen = facts.observations.first_seen(&candidate.tag, None);
        first_seen.and_then(|at| later(at, policy.minimum_age)).is_some_and(|at| at <= now)
    };
    let aged = clean.iter().find(is_old_enough).filter(|_| !policy.minimum_age.is_zero());
    Ok(aged.or(clean.first()).copied().or(first).unwrap_or(highest))
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
        candidate.version.may_follow(&lowest.version)
            && facts.selection.find_candidate(candidate).is_some()
            && facts.controls.pin_against(candidate, now).is_none()
            && !facts.controls.is_quarantined(candidate, now)
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
    before: PreviousEnvironment<'a>,
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
    if !candidate.version.is_same_variant(&lowest.version)
        || (candidate.version > lowest.version && !candidate.version.may_follow(&lowest.version))
    {
        return Err(NoCandidate::OtherVariantBefore {
            environment: environment(),
            before: candidate.tag.clone(),
            running: lowest.tag.clone(),
        });
    }
    if candidate.version <= lowest.version {
        return Err(as_before(candidate));
    }
    let before = candidate.tag.clone();
    facts.selection.of_version(&candidate.version).find(|one| one.tag == candidate.tag).ok_or_else(|| {
        if let Some(reason) = facts.selection.rejection(&before) {
            let reason = reason.to_string();
            return NoCandidate::NoImageBefore { environment: environment(), before, reason };
        }
        // The rules are asked again to say which of the two it is: not admitted, or gone from the registry.
        match policy.rules.version_of(&candidate.tag) {
            Some(version) if policy.rules.admits(&version) => {
                NoCandidate::Vanished { environment: environment(), before }
            }
            _ => NoCandidate::NotAdmitted {
                environment: environment(),
                before,
                versions: policy.rules.shown(),
            },
        }
    })
}

impl fmt::Display for NoCandidate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRuns => write!(formatter, "the running version is unknown"),
            Self::NothingAdmitted => write!(formatter, "the registry has no tag that the rules admit"),
            Self::Newest { running } => {
                write!(formatter, "runs {running}; the registry has nothing newer that the rules admit")
            }
            Self::AsBefore { environment, before, running } => {
                write!(formatter, "runs {running}; {environment} runs nothing newer ({before})")
            }
            Self::MissingBefore { environment } => write!(formatter, "{environment} does not have it"),
            Self::SeveralBefore { environment, before } => {
                write!(formatter, "{environment} runs different versions: ")?;
                write_tags(formatter, before)
            }
            Self::NotAdmitted { environment, before, versions } => {
                write!(formatter, "{environment} runs {before}, which the rules exclude ({versions})")
            }
            Self::Vanished { environment, before } => {
                write!(formatter, "{environment} runs {before}, which the registry no longer has")
            }
            Self::SeveralVariants { running, other } => write!(
                formatter,
                "runs {running} and {other}, two variants of the image; write the one that is meant into every path"
            ),
            Self::OtherVariants { running, other } => write!(
                formatter,
                "runs {running}, and newer tags such as {other} are another variant of the image; set `tagPattern` if \
                 they belong together"
            ),
            Self::OtherVariantBefore { environment, before, running } => write!(
                formatter,
                "runs {running}, and {environment} runs {before}, another variant of the image; set `tagPattern` if they \
                 belong together"
            ),
            Self::Unlisted { running } => {
                write!(
                    formatter,
                    "runs {running}, which the registry does not list; newer versions may be missing too"
                )
            }
            Self::NoImage { running, tag, reason } => {
                write!(formatter, "runs {running}; {tag} is newer and is skipped: {reason}")
            }
            Self::NoImageBefore { environment, before, reason } => {
                write!(formatter, "{environment} runs {before}, which is skipped here: {reason}")
            }
            Self::UnknownBefore { environment } => {
                write!(formatter, "what {environment} runs is unknown")
            }
            Self::Pinned { tag, versions, note } => {
                write!(formatter, "{tag} is available, but pinned to {versions} {note}")
            }
        }
    }
}
