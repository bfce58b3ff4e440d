//! Windows: when something may be promoted.

use std::fmt;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Weekday};
use chrono_tz::Tz;
use thiserror::Error;

use crate::model::{Class, Fault, Timestamp};

use super::wall::{TimeOfDay, clocks_put_back, instants_of};

/// How many days are searched for the next opening. Every window opens within a week but for one that a change of the
/// clocks swallows whole; two such weeks in a row don't happen, and more than three are not worth a search.
const DAYS_SEARCHED: u64 = 22;

/// A part of the week in which promotions may be made: from a time of day, included, to another, excluded, on some days.
/// It is open whenever the clock on the wall shows such a time, so twice where the clocks are put back over it.
///
/// A window whose end is before its beginning goes on past midnight; its day is the one on which it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    days: Vec<Weekday>,
    from: TimeOfDay,
    to: TimeOfDay,
}

/// The parts don't make a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WindowError {
    /// It opens on no day.
    #[error("the window opens on no day")]
    NoDay,
    /// It ends when it begins.
    #[error("the window ends at {0}, when it begins")]
    Empty(TimeOfDay),
    /// It begins at the end of a day.
    #[error("the window begins at 24:00, the end of its day")]
    BeginsAtTheEnd,
}

/// Whether promotions may be made at an instant, and if not, when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Opening {
    /// There are no windows, which is always open.
    Always,
    /// Inside a window.
    Now,
    /// Outside every window; the next one opens then, if one does within three weeks.
    At(Option<Timestamp>),
}

impl Window {
    /// A window on `days`, from a time of day to another.
    ///
    /// # Errors
    /// When it would never be open, or when it begins at 24:00.
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

    /// Whether the clock on the wall shows a time in the window of `date`.
    fn covers(&self, wall: NaiveDateTime, date: NaiveDate) -> bool {
        self.span(date).is_some_and(|(from, to)| from <= wall && wall < to)
    }

    /// When the window of `date` begins and ends on the wall, if it opens on that day.
    fn span(&self, date: NaiveDate) -> Option<(NaiveDateTime, NaiveDateTime)> {
        if !self.days.contains(&date.weekday()) {
            return None;
        }
        let last_date = if self.to < self.from { date.succ_opt()? } else { date };
        Some((self.from.on(date)?, self.to.on(last_date)?))
    }

    fn is_open(&self, now: Timestamp, zone: Tz) -> bool {
        let wall = now.with_timezone(&zone).naive_local();
        // The window of the day before may reach past midnight.
        [wall.date().pred_opt(), Some(wall.date())].into_iter().flatten().any(|date| self.covers(wall, date))
    }

    fn opens_after(&self, now: Timestamp, zone: Tz) -> Option<Timestamp> {
        let yesterday = now.with_timezone(&zone).date_naive().pred_opt()?;
        let days = (0..DAYS_SEARCHED).filter_map(|days| yesterday.checked_add_days(Days::new(days)));
        // Each day's openings come before those of the day after the next, whatever the clocks do.
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
    /// What to write instead.
    pub fn hint(self) -> &'static str {
        match self {
            Self::NoDay => "name at least one day, such as `mon`",
            Self::Empty(_) => "write `00:00` to `24:00` for a whole day",
            Self::BeginsAtTheEnd => "write `00:00` and the next day",
        }
    }

    /// What the error means for the one who has to act on it.
    pub fn class(self) -> Class {
        Class::Usage
    }
}

impl From<WindowError> for Fault {
    fn from(error: WindowError) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint())
    }
}
