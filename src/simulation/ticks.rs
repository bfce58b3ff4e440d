//! The times of scheduled passes, computed only as often as needed.

use chrono::TimeDelta;

use crate::model::Timestamp;
use crate::policy::Schedule;

/// Maximum time from the start of a pass until it reads the branch: it sees commits up to that time after its tick.
const LONGEST_PASS: TimeDelta = TimeDelta::minutes(1);

/// The ticks of the schedule.
#[derive(Debug)]
pub(super) struct Ticks<'a> {
    schedule: &'a Schedule,
    /// The last answer: no tick lies between these two.
    last: Option<(Timestamp, Timestamp)>,
}

impl<'a> Ticks<'a> {
    pub(super) fn new(schedule: &'a Schedule) -> Self {
        Self { schedule, last: None }
    }

    /// The first tick after `after`.
    pub(super) fn after(&mut self, after: Timestamp) -> Option<Timestamp> {
        if let Some((from, next)) = self.last
            && from <= after
            && after < next
        {
            return Some(next);
        }
        let next = self.schedule.next_after(after)?;
        self.last = Some((after, next));
        Some(next)
    }

    /// When a change at `at` is noticed: by the pass in progress, or else by the next one.
    pub(super) fn notices(&mut self, at: Timestamp) -> Option<Timestamp> {
        let since = at.checked_sub_signed(LONGEST_PASS)?;
        self.after(since).map(|tick| tick.max(at))
    }
}
