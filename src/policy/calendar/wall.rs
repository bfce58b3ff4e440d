//! Local ("wall") time: times of day, and their instants in a zone.

use std::fmt;
use std::str::FromStr;

use chrono::{Duration, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::{GapInfo, Tz};
use thiserror::Error;

use crate::model::Timestamp;
use crate::policy::clock_change::first_change;

const MINUTES_A_DAY: u16 = 24 * 60;

/// A time of day to the minute, from `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeOfDay {
    minutes: u16,
}

/// The text is no time of day.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a time of day is written as `09:00`, from `00:00` to `24:00`")]
pub struct TimeOfDayError;

impl TimeOfDay {
    /// The end of a day.
    pub const MIDNIGHT: Self = Self { minutes: MINUTES_A_DAY };

    /// This local time on `date`; `24:00` is `00:00` of the next day. `None` at the end of the calendar.
    pub(super) fn on(self, date: NaiveDate) -> Option<NaiveDateTime> {
        date.and_time(NaiveTime::MIN).checked_add_signed(Duration::minutes(self.minutes.into()))
    }
}

impl FromStr for TimeOfDay {
    type Err = TimeOfDayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let two_digits = |digits: &str| -> Option<u16> {
            (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| digits.parse().ok())
                .flatten()
        };
        let (hours, minutes) = text.split_once(':').ok_or(TimeOfDayError)?;
        match (two_digits(hours), two_digits(minutes)) {
            (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => Ok(Self { minutes: hours * 60 + minutes }),
            (Some(24), Some(0)) => Ok(Self::MIDNIGHT),
            _ => Err(TimeOfDayError),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

/// Parses a local date and time: `2026-12-18T00:00`, with or without seconds.
pub fn read_wall_time(text: &str) -> Option<NaiveDateTime> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:T".contains(&byte));
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .filter(|_| plain && matches!(text.len(), 16 | 19))
        // chrono reads a leap second as nanoseconds beyond the second.
        .filter(|time| time.nanosecond() == 0)
}

/// The instant of a start at local time `wall`.
pub(super) fn beginning(wall: NaiveDateTime, zone: Tz) -> Timestamp {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.to_utc(),
        LocalResult::None => end_of_gap(wall, zone),
    }
}

/// The instant of an end at local time `wall`.
pub fn ending(wall: NaiveDateTime, zone: Tz) -> Timestamp {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(_, instant) => instant.to_utc(),
        LocalResult::None => end_of_gap(wall, zone),
    }
}

/// The instants at which the clock shows `wall`: two where clocks are put back over it, and the end of the gap where
/// they are put forward over it.
pub(super) fn instants_of(wall: NaiveDateTime, zone: Tz) -> impl Iterator<Item = Timestamp> {
    let (first, second) = match zone.from_local_datetime(&wall) {
        LocalResult::Single(instant) => (instant.to_utc(), None),
        LocalResult::Ambiguous(first, second) => (first.to_utc(), Some(second.to_utc())),
        LocalResult::None => (end_of_gap(wall, zone), None),
    };
    std::iter::once(first).chain(second)
}

/// The instant at which clocks are put back over `wall`, if they are.
pub(super) fn clocks_put_back(wall: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    // An end is exclusive: the moment before it is what counts.
    let before = wall.checked_sub_signed(Duration::seconds(1))?;
    match zone.from_local_datetime(&before) {
        LocalResult::Ambiguous(first, second) => first_change(zone, first.to_utc(), second.to_utc()),
        LocalResult::Single(_) | LocalResult::None => None,
    }
}

/// The instant at which clocks are put forward over `wall`.
fn end_of_gap(wall: NaiveDateTime, zone: Tz) -> Timestamp {
    let end = GapInfo::new(&wall, &zone).and_then(|gap| gap.end);
    // Every gap in the zone database ends; the other branch is for future versions of chrono-tz.
    end.map_or_else(|| Utc.from_utc_datetime(&wall), |end| end.to_utc())
}
