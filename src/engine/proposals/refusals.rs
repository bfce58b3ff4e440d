//! What people refused by closing a pull request: asked of the forge where something is about to be proposed, and as far back
//! as it can matter.
//!
//! Pull requests come by when they last changed. Where one of them proposed a version that is not higher than what is about to
//! be, all that was closed before it was opened refuses less: it would not have been opened else. So most questions end with
//! the last promotion, and none has to remember.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::engine::Engine;
use crate::engine::base::ports::{Forge, Ports};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{
    BY_SCHEDULE, ClosedPullRequest, Fault, OpenPullRequest, PullRequestBranch, Tag, Timestamp, Version,
};
use crate::policy::{Decision, GateName, RefusedPullRequest};

use crate::engine::proposals::marks::{CLOSED, has_mark};
use crate::engine::proposals::pull_requests::PullRequests;
use crate::engine::proposals::pull_requests::branch_of;

/// How many pages of closed ones of a branch are read at most.
const MOST_PAGES: usize = 100;

/// What people refused, by the branch, whether or not there is an open pull request of it too.
#[derive(Debug, Default)]
pub(in crate::engine) struct Refusals(HashMap<PullRequestBranch, Heard>);

/// What was heard of one branch.
#[derive(Debug, Default)]
struct Heard {
    refusals: Vec<Refusal>,
    /// Up to when all that was ever closed is known; nothing where only so much was read as mattered.
    whole_until: Option<Timestamp>,
}

/// A pull request that somebody closed without merging it.
#[derive(Debug)]
struct Refusal {
    request: ClosedPullRequest,
    told: Vec<Trailers>,
}

/// Something that is about to be proposed.
struct About<'a> {
    target: &'a Target,
    tag: &'a Tag,
    /// When a pull request was opened before which only less was refused.
    proven_at: Option<Timestamp>,
    /// Whether it is refused: nothing earlier makes it more so.
    is_refused: bool,
}

impl Refusals {
    /// What somebody opened again is refused no more.
    pub(in crate::engine) fn forget(&mut self, open: &[OpenPullRequest]) {
        let numbers: HashSet<u64> = open.iter().map(|request| request.number).collect();
        for heard in self.0.values_mut() {
            heard.refusals.retain(|refusal| !numbers.contains(&refusal.request.number));
        }
    }

    /// For each target, the highest version that people refused. What they refused and then had opened after all is in an
    /// open pull request, and stays in it.
    pub(in crate::engine) fn refused(
        &self,
        state: &RepositoryState,
        repository_policy: &RepositoryPolicy,
        requests: &PullRequests,
    ) -> HashMap<usize, RefusedPullRequest> {
        let mut refused: HashMap<usize, RefusedPullRequest> = HashMap::new();
        let all = self.0.values().flat_map(|heard| &heard.refusals);
        for (request, told) in all.flat_map(|one| one.told.iter().map(|told| (&one.request, told))) {
            let Some(environment) = repository_policy.find(&told.environment) else { continue };
            let subject = (told.service.clone(), told.image.name.clone());
            let Some(target) = state.deployed.place(environment, &subject) else { continue };
            let Some(tag) = &told.image.tag else { continue };
            let here = &state.deployed.targets[target];
            let Some(version) = here.rules.version_of(tag) else { continue };
            let branch = branch_of(repository_policy, here, false).and_then(Result::ok);
            if branch.is_some_and(|branch| requests.is_told(&branch, here, tag)) {
                continue;
            }
            if refused.get(&target).is_none_or(|known| known.version < version) {
                let (number, closed_at) = (request.number, request.closed_at);
                refused.insert(target, RefusedPullRequest { version, number, closed_at });
            }
        }
        refused
    }
}

impl PullRequests {
    /// Whether the open one of a branch proposes this tag for a target.
    fn is_told(&self, branch: &PullRequestBranch, target: &Target, tag: &Tag) -> bool {
        let is_it = |told: &Trailers| {
            told.is_of(target.service(), target.image()) && told.image.tag.as_ref() == Some(tag)
        };
        self.of(branch).is_some_and(|proposal| proposal.told.iter().any(is_it))
    }
}

impl<P: Ports> Engine<P> {
    /// Asks what people refused, where something is about to be proposed. True when it changes what may be decided.
    pub(in crate::engine) async fn hear_refusals(&mut self, evaluation: &mut Evaluation) -> bool {
        let Some(forge) = self.ports.forge.clone() else { return false };
        if !evaluation.requests.is_known {
            return false;
        }
        let mut heard = Vec::new();
        let mut unheard = Vec::new();
        for (branch, about) in self.about_to_open(evaluation).into_values() {
            let known = self.memory.requests.refusals.0.remove(&branch).unwrap_or_default();
            match known.hear(&*forge, &branch, about).await {
                (known, Ok(())) => heard.push((branch, known)),
                (known, Err(fault)) => {
                    heard.push((branch.clone(), known));
                    unheard.push((branch, Problem::from_fault(&fault)));
                }
            }
        }
        self.memory.requests.refusals.0.extend(heard);
        for (branch, problem) in unheard {
            evaluation.problems.push(problem);
            evaluation.requests.unknown.insert(branch);
        }
        let refusals = &self.memory.requests.refusals;
        let refused = refusals.refused(&evaluation.state, &self.repository_policy, &evaluation.requests);
        let is_news = refused != evaluation.requests.refused;
        evaluation.requests.refused = refused;
        is_news
    }

    /// What is about to be proposed, by the branch. What was refused already is none of it, so none is asked about for long,
    /// and none is proposed on what was heard some time ago.
    fn about_to_open<'a>(
        &self,
        evaluation: &'a Evaluation,
    ) -> BTreeMap<String, (PullRequestBranch, Vec<About<'a>>)> {
        let mut about: BTreeMap<String, (PullRequestBranch, Vec<About<'a>>)> = BTreeMap::new();
        for (target, decision) in evaluation.state.deployed.targets.iter().zip(&evaluation.decisions) {
            let Some(Decision::Promote(approved)) = decision else { continue };
            let Some(Ok(branch)) = branch_of(&self.repository_policy, target, false) else { continue };
            let tag = &approved.candidate().tag;
            if !evaluation.requests.is_told(&branch, target, tag) {
                let entry = about.entry(branch.to_string()).or_insert_with(|| (branch, Vec::new()));
                entry.1.push(About { target, tag, proven_at: None, is_refused: false });
            }
        }
        about
    }
}

impl Heard {
    /// Reads on until nothing that was closed earlier can matter. What was read before that broke off is kept.
    async fn hear<F: Forge>(
        mut self,
        forge: &F,
        branch: &PullRequestBranch,
        mut about: Vec<About<'_>>,
    ) -> (Self, Result<(), Fault>) {
        let known_until = self.whole_until.take();
        let mut newest = known_until;
        for page in 1..=MOST_PAGES {
            let closed = match forge.closed_requests(branch, page).await {
                Ok(closed) => closed,
                Err(fault) => return (self, Err(fault)),
            };
            for request in closed.requests {
                newest = newest.max(Some(request.updated_at));
                let is_before = |at: Option<Timestamp>| at.is_some_and(|at| request.updated_at < at);
                if is_before(known_until) {
                    self.whole_until = newest;
                    return (self, Ok(()));
                }
                if about.iter().all(|one| one.is_refused || is_before(one.proven_at)) {
                    return (self, Ok(()));
                }
                if let Err(fault) = self.take_in(forge, request, &mut about).await {
                    return (self, Err(fault));
                }
            }
            if closed.is_last {
                self.whole_until = newest;
                break;
            }
        }
        (self, Ok(()))
    }

    async fn take_in<F: Forge>(
        &mut self,
        forge: &F,
        request: ClosedPullRequest,
        about: &mut [About<'_>],
    ) -> Result<(), Fault> {
        self.refusals.retain(|known| known.request.number != request.number);
        let told = read_trailers(&request.body);
        for one in about.iter_mut().filter(|one| told.iter().any(|told| one.is_above(told))) {
            one.proven_at = one.proven_at.max(Some(request.opened_at));
        }
        // What Tidegate closed itself says so.
        if request.is_merged || has_mark(&request.body, CLOSED) {
            return Ok(());
        }
        let told = match told {
            // Somebody wrote another text; the commit still says what it was.
            told if told.is_empty() => read_trailers(&forge.message(request.head).await?),
            told => told,
        };
        for one in about.iter_mut() {
            one.is_refused |= told
                .iter()
                .any(|told| one.version_in(told).is_some_and(|version| Some(version) >= one.version()));
        }
        self.refusals.push(Refusal { request, told });
        Ok(())
    }
}

impl About<'_> {
    /// Whether the schedule proposed this version or a lower one of the same, for which the order gate was open.
    fn is_above(&self, told: &Trailers) -> bool {
        told.mark.requested_by == BY_SCHEDULE
            && told.overrides.iter().all(|one| one.gate() != GateName::Order)
            && self.version_in(told).is_some_and(|version| Some(version) <= self.version())
    }

    fn version(&self) -> Option<Version> {
        self.target.rules.version_of(self.tag)
    }

    /// The version of the same image that a promotion brings.
    fn version_in(&self, told: &Trailers) -> Option<Version> {
        let is_it = told.is_of(self.target.service(), self.target.image());
        self.target.rules.version_of(told.image.tag.as_ref().filter(|_| is_it)?)
    }
}

#[cfg(test)]
mod tests;
