//! One order for commits of any origin: newest first, each before its parents.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::model::{CommitId, SourceCommit};

/// Sorts commits. Git and forges each have an order of their own, and neither is fixed.
pub(super) fn newest_first(commits: Vec<SourceCommit>) -> Vec<SourceCommit> {
    let place: HashMap<CommitId, usize> =
        commits.iter().enumerate().map(|(at, commit)| (commit.id, at)).collect();
    let parents = |at: usize| commits[at].parents.iter().filter_map(|parent| place.get(parent).copied());
    let mut children = vec![0_usize; commits.len()];
    (0..commits.len()).flat_map(parents).for_each(|parent| children[parent] += 1);
    let key = |at: usize| (commits[at].committed_at, Reverse(commits[at].id), at);
    let mut ready: BinaryHeap<_> = (0..commits.len()).filter(|at| children[*at] == 0).map(key).collect();
    let mut order = Vec::with_capacity(commits.len());
    while let Some((.., at)) = ready.pop() {
        order.push(at);
        for parent in parents(at) {
            children[parent] -= 1;
            if children[parent] == 0 {
                ready.push(key(parent));
            }
        }
    }
    // Duplicates and cycles, which Git's histories never have, get no position.
    let mut commits: Vec<Option<SourceCommit>> = commits.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| commits[at].take()).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::model::Person;

    fn commit(number: usize, parents: &[usize], minute: i64) -> SourceCommit {
        let id = |number: usize| CommitId::from_bytes([u8::try_from(number).unwrap(); 20]);
        let at = DateTime::from_timestamp(minute * 60, 0).unwrap();
        SourceCommit {
            id: id(number),
            parents: parents.iter().copied().map(id).collect(),
            author: Person { name: String::new(), email: String::new() },
            authored_at: at,
            committed_at: at,
            message: number.to_string(),
            is_relevant: true,
        }
    }

    fn sorted(commits: Vec<SourceCommit>) -> Vec<String> {
        newest_first(commits).into_iter().map(|commit| commit.message).collect()
    }

    #[test]
    fn the_newest_comes_first_and_each_before_its_parents() {
        let merged = vec![commit(1, &[0], 1), commit(2, &[1], 2), commit(3, &[1], 3), commit(4, &[2, 3], 4)];
        assert_eq!(sorted(merged), ["4", "3", "2", "1"]);
        let clock_went_back = vec![commit(1, &[], 9), commit(2, &[1], 2), commit(3, &[2], 1)];
        assert_eq!(sorted(clock_went_back), ["3", "2", "1"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_order_is_the_same_however_they_come(
            history in proptest::collection::vec((any::<[prop::sample::Index; 2]>(), 0..5_i64), 1..40)
                .prop_flat_map(|history| {
                    let commits: Vec<SourceCommit> = history
                        .iter()
                        .enumerate()
                        .map(|(at, (parents, minute))| {
                            let parents: Vec<usize> = if at == 0 {
                                Vec::new()
                            } else {
                                parents.iter().map(|parent| parent.index(at)).collect()
                            };
                            commit(at, &parents, *minute)
                        })
                        .collect();
                    (Just(commits.clone()), Just(commits).prop_shuffle())
                })
        ) {
            let (one, other) = history;
            let count = one.len();
            let ordered = newest_first(one);
            prop_assert_eq!(&ordered, &newest_first(other));
            prop_assert_eq!(ordered.len(), count);
            for (at, child) in ordered.iter().enumerate() {
                let is_later = |parent: &CommitId| ordered.iter().position(|one| one.id == *parent).unwrap() > at;
                prop_assert!(child.parents.iter().all(is_later));
            }
        }
    }
}
