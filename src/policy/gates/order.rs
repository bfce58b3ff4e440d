//! The order gate: the candidate is selected, higher than the running version, and nobody rolled back from it.

use std::fmt;

use crate::model::{ClosedBy, CommitId, EnvironmentName, Printable, Tag, Timestamp, Version};
use crate::policy::facts::{Facts, RefusedPullRequest, RolledBack, TargetPolicy};
use crate::policy::local_time::LocalTime;
use crate::policy::select::Candidate;

use super::question::{Answer, Question};

/// The reason of the order gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderReason {
    /// The candidate is higher.
    Higher {
        /// The candidate.
        tag: Tag,
        /// The lowest running version.
        running: Tag,
    },
    /// The registry does not have it, or the rules do not admit it.
    NotSelected {
        /// The candidate.
        tag: Tag,
    },
    /// The candidate is not higher than the running version.
    NotHigher {
        /// The candidate.
        tag: Tag,
        /// The lowest running version.
        running: Tag,
    },
    /// It is another variant of the image than a running one, or has an older base.
    OtherVariant {
        /// The candidate.
        tag: Tag,
        /// The running version.
        running: Tag,
    },
    /// A person rolled back from it, or from a higher version here.
    RolledBack {
        /// The candidate.
        tag: Tag,
        /// The version that was left, if it is not the candidate itself.
        left: Option<Version>,
        /// The environment of the rollback, if another.
        elsewhere: Option<EnvironmentName>,
        /// Author of the rollback; untrusted text.
        author: String,
        /// The commit.
        commit: CommitId,
        /// When.
        at: LocalTime,
    },
    /// A pull request with it, or with a higher version, was closed unmerged.
    RequestClosed {
        /// The candidate.
        tag: Tag,
        /// The version that was refused, if it is not the candidate itself.
        refused: Option<Version>,
        /// Number of the pull request.
        number: u64,
        /// When it was closed.
        at: LocalTime,
        /// Who closed it.
        by: ClosedBy,
    },
    /// The running version is unknown.
    NothingRuns,
}

pub(super) fn ask(question: Question<'_>) -> (Answer, OrderReason) {
    let Question { policy, facts, candidate, .. } = question;
    let tag = candidate.tag.clone();
    let Some(lowest) = facts.running.first() else {
        return (Answer::Closed, OrderReason::NothingRuns);
    };
    if facts.selection.find_candidate(candidate).is_none() {
        return (Answer::Closed, OrderReason::NotSelected { tag });
    }
    let running = lowest.tag.clone();
    if let Some(other) = facts.running.iter().find(|one| is_other_variant(one, candidate)) {
        return (Answer::Closed, OrderReason::OtherVariant { tag, running: other.tag.clone() });
    }
    if candidate.version <= lowest.version {
        return (Answer::Closed, OrderReason::NotHigher { tag, running });
    }
    let Some(moved) = rollback_against(question) else {
        return match facts.refused.filter(|refused| candidate.version <= refused.version) {
            Some(refused) => (Answer::Closed, closed(question, refused)),
            None => (Answer::Open, OrderReason::Higher { tag, running }),
        };
    };
    let reason = OrderReason::RolledBack {
        tag,
        left: (moved.version != candidate.version).then(|| moved.version.clone()),
        elsewhere: (moved.environment != policy.environment.name).then(|| moved.environment.clone()),
        author: moved.author.clone(),
        commit: moved.commit,
        at: LocalTime { at: moved.at, zone: policy.environment.zone },
    };
    (Answer::Closed, reason)
}

/// Whether the candidate is another variant than the running one, or a higher version with an older base.
fn is_other_variant(running: &Candidate, candidate: &Candidate) -> bool {
    !candidate.version.is_same_variant(&running.version)
        || (candidate.version > running.version && !candidate.version.may_follow(&running.version))
}

/// The rollback that excludes the candidate; of several the last, by commit where two have the same
/// second.
pub(in crate::policy) fn rollback_against(question: Question<'_>) -> Option<&RolledBack> {
    let Question { facts, candidate, .. } = question;
    let left = facts.rolled_back.iter().filter(|moved| is_against(question, moved, candidate));
    left.max_by_key(|moved| (moved.at, moved.commit))
}

fn closed(question: Question<'_>, refused: &RefusedPullRequest) -> OrderReason {
    let Question { policy, candidate, .. } = question;
    OrderReason::RequestClosed {
        tag: candidate.tag.clone(),
        refused: (refused.version != candidate.version).then(|| refused.version.clone()),
        number: refused.number,
        at: LocalTime { at: refused.closed_at, zone: policy.environment.zone },
        by: refused.closed_by.clone(),
    }
}

/// Whether a rollback excludes the candidate: the version that was left, in any environment; and in this environment the
/// versions between the restored and the left one, since the person chose none of them. If the left version cannot be
/// promoted any more (gone from the registry, quarantined, excluded by the rules or a pin), only that version is excluded.
fn is_against(question: Question<'_>, moved: &RolledBack, candidate: &Candidate) -> bool {
    let Question { policy, facts, now, .. } = question;
    if moved.version == candidate.version {
        return true;
    }
    moved.environment == policy.environment.name
        && candidate.version < moved.version
        && candidate.version.is_same_variant(&moved.version)
        && can_still_come(policy, facts, moved, now)
}

/// Whether a version that was left would be promoted again without the rollback.
fn can_still_come(policy: &TargetPolicy<'_>, facts: &Facts<'_>, moved: &RolledBack, now: Timestamp) -> bool {
    policy.rules.admits(&moved.version)
        && facts.controls.pin_against_version(&moved.version, now).is_none()
        && facts.selection.of_version(&moved.version).any(|one| !facts.controls.is_quarantined(one, now))
}

impl fmt::Display for OrderReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Higher { tag, running } => write!(formatter, "{tag} is higher than {running}"),
            Self::NotSelected { tag } => {
                write!(formatter, "the registry does not have {tag}, or the rules exclude it")
            }
            Self::NotHigher { tag, running } => {
                write!(formatter, "{tag} is not higher than the running {running}")
            }
            Self::OtherVariant { tag, running } => write!(
                formatter,
                "{tag} is another variant of the image than the running {running}; `tagPattern` says which belong together"
            ),
            Self::RolledBack { tag, left, elsewhere, author, commit, at } => {
                write!(formatter, "{} rolled back ", Printable::bounded(author, 60))?;
                if let Some(environment) = elsewhere {
                    write!(formatter, "{environment} ")?;
                }
                let commit = commit.short();
                match left {
                    None => write!(formatter, "from {tag} at {at} in {commit}"),
                    Some(left) => {
                        write!(
                            formatter,
                            "from {left} at {at} in {commit}; only a version above {left} is promoted"
                        )
                    }
                }
            }
            Self::RequestClosed { tag, refused, number, at, by } => {
                let with = refused.as_ref().map_or_else(|| tag.to_string(), ToString::to_string);
                write!(formatter, "pull request #{number} with {with} was {by} at {at}")?;
                if !by.is_refusal() {
                    write!(formatter, ", as others with it before")?;
                }
                write!(formatter, "; only a higher version is promoted")
            }
            Self::NothingRuns => write!(formatter, "the running version is unknown"),
        }
    }
}
