//! The tags of one image in files: by file, by folder, and as versions.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Digest, PinnedTag, RepoPath};

/// The tags of each file, by path.
pub(crate) type TagsByFile = BTreeMap<RepoPath, Vec<PinnedTag>>;

/// The tags of each folder's files.
pub(crate) fn held_in<'a>(
    folders: &[RepoPath],
    files: &BTreeMap<&RepoPath, &'a [PinnedTag]>,
) -> Vec<BTreeSet<&'a PinnedTag>> {
    let of = |folder: &RepoPath| {
        let inside = files.iter().filter(|(path, _)| path.is_within(folder));
        inside.flat_map(|(_, tags)| *tags).collect()
    };
    folders.iter().map(of).collect()
}

/// The tags of the files while changes are undone.
pub(super) fn as_slices(held: &TagsByFile) -> BTreeMap<&RepoPath, &[PinnedTag]> {
    held.iter().map(|(path, tags)| (path, tags.as_slice())).collect()
}

/// Whether fields are pinned to different digests, so that no single image runs.
pub(crate) fn is_pinned_apart(held: &TagsByFile) -> bool {
    let digests: BTreeSet<_> = held.values().flatten().filter_map(|held| held.digest.as_ref()).collect();
    digests.len() > 1
}

/// The digest that a field is pinned to.
pub(crate) fn pinned_digest(held: &TagsByFile) -> Option<Digest> {
    held.values().flatten().find_map(|held| held.digest.clone())
}
