//! Which commits do not count, since nobody who is allowed to signed them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{CommitId, Fault, RepoPath};
use crate::policy::Unsigned;

use super::Engine;
use super::ports::{Ports, Repository};
use super::refresh::blocking;
use super::repository_state::RepositoryState;

/// Control files that do not count, and why.
pub(crate) type UnsignedFiles = BTreeMap<RepoPath, String>;

impl<P: Ports> Engine<P> {
    /// Of the commits by which something came to where it soaks, those that do not count.
    pub(super) async fn unsigned(&self, state: &Arc<RepositoryState>) -> Result<Unsigned, Fault> {
        if !self.ports.repository.requires_signatures() {
            return Ok(Unsigned::new());
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
            let mut unsigned = Unsigned::new();
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

/// Of the control files of a commit, those that do not count.
pub(crate) fn unsigned_files<'a>(
    repository: &impl Repository,
    head: CommitId,
    files: impl Iterator<Item = &'a RepoPath>,
) -> Result<UnsignedFiles, Fault> {
    let mut unsigned = UnsignedFiles::new();
    if !repository.requires_signatures() {
        return Ok(unsigned);
    }
    for file in files {
        let commit = repository.last_change(head, file)?;
        if let Some(because) = repository.unsigned(commit)? {
            unsigned.insert(file.clone(), format!("commit {} does not count: {because}", commit.short()));
        }
    }
    Ok(unsigned)
}
