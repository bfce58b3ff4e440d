//! The history of tags: when each came to run where, and who moved it. Derived from Git, kept in the store, and
//! extended by what is new.

use std::collections::HashMap;

use crate::model::{CommitId, FetchEvidence, ImageName, Index, Movement, PinnedTag, RepoPath, ServiceName};

/// A service's image, wherever it runs.
pub(crate) type Subject = (ServiceName, ImageName);

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
}

#[cfg(test)]
mod tests;
