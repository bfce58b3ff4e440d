//! Rollout commits, by tag changes written as in the fixture.

use rstest::rstest;

use super::*;
use crate::history::fixture::{path, tag_changes, tags};
use crate::history::newest_under;

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
    let known = tag_changes(known);
    let held = held.split_whitespace().map(|one| one.split_once('=').unwrap());
    let held: TagsByFile = held.map(|(file, at)| (path(file), tags(at))).collect();
    let folders = [path("a"), path("b")];
    let rollout_commit = rollout_commit(newest_under(&known, &folders), &folders, &held);
    assert_eq!(rollout_commit.map(|tag_change| tag_change.sequence), expected);
}
