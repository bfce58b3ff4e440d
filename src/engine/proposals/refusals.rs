//! Versions that people refused by closing a pull request without merging it. One that a program closed, or the deletion
//! of its branch, is no refusal and is proposed again, up to [`MAX_CLOSED_BY_PROGRAMS`] times. Read only for branches that are about to get
//! a pull request, and only as far back as it can matter.
//!
//! Pull requests are listed by their last change. One that proposed a version not higher than the new candidate proves that
//! everything closed before it was opened refuses less: it would not have been opened otherwise. So most reads end at the
//! last promotion.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::engine::base::context::Context;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{
    BY_SCHEDULE, ClosedBy, ClosedPullRequest, Fault, PullRequestBranch, Tag, TargetId, Timestamp, Version,
};
use crate::policy::{GateName, RefusedPullRequest};
use crate::port::{Forge, Ports};

use super::marks::{CLOSED, has_mark};
use super::pull_requests::{PullRequests, branch_of, target_of};

/// How often a version is proposed whose pull requests close without a person's word.
const MAX_CLOSED_BY_PROGRAMS: usize = 3;

/// Maximum pages of closed pull requests read per branch.
const MOST_PAGES: usize = 100;

/// Refusals by branch, whether or not the branch has an open pull request too.
#[derive(Debug, Default)]
pub(in crate::engine) struct KnownRefusals(HashMap<PullRequestBranch, BranchRefusals>);

#[derive(Debug, Default)]
struct BranchRefusals {
    refusals: Vec<Refusal>,
    /// Everything closed before this time was read; none if reading stopped where the rest could not matter.
    complete_until: Option<Timestamp>,
    /// How the pull requests with these numbers were closed, by their last change.
    closings: HashMap<u64, (Timestamp, ClosedBy)>,
}

/// A pull request that was closed without being merged.
#[derive(Debug)]
struct Refusal {
    request: ClosedPullRequest,
    closed_by: ClosedBy,
    promotions: Vec<Trailers>,
}

/// A pull request that would be opened, or a version that would be added to one.
pub(in crate::engine) struct ToPropose {
    pub(in crate::engine) target: TargetId,
    pub(in crate::engine) tag: Tag,
}

/// The refusals that apply once everything about to be proposed was checked.
pub(in crate::engine) struct ReadRefusals {
    /// The highest refused version, by target.
    pub(in crate::engine) refused: HashMap<TargetId, RefusedPullRequest>,
    /// Branches that could not be checked; nothing is proposed from them.
    pub(in crate::engine) unknown: HashSet<PullRequestBranch>,
    pub(in crate::engine) problems: Vec<Problem>,
}

/// Something about to be proposed while refusals of its branch are read.
struct Candidate<'a> {
    target: &'a Target,
    tag: &'a Tag,
    /// When a pull request was opened that proves that nothing closed earlier refuses this.
    proven_at: Option<Timestamp>,
    /// Reading further back cannot change it.
    is_refused: bool,
}

/// Reads what people refused of `to_propose`.
pub(in crate::engine) async fn read<P: Ports>(
    context: Context<'_, P>,
    known: &mut KnownRefusals,
    state: &RepositoryState,
    pull_requests: &PullRequests,
    to_propose: &[ToPropose],
) -> ReadRefusals {
    let mut unknown = HashSet::new();
    let mut problems = Vec::new();
    if let Some(forge) = context.forge.filter(|_| pull_requests.is_known) {
        for (branch, candidates) in by_branch(state, context.policy, pull_requests, to_propose).into_values()
        {
            let refusals = known.0.entry(branch.clone()).or_default();
            if let Err(fault) = refusals.read(&**forge, &branch, candidates).await {
                problems.push(Problem::from_fault(&fault));
                unknown.insert(branch);
            }
        }
    }
    ReadRefusals { refused: known.by_target(state, context.policy, pull_requests), unknown, problems }
}

/// What is about to be proposed, by branch name. What is already open is not asked about.
fn by_branch<'a>(
    state: &'a RepositoryState,
    repository_policy: &RepositoryPolicy,
    pull_requests: &PullRequests,
    to_propose: &'a [ToPropose],
) -> BTreeMap<String, (PullRequestBranch, Vec<Candidate<'a>>)> {
    let mut by_branch: BTreeMap<String, (PullRequestBranch, Vec<Candidate<'a>>)> = BTreeMap::new();
    for ToPropose { target, tag } in to_propose {
        let target = &state.deployed.targets[*target];
        let Some(Ok(branch)) = branch_of(repository_policy, target, false) else { continue };
        if !pull_requests.proposes(&branch, target, tag) {
            let entry = by_branch.entry(branch.to_string()).or_insert_with(|| (branch, Vec::new()));
            entry.1.push(Candidate { target, tag, proven_at: None, is_refused: false });
        }
    }
    by_branch
}

impl KnownRefusals {
    /// A pull request that somebody opened again refuses nothing.
    pub(super) fn forget_reopened(&mut self, open: &HashSet<u64>) {
        for branch in self.0.values_mut() {
            branch.refusals.retain(|refusal| !open.contains(&refusal.request.number));
        }
    }

    /// The highest refused version of each target. A version that was refused and is open again by another pull request stays
    /// open.
    pub(super) fn by_target(
        &self,
        state: &RepositoryState,
        repository_policy: &RepositoryPolicy,
        pull_requests: &PullRequests,
    ) -> HashMap<TargetId, RefusedPullRequest> {
        let mut refused: HashMap<TargetId, RefusedPullRequest> = HashMap::new();
        let mut closed_by_programs: HashMap<(TargetId, &Tag), Vec<&Refusal>> = HashMap::new();
        let all = self.0.values().flat_map(|branch| &branch.refusals);
        for (refusal, promotion) in all.flat_map(|one| one.promotions.iter().map(move |each| (one, each))) {
            let Some(target) = target_of(promotion, &state.deployed, repository_policy) else { continue };
            let Some(tag) = &promotion.image.tag else { continue };
            let here = &state.deployed.targets[target];
            let Some(version) = here.rules.version_of(tag) else { continue };
            let branch = branch_of(repository_policy, here, false).and_then(Result::ok);
            if branch.is_some_and(|branch| pull_requests.proposes(&branch, here, tag)) {
                continue;
            }
            let mut refusal = refusal;
            if !refusal.closed_by.is_refusal() {
                let others = closed_by_programs.entry((target, tag)).or_default();
                others.push(refusal);
                if others.len() < MAX_CLOSED_BY_PROGRAMS {
                    continue;
                }
                refusal = others.iter().max_by_key(|one| one.request.number).unwrap_or(&refusal);
            }
            if refused.get(&target).is_none_or(|known| known.version < version) {
                let (number, closed_at) = (refusal.request.number, refusal.request.closed_at);
                let closed_by = refusal.closed_by.clone();
                refused.insert(target, RefusedPullRequest { version, number, closed_at, closed_by });
            }
        }
        refused
    }
}

impl BranchRefusals {
    /// Reads closed pull requests until nothing older can matter. Keeps what was read before an error.
    async fn read<F: Forge>(
        &mut self,
        forge: &F,
        branch: &PullRequestBranch,
        mut candidates: Vec<Candidate<'_>>,
    ) -> Result<(), Fault> {
        let known_until = self.complete_until.take();
        let mut newest = known_until;
        for page in 1..=MOST_PAGES {
            let closed = forge.closed_requests(branch, page).await?;
            for request in closed.requests {
                newest = newest.max(Some(request.updated_at));
                let is_before = |at: Option<Timestamp>| at.is_some_and(|at| request.updated_at < at);
                if is_before(known_until) {
                    self.complete_until = newest;
                    return Ok(());
                }
                if candidates.iter().all(|one| one.is_refused || is_before(one.proven_at)) {
                    return Ok(());
                }
                self.add(forge, request, &mut candidates).await?;
            }
            if closed.is_last {
                self.complete_until = newest;
                break;
            }
        }
        Ok(())
    }

    async fn add<F: Forge>(
        &mut self,
        forge: &F,
        request: ClosedPullRequest,
        candidates: &mut [Candidate<'_>],
    ) -> Result<(), Fault> {
        self.refusals.retain(|known| known.request.number != request.number);
        let promotions = read_trailers(&request.body);
        // Tidegate marks the pull requests that it closes itself.
        let is_settled = request.is_merged || has_mark(&request.body, CLOSED);
        let closed_by = if is_settled { None } else { Some(self.closed_by(forge, &request).await?) };
        // How often programs closed it shows only further back.
        if closed_by.as_ref().is_none_or(ClosedBy::is_refusal) {
            for one in candidates.iter_mut().filter(|one| promotions.iter().any(|each| one.is_above(each))) {
                one.proven_at = one.proven_at.max(Some(request.opened_at));
            }
        }
        let Some(closed_by) = closed_by else { return Ok(()) };
        let promotions = match promotions {
            // Somebody replaced the text; the commit still has the trailers.
            promotions if promotions.is_empty() => read_trailers(&forge.message(request.head).await?),
            promotions => promotions,
        };
        for one in candidates.iter_mut().filter(|_| closed_by.is_refusal()) {
            let is_at_least = |version: Version| Some(version) >= one.version();
            one.is_refused |= promotions.iter().any(|each| one.version_in(each).is_some_and(is_at_least));
        }
        self.refusals.push(Refusal { request, closed_by, promotions });
        Ok(())
    }

    /// How a pull request was closed, asked once until it changes.
    async fn closed_by<F: Forge>(
        &mut self,
        forge: &F,
        request: &ClosedPullRequest,
    ) -> Result<ClosedBy, Fault> {
        let known = self.closings.get(&request.number).filter(|(at, _)| *at == request.updated_at);
        if let Some((_, closed_by)) = known {
            return Ok(closed_by.clone());
        }
        let closed_by = forge.closed_by(request.number).await?;
        self.closings.insert(request.number, (request.updated_at, closed_by.clone()));
        Ok(closed_by)
    }
}

impl Candidate<'_> {
    /// Whether the schedule proposed this version or a lower one while the order gate was open.
    fn is_above(&self, promotion: &Trailers) -> bool {
        promotion.mark.requested_by == BY_SCHEDULE
            && promotion.overrides.iter().all(|one| one.gate() != GateName::Order)
            && self.version_in(promotion).is_some_and(|version| Some(version) <= self.version())
    }

    fn version(&self) -> Option<Version> {
        self.target.rules.version_of(self.tag)
    }

    /// The version that a promotion of the same subject writes.
    fn version_in(&self, promotion: &Trailers) -> Option<Version> {
        let is_it = promotion.is_of(self.target.service(), self.target.image());
        self.target.rules.version_of(promotion.image.tag.as_ref().filter(|_| is_it)?)
    }
}

#[cfg(test)]
mod tests;
