//! What is open, and what people refused by closing it: asked once a pass, and once a branch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::assess::Assessment;
use crate::engine::board::Track;
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::ports::{Forge, Ports, Repository};
use crate::engine::problem::Problem;
use crate::engine::refresh::blocking;
use crate::engine::rulebook::Rulebook;
use crate::engine::view::View;
use crate::model::{ClosedRequest, Fault, OpenRequest, RequestBranch, Tag};
use crate::policy::{Decision, RefusedRequest};

use super::body::{CLOSED, has_mark};
use super::wanted::branch_of;
use super::{Proposal, Requests};

/// What was read of pull requests, kept for as long as it cannot have changed.
#[derive(Debug, Default)]
pub(in crate::engine) struct Memory {
    proposals: HashMap<u64, Arc<Proposal>>,
    /// What people refused, by the branch, whether or not there is an open pull request of it too.
    closed: HashMap<RequestBranch, Vec<Refusal>>,
}

/// A pull request that somebody closed without merging it.
#[derive(Debug)]
struct Refusal {
    request: ClosedRequest,
    told: Vec<Trailers>,
}

impl Memory {
    fn forget(&mut self, open: &[OpenRequest]) {
        let numbers: HashSet<u64> = open.iter().map(|request| request.number).collect();
        // What somebody opened again is refused no more.
        for refusals in self.closed.values_mut() {
            refusals.retain(|refusal| !numbers.contains(&refusal.request.number));
        }
        self.proposals.retain(|number, _| numbers.contains(number));
    }

    /// For each track, the highest version that people refused. What they refused and then had opened after all is in an
    /// open pull request, and stays in it.
    fn refused(
        &self,
        view: &View,
        rulebook: &Rulebook,
        requests: &Requests,
    ) -> HashMap<usize, RefusedRequest> {
        let mut refused: HashMap<usize, RefusedRequest> = HashMap::new();
        let all = self.closed.values().flatten();
        for (request, told) in all.flat_map(|one| one.told.iter().map(|told| (&one.request, told))) {
            let Some(environment) = rulebook.find(&told.environment) else { continue };
            let subject = (told.service.clone(), told.image.name.clone());
            let Some(track) = view.board.place(environment, &subject) else { continue };
            let Some(tag) = &told.image.tag else { continue };
            let here = &view.board.tracks[track];
            let Some(version) = here.rules.version_of(tag) else { continue };
            let branch = branch_of(rulebook, here, false).and_then(Result::ok);
            if branch.is_some_and(|branch| requests.is_told(&branch, here, tag)) {
                continue;
            }
            if refused.get(&track).is_none_or(|known| known.version < version) {
                let (number, closed_at) = (request.number, request.closed_at);
                refused.insert(track, RefusedRequest { version, number, closed_at });
            }
        }
        refused
    }
}

impl Requests {
    /// Whether the open one of a branch proposes this tag for a track.
    fn is_told(&self, branch: &RequestBranch, track: &Track, tag: &Tag) -> bool {
        let is_it = |told: &Trailers| {
            told.is_of(track.service(), track.image()) && told.image.tag.as_ref() == Some(tag)
        };
        self.of(branch).is_some_and(|proposal| proposal.told.iter().any(is_it))
    }
}

impl<P: Ports> Engine<P> {
    /// What is open, by one question. A forge that can't be asked is told, and nothing is proposed then.
    pub(in crate::engine) async fn look_at_requests(&mut self, view: &View) -> (Requests, Vec<Problem>) {
        let Some(forge) = self.ports.forge.clone() else { return Default::default() };
        let open = match forge.open_requests().await {
            Ok(open) => open,
            Err(fault) => return (Requests::default(), vec![Problem::from_fault(&fault)]),
        };
        self.memory.requests.forget(&open);
        let mut requests = Requests { is_known: true, ..Requests::default() };
        let mut problems = Vec::new();
        for request in open {
            match self.proposal(&request).await {
                Ok(proposal) => requests.open.push(proposal),
                Err(fault) => {
                    problems.push(unread(&request, &fault));
                    // What can't be read is left alone, as if it were somebody else's.
                    let unread = Proposal { request, is_own: false, told: Vec::new() };
                    requests.open.push(Arc::new(unread));
                }
            }
        }
        requests.refused = self.memory.requests.refused(view, &self.rulebook, &requests);
        problems.extend(self.hear_reviews(&*forge, view, &mut requests).await);
        (requests, problems)
    }

    async fn proposal(&mut self, request: &OpenRequest) -> Result<Arc<Proposal>, Fault> {
        if let Some(known) = self.memory.requests.proposals.get(&request.number)
            && known.request == *request
        {
            return Ok(Arc::clone(known));
        }
        let repository = Arc::clone(&self.ports.repository);
        let (branch, head) = (request.branch.clone(), request.head);
        let there = blocking(move || repository.proposed(&branch, head, &[])).await?;
        let told = read_trailers(&there.message);
        let proposal =
            Arc::new(Proposal { request: request.clone(), is_own: there.is_own && !told.is_empty(), told });
        self.memory.requests.proposals.insert(request.number, Arc::clone(&proposal));
        Ok(proposal)
    }

    /// Asks what people refused, where something is about to be proposed. True when it changes what may be decided.
    pub(in crate::engine) async fn hear_refusals(&mut self, assessment: &mut Assessment) -> bool {
        let Some(forge) = self.ports.forge.clone() else { return false };
        if !assessment.requests.is_known {
            return false;
        }
        for branch in self.about_to_open(assessment) {
            match self.refusals(&*forge, &branch).await {
                Ok(refusals) => drop(self.memory.requests.closed.insert(branch, refusals)),
                Err(fault) => {
                    assessment.problems.push(Problem::from_fault(&fault));
                    assessment.requests.unknown.insert(branch);
                }
            }
        }
        let refused = self.memory.requests.refused(&assessment.view, &self.rulebook, &assessment.requests);
        let is_news = refused != assessment.requests.refused;
        assessment.requests.refused = refused;
        is_news
    }

    /// The branches by which something is about to be proposed. What was refused already is none of it, so none is asked
    /// about for long, and none is proposed on what was heard some time ago.
    fn about_to_open(&self, assessment: &Assessment) -> Vec<RequestBranch> {
        let decided = assessment.view.board.tracks.iter().zip(&assessment.decisions);
        let mut about: Vec<RequestBranch> = decided
            .filter_map(|(track, decision)| {
                let Some(Decision::Promote(approved)) = decision else { return None };
                let branch = branch_of(&self.rulebook, track, false)?.ok()?;
                let is_open = assessment.requests.is_told(&branch, track, &approved.candidate().tag);
                (!is_open).then_some(branch)
            })
            .collect();
        about.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        about.dedup();
        about
    }

    /// What people closed of a branch without merging it. What Tidegate closed itself says so.
    async fn refusals(&self, forge: &P::Forge, branch: &RequestBranch) -> Result<Vec<Refusal>, Fault> {
        let mut refusals = Vec::new();
        for request in forge.closed_requests(branch).await? {
            if request.is_merged || has_mark(&request.body, CLOSED) {
                continue;
            }
            let told = match read_trailers(&request.body) {
                // Somebody wrote another text; the commit still says what it was.
                told if told.is_empty() => read_trailers(&forge.message(request.head).await?),
                told => told,
            };
            refusals.push(Refusal { request, told });
        }
        Ok(refusals)
    }
}

fn unread(request: &OpenRequest, fault: &Fault) -> Problem {
    let mut problem = Problem::from_fault(fault);
    problem.message = format!("pull request #{} is left alone: {}", request.number, problem.message);
    problem
}
