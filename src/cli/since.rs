//! Since when, as somebody writes it on the command line: a day, a time, or how long ago.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use crate::model::Timestamp;

/// The beginning of a stretch of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// A day, in the configured zone.
    Day(NaiveDate),
    /// A point in time.
    At(Timestamp),
    /// So long ago.
    Ago(Duration),
}

impl Since {
    /// The point in time, by the zone and the clock.
    pub(crate) fn resolve(self, zone: Tz, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => {
                now.checked_sub_signed(TimeDelta::from_std(ago).unwrap_or_default()).unwrap_or(now)
            }
            // A day whose midnight a clock change leaves out begins when that change is over.
            Self::Day(day) => (0..24)
                .find_map(|hour| zone.from_local_datetime(&day.and_hms_opt(hour, 0, 0)?).earliest())
                .map_or(now, |at| at.to_utc()),
        }
    }
}

/// Reads it.
pub(crate) fn parse(text: &str) -> Result<Since, &'static str> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Since::At(at.to_utc()));
    }
    if let Ok(day) = text.parse() {
        return Ok(Since::Day(day));
    }
    let (count, unit) = text.split_at(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        _ => 0,
    };
    let count = count.parse::<u32>().ok().filter(|_| seconds > 0);
    let count =
        count.ok_or("write a day as 2026-11-01, a time as 2026-11-01T09:00:00Z, or how long ago as 7d")?;
    Ok(Since::Ago(Duration::from_secs(u64::from(count) * seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_history_is_a_day_a_time_or_so_long_ago() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        for (text, at) in [
            ("2026-11-01", "2026-11-01T03:00:00Z"),
            ("2026-11-01T09:00:00-03:00", "2026-11-01T12:00:00Z"),
            ("7d", "2026-11-17T12:00:00Z"),
            ("90m", "2026-11-24T10:30:00Z"),
            // Chile's clocks go from midnight to one.
            ("2026-09-06", "2026-09-06T04:00:00Z"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(parse(text).unwrap().resolve(chrono_tz::America::Santiago, now), at, "{text}");
        }
        for bad in ["", "d", "7", "-7d", "7w", "yesterday", "2026-13-01", "99999999999d", "é"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
