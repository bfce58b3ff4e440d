//! Finds the rollout commit: the commit that put a version into the last folder of an environment.

use std::collections::BTreeSet;

use crate::model::{Digest, PinnedTag, RepoPath, TagChange};
use crate::policy::{Fetched, RolloutCommit};

use super::held::{TagsByFile, as_slices, held_in};

/// The tag change since which all `folders` have had their current tags without a break. `tag_changes` come newest
/// first.
///
/// Undoes tag changes from the newest on, one commit at a time, until a folder has other tags. Moving a file
/// inside a folder changes nothing, nor does a folder that stops holding what the others do.
pub(crate) fn rollout_commit<'a>(
    tag_changes: impl Iterator<Item = &'a TagChange>,
    folders: &[RepoPath],
    held: &TagsByFile,
) -> Option<&'a TagChange> {
    let mut files = as_slices(held);
    let now = held_in(folders, &files);
    let target: BTreeSet<&PinnedTag> = held.values().flatten().collect();
    let is_same = |then: &[BTreeSet<&PinnedTag>]| {
        let folders = now.iter().zip(then);
        folders.into_iter().all(|(now, then)| now == then || (now.is_empty() && then.is_subset(&target)))
    };
    let mut tag_changes = tag_changes.peekable();
    while let Some(tag_change) = tag_changes.next() {
        files.insert(&tag_change.path, &tag_change.before);
        let commit_is_undone = tag_changes.peek().is_none_or(|next| next.sequence != tag_change.sequence);
        if commit_is_undone && !is_same(&held_in(folders, &files)) {
            return Some(tag_change);
        }
    }
    None
}

/// How a tag change introduced a version, which the files may pin to a digest.
pub(crate) fn rollout_commit_of(tag_change: &TagChange, pinned: Option<Digest>) -> RolloutCommit {
    let promoted = tag_change.promotion.as_ref().and_then(|promotion| promotion.digest.clone());
    RolloutCommit {
        commit: tag_change.commit.id,
        committed_at: tag_change.commit.committed_at,
        parent_committed_at: tag_change.commit.parent_committed_at,
        fetched: Some(Fetched {
            absent_at: tag_change.commit.fetched.absent_at,
            fetched_at: tag_change.commit.fetched.fetched_at,
        }),
        // A digest in the file is what runs, even if the message names another.
        digest: pinned.or(promoted),
        by_tidegate: tag_change.promotion.is_some(),
        author: tag_change.commit.author_name.clone(),
    }
}

#[cfg(test)]
mod tests;
