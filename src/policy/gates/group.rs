//! The group gate: a service that ships in a set waits for the others, so that no part of the set goes alone.
//!
//! Owns the sentence; what the others answer is found in `policy::group`, which has all of them in sight.

use std::fmt;

use crate::model::{Elapsed, EnvironmentName, Printable, ServiceName};
use crate::policy::local_time::LocalTime;

/// Why the group gate answers as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupReason {
    /// Every member can go, or is there already, in the combination that soaked together.
    Together {
        /// The group.
        group: Box<str>,
        /// Since when the combination has run in the environment before.
        since: LocalTime,
    },
    /// The members have not run long enough together.
    Soaking {
        /// The group.
        group: Box<str>,
        /// Where they run together.
        environment: EnvironmentName,
        /// Since when.
        since: LocalTime,
        /// For how long they must.
        needed: Elapsed,
        /// When that is over; none beyond the end of the calendar.
        ends_at: Option<LocalTime>,
    },
    /// Another member can't go, or is not as it soaked.
    Member {
        /// The group.
        group: Box<str>,
        /// The member.
        service: ServiceName,
        /// Why not, in plain words.
        why: String,
    },
    /// Something can't be read that may be a member.
    Unclear {
        /// The group.
        group: Box<str>,
        /// What, and why.
        why: String,
    },
}

impl fmt::Display for GroupReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Together { group, since } => {
                write!(formatter, "group {} has run in this combination since {since}", short(group))
            }
            Self::Soaking { group, environment, since, needed, ends_at } => {
                write!(
                    formatter,
                    "group {} has run in this combination in {environment} since {since} ({needed} required)",
                    short(group)
                )?;
                ends_at.map_or(Ok(()), |at| write!(formatter, "; ends at {at}"))
            }
            Self::Member { group, service, why } => {
                write!(
                    formatter,
                    "group {} moves as one, and {service} is blocked: {}",
                    short(group),
                    Printable::bounded(why, 400)
                )
            }
            Self::Unclear { group, why } => {
                let why = Printable::bounded(why, 400);
                write!(formatter, "group {} moves as one, and part of it cannot be read: {why}", short(group))
            }
        }
    }
}

fn short(group: &str) -> Printable<'_> {
    Printable::bounded(group, 60)
}
