//! Windows: when something may be promoted.

use std::fmt;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use chrono_tz::Tz;
use thiserror::Error;

use crate::model::{Class, Fault, Timestamp};

use super::wall::{TimeOfDay, beginning, ending};

/// How many days are searched for the next opening. Every window opens within a week but for one that a change of the
/// clocks swallows whole; two such weeks in a row don't happen, and more than three are not worth a search.
const DAYS_SEARCHED: u64 = 22;

/// A part of the week in which promotions may be made: from a time of day, included, to another, excluded, on some days.
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

    /// The instants between which the window of `date` is open, if it opens on that day and isn't swallowed by a change
    /// of the clocks.
    fn interval(&self, date: NaiveDate, zone: Tz) -> Option<(Timestamp, Timestamp)> {
        if !self.days.contains(&date.weekday()) {
            return None;
        }
        let last_date = if self.to < self.from { date.succ_opt()? } else { date };
        let opens_at = beginning(self.from.on(date)?, zone);
        let closes_at = ending(self.to.on(last_date)?, zone);
        (opens_at < closes_at).then_some((opens_at, closes_at))
    }

    fn is_open(&self, now: Timestamp, today: NaiveDate, zone: Tz) -> bool {
        // The day before may reach past midnight, and where the clocks are put back over midnight the day after has
        // begun once already.
        [today.pred_opt(), Some(today), today.succ_opt()]
            .into_iter()
            .flatten()
            .filter_map(|date| self.interval(date, zone))
            .any(|(opens_at, closes_at)| opens_at <= now && now < closes_at)
    }

    fn opens_after(&self, now: Timestamp, today: NaiveDate, zone: Tz) -> Option<Timestamp> {
        (0..DAYS_SEARCHED)
            .filter_map(|days| today.checked_add_days(Days::new(days)))
            .filter_map(|date| self.interval(date, zone))
            .map(|(opens_at, _)| opens_at)
            .find(|opens_at| *opens_at > now)
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
    let today = now.with_timezone(&zone).date_naive();
    if windows.iter().any(|window| window.is_open(now, today, zone)) {
        return Opening::Now;
    }
    Opening::At(windows.iter().filter_map(|window| window.opens_after(now, today, zone)).min())
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
