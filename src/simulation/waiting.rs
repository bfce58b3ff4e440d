//! The waits of a candidate: the time between two decisions counts for the first closed gate of the earlier one.

use std::time::Duration;

use crate::model::{Tag, Timestamp};
use crate::policy::{Candidate, GateEvaluation, GateName};

use super::report;

/// A waiting candidate.
#[derive(Debug)]
pub(super) struct Waiting {
    candidate: Candidate,
    since: Timestamp,
    decided_at: Timestamp,
    gate: Option<GateName>,
    spent: Vec<(GateName, Duration)>,
}

impl Waiting {
    /// A new candidate.
    fn begin(candidate: &Candidate, now: Timestamp) -> Self {
        Self { candidate: candidate.clone(), since: now, decided_at: now, gate: None, spent: Vec::new() }
    }

    /// Keeps waiting if it is the same candidate, else starts again.
    pub(super) fn go_on(known: Option<Self>, evaluation: &GateEvaluation, now: Timestamp) -> Self {
        let candidate = evaluation.candidate();
        let same = known.filter(|waiting| waiting.candidate.tag == candidate.tag);
        let mut waiting = same.unwrap_or_else(|| Self::begin(candidate, now));
        waiting.pass(now);
        waiting.gate = evaluation.closed().next().map(|report| report.gate);
        waiting
    }

    /// Ends the wait if it was for this tag. Returns since when it waited, and for what.
    pub(super) fn end(
        known: Option<Self>,
        tag: &Tag,
        now: Timestamp,
    ) -> (Timestamp, Vec<(GateName, Duration)>) {
        match known.filter(|waiting| waiting.candidate.tag == *tag) {
            Some(mut waiting) => {
                waiting.pass(now);
                waiting.spent.sort_by_key(|(gate, _)| *gate);
                (waiting.since, waiting.spent)
            }
            None => (now, Vec::new()),
        }
    }

    fn pass(&mut self, now: Timestamp) {
        let passed = (now - self.decided_at).to_std().unwrap_or_default();
        self.decided_at = now;
        let Some(gate) = self.gate.filter(|_| !passed.is_zero()) else { return };
        match self.spent.iter_mut().find(|(known, _)| *known == gate) {
            Some((_, spent)) => *spent += passed,
            None => self.spent.push((gate, passed)),
        }
    }

    /// The wait at the end of the report.
    pub(super) fn report(&self) -> report::Waiting {
        report::Waiting { candidate: self.candidate.clone(), since: self.since, gate: self.gate }
    }
}
