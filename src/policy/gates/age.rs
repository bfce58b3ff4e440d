//! The age gate: the digest was first seen long enough ago. The publisher's dates do not count.

use std::fmt;

use crate::model::{Elapsed, Tag};
use crate::policy::local_time::{LocalTime, elapsed, later};

use super::question::{Answer, Question};

/// The reason of the age gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgeReason {
    /// No `minimumAge` is set.
    NotRequired,
    OldEnough {
        tag: Tag,
        age: Elapsed,
    },
    TooYoung {
        tag: Tag,
        first_seen: LocalTime,
        needed: Elapsed,
        /// `None` beyond the end of the calendar.
        ends_at: Option<LocalTime>,
    },
    /// The digest was never seen, so its age is unknown.
    NotSeen {
        tag: Tag,
    },
}

pub(super) fn ask(question: Question<'_>) -> (Answer, AgeReason) {
    let Question { policy, facts, candidate, now } = question;
    if policy.minimum_age.is_zero() {
        return (Answer::Open, AgeReason::NotRequired);
    }
    let tag = candidate.tag.clone();
    let Some(first_seen) = facts.observations.first_seen(&tag, question.digest_now()) else {
        return (Answer::Closed, AgeReason::NotSeen { tag });
    };
    let ends_at = later(first_seen, policy.minimum_age);
    if ends_at.is_some_and(|ends_at| ends_at <= now) {
        return (Answer::Open, AgeReason::OldEnough { tag, age: Elapsed(elapsed(first_seen, now)) });
    }
    let zone = policy.environment.zone;
    let local = |at| LocalTime { at, zone };
    let (first_seen, needed) = (local(first_seen), Elapsed(policy.minimum_age));
    let reason = AgeReason::TooYoung { tag, first_seen, needed, ends_at: ends_at.map(local) };
    (ends_at.map_or(Answer::Closed, Answer::ClosedUntil), reason)
}

impl fmt::Display for AgeReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRequired => write!(formatter, "no minimum age is set"),
            Self::OldEnough { tag, age } => write!(formatter, "{tag} was first seen {age} ago"),
            Self::TooYoung { tag, first_seen, needed, ends_at } => {
                write!(formatter, "{tag} was first seen at {first_seen} (minimum age {needed})")?;
                ends_at.map_or(Ok(()), |at| write!(formatter, "; ends at {at}"))
            }
            Self::NotSeen { tag } => {
                write!(formatter, "the age of {tag} is unknown: its digest has not been observed yet")
            }
        }
    }
}
