//! What an open pull request has come to in which nothing may go any more, or of which that can't be said: it no longer
//! applies, or it waits on as it is.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::base::ports::Ports;
use crate::engine::decide::evaluation::Evaluation;

use super::carry_over;
use crate::engine::proposals::marks::{CLOSED, has_mark};
use crate::engine::proposals::pull_requests::Proposal;
use crate::engine::reconcile::report::{PullRequestAction, PullRequestReport, PullRequestState};

impl<P: Ports> Engine<P> {
    /// The open pull requests that none of `wanted` is about, each with what it has come to.
    pub(in crate::engine) fn fates(
        &self,
        evaluation: &Evaluation,
        wanted: &[PullRequestReport],
    ) -> Vec<PullRequestReport> {
        let is_wanted =
            |proposal: &Proposal| wanted.iter().any(|report| report.branch == proposal.request.branch);
        let others = evaluation.requests.open.iter().filter(|proposal| !is_wanted(proposal));
        others.filter_map(|proposal| self.fate(evaluation, proposal)).collect()
    }

    fn fate(&self, evaluation: &Evaluation, proposal: &Arc<Proposal>) -> Option<PullRequestReport> {
        let why =
            proposal.told.iter().find_map(|told| match self.told_now(evaluation, proposal, told).standing {
                carry_over::PullRequestState::Over(why) => Some(why),
                _ => None,
            });
        let (state, standing) = match why {
            _ if !proposal.is_own => {
                (PullRequestAction::Theirs, PullRequestState::Theirs(Arc::clone(proposal)))
            }
            Some(why) => (PullRequestAction::Closes { why }, PullRequestState::Over(Arc::clone(proposal))),
            None if has_mark(&proposal.request.body, CLOSED) => {
                (PullRequestAction::Waits, PullRequestState::Reopened(Arc::clone(proposal)))
            }
            None => (PullRequestAction::Waits, PullRequestState::Current(Arc::clone(proposal))),
        };
        let request = &proposal.request;
        Some(PullRequestReport {
            branch: request.branch.clone(),
            // One whose branch says nothing is of nobody knows which environment.
            environment: proposal.told.first()?.environment.clone(),
            moves: proposal.moves(),
            number: Some(request.number),
            url: Some(request.url.clone()),
            opened_at: Some(request.opened_at),
            state,
            is_done: false,
            review: None,
            plans: Vec::new(),
            closed_by: self.closed_unasked(evaluation, proposal),
            over: Vec::new(),
            standing,
            turn: None,
        })
    }
}
