//! The entries of a mapping as a chart sees them: merge keys followed, keys that stand twice told.

use std::collections::HashSet;

use super::position::Position;
use super::refusal::RefusalReason;
use super::tree::{Content, Document, NodeId};

/// Up to so many entries are compared one with another, which is faster than hashing them.
const FEW_ENTRIES: usize = 12;

/// One entry of a mapping.
#[derive(Clone, Copy)]
pub(super) struct Entry<'d> {
    pub(super) key: &'d str,
    /// The value as it is reached, perhaps an alias.
    pub(super) value: NodeId,
}

/// The entries of a mapping with text for a key, and what makes them unsafe to rely on.
pub(super) struct Entries<'d> {
    list: Vec<Entry<'d>>,
    pub(super) trouble: Option<(RefusalReason, Position)>,
}

impl<'d> Entries<'d> {
    /// The entries of `mapping`; those that a merge key brings come last, unless the mapping has the key itself.
    pub(super) fn of(document: &'d Document<'_>, mapping: NodeId) -> Self {
        let mut own = Self { list: Vec::new(), trouble: None };
        let mut merged = None;
        for (key, value) in document.entries(mapping) {
            match document.text(key) {
                Some("<<") => {
                    let is_second = merged.replace(value).is_some();
                    if is_second || document.node(key).tag.is_some() {
                        own.tell(RefusalReason::MergeKey, document.node(key).position);
                    }
                }
                Some(key) => own.list.push(Entry { key, value }),
                None => {}
            }
        }
        own.tell_duplicate(document, mapping);
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

    fn tell(&mut self, reason: RefusalReason, position: Position) {
        self.trouble.get_or_insert((reason, position));
    }

    fn tell_duplicate(&mut self, document: &Document<'_>, mapping: NodeId) {
        let Some(key) = first_duplicate(&self.list) else { return };
        let position = document
            .entries(mapping)
            .filter(|(name, _)| document.text(*name) == Some(key))
            .nth(1)
            .map_or(document.node(mapping).position, |(name, _)| document.node(name).position);
        self.tell(RefusalReason::DuplicateKey(key.to_owned()), position);
    }

    /// Adds the entries of the one mapping that a merge key brings.
    fn merge(&mut self, document: &'d Document<'_>, merged: NodeId) {
        let target = document.target(merged);
        let is_mapping = matches!(document.node(target).content, Content::Mapping);
        let other = Self::without_merge(document, target);
        match other {
            Some(other) if is_mapping => {
                let own: HashSet<_> = self.list.iter().map(|entry| entry.key).collect();
                self.list.extend(other.into_iter().filter(|entry| !own.contains(entry.key)));
            }
            _ => self.tell(RefusalReason::MergeKey, document.node(merged).position),
        }
    }

    /// The entries of a mapping that has no merge key and no key twice.
    fn without_merge(document: &'d Document<'_>, mapping: NodeId) -> Option<Vec<Entry<'d>>> {
        let list: Vec<_> = document
            .entries(mapping)
            .filter_map(|(key, value)| document.text(key).map(|key| Entry { key, value }))
            .collect();
        let is_simple = first_duplicate(&list).is_none() && list.iter().all(|entry| entry.key != "<<");
        is_simple.then_some(list)
    }
}

/// A key that stands twice.
fn first_duplicate<'d>(list: &[Entry<'d>]) -> Option<&'d str> {
    if list.len() <= FEW_ENTRIES {
        let is_known = |at: usize| list[..at].iter().any(|earlier| earlier.key == list[at].key);
        return (1..list.len()).find(|at| is_known(*at)).map(|at| list[at].key);
    }
    let mut known = HashSet::with_capacity(list.len());
    list.iter().find(|entry| !known.insert(entry.key)).map(|entry| entry.key)
}
