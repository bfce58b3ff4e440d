//! Changes of a zone's offset: daylight saving and others.

use chrono::{Duration, Offset, TimeZone};
use chrono_tz::Tz;

use crate::model::Timestamp;

pub(super) fn offset_at(zone: Tz, at: Timestamp) -> Duration {
    Duration::seconds(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc().into())
}

/// The first instant after `from`, up to `to`, with another offset, to the second.
pub(super) fn first_change(zone: Tz, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
    let before = offset_at(zone, from);
    if offset_at(zone, to) == before {
        return None;
    }
    let (mut unchanged, mut changed) = (from.timestamp(), to.timestamp());
    while changed - unchanged > 1 {
        let middle = unchanged + (changed - unchanged) / 2;
        let is_changed = Timestamp::from_timestamp(middle, 0).is_some_and(|at| offset_at(zone, at) != before);
        if is_changed { changed = middle } else { unchanged = middle }
    }
    Timestamp::from_timestamp(changed, 0)
}
