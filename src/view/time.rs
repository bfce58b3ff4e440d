//! Times and durations for people: local, with their zone.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;

use crate::model::{Elapsed, Timestamp};
use crate::policy::LocalTime;

/// How long ago: `3d4h`, `12s`.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    Elapsed((now - then).to_std().unwrap_or(Duration::ZERO)).to_string()
}

/// How long until, rounded up to whole seconds: `21h58m`.
pub(crate) fn until(then: Timestamp, now: Timestamp) -> String {
    let left = (then - now).to_std().unwrap_or(Duration::ZERO);
    let whole = if left.subsec_nanos() > 0 { left.as_secs() + 1 } else { left.as_secs() };
    Elapsed(Duration::from_secs(whole)).to_string()
}

/// A time in the configured zone: `2026-11-23 14:22:05 -03`.
pub(crate) fn local(at: Timestamp, zone: Tz) -> String {
    LocalTime { at, zone }.to_string()
}

/// A wall time of the configured zone: `2026-12-18 00:00 -03`. Without a zone where the clocks skip it.
pub(crate) fn wall(at: NaiveDateTime, zone: Tz) -> String {
    match instant(at, zone) {
        Some(at) => local(at, zone),
        None => at.format("%Y-%m-%d %H:%M").to_string(),
    }
}

/// The instant at which a wall of the zone shows this time; none where the clocks skip it.
pub(crate) fn instant(wall: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    zone.from_local_datetime(&wall).earliest().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_zone() {
        let at = "2026-11-23T17:22:05Z".parse().unwrap();
        assert_eq!(local(at, chrono_tz::America::Santiago), "2026-11-23 14:22:05 -03");
        let noon = "2026-12-18T12:00:00".parse().unwrap();
        assert_eq!(wall(noon, chrono_tz::America::Santiago), "2026-12-18 12:00 -03");
        let skipped = "2026-03-29T02:30:00".parse().unwrap();
        assert_eq!(wall(skipped, chrono_tz::Europe::Berlin), "2026-03-29 02:30");
    }

    #[test]
    fn a_time_to_come_is_rounded_up() {
        let now = "2026-11-23T17:22:05.300Z".parse().unwrap();
        assert_eq!(until("2026-11-23T17:22:07Z".parse().unwrap(), now), "2s");
        assert_eq!(age("2026-11-18T19:22:05Z".parse().unwrap(), now), "4d22h");
    }
}
