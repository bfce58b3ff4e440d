//! Windows: the hours in which promotions are allowed.

use std::fmt;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Weekday};
use chrono_tz::Tz;
use thiserror::Error;

use crate::model::{Class, Fault, Timestamp};

use super::wall::{TimeOfDay, beginning, clocks_put_back, ending, instants_of};

/// Number of days searched for the next opening. Every window opens within a week, unless a change of the clocks skips
/// it; two such weeks in a row do not occur.
const DAYS_SEARCHED: u64 = 22;

/// A weekly period in which promotions are allowed: from one local time, included, to another, excluded, on some days.
/// Where clocks are put back over it, it opens twice.
///
/// If its end is before its start, it continues past midnight; its day is the one on which it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    days: Vec<Weekday>,
    from: TimeOfDay,
    to: TimeOfDay,
}

/// The values make no valid window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WindowError {
    /// It opens on no day.
    #[error("the window opens on no day")]
    NoDay,
    /// It starts and ends at the same time.
    #[error("the window ends at {0}, when it begins")]
    Empty(TimeOfDay),
    /// It starts at 24:00.
    #[error("the window begins at 24:00, the end of its day")]
    BeginsAtTheEnd,
}

/// Whether promotions are allowed at an instant, and if not, from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Opening {
    /// There are no windows: always allowed.
    Always,
    /// Inside a window.
    Now,
    /// Outside every window; with the next opening, if one is within three weeks.
    At(Option<Timestamp>),
}

impl Window {
    /// A window on `days`.
    ///
    /// # Errors
    /// When it would never be open, or starts at 24:00.
    pub fn new(
        days: impl IntoIterator<Item = Weekday>,
        from: TimeOfDay,
        to: TimeOfDay,
    ) -> Result<Self, WindowError> {
        let mut days: Vec<Weekday> = days.into_iter().collect();
        days.sort_unstable_by_key(Weekday::num_days_from_monday);
        days.dedup();
        if days.is_empty() {
            return Err(WindowError::NoDay);
        }
        if from == TimeOfDay::MIDNIGHT {
            return Err(WindowError::BeginsAtTheEnd);
        }
        if from == to {
            return Err(WindowError::Empty(from));
        }
        Ok(Self { days, from, to })
    }

    /// Whether local time is inside the window of `date`.
    fn covers(&self, wall: NaiveDateTime, date: NaiveDate) -> bool {
        self.span(date).is_some_and(|(from, to)| from <= wall && wall < to)
    }

    /// Local start and end of the window of `date`, if it opens on that day.
    fn span(&self, date: NaiveDate) -> Option<(NaiveDateTime, NaiveDateTime)> {
        if !self.days.contains(&date.weekday()) {
            return None;
        }
        let last_date = if self.to < self.from { date.succ_opt()? } else { date };
        Some((self.from.on(date)?, self.to.on(last_date)?))
    }

    fn is_open(&self, now: Timestamp, zone: Tz) -> bool {
        let wall = now.with_timezone(&zone).naive_local();
        // The window of the day before may continue past midnight.
        [wall.date().pred_opt(), Some(wall.date())].into_iter().flatten().any(|date| self.covers(wall, date))
    }

    fn opens_after(&self, now: Timestamp, zone: Tz) -> Option<Timestamp> {
        let yesterday = now.with_timezone(&zone).date_naive().pred_opt()?;
        let days = (0..DAYS_SEARCHED).filter_map(|days| yesterday.checked_add_days(Days::new(days)));
        // Openings of a day come before those of the day after the next, however the clocks change.
        let mut opening = None;
        for (at, date) in days.enumerate() {
            let Some((from, to)) = self.span(date) else { continue };
            let instants = instants_of(from, zone).chain(clocks_put_back(to, zone));
            let next = instants.filter(|at| *at > now && self.is_open(*at, zone)).min();
            opening = opening.into_iter().chain(next).min();
            if opening.is_some() && at > 2 {
                break;
            }
        }
        opening
    }
}

/// When any of the windows is open between two times, merged and in order; all the time where there are none.
pub fn open_spans(
    windows: &[Window],
    zone: Tz,
    from: Timestamp,
    until: Timestamp,
) -> Vec<(Timestamp, Timestamp)> {
    if windows.is_empty() {
        return vec![(from, until)];
    }
    let first = from.with_timezone(&zone).date_naive().pred_opt();
    let dates = first.into_iter().flat_map(|date| date.iter_days());
    let dates = dates.take_while(|date| *date <= until.with_timezone(&zone).date_naive());
    let of_date = |date| windows.iter().filter_map(move |window| window.span(date));
    let instants =
        dates.flat_map(of_date).map(|(opens, closes)| (beginning(opens, zone), ending(closes, zone)));
    let mut spans: Vec<_> = instants
        .map(|(opens, closes)| (opens.max(from), closes.min(until)))
        .filter(|(opens, closes)| opens < closes)
        .collect();
    spans.sort_unstable();
    let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (opens, closes) in spans {
        match merged.last_mut() {
            Some(last) if opens <= last.1 => last.1 = last.1.max(closes),
            _ => merged.push((opens, closes)),
        }
    }
    merged
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, day) in self.days.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(formatter, "{separator}{day}")?;
        }
        write!(formatter, " {}-{}", self.from, self.to)
    }
}

/// Whether any of the windows is open at `now`.
pub(in crate::policy) fn opening(windows: &[Window], zone: Tz, now: Timestamp) -> Opening {
    if windows.is_empty() {
        return Opening::Always;
    }
    if windows.iter().any(|window| window.is_open(now, zone)) {
        return Opening::Now;
    }
    Opening::At(windows.iter().filter_map(|window| window.opens_after(now, zone)).min())
}

impl WindowError {
    /// How to correct it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::NoDay => "name at least one day, such as `mon`",
            Self::Empty(_) => "write `00:00` to `24:00` for a whole day",
            Self::BeginsAtTheEnd => "write `00:00` and the next day",
        }
    }

    /// The error class, for exit codes.
    pub fn class(self) -> Class {
        Class::Usage
    }
}

impl From<WindowError> for Fault {
    fn from(error: WindowError) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint())
    }
}
