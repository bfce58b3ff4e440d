//! Which merge brought a commit in, and which release contains it.

use std::collections::HashMap;

use super::message::{Merge, Message};
use crate::model::{CommitId, SourceCommit as Commit};

/// For each commit of a range, by position, the merge that brought it in.
pub(super) struct Lineage {
    /// The nearest merge of any kind that has the commit behind a parent other than its first.
    pub(super) brought_by: Vec<Option<usize>>,
    /// The nearest such merge that merges a pull request.
    pub(super) pull_request_of: Vec<Option<usize>>,
    /// Whether a pull request contains others, as one from a develop branch does.
    pub(super) has_pull_requests: Vec<bool>,
}

/// A chain of first parents yet to be followed.
struct Line {
    start: usize,
    brought_by: Option<usize>,
    pull_request: Option<usize>,
}

impl Lineage {
    /// Follows every parent once, so the cost is linear whatever the shape of the history. Commits are newest first.
    pub(super) fn trace(commits: &[Commit], messages: &[Message<'_>], positions: &Positions) -> Self {
        let count = commits.len();
        let mut lineage = Self {
            brought_by: vec![None; count],
            pull_request_of: vec![None; count],
            has_pull_requests: vec![false; count],
        };
        let mut is_seen = vec![false; count];
        for tip in 0..count {
            // A commit that no earlier tip reaches is a tip itself.
            let mut lines = vec![Line { start: tip, brought_by: None, pull_request: None }];
            while let Some(line) = lines.pop() {
                lineage.follow(&line, commits, messages, positions, &mut is_seen, &mut lines);
            }
        }
        lineage
    }

    fn follow(
        &mut self,
        line: &Line,
        commits: &[Commit],
        messages: &[Message<'_>],
        positions: &Positions,
        is_seen: &mut [bool],
        lines: &mut Vec<Line>,
    ) {
        let mut next = Some(line.start).filter(|start| !is_seen[*start]);
        while let Some(position) = next {
            is_seen[position] = true;
            self.brought_by[position] = line.brought_by;
            self.pull_request_of[position] = line.pull_request;
            let is_pull_request = matches!(messages[position].merge, Some(Merge::PullRequest { .. }));
            if is_pull_request && let Some(outer) = line.pull_request {
                self.has_pull_requests[outer] = true;
            }
            let pull_request = if is_pull_request { Some(position) } else { line.pull_request };
            // A line is walked from its newest commit, and the stack returns the last entry first: of several merges
            // that reach a commit, the oldest one gets it.
            for parent in commits[position].parents.iter().skip(1).filter_map(|id| positions.of(*id)) {
                lines.push(Line { start: parent, brought_by: Some(position), pull_request });
            }
            let first = commits[position].parents.first().and_then(|id| positions.of(*id));
            next = first.filter(|first| !is_seen[*first]);
        }
    }
}

/// The position of each commit in the range.
pub(super) struct Positions(HashMap<CommitId, usize>);

impl Positions {
    pub(super) fn of_range(commits: &[Commit]) -> Self {
        Self(commits.iter().enumerate().map(|(position, commit)| (commit.id, position)).collect())
    }

    pub(super) fn of(&self, id: CommitId) -> Option<usize> {
        self.0.get(&id).copied()
    }

    /// The position of the commit with this prefix, unless the prefix is ambiguous.
    pub(super) fn of_prefix(&self, hex: &str) -> Option<usize> {
        if let Ok(id) = hex.parse() {
            return self.of(id);
        }
        let hex = hex.to_ascii_lowercase();
        let mut matches = self.0.iter().filter(|(id, _)| id.to_string().starts_with(&hex));
        let (_, position) = matches.next()?;
        matches.next().is_none().then_some(*position)
    }
}

/// For each commit, the oldest release that contains it, as an index into `releases`, which holds the positions of the
/// releases' commits, newest first.
pub(super) fn releases_of(
    commits: &[Commit],
    releases: &[usize],
    positions: &Positions,
) -> Vec<Option<usize>> {
    let mut release_of = vec![None; commits.len()];
    for (number, head) in releases.iter().enumerate().rev() {
        let mut stack = vec![*head];
        while let Some(position) = stack.pop() {
            if release_of[position].is_some() {
                continue;
            }
            release_of[position] = Some(number);
            stack.extend(commits[position].parents.iter().filter_map(|id| positions.of(*id)));
        }
    }
    release_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changelog::fixture::{commit, commit_on};

    fn pull_requests(commits: &[Commit]) -> Vec<Option<usize>> {
        let messages: Vec<Message<'_>> = commits.iter().map(Message::read).collect();
        Lineage::trace(commits, &messages, &Positions::of_range(commits)).pull_request_of
    }

    #[test]
    fn a_pull_request_has_the_commits_of_its_branch() {
        // 5 merges 4 and 3 into 2, which is on 1.
        let commits = [
            commit_on(5, &[2, 4], "Merge pull request #1 from a/b\n\nTitle"),
            commit(4, "b"),
            commit_on(3, &[1], "a"),
            commit(2, "main"),
            commit(1, "root"),
        ];
        assert_eq!(pull_requests(&commits), [None, Some(0), Some(0), None, None]);
    }

    #[test]
    fn a_commit_belongs_to_the_inner_of_nested_pull_requests() {
        // On main, 9 merges develop (7). On develop, 6 merges pull request 2 with commit 4.
        let commits = [
            commit_on(9, &[1, 7], "Merge pull request #9 from vtr/develop\n\nRelease"),
            commit_on(7, &[6], "on develop"),
            commit_on(6, &[2, 4], "Merge pull request #2 from a/b\n\nInner"),
            commit_on(4, &[2], "inner work"),
            commit_on(2, &[1], "on develop before"),
        ];
        assert_eq!(pull_requests(&commits), [None, Some(0), Some(0), Some(2), Some(0)]);
    }

    #[test]
    fn a_commit_that_two_merges_reach_belongs_to_the_older() {
        // 3 was merged by 4, and again with 5 on top of it by 6.
        let commits = [
            commit_on(6, &[4, 5], "Merge pull request #2 from a/c\n\nSecond"),
            commit_on(5, &[3], "c"),
            commit_on(4, &[1, 3], "Merge pull request #1 from a/b\n\nFirst"),
            commit_on(3, &[1], "b"),
            commit_on(1, &[], "root"),
        ];
        assert_eq!(pull_requests(&commits), [None, Some(0), None, Some(2), None]);
    }

    #[test]
    fn follows_100_000_nested_merges_without_recursion() {
        let count = 100_000u32;
        let id = |number: u32| {
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            CommitId::from_bytes(bytes)
        };
        let make = |number: u32| Commit {
            id: id(number),
            parents: vec![id(0), id(number - 1)],
            ..commit(1, "Merge pull request #1 from a/b")
        };
        let commits: Vec<Commit> = (1..count).rev().map(make).collect();
        assert_eq!(pull_requests(&commits).iter().filter(|one| one.is_some()).count(), commits.len() - 1);
    }

    #[test]
    fn a_commit_belongs_to_the_oldest_release_that_contains_it() {
        let commits: Vec<Commit> = (1..=5).rev().map(|number| commit(number, "x")).collect();
        let positions = Positions::of_range(&commits);
        // Releases are at 4 and 2. The newest commit (5) is in neither.
        assert_eq!(releases_of(&commits, &[1, 3], &positions), [None, Some(0), Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn refuses_an_ambiguous_prefix() {
        let commits = [commit(0x11, "a"), commit(0x12, "b")];
        let positions = Positions::of_range(&commits);
        assert_eq!(positions.of_prefix("1111111"), Some(0));
        assert_eq!(positions.of_prefix("1"), None);
        assert_eq!(positions.of_prefix("3333333"), None);
    }
}
