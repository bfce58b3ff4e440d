//! How the commits of a range hang together: which merge brought a commit in, and which release has it.

use std::collections::HashMap;

use super::message::{Merge, Message};
use crate::model::{CommitId, SourceCommit as Commit};

/// For each commit of a range, by its position, what brought it in.
pub(super) struct Lineage {
    /// The nearest merge, of whatever kind, that brought the commit in by another parent than the first.
    pub(super) brought_by: Vec<Option<usize>>,
    /// The nearest merge of a request that did.
    pub(super) request_of: Vec<Option<usize>>,
    /// Whether a request has other requests in it, as one from a branch of development has.
    pub(super) has_requests: Vec<bool>,
}

/// A line of first parents that is still to be followed.
struct Line {
    start: usize,
    brought_by: Option<usize>,
    request: Option<usize>,
}

impl Lineage {
    /// Follows every parent once, so it costs what the range is long, however it is woven. Commits are newest first.
    pub(super) fn trace(commits: &[Commit], messages: &[Message<'_>], positions: &Positions) -> Self {
        let count = commits.len();
        let mut lineage = Self {
            brought_by: vec![None; count],
            request_of: vec![None; count],
            has_requests: vec![false; count],
        };
        let mut is_seen = vec![false; count];
        for tip in 0..count {
            // What is not under an earlier tip is a tip itself.
            let mut lines = vec![Line { start: tip, brought_by: None, request: None }];
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
            self.request_of[position] = line.request;
            let is_request = matches!(messages[position].merge, Some(Merge::Request { .. }));
            if is_request && let Some(outer) = line.request {
                self.has_requests[outer] = true;
            }
            let request = if is_request { Some(position) } else { line.request };
            // The line is walked from its newest commit, and the last one put on the pile is followed first: the oldest
            // merge gets what several could claim.
            for parent in commits[position].parents.iter().skip(1).filter_map(|id| positions.of(*id)) {
                lines.push(Line { start: parent, brought_by: Some(position), request });
            }
            let first = commits[position].parents.first().and_then(|id| positions.of(*id));
            next = first.filter(|first| !is_seen[*first]);
        }
    }
}

/// Where in the range each commit is.
pub(super) struct Positions(HashMap<CommitId, usize>);

impl Positions {
    pub(super) fn of_range(commits: &[Commit]) -> Self {
        Self(commits.iter().enumerate().map(|(position, commit)| (commit.id, position)).collect())
    }

    pub(super) fn of(&self, id: CommitId) -> Option<usize> {
        self.0.get(&id).copied()
    }

    /// The one commit whose name begins so.
    pub(super) fn of_prefix(&self, hex: &str) -> Option<usize> {
        if let Ok(id) = hex.parse() {
            return self.of(id);
        }
        let hex = hex.to_ascii_lowercase();
        let mut met = self.0.iter().filter(|(id, _)| id.to_string().starts_with(&hex));
        let (_, position) = met.next()?;
        met.next().is_none().then_some(*position)
    }
}

/// The release that each commit came with, by its position in `releases`, which are newest first and name their commits.
/// A commit that no release has came with none.
pub(super) fn releases_of(
    commits: &[Commit],
    releases: &[usize],
    positions: &Positions,
) -> Vec<Option<usize>> {
    let mut release_of = vec![None; commits.len()];
    for (number, head) in releases.iter().enumerate().rev() {
        let mut pile = vec![*head];
        while let Some(position) = pile.pop() {
            if release_of[position].is_some() {
                continue;
            }
            release_of[position] = Some(number);
            pile.extend(commits[position].parents.iter().filter_map(|id| positions.of(*id)));
        }
    }
    release_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changelog::fixture::{commit, commit_on};

    fn requests(commits: &[Commit]) -> Vec<Option<usize>> {
        let messages: Vec<Message<'_>> = commits.iter().map(Message::read).collect();
        Lineage::trace(commits, &messages, &Positions::of_range(commits)).request_of
    }

    #[test]
    fn a_request_has_what_its_branch_brought() {
        // 5 merges 4 and 3 into 2, which is on 1.
        let commits = [
            commit_on(5, &[2, 4], "Merge pull request #1 from a/b\n\nTitle"),
            commit(4, "b"),
            commit_on(3, &[1], "a"),
            commit(2, "main"),
            commit(1, "root"),
        ];
        assert_eq!(requests(&commits), [None, Some(0), Some(0), None, None]);
    }

    #[test]
    fn a_request_in_a_request_keeps_its_own() {
        // Main: 9 merges the branch of development (7), whose 6 merges request 2 with commit 4.
        let commits = [
            commit_on(9, &[1, 7], "Merge pull request #9 from vtr/develop\n\nRelease"),
            commit_on(7, &[6], "on develop"),
            commit_on(6, &[2, 4], "Merge pull request #2 from a/b\n\nInner"),
            commit_on(4, &[2], "inner work"),
            commit_on(2, &[1], "on develop before"),
        ];
        assert_eq!(requests(&commits), [None, Some(0), Some(0), Some(2), Some(0)]);
    }

    #[test]
    fn what_two_merges_could_claim_goes_to_the_older() {
        // 3 was merged by 4, and again with 5 on top of it by 6.
        let commits = [
            commit_on(6, &[4, 5], "Merge pull request #2 from a/c\n\nSecond"),
            commit_on(5, &[3], "c"),
            commit_on(4, &[1, 3], "Merge pull request #1 from a/b\n\nFirst"),
            commit_on(3, &[1], "b"),
            commit_on(1, &[], "root"),
        ];
        assert_eq!(requests(&commits), [None, Some(0), None, Some(2), None]);
    }

    #[test]
    fn a_thousand_merges_in_merges_are_no_trouble() {
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
        assert_eq!(requests(&commits).iter().filter(|one| one.is_some()).count(), commits.len() - 1);
    }

    #[test]
    fn releases_have_what_their_tags_reach() {
        let commits: Vec<Commit> = (1..=5).rev().map(|number| commit(number, "x")).collect();
        let positions = Positions::of_range(&commits);
        // The newest commit is in no release; 4 and 3 came with the first named, the others with the second.
        assert_eq!(releases_of(&commits, &[1, 3], &positions), [None, Some(0), Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn short_names_must_be_unambiguous() {
        let commits = [commit(0x11, "a"), commit(0x12, "b")];
        let positions = Positions::of_range(&commits);
        assert_eq!(positions.of_prefix("1111111"), Some(0));
        assert_eq!(positions.of_prefix("1"), None);
        assert_eq!(positions.of_prefix("3333333"), None);
    }
}
