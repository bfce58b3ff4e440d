//! Which commits do not count, since nobody who is allowed to signed them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{CommitId, Fault, RepoPath};
use crate::policy::Unsigned;

use super::Engine;
use super::ports::{Ports, Repository};
use super::refresh::blocking;
use super::view::View;

/// Control files that do not count, and why.
pub(crate) type UnsignedFiles = BTreeMap<RepoPath, String>;

impl<P: Ports> Engine<P> {
    /// Of the commits by which something came to where it soaks, those that do not count.
    pub(super) async fn unsigned(&self, view: &Arc<View>) -> Result<Unsigned, Fault> {
        if !self.ports.repository.requires_signatures() {
            return Ok(Unsigned::new());
        }
        let (view, rulebook) = (Arc::clone(view), Arc::clone(&self.rulebook));
        let repository = Arc::clone(&self.ports.repository);
        blocking(move || {
            let soaks: BTreeSet<usize> =
                rulebook.environments.iter().filter_map(|environment| environment.before).collect();
            let tracks = view.board.tracks.iter().enumerate();
            let soaking = tracks.filter(|(_, track)| soaks.contains(&track.environment)).map(|(at, _)| at);
            let commits: BTreeSet<CommitId> = soaking
                .flat_map(|at| {
                    let past = view.past(at).iter().map(|run| run.landing.commit);
                    view.landing(at).map(|landing| landing.commit).into_iter().chain(past)
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
