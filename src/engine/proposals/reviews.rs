//! Reviews of the open pull requests into environments where a review counts as an approval, read once per pass.

use std::collections::HashMap;

use crate::engine::base::context::Context;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::message::Trailers;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{Class, TargetId};
use crate::policy::{ApprovalPolicy, ReviewVerdict, ReviewedPullRequest};
use crate::port::{Forge, Ports};

use super::pull_requests::{Proposal, PullRequests, branch_of, target_of};

/// The reviews that may be approvals, by target. After an error the forge is not asked again in this pass; a review that was
/// not read approves nothing.
pub(super) async fn fetch<P: Ports>(
    context: Context<'_, P>,
    forge: &P::Forge,
    state: &RepositoryState,
    pull_requests: &PullRequests,
) -> (HashMap<TargetId, ReviewedPullRequest>, Vec<Problem>) {
    let mut reviewed = HashMap::new();
    let mut problems = Vec::new();
    let mut is_away = false;
    for proposal in pull_requests.open.iter().filter(|proposal| takes_reviews(proposal, context.policy)) {
        let request = &proposal.request;
        let mut verdict = None;
        if !is_away {
            match forge.reviews(request.number).await {
                Ok(reviews) => {
                    let opened_by = request.opened_by.as_deref();
                    verdict = Some(ReviewVerdict::of(&reviews, request.head, opened_by));
                }
                Err(fault) => {
                    is_away = fault.class() == Class::TryAgain;
                    problems.push(Problem::from_fault(&fault));
                }
            }
        }
        for promotion in &proposal.promotions {
            let Some(tag) = promotion.image.tag.clone() else { continue };
            let Some(target) = target_by_branch(state, context.policy, proposal, promotion) else { continue };
            let one = ReviewedPullRequest {
                number: request.number,
                url: request.url.clone(),
                tag,
                digest: promotion.mark.digest.clone(),
                verdict: verdict.clone(),
            };
            reviewed.insert(target, one);
        }
    }
    (reviewed, problems)
}

/// Whether a review of it is an approval. A rollback needs none, and a review of Tidegate's commit does not cover what a
/// person pushed on top.
fn takes_reviews(proposal: &Proposal, repository_policy: &RepositoryPolicy) -> bool {
    let environment = proposal.promotions.first().and_then(|one| repository_policy.find(&one.environment));
    let approval = environment.map(|at| repository_policy.environments[at].policy.approval);
    proposal.is_own && !proposal.request.branch.goes_back() && approval == Some(ApprovalPolicy::ByReview)
}

/// The target of a promotion, if this is the branch that proposes it.
fn target_by_branch(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    proposal: &Proposal,
    promotion: &Trailers,
) -> Option<TargetId> {
    let target = target_of(promotion, &state.deployed, repository_policy)?;
    let branch = branch_of(repository_policy, &state.deployed.targets[target], false)?.ok()?;
    (branch == proposal.request.branch).then_some(target)
}
