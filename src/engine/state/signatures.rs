//! Control files that do not count, since nobody who is allowed to signed them.

use std::collections::BTreeMap;

use crate::engine::base::ports::Repository;
use crate::model::{CommitId, Fault, RepoPath};

/// Control files that do not count, and why.
pub(crate) type UnsignedFiles = BTreeMap<RepoPath, String>;

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
