//! Schedules: when passes begin, as a Unix cron expression in a zone.
//!
//! Expressions are parsed here by crontab(5) and handed to the `cron` crate as lists of numbers, because its own syntax
//! differs: it requires seconds, numbers days from Sunday = 1, and requires both day of month and day of week to match.
//! Must not know passes.

mod field;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Duration, NaiveDateTime};
use chrono_tz::Tz;

use crate::model::Timestamp;

use super::clock_change::{first_change, offset_at};
use super::syntax_error::SyntaxError;
use field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, Kind, MINUTE, MONTH, SECOND};

/// Maximum length of an expression, in bytes.
const LONGEST_BYTES: usize = 512;

/// The `@` words of crontab(5).
const WORDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Recurring points in time: five fields (minute, hour, day of the month, month, day of the week), or six with seconds
/// before them.
///
/// As in crontab(5), 0 and 7 are Sunday, and if neither day field begins with `*`, one matching day field is enough. A local
/// time that a clock change skips occurs at the end of the gap; one that the clocks repeat occurs twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    written: Box<str>,
    zone: Tz,
    /// One schedule; two if day of month and day of week are alternatives.
    walls: Vec<cron::Schedule>,
}

impl Schedule {
    /// Parses an expression in the local time of `zone`.
    ///
    /// # Errors
    /// If it is invalid, with position and correction, or never occurs, as in `0 0 30 2 *`.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, SyntaxError> {
        let walls = expressions(text)?
            .iter()
            .map(|expression| cron::Schedule::from_str(expression))
            .collect::<Result<_, _>>()
            .map_err(|_| {
                SyntaxError::in_schedule(0, "the cron crate does not take it", "write a simpler expression")
            })?;
        let schedule = Self { written: text.trim().into(), zone, walls };
        match schedule.next_wall(DateTime::UNIX_EPOCH.naive_utc()) {
            Some(_) => Ok(schedule),
            None => {
                Err(SyntaxError::in_schedule(0, "no day is ever like that", "write a day that the month has"))
            }
        }
    }

    /// The next time after this one; `None` beyond the year 2100.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        next_instant(self.zone, after, |wall| self.next_wall(wall))
    }

    /// The next local time after `wall`, ignoring clock changes.
    fn next_wall(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let next = |schedule: &cron::Schedule| schedule.after(&wall.and_utc()).next();
        self.walls.iter().filter_map(next).min().map(|found| found.naive_utc())
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.written)
    }
}

/// Translates to the syntax of the `cron` crate: one expression, or two alternatives.
fn expressions(text: &str) -> Result<Vec<String>, SyntaxError> {
    let [second, minute, hour, day_of_month, month, day_of_week] = fields(text)?;
    let line = |day_of_month: &str, day_of_week: &str| {
        let (second, minute, hour, month) = (second.list(), minute.list(), hour.list(), month.list());
        format!("{second} {minute} {hour} {day_of_month} {month} {day_of_week}")
    };
    let (of_month, of_week) = (day_of_month.list(), day_of_week.shifted_list());
    if day_of_month.begins_with_star || day_of_week.begins_with_star {
        return Ok(vec![line(&of_month, &of_week)]);
    }
    Ok(vec![line(&of_month, "*"), line("*", &of_week)])
}

fn fields(text: &str) -> Result<[Field; 6], SyntaxError> {
    if text.len() > LONGEST_BYTES {
        let message = format!("it is longer than {LONGEST_BYTES} bytes");
        return Err(SyntaxError::in_schedule(
            LONGEST_BYTES,
            message,
            "write ranges and steps instead of lists",
        ));
    }
    if text.trim_start().starts_with('@') {
        return fields(expanded(text)?);
    }
    let mut words: Vec<(usize, &str)> = words(text).collect();
    if words.len() == 5 {
        words.insert(0, (0, "0"));
    }
    let Ok(words) = <[(usize, &str); 6]>::try_from(words.as_slice()) else {
        return Err(SyntaxError::in_schedule(
            words.get(6).map_or(text.trim_end().len(), |word| word.0),
            format!("the number of fields is {}", words.len()),
            "write five fields (minute, hour, day of the month, month, day of the week), or six with seconds first",
        ));
    };
    let [second, minute, hour, day_of_month, month, day_of_week] = words;
    let field = |kind: &Kind, (offset, word): (usize, &str)| Field::parse(kind, word, offset);
    Ok([
        field(&SECOND, second)?,
        field(&MINUTE, minute)?,
        field(&HOUR, hour)?,
        field(&DAY_OF_MONTH, day_of_month)?,
        field(&MONTH, month)?,
        field(&DAY_OF_WEEK, day_of_week)?,
    ])
}

fn expanded(text: &str) -> Result<&'static str, SyntaxError> {
    let found = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim()));
    found.map(|(_, expression)| *expression).ok_or_else(|| {
        let offset = text.len() - text.trim_start().len();
        let hint = "write @hourly, @daily, @weekly, @monthly or @yearly, or five fields";
        SyntaxError::in_schedule(offset, "there is no such word", hint)
    })
}

/// The words of a text with their offsets.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_ascii_whitespace().map(move |word| {
        at += text[at..].find(word).unwrap_or_default();
        let start = at;
        at += word.len();
        (start, word)
    })
}

/// Step of the search for clock changes. Two changes within a day count as one.
const LOOK_AHEAD: Duration = Duration::days(1);
/// More than the largest clock change ever, which is a day.
const MARGIN: Duration = Duration::days(2);
/// Maximum iterations. With two clock changes a year at most, this reaches beyond 2100.
const MOST_TURNS: usize = 1000;

/// The first instant after `after` at which the local time in `zone` is one that `next_wall` lists in order. A skipped time
/// counts as the end of the gap.
///
/// Walks through periods of one offset, so that no time is lost where clocks are put forward, and the daemon does not sleep
/// an hour too long where they are put back.
fn next_instant(
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
