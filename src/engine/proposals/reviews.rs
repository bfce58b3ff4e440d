//! What people think of the open pull requests into environments where a review is an approval: asked once a pass of each.

use crate::engine::Engine;
use crate::engine::base::ports::{Forge, Ports};
use crate::engine::base::problem::Problem;
use crate::engine::message::Trailers;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::Class;
use crate::policy::{ApprovalPolicy, ReviewVerdict, ReviewedPullRequest};

use crate::engine::proposals::pull_requests::branch_of;
use crate::engine::proposals::pull_requests::{Proposal, PullRequests};

impl<P: Ports> Engine<P> {
    /// Asks for the reviews that may be approvals. A forge that stumbles is not asked for more of them in this pass, and what
    /// was not heard approves nothing.
    pub(in crate::engine) async fn hear_reviews(
        &self,
        forge: &P::Forge,
        state: &RepositoryState,
        requests: &mut PullRequests,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut is_away = false;
        for proposal in requests.open.iter().filter(|proposal| self.takes_reviews(proposal)) {
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
            for told in &proposal.told {
                let Some(tag) = told.image.tag.clone() else { continue };
                let Some(target) = self.its_target(state, proposal, told) else { continue };
                let reviewed = ReviewedPullRequest {
                    number: request.number,
                    url: request.url.clone(),
                    tag,
                    digest: told.mark.digest.clone(),
                    verdict: verdict.clone(),
                };
                requests.reviewed.insert(target, reviewed);
            }
        }
        problems
    }

    /// Whether a review of it is an approval. A way back waits for none, and nobody's review of Tidegate's commit is one of
    /// what a person pushed.
    fn takes_reviews(&self, proposal: &Proposal) -> bool {
        let environment =
            proposal.told.first().and_then(|told| self.repository_policy.find(&told.environment));
        let approval = environment.map(|at| self.repository_policy.environments[at].policy.approval);
        proposal.is_own && !proposal.request.branch.goes_back() && approval == Some(ApprovalPolicy::ByReview)
    }

    /// The target that one of its promotions is of, if this is the branch by which that is proposed.
    fn its_target(&self, state: &RepositoryState, proposal: &Proposal, told: &Trailers) -> Option<usize> {
        let target = self.target_of(state, told)?;
        let branch = branch_of(&self.repository_policy, &state.deployed.targets[target], false)?.ok()?;
        (branch == proposal.request.branch).then_some(target)
    }
}
