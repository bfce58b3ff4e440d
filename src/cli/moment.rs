//! When, as somebody writes it on the command line: how long from now, a day, or a time.

use std::time::Duration;

use chrono::{DateTime, DurationRound as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use crate::config::parse_duration;
use crate::model::Timestamp;
use crate::policy::{ending, read_wall_time};

/// A point in time, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long from then on.
    In(Duration),
    /// A point in time.
    At(Timestamp),
    /// What the clock on the wall of the configured zone shows.
    Wall(NaiveDateTime),
}

/// Reads it.
pub(crate) fn parse(text: &str) -> Result<Moment, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(at.to_utc()));
    }
    if let Some(wall) = read_wall_time(&text.replacen(' ', "T", 1)) {
        return Ok(Moment::Wall(wall));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(Moment::Wall(day.and_time(NaiveTime::MIN)));
    }
    let begins_with_digit = text.starts_with(|first: char| first.is_ascii_digit());
    match parse_duration(text) {
        Ok(length) => Ok(Moment::In(length)),
        Err(invalid) if begins_with_digit && !text.contains(['-', ':']) => {
            Err(format!("{}; {}", invalid.message, invalid.hint))
        }
        Err(_) => {
            Err("write how long as 4h or 3d, a day as 2026-12-01, or a time as 2026-12-01T09:00".to_owned())
        }
    }
}

impl Moment {
    /// The point in time, to the second, by the zone and by when a length of time begins; nothing beyond the end of the
    /// calendar.
    pub(crate) fn resolve(self, zone: Tz, from: Timestamp) -> Option<Timestamp> {
        let at = match self {
            Self::In(length) => from.checked_add_signed(TimeDelta::from_std(length).ok()?)?,
            Self::At(at) => at,
            Self::Wall(wall) => ending(wall, zone),
        };
        at.duration_trunc(TimeDelta::seconds(1)).ok()
    }

    /// What the clock on the wall shows then.
    pub(crate) fn wall(self, zone: Tz, from: Timestamp) -> Option<NaiveDateTime> {
        match self {
            Self::Wall(wall) => Some(wall),
            _ => Some(self.resolve(zone, from)?.with_timezone(&zone).naive_local()),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::Santiago;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::length("4h", "2026-11-24T16:00:05Z")]
    #[case::days("1d12h", "2026-11-26T00:00:05Z")]
    #[case::day("2026-12-01", "2026-12-01T03:00:00Z")]
    #[case::wall("2026-12-01T09:00", "2026-12-01T12:00:00Z")]
    #[case::with_a_blank("2026-12-01 09:00", "2026-12-01T12:00:00Z")]
    #[case::with_an_offset("2026-12-01T09:00:00+01:00", "2026-12-01T08:00:00Z")]
    #[case::in_a_gap("2026-09-06T00:30", "2026-09-06T04:00:00Z")]
    #[case::that_occurs_twice("2026-04-04T23:30", "2026-04-05T03:30:00Z")]
    fn moments(#[case] text: &str, #[case] expected: &str) {
        let now: Timestamp = "2026-11-24T12:00:05.700Z".parse().unwrap();
        let at = parse(text).unwrap().resolve(Santiago, now).unwrap();
        assert_eq!(at, expected.parse::<Timestamp>().unwrap());
    }

    #[test]
    fn lengths_are_wall_times_too() {
        let now: Timestamp = "2026-11-24T12:00:05.700Z".parse().unwrap();
        let wall = |text: &str| parse(text).unwrap().wall(Santiago, now).unwrap().to_string();
        assert_eq!(wall("3h"), "2026-11-24 12:00:05");
        assert_eq!(wall("2026-12-18T00:00"), "2026-12-18 00:00:00");
        assert_eq!(wall("2026-12-18T00:00:00Z"), "2026-12-17 21:00:00");
    }

    #[test]
    fn what_is_no_moment_is_told_with_what_to_write() {
        for (text, told) in [
            ("", "write how long"),
            ("tomorrow", "write how long"),
            ("2026-13-01", "write how long"),
            ("24", "write the unit"),
            ("400d", "at most `365d`"),
            ("-4h", "write how long"),
            ("4 h", "write whole numbers"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
