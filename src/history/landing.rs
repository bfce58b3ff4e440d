//! Landings: by which commit a version came to run in every folder of an environment.

use std::collections::BTreeSet;

use crate::model::{Digest, Movement, PinnedTag, RepoPath};
use crate::policy::{Fetched, Landing};

use super::held::{HeldByPath, as_slices, held_in};

/// The movement that made every one of `folders` hold what it holds now, unbroken since. `movements` come newest first.
///
/// It is found by undoing movements from the newest on, a commit at a time, until a folder held something else. A file
/// that moves inside a folder changes nothing; neither does one folder ceasing to hold what the others do.
pub(crate) fn landing<'a>(
    movements: impl Iterator<Item = &'a Movement>,
    folders: &[RepoPath],
    held: &HeldByPath,
) -> Option<&'a Movement> {
    let mut files = as_slices(held);
    let now = held_in(folders, &files);
    let target: BTreeSet<&PinnedTag> = held.values().flatten().collect();
    let is_same = |then: &[BTreeSet<&PinnedTag>]| {
        let folders = now.iter().zip(then);
        folders.into_iter().all(|(now, then)| now == then || (now.is_empty() && then.is_subset(&target)))
    };
    let mut movements = movements.peekable();
    while let Some(movement) = movements.next() {
        files.insert(&movement.path, &movement.before);
        let commit_is_undone = movements.peek().is_none_or(|next| next.sequence != movement.sequence);
        if commit_is_undone && !is_same(&held_in(folders, &files)) {
            return Some(movement);
        }
    }
    None
}

/// How a movement brought a version, which the files may pin to a digest.
pub(crate) fn landing_of(movement: &Movement, pinned: Option<Digest>) -> Landing {
    let promoted = movement.promotion.as_ref().and_then(|promotion| promotion.digest.clone());
    Landing {
        commit: movement.commit.id,
        committed_at: movement.commit.committed_at,
        parent_committed_at: movement.commit.parent_committed_at,
        fetched: Some(Fetched {
            absent_at: movement.commit.fetched.absent_at,
            fetched_at: movement.commit.fetched.fetched_at,
        }),
        // What the file pins is what runs, whatever a message says.
        digest: pinned.or(promoted),
        by_tidegate: movement.promotion.is_some(),
        author: movement.commit.author_name.clone(),
    }
}

#[cfg(test)]
mod tests;
