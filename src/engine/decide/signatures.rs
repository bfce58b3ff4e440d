//! Which rollout commits do not count, since nobody who is allowed to signed them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Ports, Repository};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{CommitId, Fault};
use crate::policy::UnsignedCommits;

impl<P: Ports> Engine<P> {
    /// Of the commits by which something came to where it soaks, those that do not count.
    pub(in crate::engine) async fn unsigned(
        &self,
        state: &Arc<RepositoryState>,
    ) -> Result<UnsignedCommits, Fault> {
        if !self.ports.repository.requires_signatures() {
            return Ok(UnsignedCommits::new());
        }
        let (state, repository_policy) = (Arc::clone(state), Arc::clone(&self.repository_policy));
        let repository = Arc::clone(&self.ports.repository);
        blocking(move || {
            let soaks: BTreeSet<usize> =
                repository_policy.environments.iter().filter_map(|environment| environment.before).collect();
            let targets = state.deployed.targets.iter().enumerate();
            let soaking = targets.filter(|(_, target)| soaks.contains(&target.environment)).map(|(at, _)| at);
            let commits: BTreeSet<CommitId> = soaking
                .flat_map(|at| {
                    let past = state.past(at).iter().map(|run| run.rollout_commit.commit);
                    state
                        .rollout_commit(at)
                        .map(|rollout_commit| rollout_commit.commit)
                        .into_iter()
                        .chain(past)
                })
                .collect();
            let mut unsigned = UnsignedCommits::new();
            for commit in commits {
                if let Some(because) = repository.unsigned(commit)? {
                    unsigned.insert(commit, because);
                }
            }
            Ok(unsigned)
        })
        .await
    }
}
