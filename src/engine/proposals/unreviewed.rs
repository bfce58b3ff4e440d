//! Pull requests that people merged without the review that policy asks for. Looked for whenever the branch has moved.

use std::collections::HashSet;

use crate::engine::base::context::Context;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{ClosedPullRequest, CommitId, Fault};
use crate::policy::{ApprovalPolicy, GateName, ReviewVerdict};
use crate::port::{Forge, Ports};

use super::pull_requests::target_of;

/// Maximum reviews read in one pass; the others follow when the branch moves again.
const MAX_READ: usize = 20;

/// What was found when the branch was at a commit.
#[derive(Debug, Default)]
pub(super) struct UnreviewedMerges {
    head: Option<CommitId>,
    problems: Vec<Problem>,
    /// The pull requests that were reviewed before they were merged, by number.
    reviewed: HashSet<u64>,
}

impl UnreviewedMerges {
    /// A problem for each version that runs unreviewed.
    pub(super) async fn find<P: Ports>(
        &mut self,
        context: Context<'_, P>,
        forge: &P::Forge,
        state: &RepositoryState,
    ) -> Vec<Problem> {
        let needs_review = |policy: &RepositoryPolicy| {
            policy.environments.iter().any(|one| one.policy.approval == ApprovalPolicy::ByReview)
        };
        if !needs_review(context.policy) || self.head == Some(state.snapshot.commit) {
            return self.problems.clone();
        }
        match self.read(context, forge, state).await {
            Ok(problems) => {
                self.head = Some(state.snapshot.commit);
                self.problems.clone_from(&problems);
                problems
            }
            Err(fault) => vec![Problem::from_fault(&fault).into_warning()],
        }
    }

    async fn read<P: Ports>(
        &mut self,
        context: Context<'_, P>,
        forge: &P::Forge,
        state: &RepositoryState,
    ) -> Result<Vec<Problem>, Fault> {
        let mut problems = Vec::new();
        let merged = forge.recently_closed().await?.into_iter().filter(|request| request.is_merged);
        let mut unknown = merged.filter(|request| !request.branch.goes_back());
        for _ in 0..MAX_READ {
            let running = unknown.by_ref().find_map(|request| {
                let unreviewed = !self.reviewed.contains(&request.number);
                let promotions: Vec<Trailers> = read_trailers(&request.body);
                let runs = |one: &&Trailers| runs_by_review(state, context.policy, one);
                let first = promotions.iter().find(runs).filter(|_| unreviewed)?.clone();
                Some((request, first))
            });
            let Some((request, promotion)) = running else { break };
            let reviews = forge.reviews(request.number).await?;
            match ReviewVerdict::of(&reviews, request.head, request.opened_by.as_deref()) {
                ReviewVerdict::Approved(_) => drop(self.reviewed.insert(request.number)),
                ReviewVerdict::ChangesRequested(_) | ReviewVerdict::Waits(_) => {
                    problems.push(unreviewed(&request, &promotion));
                }
            }
        }
        Ok(problems)
    }
}

/// Whether a promotion needed a review, nothing else approved it, and its version runs.
fn runs_by_review(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    promotion: &Trailers,
) -> bool {
    let Some(at) = target_of(promotion, &state.deployed, repository_policy) else { return false };
    let Some(tag) = &promotion.image.tag else { return false };
    let target = &state.deployed.targets[at];
    let controls = state.covering(repository_policy, at);
    let is_approved = promotion.mark.digest.as_ref().is_some_and(|digest| controls.approves(tag, digest));
    repository_policy.environments[target.environment].policy.approval == ApprovalPolicy::ByReview
        && promotion.overrides.iter().all(|one| one.gate() != GateName::Approval)
        && target.running.iter().any(|running| running.tag == *tag)
        && !is_approved
}

fn unreviewed(request: &ClosedPullRequest, promotion: &Trailers) -> Problem {
    let message = format!(
        "pull request #{} was merged without the review that `approval: review` asks for",
        request.number
    );
    Problem::warning(message).of(&promotion.environment, &promotion.service).hint(format!(
        "review it now, or go back: `tidegate rollback {} --env {}`; protect the branch so that GitHub asks for reviews",
        promotion.service, promotion.environment
    ))
}
