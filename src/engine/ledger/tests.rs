//! Landings, by movements written as `commit file before>after`; `-` is nothing, `v1+v2` is two tags.

use std::sync::Arc;

use rstest::rstest;

use super::*;
use crate::engine::fake::{image, path, service};
use crate::model::MovingCommit;

fn tags(text: &str) -> Vec<PinnedTag> {
    let tags = text.split('+').filter(|tag| *tag != "-");
    tags.map(|tag| PinnedTag { tag: tag.parse().unwrap(), digest: None }).collect()
}

fn movement(sequence: u64, file: &str, before: &str, after: &str) -> Movement {
    let at = "2026-03-02T09:00:00Z".parse().unwrap();
    Movement {
        sequence,
        commit: Arc::new(MovingCommit {
            id: CommitId::from_bytes([u8::try_from(sequence).unwrap(); 20]),
            committed_at: at,
            parent_committed_at: None,
            author_name: "Ana".into(),
            fetched: FetchEvidence { absent_at: None, fetched_at: at },
        }),
        path: path(file),
        service: service("app"),
        image: image("app"),
        before: tags(before),
        after: tags(after),
        promotion: None,
    }
}

pub(in crate::engine) fn movements(text: &str) -> Vec<Movement> {
    let lines = text.split(';').map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .map(|line| {
            let (before, after) = line[2].split_once('>').unwrap();
            movement(line[0].parse().unwrap(), line[1], before, after)
        })
        .collect()
}

#[rstest]
#[case::added("1 a/x ->v1", "a/x=v1", Some(1))]
#[case::moved("1 a/x ->v1; 2 a/x v1>v2", "a/x=v2", Some(2))]
#[case::there_and_back("1 a/x ->v2; 2 a/x v2>v1; 3 a/x v1>v2", "a/x=v2", Some(3))]
#[case::the_last_folder_counts("1 a/x ->v1; 1 b/x ->v1; 2 a/x v1>v2; 3 b/x v1>v2", "a/x=v2 b/x=v2", Some(3))]
#[case::both_in_one_commit("1 a/x ->v1; 1 b/x ->v1; 2 a/x v1>v2; 2 b/x v1>v2", "a/x=v2 b/x=v2", Some(2))]
#[case::one_folder_later_left_it_and_came_back(
    "1 a/x ->v2; 1 b/x ->v2; 2 b/x v2>v1; 3 b/x v1>v2",
    "a/x=v2 b/x=v2",
    Some(3)
)]
#[case::a_file_that_is_moved("1 a/x ->v1; 2 a/x v1>v2; 3 a/x v2>-; 3 a/y ->v2", "a/y=v2", Some(2))]
#[case::a_file_that_is_split("1 a/x ->v2; 2 a/x v2>-; 2 a/y ->v2; 2 a/z ->v2", "a/y=v2 a/z=v2", Some(1))]
#[case::a_folder_that_came_later("1 a/x ->v2; 2 b/x ->v2", "a/x=v2 b/x=v2", Some(2))]
#[case::a_folder_that_left("1 a/x ->v2; 1 b/x ->v2; 2 b/x v2>-", "a/x=v2", Some(1))]
#[case::a_folder_that_left_with_another("1 a/x ->v2; 1 b/x ->v1; 2 b/x v1>-", "a/x=v2", Some(2))]
#[case::removed_and_added_again("1 a/x ->v2; 2 a/x v2>-; 3 a/x ->v2", "a/x=v2", Some(3))]
#[case::two_fields_in_a_file("1 a/x ->v1; 2 a/x v1>v1+v2; 3 a/x v1+v2>v2", "a/x=v2", Some(3))]
#[case::what_another_folder_holds_is_not_asked("1 a/x ->v2; 2 c/x ->v1", "a/x=v2", Some(1))]
#[case::nothing_is_known("1 c/x ->v1", "a/x=v1", None)]
fn lands(#[case] known: &str, #[case] held: &str, #[case] expected: Option<u64>) {
    let mut ledger = Ledger::empty(CommitId::from_bytes([0; 20]));
    ledger.append(CommitId::from_bytes([9; 20]), movements(known));
    let held = held.split_whitespace().map(|one| one.split_once('=').unwrap());
    let held: HeldByPath = held.map(|(file, at)| (path(file), tags(at))).collect();
    let folders = [path("a"), path("b")];
    let landing = ledger.landing(&(service("app"), image("app")), &folders, &held);
    assert_eq!(landing.map(|movement| movement.sequence), expected);
}

#[test]
fn what_comes_later_has_a_higher_place() {
    let mut ledger = Ledger::empty(CommitId::from_bytes([0; 20]));
    assert_eq!(ledger.next_sequence(), 0);
    ledger.append(CommitId::from_bytes([4; 20]), movements("4 a/x ->v1"));
    assert_eq!((ledger.next_sequence(), ledger.head()), (5, CommitId::from_bytes([4; 20])));
    ledger.append(CommitId::from_bytes([6; 20]), Vec::new());
    assert_eq!((ledger.next_sequence(), ledger.head()), (5, CommitId::from_bytes([6; 20])));
}
