//! From local times to instants, across clock changes.
//!
//! Walks through periods of one offset, so that no time is lost where clocks are put forward, and the daemon does not sleep
//! an hour too long where they are put back.

use chrono::{Duration, NaiveDateTime};
use chrono_tz::Tz;

use crate::model::Timestamp;
use crate::policy::clock_change::{first_change, offset_at};

/// Step of the search for clock changes. Two changes within a day count as one.
const LOOK_AHEAD: Duration = Duration::days(1);
/// More than the largest clock change ever, which is a day.
const MARGIN: Duration = Duration::days(2);
/// Maximum iterations. With two clock changes a year at most, this reaches beyond 2100.
const MOST_TURNS: usize = 1000;

/// The first instant after `after` at which the local time in `zone` is one that `next_wall` lists in order. A skipped time
/// counts as the end of the gap.
pub(super) fn next_instant(
    zone: Tz,
    after: Timestamp,
    next_wall: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>,
) -> Option<Timestamp> {
    let mut at = after;
    let mut offset = offset_at(zone, at);
    let mut wall = at.naive_utc().checked_add_signed(offset)?;
    for _ in 0..MOST_TURNS {
        let next = next_wall(wall)?;
        let candidate = next.checked_sub_signed(offset)?.and_utc();
        let horizon = candidate.min(at.checked_add_signed(LOOK_AHEAD)?);
        if let Some(change) = first_change(zone, at, horizon) {
            offset = offset_at(zone, change);
            let wall_then = change.naive_utc().checked_add_signed(offset)?;
            if next < wall_then {
                return Some(change);
            }
            at = change;
            // The local time just after the change counts too.
            wall = wall_then.checked_sub_signed(Duration::seconds(1))?;
        } else if horizon == candidate {
            return Some(candidate);
        } else {
            // Nothing is due before the candidate, so clock changes in between do not matter.
            at = horizon.max(candidate - MARGIN);
            offset = offset_at(zone, at);
            wall = at.naive_utc().checked_add_signed(offset)?;
        }
    }
    None
}
