//! From times on a wall to instants, over the changes of the clocks.
//!
//! Time is walked in stretches of one offset, so that no time is lost where the clocks go forward and the daemon doesn't
//! sleep an hour too long where they go back.

use chrono::{Duration, NaiveDateTime};
use chrono_tz::Tz;

use crate::model::Timestamp;
use crate::policy::clock_change::{first_change, offset_at};

/// How far a change of the clocks is looked for at once. Two changes within a day would be taken for one.
const LOOK_AHEAD: Duration = Duration::days(1);
/// More than clocks were ever changed by at once, which is a day.
const MARGIN: Duration = Duration::days(2);
/// There are two changes a year at most and a turn or two for each, so this reaches beyond 2100 from today.
const MOST_TURNS: usize = 1000;

/// The first instant after `after` at which a clock on a wall in `zone` shows one of the times that `next_wall` lists in
/// order; for a time that is skipped, the end of the gap.
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
            // What the clock shows just after the change counts too.
            wall = wall_then.checked_sub_signed(Duration::seconds(1))?;
        } else if horizon == candidate {
            return Some(candidate);
        } else {
            // Nothing is due before the candidate, so the changes in between skip and repeat nothing.
            at = horizon.max(candidate - MARGIN);
            offset = offset_at(zone, at);
            wall = at.naive_utc().checked_add_signed(offset)?;
        }
    }
    None
}
