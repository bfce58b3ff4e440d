//! History, from tag changes: rollout commits, earlier runs, and rollbacks.
//!
//! Knows no Git, no files and no clock: the engine supplies the tag changes, and a simulation its own.

#[cfg(test)]
mod fixture;
mod held;
mod rolled_back;
mod rollout_commit;
mod runs;

pub(crate) use held::{TagsByFile, is_pinned_apart, pinned_digest};
pub(crate) use rolled_back::Rollbacks;
pub(crate) use rollout_commit::{rollout_commit, rollout_commit_of};
pub(crate) use runs::Runs;

pub(crate) use crate::model::Subject;
use crate::model::{RepoPath, TagChange};

/// The tag changes under `paths`, in order.
pub(crate) fn under<'a>(
    tag_changes: &'a [TagChange],
    paths: &'a [RepoPath],
) -> impl DoubleEndedIterator<Item = &'a TagChange> {
    tag_changes.iter().filter(|tag_change| paths.iter().any(|path| tag_change.path.is_within(path)))
}

/// Those of `tag_changes` (oldest first) on the first-parent line under `paths`, newest first.
pub(crate) fn newest_under<'a>(
    tag_changes: &'a [TagChange],
    paths: &'a [RepoPath],
) -> impl Iterator<Item = &'a TagChange> {
    under(tag_changes, paths).rev().filter(|tag_change| !tag_change.is_beside)
}
