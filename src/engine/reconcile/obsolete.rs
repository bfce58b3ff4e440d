//! Open pull requests in which nothing may go now: each no longer applies, or waits as it is.

use std::sync::Arc;

use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::proposals::marks::{CLOSED, has_mark};
use crate::engine::proposals::pull_requests::Proposal;

use super::auto_merge::closed_without_registry;
use super::carry_over::{ProposedStatus, status};
use super::report::{PullRequestAction, PullRequestReport, PullRequestState};

/// Reports the open pull requests that `desired` does not have.
pub(in crate::engine) fn others(
    repository_policy: &RepositoryPolicy,
    evaluation: &Evaluation,
    desired: &[PullRequestReport],
) -> Vec<PullRequestReport> {
    let is_desired =
        |proposal: &Proposal| desired.iter().any(|report| report.branch == proposal.request.branch);
    let others = evaluation.pull_requests.open.iter().filter(|proposal| !is_desired(proposal));
    others.filter_map(|proposal| report(repository_policy, evaluation, proposal)).collect()
}

fn report(
    repository_policy: &RepositoryPolicy,
    evaluation: &Evaluation,
    proposal: &Arc<Proposal>,
) -> Option<PullRequestReport> {
    let why = proposal.promotions.iter().find_map(|promotion| {
        match status(repository_policy, evaluation, proposal, promotion) {
            ProposedStatus::Obsolete(why) => Some(why),
            _ => None,
        }
    });
    let (state, standing) = match why {
        _ if !proposal.is_own => {
            (PullRequestAction::Theirs, PullRequestState::TakenOver(Arc::clone(proposal)))
        }
        Some(why) => (PullRequestAction::Closes { why }, PullRequestState::Obsolete(Arc::clone(proposal))),
        None if has_mark(&proposal.request.body, CLOSED) => {
            (PullRequestAction::Waits, PullRequestState::Reopened(Arc::clone(proposal)))
        }
        None => (PullRequestAction::Waits, PullRequestState::Current(Arc::clone(proposal))),
    };
    let request = &proposal.request;
    Some(PullRequestReport {
        branch: request.branch.clone(),
        // Without trailers the environment is unknown.
        environment: proposal.promotions.first()?.environment.clone(),
        moves: proposal.moves(),
        number: Some(request.number),
        url: Some(request.url.clone()),
        opened_at: Some(request.opened_at),
        state,
        is_done: false,
        review: None,
        plans: Vec::new(),
        closed_by: closed_without_registry(repository_policy, evaluation, proposal),
        removed_because: Vec::new(),
        standing,
        auto_merge: None,
    })
}
