//! The entries of a mapping as a chart reads them: merge keys followed, duplicate keys reported.

use std::collections::HashSet;

use super::position::Position;
use super::refusal::{Defect, RefusalReason};
use super::tree::{Content, Document, NodeId};

/// Up to this many entries, comparing pairs is faster than hashing.
const PAIRWISE_ENTRIES: usize = 12;

#[derive(Clone, Copy)]
pub(super) struct Entry<'d> {
    pub(super) key: &'d str,
    /// The value, which may be an alias.
    pub(super) value: NodeId,
}

/// The entries of a mapping whose keys are scalars, and the first defect that makes them unreliable.
pub(super) struct Entries<'d> {
    list: Vec<Entry<'d>>,
    pub(super) defect: Option<Defect>,
}

impl<'d> Entries<'d> {
    /// The entries of `mapping`. Merged entries come last, and the mapping's own keys override them.
    pub(super) fn of(document: &'d Document<'_>, mapping: NodeId) -> Self {
        let mut own = Self { list: Vec::new(), defect: None };
        let mut merged = None;
        for (key, value) in document.entries(mapping) {
            match document.text(key) {
                Some("<<") => {
                    let is_second = merged.replace(value).is_some();
                    if is_second || document.node(key).tag.is_some() {
                        own.note(RefusalReason::MergeKey, document.node(key).position);
                    }
                }
                Some(key) => own.list.push(Entry { key, value }),
                None => {}
            }
        }
        own.note_duplicate(document, mapping);
        if let Some(merged) = merged {
            own.merge(document, merged);
        }
        own
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'d>> + '_ {
        self.list.iter().copied()
    }

    pub(super) fn get(&self, key: &str) -> Option<NodeId> {
        self.list.iter().find(|entry| entry.key == key).map(|entry| entry.value)
    }

    fn note(&mut self, reason: RefusalReason, position: Position) {
        self.defect.get_or_insert((reason, position));
    }

    fn note_duplicate(&mut self, document: &Document<'_>, mapping: NodeId) {
        let Some(key) = first_duplicate(&self.list) else { return };
        let position = document
            .entries(mapping)
            .filter(|(name, _)| document.text(*name) == Some(key))
            .nth(1)
            .map_or(document.node(mapping).position, |(name, _)| document.node(name).position);
        self.note(RefusalReason::DuplicateKey(key.to_owned()), position);
    }

    /// Adds the entries of the mapping that the merge key refers to.
    fn merge(&mut self, document: &'d Document<'_>, merged: NodeId) {
        let target = document.target(merged);
        let is_mapping = matches!(document.node(target).content, Content::Mapping);
        let other = Self::without_merge(document, target);
        match other {
            Some(other) if is_mapping => {
                let own: HashSet<_> = self.list.iter().map(|entry| entry.key).collect();
                self.list.extend(other.into_iter().filter(|entry| !own.contains(entry.key)));
            }
            _ => self.note(RefusalReason::MergeKey, document.node(merged).position),
        }
    }

    /// The entries of a mapping without merge keys and duplicate keys.
    fn without_merge(document: &'d Document<'_>, mapping: NodeId) -> Option<Vec<Entry<'d>>> {
        let list: Vec<_> = document
            .entries(mapping)
            .filter_map(|(key, value)| document.text(key).map(|key| Entry { key, value }))
            .collect();
        let is_simple = first_duplicate(&list).is_none() && list.iter().all(|entry| entry.key != "<<");
        is_simple.then_some(list)
    }
}

/// The first key that occurs twice.
fn first_duplicate<'d>(list: &[Entry<'d>]) -> Option<&'d str> {
    if list.len() <= PAIRWISE_ENTRIES {
        let is_known = |at: usize| list[..at].iter().any(|earlier| earlier.key == list[at].key);
        return (1..list.len()).find(|at| is_known(*at)).map(|at| list[at].key);
    }
    let mut known = HashSet::with_capacity(list.len());
    list.iter().find(|entry| !known.insert(entry.key)).map(|entry| entry.key)
}
