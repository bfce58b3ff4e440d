//! Nomination: which version would move into an environment, before any gate is asked.
//!
//! In the first environment of a chain, the candidate is the highest selected version; in the others, the version that the
//! previous environment runs, or ran if that counts. [`NoCandidate`] explains why there is none. Must not know the gates.

use std::fmt;

use crate::model::{EnvironmentName, Tag, Timestamp};

use super::clock::{past_clock, soak_clock, while_healthy};
use super::facts::{Facts, PreviousEnvironment, PreviousRunning, SoakMode, TargetPolicy};
use super::gates::{ControlReference, write_tags};
use super::local_time::later;
use super::select::Candidate;

/// Why there is no candidate. `Display` is a plain sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCandidate {
    /// The running version is unknown.
    NothingRuns,
    /// The registry has no version that the rules admit.
    NothingAdmitted,
    /// The registry has no newer version that the rules admit.
    Newest {
        /// The lowest running version.
        running: Tag,
    },
    /// The previous environment runs nothing newer.
    AsBefore {
        /// The previous environment.
        environment: EnvironmentName,
        /// Its running version.
        before: Tag,
        /// The lowest running version.
        running: Tag,
    },
    /// The previous environment lacks the service or image.
    MissingBefore {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// The previous environment runs something newer, but not one version in every path.
    SeveralBefore {
        /// The previous environment.
        environment: EnvironmentName,
        /// Its running versions, ascending.
        before: Vec<Tag>,
    },
    /// The previous environment runs a newer version that the rules here do not admit.
    NotAdmitted {
        /// The previous environment.
        environment: EnvironmentName,
        /// Its running version.
        before: Tag,
        /// The admitted versions.
        versions: String,
    },
    /// The previous environment runs a newer version that the registry no longer has.
    Vanished {
        /// The previous environment.
        environment: EnvironmentName,
        /// Its running version.
        before: Tag,
    },
    /// The registry does not list the running version, so newer ones may be missing too.
    Unlisted {
        /// The running version.
        running: Tag,
    },
    /// A newer version exists, but its index lacks a required image.
    NoImage {
        /// The lowest running version.
        running: Tag,
        /// The newest version.
        tag: Tag,
        /// What the index lacks.
        reason: String,
    },
    /// The previous environment runs a newer version that is no runnable image.
    NoImageBefore {
        /// The previous environment.
        environment: EnvironmentName,
        /// Its running version.
        before: Tag,
        /// What it is, or what it lacks.
        reason: String,
    },
    /// The running version of the previous environment is unknown.
    UnknownBefore {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// The paths run different variants of the image, so the intended one is unknown.
    SeveralVariants {
        /// The lowest running version.
        running: Tag,
        /// A version of another variant.
        other: Tag,
    },
    /// Every newer version is another variant of the image.
    OtherVariants {
        /// The lowest running version.
        running: Tag,
        /// The highest version of another variant.
        other: Tag,
    },
    /// The previous environment runs another variant of the image, or one with an older base.
    OtherVariantBefore {
        /// The previous environment.
        environment: EnvironmentName,
        /// Its running version.
        before: Tag,
        /// The lowest running version.
        running: Tag,
    },
    /// A pin excludes every newer version.
    Pinned {
        /// The newest excluded version.
        tag: Tag,
        /// The versions that the pin admits.
        versions: String,
        /// The pin.
        note: ControlReference,
    },
}

impl NoCandidate {
    /// Whether the target is up to date: there is no newer version to wait for.
    pub fn is_up_to_date(&self) -> bool {
        matches!(self, Self::Newest { .. } | Self::AsBefore { .. })
    }
}

/// Finds the candidate at `now`, before any gate is asked.
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

/// The highest version of the running variant that is neither pinned out nor quarantined, preferring versions of the
/// minimum age. Otherwise the highest that no pin excludes, so that the quarantine is reported; otherwise the highest of
/// all, so that the pin is reported.
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
    // Of the tags of one version, prefer the one written like the running tag.
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
    // A version that is too young does not block one that is old enough.
    let is_old_enough = |candidate: &&&Candidate| {
        let first_seen = facts.observations.first_seen(&candidate.tag, None);
        first_seen.and_then(|at| later(at, policy.minimum_age)).is_some_and(|at| at <= now)
    };
    let aged = clean.iter().find(is_old_enough).filter(|_| !policy.minimum_age.is_zero());
    Ok(aged.or(clean.first()).copied().or(first).unwrap_or(highest))
}

/// The candidate where a replaced version keeps soaking: the highest that has soaked, otherwise the one whose soak ends
/// first. `None` if only the running version of the previous environment counts.
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
    let observed = |candidate: &Candidate| facts.observations.of(&candidate.tag);
    let mut counted: Vec<(&'a Candidate, Option<Timestamp>)> = Vec::new();
    if let PreviousRunning::One { candidate, rollout_commit: Some(rollout_commit) } = before.running {
        let clock = soak_clock(rollout_commit, observed(candidate), None, policy.clock_tolerance);
        let clock = while_healthy(clock, policy, &before, rollout_commit.commit);
        counted.push((candidate, clock.ends_at(policy.soak)));
    }
    for run in before.past {
        // Only the last run of a version counts.
        if counted.iter().all(|(candidate, _)| candidate.version != run.candidate.version) {
            let clock = past_clock(run, observed(&run.candidate), None, policy.clock_tolerance);
            let clock = while_healthy(clock, policy, &before, run.rollout_commit.commit);
            counted.push((&run.candidate, clock.ends_at(policy.soak)));
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
        // Distinguishes "not admitted" from "gone from the registry".
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
