//! Times and durations as sentences tell them.

use std::fmt;
use std::time::Duration;

use chrono::Timelike;
use chrono_tz::Tz;

use crate::model::Timestamp;

/// A duration as people write it: `26h12m`, `90m` is `1h30m`, `5s`; parts below a second are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShownDuration(pub Duration);

impl fmt::Display for ShownDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let text = match (hours, minutes, seconds) {
            (0, 0, _) => format!("{seconds}s"),
            (0, _, 0) => format!("{minutes}m"),
            (0, _, _) => format!("{minutes}m{seconds}s"),
            (_, 0, 0) => format!("{hours}h"),
            _ => format!("{hours}h{minutes}m"),
        };
        formatter.pad(&text)
    }
}

/// A point in time as the clock on the wall of a zone shows it: `2026-03-09 09:00 -03`, with seconds unless it is a whole
/// minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownTime {
    /// The point in time.
    pub at: Timestamp,
    /// The zone that it is told in.
    pub zone: Tz,
}

impl fmt::Display for ShownTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.at.with_timezone(&self.zone);
        let form = if local.second() == 0 { "%Y-%m-%d %H:%M %Z" } else { "%Y-%m-%d %H:%M:%S %Z" };
        write!(formatter, "{}", local.format(form))
    }
}

/// The time from one point to a later one; none when it is not later.
pub(super) fn elapsed(since: Timestamp, until: Timestamp) -> Duration {
    (until - since).to_std().unwrap_or_default()
}

/// `at` and so much later; `None` beyond the end of the calendar.
pub(super) fn later(at: Timestamp, by: Duration) -> Option<Timestamp> {
    at.checked_add_signed(chrono::Duration::from_std(by).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (seconds, shown) in [
            (0, "0s"),
            (5, "5s"),
            (60, "1m"),
            (61, "1m1s"),
            (3600, "1h"),
            (3601, "1h0m"),
            (5400, "1h30m"),
            (94_320, "26h12m"),
            (94_379, "26h12m"),
        ] {
            assert_eq!(ShownDuration(Duration::from_secs(seconds)).to_string(), shown);
        }
        assert_eq!(ShownDuration(Duration::from_millis(5999)).to_string(), "5s");
    }

    #[test]
    fn times_are_told_in_the_zone() {
        let at: Timestamp = "2026-03-09T12:00:00Z".parse().unwrap();
        let shown = |zone: &str, at| ShownTime { at, zone: zone.parse().unwrap() }.to_string();
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
