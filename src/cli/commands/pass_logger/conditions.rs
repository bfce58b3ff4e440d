//! Conditions that last over several passes: each is reported when it begins and when it ends, and counted in between.

use std::collections::BTreeMap;

use crate::model::{Elapsed, Timestamp};

/// The conditions that hold, by what makes them the same from pass to pass.
#[derive(Debug)]
pub(super) struct Conditions<K>(BTreeMap<K, Condition>);

/// A condition that holds, or held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// What the last pass said of it.
    pub(super) text: String,
    pub(super) since: Timestamp,
    /// How many passes found it.
    pub(super) passes: u64,
}

/// How conditions differ from those of the pass before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changes<K> {
    pub(super) begun: Vec<K>,
    /// Those that hold still, with another text.
    pub(super) changed: Vec<K>,
    pub(super) ended: Vec<(K, Condition)>,
}

impl<K> Default for Conditions<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl Condition {
    /// Since `now`.
    pub(super) fn new(text: impl Into<String>, now: Timestamp) -> Self {
        Self { text: text.into(), since: now, passes: 1 }
    }

    /// How long it has held.
    pub(super) fn lasted(&self, now: Timestamp) -> Elapsed {
        Elapsed((now - self.since).to_std().unwrap_or_default())
    }
}

impl<K: Clone + Ord> Conditions<K> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes what a pass found, with its text.
    pub(super) fn update(&mut self, found: BTreeMap<K, String>, now: Timestamp) -> Changes<K> {
        let mut last = std::mem::take(&mut self.0);
        let mut changes = Changes { begun: Vec::new(), changed: Vec::new(), ended: Vec::new() };
        for (key, text) in found {
            let condition = match last.remove(&key) {
                None => {
                    changes.begun.push(key.clone());
                    Condition::new(text, now)
                }
                Some(known) => {
                    if known.text != text {
                        changes.changed.push(key.clone());
                    }
                    Condition { text, passes: known.passes + 1, ..known }
                }
            };
            self.0.insert(key, condition);
        }
        changes.ended.extend(last);
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> Timestamp {
        format!("2026-11-29T10:{minute:02}:00Z").parse().unwrap()
    }

    fn found(conditions: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
        conditions.iter().map(|(key, text)| (*key, (*text).to_owned())).collect()
    }

    #[test]
    fn a_condition_begins_once_is_counted_and_ends_once() {
        let mut conditions = Conditions::default();
        let begun =
            |begun: &[&'static str]| Changes { begun: begun.to_vec(), changed: vec![], ended: vec![] };
        assert_eq!(conditions.update(found(&[("a", "1"), ("b", "1")]), at(0)), begun(&["a", "b"]));
        assert_eq!(conditions.update(found(&[("a", "1"), ("b", "1")]), at(1)), begun(&[]));
        let changes = conditions.update(found(&[("a", "2")]), at(2));
        let ended = Condition { text: "1".to_owned(), since: at(0), passes: 2 };
        assert_eq!(changes, Changes { begun: vec![], changed: vec!["a"], ended: vec![("b", ended)] });
        assert_eq!(conditions.len(), 1);
        let (_, ended) = conditions.update(found(&[]), at(3)).ended.remove(0);
        assert_eq!(ended, Condition { text: "2".to_owned(), since: at(0), passes: 3 });
        assert_eq!(ended.lasted(at(3)).to_string(), "3m");
        assert_eq!(conditions.update(found(&[("a", "2")]), at(4)), begun(&["a"]), "it begins again");
    }
}
