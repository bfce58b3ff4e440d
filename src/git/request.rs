//! Reads what lies on one of Tidegate's own branches: whose its tip is, what it says, and some of its files.

use std::path::Path;

use git2::{Commit, Repository};

use super::GitError;
use super::content::MOST_CONTENT_BYTES;
use super::handle;
use super::mirror::Signature;
use super::tree::{Kind, entry_at, find_commit};
use crate::model::{CommitId, Proposed, RepoPath};

/// What lies at `tip`, which was made by `author` if it is Tidegate's own.
pub(super) fn read(
    folder: &Path,
    tip: CommitId,
    files: &[RepoPath],
    author: &Signature,
) -> Result<Proposed, GitError> {
    let repository = handle::open(folder)?;
    let commit = find_commit(&repository, tip)?;
    let files = files.iter().map(|file| content(&repository, &commit, file)).collect::<Result<_, _>>()?;
    Ok(Proposed {
        is_own: is_by(&commit, author),
        message: String::from_utf8_lossy(commit.message_raw_bytes()).into_owned(),
        files,
    })
}

/// Whether somebody made the commit as it is: a merge was made by whoever merged, and one that was amended or put
/// elsewhere has another committer.
fn is_by(commit: &Commit<'_>, who: &Signature) -> bool {
    let is_who = |one: &git2::Signature<'_>| {
        one.name_bytes() == who.name.as_bytes() && one.email_bytes() == who.email.as_bytes()
    };
    commit.parent_count() == 1 && is_who(&commit.author()) && is_who(&commit.committer())
}

fn content(
    repository: &Repository,
    commit: &Commit<'_>,
    file: &RepoPath,
) -> Result<Option<Vec<u8>>, GitError> {
    let Some((Kind::File, id)) = entry_at(repository, commit.tree_id(), file.as_str())? else {
        return Ok(None);
    };
    let damaged = |source| GitError::Damaged { operation: format!("read blob {id}"), source };
    let blob = repository.find_blob(id).map_err(damaged)?;
    Ok((blob.size() <= MOST_CONTENT_BYTES).then(|| blob.content().to_vec()))
}
