//! Fetches the open pull requests and what lies on their branches, once per pass.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::problem::Problem;
use crate::engine::message::read_trailers;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{Fault, OpenPullRequest};
use crate::port::{Forge, Ports, Repository};

use super::pull_requests::{Proposal, PullRequests};
use super::refusals::KnownRefusals;
use super::reviews;
use super::unreviewed::UnreviewedMerges;

/// What was read of pull requests, kept for as long as it cannot have changed.
#[derive(Debug, Default)]
pub(in crate::engine) struct Memory {
    /// By number.
    proposals: HashMap<u64, Arc<Proposal>>,
    pub(in crate::engine) refusals: KnownRefusals,
    unreviewed: UnreviewedMerges,
}

impl Memory {
    fn retain(&mut self, open: &[OpenPullRequest]) {
        let numbers: HashSet<u64> = open.iter().map(|request| request.number).collect();
        self.refusals.forget_reopened(&numbers);
        self.proposals.retain(|number, _| numbers.contains(number));
    }
}

/// The open pull requests, by one request. If the forge does not answer, nothing is proposed in this pass.
pub(in crate::engine) async fn fetch<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    state: &RepositoryState,
) -> (PullRequests, Vec<Problem>) {
    let Some(forge) = context.forge else { return Default::default() };
    let open = match forge.open_requests().await {
        Ok(open) => open,
        Err(fault) => return (PullRequests::default(), vec![Problem::from_fault(&fault)]),
    };
    memory.retain(&open);
    let mut pull_requests = PullRequests { is_known: true, ..PullRequests::default() };
    let mut problems = Vec::new();
    for request in open {
        match proposal(context, memory, &request).await {
            Ok(proposal) => pull_requests.open.push(proposal),
            Err(fault) => {
                problems.push(unreadable(&request, &fault));
                // Treated like a person's: nothing is done about it.
                let unread = Proposal { request, is_own: false, promotions: Vec::new() };
                pull_requests.open.push(Arc::new(unread));
            }
        }
    }
    pull_requests.refused = memory.refusals.by_target(state, context.policy, &pull_requests);
    let (reviewed, unread) = reviews::fetch(context, &**forge, state, &pull_requests).await;
    pull_requests.reviewed = reviewed;
    problems.extend(unread);
    problems.extend(memory.unreviewed.find(context, &**forge, state).await);
    (pull_requests, problems)
}

async fn proposal<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    request: &OpenPullRequest,
) -> Result<Arc<Proposal>, Fault> {
    if let Some(known) = memory.proposals.get(&request.number)
        && known.request == *request
    {
        return Ok(Arc::clone(known));
    }
    let repository = Arc::clone(context.repository);
    let (branch, head) = (request.branch.clone(), request.head);
    let there = blocking(move || Ok(repository.proposed(&branch, head, &[])?)).await?;
    let promotions = read_trailers(&there.message);
    let is_own = there.is_own && !promotions.is_empty();
    let proposal = Arc::new(Proposal { request: request.clone(), is_own, promotions });
    memory.proposals.insert(request.number, Arc::clone(&proposal));
    Ok(proposal)
}

fn unreadable(request: &OpenPullRequest, fault: &Fault) -> Problem {
    let mut problem = Problem::from_fault(fault);
    problem.message =
        format!("cannot read the branch of pull request #{}: {}", request.number, problem.message);
    problem
}
