//! Compares two trees: which manifests differ. Equal folders are never read.

use std::cmp::Ordering;

use git2::{Oid, Repository, Tree, TreeEntry};

use super::GitError;
use super::handle::blob_id;
use super::tree::{Kind, MAX_DEPTH, MAX_ENTRIES, Scope, find_tree, is_read, join};
use crate::model::{FileChange, RepoPath, TreeChanges};

/// The entry of a path in one of the two trees.
pub(super) type Entry = Option<(Kind, Oid)>;

/// The changes from `before` to `after`, both the resolved roots of `scope`.
pub(super) fn changes(
    repository: &Repository,
    scope: &Scope,
    before: &[Entry],
    after: &[Entry],
) -> Result<TreeChanges, GitError> {
    let mut diff = Diff { repository, changes: TreeChanges::default(), seen: 0 };
    for ((root, before), after) in scope.roots.iter().zip(before).zip(after) {
        diff.place(&root.path, *before, *after, 0)?;
    }
    Ok(diff.changes)
}

struct Diff<'repo> {
    repository: &'repo Repository,
    changes: TreeChanges,
    seen: usize,
}

impl Diff<'_> {
    fn place(&mut self, path: &str, before: Entry, after: Entry, depth: usize) -> Result<(), GitError> {
        if before == after {
            return Ok(());
        }
        self.changes.has_left_alone |= is_left_alone(before) || is_left_alone(after);
        self.file(path, blob_of(before), blob_of(after));
        let (before, after) = (folder_of(before), folder_of(after));
        if before.is_none() && after.is_none() || depth > MAX_DEPTH {
            return Ok(());
        }
        self.folder(path, before, after, depth)
    }

    fn file(&mut self, path: &str, before: Option<Oid>, after: Option<Oid>) {
        if before == after || !is_read(path.as_bytes()) {
            return;
        }
        match path.parse::<RepoPath>() {
            Ok(path) => {
                let (before, after) = (before.map(blob_id), after.map(blob_id));
                self.changes.files.push(FileChange { path, before, after });
            }
            Err(_) => self.changes.has_left_alone = true,
        }
    }

    fn folder(
        &mut self,
        path: &str,
        before: Option<Oid>,
        after: Option<Oid>,
        depth: usize,
    ) -> Result<(), GitError> {
        let before = before.map(|id| find_tree(self.repository, id)).transpose()?;
        let after = after.map(|id| find_tree(self.repository, id)).transpose()?;
        self.seen += before.as_ref().map_or(0, Tree::len) + after.as_ref().map_or(0, Tree::len);
        if self.seen > MAX_ENTRIES {
            return Err(GitError::TooManyEntries { most: MAX_ENTRIES });
        }
        let mut left = before.iter().flatten().peekable();
        let mut right = after.iter().flatten().peekable();
        loop {
            let (before, after) = match (left.peek(), right.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => (left.next(), None),
                (None, Some(_)) => (None, right.next()),
                (Some(one), Some(other)) => match tree_order(one, other) {
                    Ordering::Less => (left.next(), None),
                    Ordering::Greater => (None, right.next()),
                    Ordering::Equal => (left.next(), right.next()),
                },
            };
            self.entry(path, before.as_ref(), after.as_ref(), depth)?;
        }
    }

    fn entry(
        &mut self,
        folder: &str,
        before: Option<&TreeEntry<'_>>,
        after: Option<&TreeEntry<'_>>,
        depth: usize,
    ) -> Result<(), GitError> {
        let found = |entry: &TreeEntry<'_>| (Kind::of(entry), entry.id());
        let (old, new) = (before.map(found), after.map(found));
        if old == new {
            return Ok(());
        }
        let name = before.or(after).map_or(&b""[..], TreeEntry::name_bytes);
        if let Some(path) = join(folder, name) {
            return self.place(&path, old, new, depth + 1);
        }
        self.changes.has_left_alone = true;
        Ok(())
    }
}

/// Git's order of tree entries: by bytes, a folder as if its name ended with a slash.
fn tree_order(one: &TreeEntry<'_>, other: &TreeEntry<'_>) -> Ordering {
    sort_key(one).cmp(sort_key(other))
}

fn sort_key<'entry>(entry: &'entry TreeEntry<'_>) -> impl Iterator<Item = u8> + 'entry {
    let slash = (Kind::of(entry) == Kind::Folder).then_some(b'/');
    entry.name_bytes().iter().copied().chain(slash)
}

fn blob_of(found: Entry) -> Option<Oid> {
    found.and_then(|(kind, id)| (kind == Kind::File).then_some(id))
}

fn is_left_alone(found: Entry) -> bool {
    matches!(found, Some((Kind::SymbolicLink | Kind::Submodule, _)))
}

fn folder_of(found: Entry) -> Option<Oid> {
    found.and_then(|(kind, id)| (kind == Kind::Folder).then_some(id))
}
