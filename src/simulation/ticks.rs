//! When a pass would have looked: the schedule, asked no more often than it answers something new.

use chrono::TimeDelta;

use crate::model::Timestamp;
use crate::policy::Schedule;

/// How long a pass may take from its tick to what it sees: what is seen so soon after one was seen by it.
const LONGEST_PASS: TimeDelta = TimeDelta::minutes(1);

/// The schedule's ticks.
#[derive(Debug)]
pub(super) struct Ticks<'a> {
    schedule: &'a Schedule,
    /// The last answer: between these two there is no tick.
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

    /// When what is there since `at` is looked at: by the pass that was under way, else by the next.
    pub(super) fn notices(&mut self, at: Timestamp) -> Option<Timestamp> {
        let since = at.checked_sub_signed(LONGEST_PASS)?;
        self.after(since).map(|tick| tick.max(at))
    }
}
