//! What is open, and what lies on its branches: asked once a pass.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Forge, Ports, Repository};
use crate::engine::base::problem::Problem;
use crate::engine::message::read_trailers;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{Fault, OpenPullRequest};

use super::refusals::Refusals;
use crate::engine::proposals::pull_requests::{Proposal, PullRequests};

/// What was read of pull requests, kept for as long as it cannot have changed.
#[derive(Debug, Default)]
pub(in crate::engine) struct Memory {
    proposals: HashMap<u64, Arc<Proposal>>,
    pub(in crate::engine) refusals: Refusals,
}

impl Memory {
    fn forget(&mut self, open: &[OpenPullRequest]) {
        let numbers: HashSet<u64> = open.iter().map(|request| request.number).collect();
        self.refusals.forget(open);
        self.proposals.retain(|number, _| numbers.contains(number));
    }
}

impl<P: Ports> Engine<P> {
    /// What is open, by one question. A forge that can't be asked is told, and nothing is proposed then.
    pub(in crate::engine) async fn look_at_requests(
        &mut self,
        state: &RepositoryState,
    ) -> (PullRequests, Vec<Problem>) {
        let Some(forge) = self.ports.forge.clone() else { return Default::default() };
        let open = match forge.open_requests().await {
            Ok(open) => open,
            Err(fault) => return (PullRequests::default(), vec![Problem::from_fault(&fault)]),
        };
        self.memory.requests.forget(&open);
        let mut requests = PullRequests { is_known: true, ..PullRequests::default() };
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
        requests.refused = self.memory.requests.refusals.refused(state, &self.repository_policy, &requests);
        problems.extend(self.hear_reviews(&*forge, state, &mut requests).await);
        (requests, problems)
    }

    async fn proposal(&mut self, request: &OpenPullRequest) -> Result<Arc<Proposal>, Fault> {
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
}

fn unread(request: &OpenPullRequest, fault: &Fault) -> Problem {
    let mut problem = Problem::from_fault(fault);
    problem.message = format!("pull request #{} is left alone: {}", request.number, problem.message);
    problem
}
