//! What `explain --wait` waits for, and how often it polls. Knows neither Git nor a clock.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::args::WaitFor;
use crate::engine::{CandidateStatus, Explained, Explanation, TargetStatus, Verdict};
use crate::model::{EnvironmentName, ImageName, Tag, Timestamp, Version};

/// Poll interval while every gate is open and only the promotion is missing.
const OPEN: Duration = Duration::from_secs(2);

/// Poll interval while no opening time is known.
const UNKNOWN: Duration = Duration::from_secs(20);

/// Longest poll interval: a person may promote by hand or release a hold at any time.
const LONGEST: Duration = Duration::from_mins(1);

/// The version waited for in each environment, fixed when the first candidate appears.
#[derive(Debug, Default)]
pub(super) struct Goals(BTreeMap<(EnvironmentName, Option<ImageName>), (Tag, Version)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Reached,
    /// Waiting is useless.
    Lost(Verdict),
    Waiting,
}

impl Goals {
    pub(super) fn check(&mut self, explained: &Explained, wait_for: WaitFor) -> Progress {
        let mut is_reached = true;
        let mut lost: Option<Verdict> = None;
        for explanation in &explained.explanations {
            match self.check_one(explanation, wait_for) {
                Progress::Reached => {}
                Progress::Lost(verdict) => lost = lost.max(Some(verdict)),
                Progress::Waiting => is_reached = false,
            }
        }
        match lost {
            Some(verdict) => Progress::Lost(verdict),
            None if is_reached => Progress::Reached,
            None => Progress::Waiting,
        }
    }

    fn check_one(&mut self, explanation: &Explanation, wait_for: WaitFor) -> Progress {
        let place = (explanation.environment.clone(), explanation.image.clone());
        let candidate_status = explanation.candidate_status();
        if let Some(candidate_status) = candidate_status {
            self.0
                .entry(place.clone())
                .or_insert_with(|| (candidate_status.tag.clone(), candidate_status.version.clone()));
        }
        let goal = self.0.get(&place);
        let lowest = explanation.running.first();
        let runs = goal.zip(lowest).is_some_and(|((_, wanted), lowest)| lowest.version >= *wanted);
        let is_of_goal = goal
            .zip(candidate_status)
            .is_some_and(|((wanted, _), candidate_status)| candidate_status.tag == *wanted);
        match &explanation.outlook {
            _ if runs => Progress::Reached,
            TargetStatus::Runs => Progress::Reached,
            TargetStatus::Open(_) if wait_for == WaitFor::Open => Progress::Reached,
            TargetStatus::Current(why) if goal.is_none() && why.is_up_to_date() => Progress::Reached,
            TargetStatus::NoVersion | TargetStatus::Stuck(_) | TargetStatus::Unreadable => {
                Progress::Lost(explanation.verdict())
            }
            TargetStatus::Waits(candidate_status) if is_of_goal && candidate_status.is_lost => {
                Progress::Lost(explanation.verdict())
            }
            _ => Progress::Waiting,
        }
    }

    /// The goal of `explain --wait`, on one line.
    pub(super) fn describe(&self, explained: &Explained) -> String {
        let waits = |explanation: &Explanation| {
            let place = (explanation.environment.clone(), explanation.image.clone());
            let goal = self.0.get(&place).map(|(tag, _)| tag);
            let runs_it = self.0.get(&place).zip(explanation.running.first());
            if runs_it.is_some_and(|((_, wanted), lowest)| lowest.version >= *wanted) {
                return None;
            }
            let environment = &explanation.environment;
            let tag = goal.map_or_else(|| "something newer".to_owned(), ToString::to_string);
            let closed = explanation.candidate_status().into_iter().flat_map(CandidateStatus::closed);
            let closed: Vec<&str> = closed.map(|gate| gate.report.gate.as_str()).collect();
            let gates = match (&explanation.outlook, closed.as_slice()) {
                (TargetStatus::Open(_), _) => "every gate is open".to_owned(),
                (TargetStatus::Unknown, _) => "the registry does not answer".to_owned(),
                (TargetStatus::Current(why), _) => why.to_string(),
                (_, closed) => closed.join(", "),
            };
            let opens_at = explanation.opens_at().filter(|at| *at > explained.now);
            let time = opens_at.map(|at| {
                let shown = crate::policy::LocalTime { at, zone: explanation.zone };
                format!(" until {shown}")
            });
            Some(format!("{tag} in {environment} ({gates}{})", time.unwrap_or_default()))
        };
        let goals: Vec<String> = explained.explanations.iter().filter_map(waits).collect();
        goals.join("; ")
    }
}

/// The time until the next poll.
pub(super) fn pause(explained: &Explained, now: Timestamp, tick: Option<Timestamp>) -> Duration {
    let is_open = |explanation: &Explanation| matches!(explanation.outlook, TargetStatus::Open(_));
    let left = |at: Timestamp| (at - now).to_std().ok();
    let usual = match explained.next_opening.and_then(left) {
        _ if explained.explanations.iter().any(is_open) => OPEN,
        // More often as the opening comes closer, and right after it.
        Some(left) => (left / 20).clamp(OPEN, LONGEST).min(left + Duration::from_millis(500)),
        None => UNKNOWN,
    };
    // A daemon passes at the schedule's times; its promotions are there a moment later.
    let after_tick = tick.and_then(left).map(|left| left + Duration::from_secs(1));
    after_tick.map_or(usual, |after_tick| usual.min(after_tick))
}

#[cfg(test)]
mod tests;
