//! The history of tags: when each came to run where, and who moved it. Derived from Git, kept in the store, and
//! extended by what is new.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{CommitId, FetchEvidence, ImageName, Index, Movement, PinnedTag, RepoPath, ServiceName};

/// A service's image, wherever it runs.
pub(crate) type Subject = (ServiceName, ImageName);

/// What each file holds, by its path.
pub(crate) type HeldByPath = BTreeMap<RepoPath, Vec<PinnedTag>>;

/// The history of tags up to a commit.
#[derive(Debug)]
pub(crate) struct Ledger {
    head: CommitId,
    next_sequence: u64,
    /// Each oldest first.
    movements: HashMap<Subject, Vec<Movement>>,
}

impl Ledger {
    /// A ledger that knows of nothing up to `head`.
    pub(crate) fn empty(head: CommitId) -> Self {
        Self { head, next_sequence: 0, movements: HashMap::new() }
    }

    pub(crate) fn from_index(index: Index) -> Self {
        let mut ledger = Self::empty(index.head);
        ledger.append(index.head, index.movements);
        ledger
    }

    pub(crate) fn head(&self) -> CommitId {
        self.head
    }

    /// The place that the next commit will have on the line.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Takes in what came since, oldest first.
    pub(crate) fn append(&mut self, head: CommitId, movements: Vec<Movement>) {
        self.head = head;
        for movement in movements {
            self.next_sequence = self.next_sequence.max(movement.sequence + 1);
            let subject = (movement.service.clone(), movement.image.clone());
            self.movements.entry(subject).or_default().push(movement);
        }
    }

    /// Every movement of a service's image under `paths`, newest first.
    pub(crate) fn of<'a>(
        &'a self,
        subject: &Subject,
        paths: &'a [RepoPath],
    ) -> impl Iterator<Item = &'a Movement> + use<'a> {
        let movements = self.movements.get(subject).map(Vec::as_slice).unwrap_or_default();
        movements.iter().rev().filter(|movement| paths.iter().any(|path| movement.path.is_within(path)))
    }

    /// What each file held of each subject, after all that moved.
    pub(crate) fn last_held(&self) -> HashMap<(&Subject, &RepoPath), &[PinnedTag]> {
        let each = self.movements.iter().flat_map(|(subject, movements)| {
            movements.iter().map(move |movement| ((subject, &movement.path), movement.after.as_slice()))
        });
        // Later ones take the place of earlier ones.
        each.collect()
    }

    /// Every movement there is, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Movement> {
        self.movements.values().flatten()
    }

    /// What the fetches said of every commit that is known.
    pub(crate) fn evidence(&self) -> HashMap<CommitId, FetchEvidence> {
        self.all().map(|movement| (movement.commit.id, movement.commit.fetched)).collect()
    }

    /// The movement that made every one of `folders` hold what it holds now, unbroken since.
    ///
    /// It is found by undoing movements from the newest on, a commit at a time, until a folder held something else. A
    /// file that moves inside a folder changes nothing; neither does one folder ceasing to hold what the others do.
    pub(crate) fn landing<'a>(
        &'a self,
        subject: &Subject,
        folders: &'a [RepoPath],
        held: &HeldByPath,
    ) -> Option<&'a Movement> {
        let mut files: BTreeMap<&RepoPath, &[PinnedTag]> =
            held.iter().map(|(path, tags)| (path, tags.as_slice())).collect();
        let now = held_in(folders, &files);
        let target: BTreeSet<&PinnedTag> = held.values().flatten().collect();
        let is_same = |then: &[BTreeSet<&PinnedTag>]| {
            let folders = now.iter().zip(then);
            folders.into_iter().all(|(now, then)| now == then || (now.is_empty() && then.is_subset(&target)))
        };
        let mut movements = self.of(subject, folders).peekable();
        while let Some(movement) = movements.next() {
            files.insert(&movement.path, &movement.before);
            let commit_is_undone = movements.peek().is_none_or(|next| next.sequence != movement.sequence);
            if commit_is_undone && !is_same(&held_in(folders, &files)) {
                return Some(movement);
            }
        }
        None
    }
}

/// What each folder holds, by what its files hold.
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

#[cfg(test)]
pub(in crate::engine) mod tests;
