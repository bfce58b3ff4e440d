//! Rollbacks, by tag changes written as in the fixture.

use rstest::rstest;

use super::*;
use crate::history::fixture::tag_changes;
use crate::model::PromotionMark;

fn left(known: &str, edit: impl Fn(&mut TagChange)) -> String {
    let mut tag_changes = tag_changes(&known.replace('v', "v1.0."));
    tag_changes.iter_mut().for_each(edit);
    let rules = SelectionRules::new("*".parse().unwrap(), None);
    let found = Rollbacks::read(&tag_changes.iter().collect::<Vec<_>>(), &rules, &"prod".parse().unwrap());
    let lines = found.iter().map(|one| format!("v{}@{}", one.version.numbers()[2], one.commit.as_bytes()[0]));
    lines.collect::<Vec<_>>().join(" ")
}

#[rstest]
#[case::forward("1 a/x ->v1; 2 a/x v1>v2", "")]
#[case::back("1 a/x ->v2; 2 a/x v2>v1", "v2@2")]
#[case::back_and_brought_back("1 a/x ->v2; 2 a/x v2>v1; 3 a/x v1>v2", "")]
#[case::back_and_past_it("1 a/x ->v2; 2 a/x v2>v1; 3 a/x v1>v3", "v2@2")]
#[case::back_twice("1 a/x ->v3; 2 a/x v3>v2; 3 a/x v2>v1", "v2@3 v3@2")]
#[case::the_same_twice("1 a/x ->v2; 2 a/x v2>v1; 3 a/x v1>v2; 4 a/x v2>v1", "v2@4")]
#[case::one_of_two_folders("1 a/x ->v2; 1 b/x ->v2; 2 a/x v2>v1", "v2@2")]
#[case::two_versions_at_once("1 a/x ->v2+v3; 2 a/x v2+v3>v1", "v2@2 v3@2")]
#[case::a_file_is_moved_and_goes_back("1 b/x ->v2; 2 a/y ->v1; 2 b/x v2>-", "v2@2")]
#[case::another_file_is_moved_and_goes_back("1 a/x ->v2; 1 b/x ->v2; 2 a/y ->v1; 2 b/x v2>-", "")]
#[case::a_file_is_moved("1 a/x ->v2; 2 a/x v2>-; 2 a/y ->v2", "")]
#[case::a_file_is_moved_and_goes_on("1 a/x ->v2; 2 a/x v2>-; 2 a/y ->v3", "")]
#[case::removed_and_added_lower("1 a/x ->v2; 2 a/x v2>-; 3 a/x ->v1", "v2@3")]
#[case::by_way_of_no_version("1 a/x ->v2; 2 a/x v2>main; 3 a/x main>v1", "v2@3")]
#[case::removed("1 a/x ->v2; 2 a/x v2>-", "")]
#[case::one_cluster_retired_and_another_built_from_an_older_copy(
    "1 a/x ->v2; 1 b/x ->v2; 2 a/x v2>-; 3 c/x ->v1",
    ""
)]
#[case::replaced_in_one_commit("1 a/x ->v2; 1 b/x ->v2; 2 a/x v2>-; 2 c/x ->v1", "")]
#[case::the_last_one_retired_after_all("1 a/x ->v2; 1 b/x ->v2; 2 a/x v2>-; 3 b/x v2>-; 4 c/x ->v1", "v2@4")]
#[case::another_file_that_has_it_is_renamed(
    "1 a/x ->v2; 1 b/x ->v2; 2 a/x v2>v1; 3 a/x v1>v1; 3 b/x v2>v2",
    "v2@2"
)]
#[case::another_file_that_has_it_is_moved(
    "1 a/x ->v2; 1 b/x ->v2; 2 a/x v2>v1; 3 b/x v2>-; 3 b/y ->v2",
    "v2@2"
)]
#[case::another_file_that_has_it_gets_one_more("1 a/x ->v2; 1 b/x ->v2; 2 a/x v2>v1; 3 b/x v2>v2+v3", "v2@2")]
#[case::to_no_version_and_back("1 a/x ->v2; 2 a/x v2>main; 3 a/x main>v2", "")]
fn reads(#[case] known: &str, #[case] expected: &str) {
    assert_eq!(left(known, |_| ()), expected);
}

#[test]
fn a_rollback_under_a_promotions_message_is_a_rollback() {
    let mark = PromotionMark {
        id: "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11".parse().unwrap(),
        requested_by: "schedule".into(),
        digest: None,
        is_pushed_here: true,
    };
    let known = "1 a/x ->v2; 2 a/x v2>v1";
    assert_eq!(left(known, |tag_change| tag_change.promotion = Some(mark.clone())), "v2@2");
}

/// A `*` marks a change on a merged side branch.
#[rstest]
#[case::merged_into_somebodys_own_work("1 a/x ->v1; 2 a/x v1>v2 *; 3 a/x v2>v1 *", "v2@3")]
#[case::given_up_by_the_merge("1 a/x ->v1; 2 a/x v1>v2 *; 3 a/x v2>v1 *; 4 a/x v1>v3", "v2@3")]
#[case::merged_after_all("1 a/x ->v1; 2 a/x v1>v2 *; 3 a/x v2>v1 *; 4 a/x v1>v2", "")]
#[case::the_branch_holds_it("1 a/x ->v2; 2 a/x v2>v1 *; 3 a/x v1>v2 *", "")]
#[case::a_merged_rollback("1 a/x ->v2; 2 a/x v2>v1 *; 3 a/x v2>v1", "v2@3")]
#[case::work_upon_an_old_version("1 a/x ->v1; 2 a/x v1>v3; 3 a/x v1>v2 *; 4 a/x v2>v3 *", "")]
fn reads_what_lies_beside_the_line(#[case] known: &str, #[case] expected: &str) {
    let beside: Vec<bool> = known.split(';').map(|line| line.trim_end().ends_with('*')).collect();
    let mut beside = beside.into_iter();
    let known = known.replace(" *", "");
    let marks = std::cell::RefCell::new(&mut beside);
    assert_eq!(
        left(&known, |tag_change| tag_change.is_beside = marks.borrow_mut().next().unwrap()),
        expected
    );
}
