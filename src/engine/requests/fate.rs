//! What an open pull request has come to that nothing asks for in this pass: it waits on, or it no longer applies.
//!
//! It waits on while a window is closed or something newer soaks: what it proposes was allowed to go, and people decide
//! when. It no longer applies when people say so by a control file or a way back, when its tag means another image, and
//! when the environment runs that version, or a higher one.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::assess::Assessment;
use crate::engine::message::Trailers;
use crate::engine::ports::Ports;
use crate::model::Tag;
use crate::policy::{self, Answer, Candidate, GateName, GateReport, OrderReason, Reason};

use super::body::{CLOSED, has_mark};
use super::{Proposal, RequestReport, RequestState, Standing};

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
        let why = proposal.told.iter().find_map(|told| self.why_over(assessment, proposal, told));
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
            plans: Vec::new(),
            standing,
        })
    }

    /// Why one of the promotions of a pull request no longer applies, if it does not. What can't be seen now is no reason.
    fn why_over(&self, assessment: &Assessment, proposal: &Proposal, told: &Trailers) -> Option<String> {
        let environment = self.rulebook.find(&told.environment)?;
        self.rulebook.requests.get(&environment)?;
        let subject = (told.service.clone(), told.image.name.clone());
        let track = assessment.view.board.place(environment, &subject)?;
        let here = &assessment.view.board.tracks[track];
        let tag = told.image.tag.clone()?;
        let version = here.rules.version_of(&tag)?;
        let runs = |running: &Tag| format!("{} runs {running} of {}", told.environment, told.service);
        if proposal.request.branch.goes_back() {
            // Every path went back, or further back, or people chose another way.
            let highest = here.running.last()?;
            return (highest.version <= version).then(|| runs(&highest.tag));
        }
        let lowest = here.running.first()?;
        if lowest.version >= version {
            return Some(runs(&lowest.tag));
        }
        let candidate = Candidate { tag, version };
        let known = assessment.known(&self.rulebook);
        let facts = known.facts(track, Some(&candidate))?;
        let evaluation = policy::evaluate(&known.policy(track), &facts, &candidate, assessment.now);
        let against = evaluation.closed().find(|report| speaks_against(report));
        against.map(|report| format!("{}: {report}", told.service))
    }
}

/// Whether a gate says that what was proposed must not go, rather than not now.
fn speaks_against(report: &GateReport) -> bool {
    match &report.reason {
        Reason::Order(OrderReason::MovedBack { .. } | OrderReason::NotSelected { .. })
        | Reason::Hold(_)
        | Reason::Quarantine(_) => true,
        _ => report.gate == GateName::Digest && report.answer == Answer::Refused,
    }
}
