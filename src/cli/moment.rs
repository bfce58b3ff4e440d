//! Times on the command line: one parser for every flag that takes one.

use std::time::Duration;

use chrono::{
    DateTime, Days, DurationRound as _, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    TimeZone as _,
};
use chrono_tz::Tz;

use crate::config::parse_duration;
use crate::model::Timestamp;
use crate::policy::{ending, read_wall_time};

const FORMS: &str = "write a length of time as 4h, 7d or 1w, a day as today, yesterday, tomorrow or 2026-11-29, or a time as \
                     2026-11-29T09:52, perhaps with Z, +01:00 or a zone such as Europe/Berlin behind it";

const SECONDS_PER_WEEK: u64 = 7 * 24 * 60 * 60;

/// A point in time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A length of time: ago, or from now, as the flag has it.
    Length(Duration),
    At(Timestamp),
    /// Wall time, in this zone or in the configured one.
    Wall(NaiveDateTime, Option<Tz>),
    /// Midnight of a day, counted from today in the configured zone.
    Day(i8),
}

/// Reads a point in time.
pub(crate) fn parse(text: &str) -> Result<Moment, String> {
    match text {
        "now" => return Ok(Moment::Length(Duration::ZERO)),
        "yesterday" => return Ok(Moment::Day(-1)),
        "today" => return Ok(Moment::Day(0)),
        "tomorrow" => return Ok(Moment::Day(1)),
        _ => {}
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(at.to_utc()));
    }
    if let Some((date, rest)) = text.split_at_checked(10)
        && let Ok(date) = date.parse()
    {
        return on_a_day(date, rest).ok_or_else(|| FORMS.to_owned());
    }
    let is_like_a_length =
        text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains(['-', ':']);
    match duration(text) {
        Ok(length) => Ok(Moment::Length(length)),
        Err(message) if is_like_a_length => Err(message),
        Err(_) => Err(FORMS.to_owned()),
    }
}

/// What may follow a date: a time of day, and a zone or an offset.
fn on_a_day(date: NaiveDate, rest: &str) -> Option<Moment> {
    let is_of_time = |character: char| character.is_ascii_digit() || character == ':';
    let (time, zone) = match rest.strip_prefix(['T', ' ']) {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => {
            rest.split_at(rest.find(|character| !is_of_time(character)).unwrap_or(rest.len()))
        }
        _ => ("", rest),
    };
    let wall = match time {
        "" => date.and_time(NaiveTime::MIN),
        time => read_wall_time(&format!("{date}T{time}"))?,
    };
    let zone = zone.trim_start_matches(' ');
    if zone.is_empty() {
        return Some(Moment::Wall(wall, None));
    }
    if let Ok(offset) = zone.parse::<FixedOffset>() {
        return Some(Moment::At(offset.from_local_datetime(&wall).single()?.to_utc()));
    }
    let zone = zone.strip_prefix('[').and_then(|zone| zone.strip_suffix(']')).unwrap_or(zone);
    let zone = if zone == "Z" { Tz::UTC } else { zone.parse().ok()? };
    Some(Moment::Wall(wall, Some(zone)))
}

/// Reads a length of time, such as `90m`, `7d` or `1w`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (weeks, rest) = match text.split_once('w') {
        Some((weeks, rest)) if weeks.bytes().all(|byte| byte.is_ascii_digit()) => {
            (weeks.parse::<u64>().ok(), rest)
        }
        _ => (None, text),
    };
    let rest = match rest {
        "" if weeks.is_some() => Duration::ZERO,
        rest => parse_duration(rest).map_err(|error| format!("{}; {}", error.message, error.hint))?,
    };
    let weeks = Duration::from_secs(weeks.unwrap_or_default().saturating_mul(SECONDS_PER_WEEK));
    match weeks.checked_add(rest) {
        Some(length) if length <= Duration::from_hours(365 * 24) => Ok(length),
        _ => Err(format!(
            "`{}` is too long; write at most `365d`, or a date",
            crate::model::Printable::bounded(text, 40)
        )),
    }
}

impl Moment {
    /// The point in time, to the second, where a length of time is counted onwards from `from`. `None` is beyond the end of
    /// the calendar.
    pub(crate) fn after(self, zone: Tz, from: Timestamp) -> Option<Timestamp> {
        let at = match self {
            Self::Length(length) => from.checked_add_signed(TimeDelta::from_std(length).ok()?)?,
            Self::At(at) => at,
            Self::Wall(wall, own) => ending(wall, own.unwrap_or(zone)),
            Self::Day(days) => ending(midnight(days, zone, from)?, zone),
        };
        at.duration_trunc(TimeDelta::seconds(1)).ok()
    }

    /// The point in time where a length of time is counted back from `now`. `None` is beyond the calendar.
    pub(crate) fn before(self, zone: Tz, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Length(length) => now.checked_sub_signed(TimeDelta::from_std(length).ok()?),
            Self::At(at) => Some(at),
            Self::Wall(wall, own) => Some(first(wall, own.unwrap_or(zone))),
            Self::Day(days) => Some(first(midnight(days, zone, now)?, zone)),
        }
    }

    /// The wall time of [`Self::after`] in the configured zone.
    pub(crate) fn wall(self, zone: Tz, from: Timestamp) -> Option<NaiveDateTime> {
        match self {
            Self::Wall(wall, None) => Some(wall),
            Self::Day(days) => midnight(days, zone, from),
            _ => Some(self.after(zone, from)?.with_timezone(&zone).naive_local()),
        }
    }
}

fn midnight(days: i8, zone: Tz, now: Timestamp) -> Option<NaiveDateTime> {
    let today = now.with_timezone(&zone).date_naive();
    let day = match days {
        0.. => today.checked_add_days(Days::new(days.unsigned_abs().into())),
        _ => today.checked_sub_days(Days::new(days.unsigned_abs().into())),
    };
    Some(day?.and_time(NaiveTime::MIN))
}

/// The first instant at which clocks show `wall`, or the end of the gap that skips it.
fn first(wall: NaiveDateTime, zone: Tz) -> Timestamp {
    zone.from_local_datetime(&wall).earliest().map_or_else(|| ending(wall, zone), |at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::Santiago;
    use rstest::rstest;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T12:00:05.700Z".parse().unwrap()
    }

    #[rstest]
    #[case::length("4h", "2026-11-24T16:00:05Z")]
    #[case::days("1d12h", "2026-11-26T00:00:05Z")]
    #[case::week("1w", "2026-12-01T12:00:05Z")]
    #[case::week_and_day("1w1d", "2026-12-02T12:00:05Z")]
    #[case::tomorrow("tomorrow", "2026-11-25T03:00:00Z")]
    #[case::day("2026-12-01", "2026-12-01T03:00:00Z")]
    #[case::wall("2026-12-01T09:00", "2026-12-01T12:00:00Z")]
    #[case::with_a_blank("2026-12-01 09:00", "2026-12-01T12:00:00Z")]
    #[case::rfc3339("2026-12-01T09:00:00+01:00", "2026-12-01T08:00:00Z")]
    #[case::offset("2026-12-01T09:00+01:00", "2026-12-01T08:00:00Z")]
    #[case::utc("2026-12-01T09:00Z", "2026-12-01T09:00:00Z")]
    #[case::zone("2026-12-01T09:00 Europe/Berlin", "2026-12-01T08:00:00Z")]
    #[case::zone_in_brackets("2026-12-01T09:00[Europe/Berlin]", "2026-12-01T08:00:00Z")]
    #[case::day_in_a_zone("2026-12-01 UTC", "2026-12-01T00:00:00Z")]
    #[case::in_a_gap("2026-09-06T00:30", "2026-09-06T04:00:00Z")]
    #[case::that_occurs_twice("2026-04-04T23:30", "2026-04-05T03:30:00Z")]
    fn moments_to_come(#[case] text: &str, #[case] expected: &str) {
        let at = parse(text).unwrap().after(Santiago, now()).unwrap();
        assert_eq!(at, expected.parse::<Timestamp>().unwrap());
    }

    #[rstest]
    #[case::now("now", "2026-11-24T12:00:05.700Z")]
    #[case::days_ago("7d", "2026-11-17T12:00:05.700Z")]
    #[case::week_ago("1w", "2026-11-17T12:00:05.700Z")]
    #[case::minutes_ago("90m", "2026-11-24T10:30:05.700Z")]
    #[case::today("today", "2026-11-24T03:00:00Z")]
    #[case::yesterday("yesterday", "2026-11-23T03:00:00Z")]
    #[case::day("2026-11-01", "2026-11-01T03:00:00Z")]
    #[case::wall("2026-11-01T09:52", "2026-11-01T12:52:00Z")]
    #[case::rfc3339("2026-11-01T09:00:00-03:00", "2026-11-01T12:00:00Z")]
    #[case::midnight_in_a_gap("2026-09-06", "2026-09-06T04:00:00Z")]
    #[case::that_occurs_twice("2026-04-04T23:30", "2026-04-05T02:30:00Z")]
    fn moments_past(#[case] text: &str, #[case] expected: &str) {
        let at = parse(text).unwrap().before(Santiago, now()).unwrap();
        assert_eq!(at, expected.parse::<Timestamp>().unwrap());
    }

    #[rstest]
    #[case("3h", "2026-11-24 12:00:05")]
    #[case("2026-12-18T00:00", "2026-12-18 00:00:00")]
    #[case("2026-12-18T00:00:00Z", "2026-12-17 21:00:00")]
    #[case("tomorrow", "2026-11-25 00:00:00")]
    fn wall_times(#[case] text: &str, #[case] expected: &str) {
        let wall = parse(text).unwrap().wall(Santiago, now()).unwrap();
        assert_eq!(wall.to_string(), expected);
    }

    #[rstest]
    #[case("", "write a length of time")]
    #[case("soon", "write a length of time")]
    #[case("w", "write a length of time")]
    #[case("2026-13-01", "write a length of time")]
    #[case("2026-12-01T9", "write a length of time")]
    #[case("2026-12-01T09:00 Mars/Olympus", "write a length of time")]
    #[case("2026-12-01x", "write a length of time")]
    #[case("-4h", "write a length of time")]
    #[case("é", "write a length of time")]
    #[case("24", "write the unit")]
    #[case("400d", "at most `365d`")]
    #[case("53w", "at most `365d`")]
    #[case("99999999999999999w", "at most `365d`")]
    #[case("4 h", "write whole numbers")]
    fn refusals(#[case] text: &str, #[case] expected: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
