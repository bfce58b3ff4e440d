//! Times as sentences show them, and arithmetic on them that cannot overflow.

use std::fmt;
use std::time::Duration;

use chrono::Timelike;
use chrono_tz::Tz;

use crate::model::Timestamp;

/// A point in time, shown in a zone: `2026-03-09 09:00 -03`, with seconds unless they are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    pub at: Timestamp,
    pub zone: Tz,
}

impl fmt::Display for LocalTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.at.with_timezone(&self.zone);
        let form = if local.second() == 0 { "%Y-%m-%d %H:%M %Z" } else { "%Y-%m-%d %H:%M:%S %Z" };
        write!(formatter, "{}", local.format(form))
    }
}

/// The time between two points; zero when `until` is not later.
pub(super) fn elapsed(since: Timestamp, until: Timestamp) -> Duration {
    (until - since).to_std().unwrap_or_default()
}

/// `at` plus `by`; `None` beyond the end of the calendar.
pub(super) fn later(at: Timestamp, by: Duration) -> Option<Timestamp> {
    at.checked_add_signed(chrono::Duration::from_std(by).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_their_zone() {
        let at: Timestamp = "2026-03-09T12:00:00Z".parse().unwrap();
        let shown = |zone: &str, at| LocalTime { at, zone: zone.parse().unwrap() }.to_string();
        assert_eq!(shown("America/Santiago", at), "2026-03-09 09:00 -03");
        assert_eq!(shown("Europe/Berlin", at), "2026-03-09 13:00 CET");
        assert_eq!(shown("UTC", at + chrono::Duration::seconds(7)), "2026-03-09 12:00:07 UTC");
    }

    #[test]
    fn later_and_elapsed_do_not_overflow() {
        let at: Timestamp = "2026-03-09T12:00:00Z".parse().unwrap();
        assert_eq!(later(at, Duration::MAX), None);
        assert_eq!(elapsed(at, at - chrono::Duration::seconds(1)), Duration::ZERO);
    }
}
