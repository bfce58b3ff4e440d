//! The effect of a person's commit on a simulated line that runs other versions than the real one.
//!
//! An upgrade applies if the line runs a lower version. A rollback applies if the line runs the version that was rolled back,
//! or one between that and the restored version. The version counts as rolled back in any case.

use crate::history::TagsByFile;
use crate::model::{PinnedTag, RepoPath, TagChange, Version};
use crate::policy::SelectionRules;

/// The files of a line that a person's commit changes, with their tags before and after.
pub(super) fn moved_by(
    commit: &[&TagChange],
    held: &TagsByFile,
    rules: &SelectionRules,
) -> Vec<(RepoPath, Vec<PinnedTag>, Vec<PinnedTag>)> {
    let here = |path: &RepoPath| held.get(path).cloned().unwrap_or_default();
    let moves = commit.iter().map(|tag_change| {
        let before = here(&tag_change.path);
        let after = match (tag_change.before.is_empty(), tag_change.after.is_empty()) {
            // A file that is moved in the repository keeps its simulated tags.
            (true, false) => match moved_from(tag_change, commit) {
                Some(from) if held.contains_key(&from.path) => here(&from.path),
                _ => tag_change.after.clone(),
            },
            (_, true) => Vec::new(),
            (false, false) => changed(tag_change, &before, rules),
        };
        (tag_change.path.clone(), before, after)
    });
    moves.filter(|(_, before, after)| before != after).collect()
}

/// The file of the same commit that stopped holding what this one begins with.
fn moved_from<'a>(to: &TagChange, commit: &[&'a TagChange]) -> Option<&'a TagChange> {
    commit.iter().copied().find(|from| from.after.is_empty() && from.before == to.after)
}

fn changed(tag_change: &TagChange, here: &[PinnedTag], rules: &SelectionRules) -> Vec<PinnedTag> {
    if *here == *tag_change.before {
        return tag_change.after.clone();
    }
    let (Some(before), Some(after), Some(now)) =
        (highest(&tag_change.before, rules), highest(&tag_change.after, rules), highest(here, rules))
    else {
        return tag_change.after.clone();
    };
    let is_forward = after > before && after > now;
    let is_back = after < before && after < now && now <= before;
    if is_forward || is_back { tag_change.after.clone() } else { here.to_vec() }
}

fn highest(held: &[PinnedTag], rules: &SelectionRules) -> Option<Version> {
    let versions = held.iter().map(|held| rules.version_of(&held.tag));
    versions.collect::<Option<Vec<_>>>()?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::simulation::tests::{held, tag_changes};

    #[rstest]
    #[case::as_it_was("1 a v1>v2", "a=v1", "a=v2")]
    #[case::forward_to_where_it_is("1 a v1>v2", "a=v2", "a=v2")]
    #[case::forward_to_where_it_has_been("1 a v1>v2", "a=v3", "a=v3")]
    #[case::forward_from_further_back("1 a v2>v3", "a=v1", "a=v3")]
    #[case::back_as_it_was("1 a v3>v1", "a=v3", "a=v1")]
    #[case::back_from_between("1 a v3>v1", "a=v2", "a=v1")]
    #[case::back_from_what_never_came("1 a v3>v2", "a=v1", "a=v1")]
    #[case::back_below_a_later_one("1 a v3>v1", "a=v4", "a=v4")]
    #[case::added("1 a ->v1", "", "a=v1")]
    #[case::removed("1 a v2>-", "a=v1", "")]
    #[case::a_file_is_moved("1 a v2>-;1 b ->v2", "a=v1", "b=v1")]
    #[case::to_no_version("1 a v1>main", "a=v2", "a=main")]
    #[case::from_no_version("1 a main>v1", "a=main", "a=v1")]
    fn a_person_moves_a_line(#[case] commit: &str, #[case] here: &str, #[case] expected: &str) {
        let rules = SelectionRules::new("*".parse().unwrap(), None);
        let commit = tag_changes(commit);
        let mut after = held(here);
        for (path, _, tags) in moved_by(&commit.iter().collect::<Vec<_>>(), &after.clone(), &rules) {
            if tags.is_empty() {
                after.remove(&path);
            } else {
                after.insert(path, tags);
            }
        }
        assert_eq!(after, held(expected));
    }
}
