//! The group gate: a service of a group waits until all members can be promoted together.
//!
//! This file owns the sentence; `policy::group` compares the members.

use std::fmt;

use crate::model::{Elapsed, EnvironmentName, Printable, ServiceName};
use crate::policy::local_time::LocalTime;

/// The reason of the group gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupReason {
    /// Every member can be promoted, or has been, in the combination that soaked together.
    Together {
        /// The group.
        group: Box<str>,
        /// The start of the combination in the previous environment.
        since: LocalTime,
    },
    /// The members have not run together for long enough.
    Soaking {
        /// The group.
        group: Box<str>,
        /// The previous environment.
        environment: EnvironmentName,
        /// Its start.
        since: LocalTime,
        /// The required soak.
        needed: Elapsed,
        /// The end of the soak; `None` beyond the end of the calendar.
        ends_at: Option<LocalTime>,
    },
    /// Another member is blocked, or differs from what soaked.
    Member {
        /// The group.
        group: Box<str>,
        /// The member.
        service: ServiceName,
        /// Why it is blocked.
        why: String,
    },
    /// An unreadable manifest may be a member.
    Unclear {
        /// The group.
        group: Box<str>,
        /// The file and its error.
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
