//! What an open pull request has come to in which nothing may go any more, or of which that can't be said: it no longer
//! applies, or it waits on as it is.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::assess::Assessment;
use crate::engine::ports::Ports;

use super::body::{CLOSED, has_mark};
use super::{Proposal, RequestReport, RequestState, Standing, kept};

impl<P: Ports> Engine<P> {
    /// The open pull requests that none of `wanted` is about, each with what it has come to.
    pub(in crate::engine) fn fates(
        &self,
        assessment: &Assessment,
        wanted: &[RequestReport],
    ) -> Vec<RequestReport> {
        let is_wanted =
            |proposal: &Proposal| wanted.iter().any(|report| report.branch == proposal.request.branch);
        let others = assessment.requests.open.iter().filter(|proposal| !is_wanted(proposal));
        others.filter_map(|proposal| self.fate(assessment, proposal)).collect()
    }

    fn fate(&self, assessment: &Assessment, proposal: &Arc<Proposal>) -> Option<RequestReport> {
        let why =
            proposal.told.iter().find_map(|told| match self.told_now(assessment, proposal, told).standing {
                kept::Standing::Over(why) => Some(why),
                _ => None,
            });
        let (state, standing) = match why {
            _ if !proposal.is_own => (RequestState::Theirs, Standing::Theirs(Arc::clone(proposal))),
            Some(why) => (RequestState::Closes { why }, Standing::Over(Arc::clone(proposal))),
            None if has_mark(&proposal.request.body, CLOSED) => {
                (RequestState::Waits, Standing::Reopened(Arc::clone(proposal)))
            }
            None => (RequestState::Waits, Standing::Current(Arc::clone(proposal))),
        };
        let request = &proposal.request;
        Some(RequestReport {
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
            closed_by: self.closed_unasked(assessment, proposal),
            over: Vec::new(),
            standing,
            turn: None,
        })
    }
}
