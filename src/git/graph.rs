//! The commit graph: which parent of a merge is the branch, and what its other parents brought.
//!
//! Read by `git rev-list`, which unlike libgit2 walks over malformed commits.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::path::Path;
use std::time::Duration;

use git2::Repository;
use memchr::memmem;

use super::remote::program::{self, Output, Timeouts};
use super::tree::{Commit, find_parent};
use super::{GitError, ProgramError};
use crate::model::{BRANCH_TRAILER, CommitId, Printable};

/// Deadline for listing the commits of a repository.
const DEADLINE: Duration = Duration::from_mins(5);

/// Maximum commits of one side of a merge that are searched for Tidegate's own.
const MAX_SEARCHED: usize = 10_000;

/// Maximum bytes of a listing: six million commits.
const MAX_LISTING_BYTES: usize = 512 * 1024 * 1024;

/// Every commit that a tip reaches, children before parents.
#[derive(Debug)]
pub(super) struct Graph {
    commits: Vec<CommitId>,
    parents: Vec<Vec<usize>>,
    places: HashMap<CommitId, usize>,
}

impl Graph {
    /// Lists all commits that `tip` reaches in the mirror in `folder`.
    pub(super) fn load(folder: &Path, tip: CommitId) -> Result<Self, GitError> {
        let arguments = ["rev-list", "--topo-order", "--parents", &tip.to_string()];
        let lines = list(folder, &arguments)?;
        let rows: Vec<Vec<CommitId>> = lines.iter().map(|line| ids(line)).collect::<Result<_, _>>()?;
        let commits: Vec<CommitId> = rows.iter().filter_map(|row| row.first().copied()).collect();
        let places: HashMap<CommitId, usize> = commits.iter().copied().zip(0..).collect();
        let parents = rows
            .iter()
            .map(|row| row.iter().skip(1).filter_map(|parent| places.get(parent).copied()).collect())
            .collect();
        Ok(Self { commits, parents, places })
    }

    pub(super) fn has(&self, commit: CommitId) -> bool {
        self.places.contains_key(&commit)
    }

    /// The commits that `from` reach and `hidden` does not, children before parents; at most `max`.
    pub(super) fn exclusive(&self, from: &[CommitId], hidden: CommitId, max: usize) -> Vec<CommitId> {
        const WANTED: u8 = 1;
        const HIDDEN: u8 = 2;
        let mut reached: HashMap<usize, u8> = HashMap::new();
        let mut queue = BinaryHeap::new();
        // Number of entries in the queue that are not hidden.
        let mut open = 0_usize;
        let mut found = Vec::new();
        let starts = from.iter().map(|commit| (commit, WANTED)).chain([(&hidden, HIDDEN)]);
        let mut pending: Vec<(usize, u8)> =
            starts.filter_map(|(commit, side)| Some((*self.places.get(commit)?, side))).collect();
        loop {
            for (place, side) in pending.drain(..) {
                let sides = reached.entry(place).or_insert_with(|| {
                    queue.push(Reverse(place));
                    0
                });
                let was_open = *sides == WANTED;
                *sides |= side;
                open += usize::from(*sides == WANTED);
                open -= usize::from(was_open);
            }
            if open == 0 || found.len() == max {
                return found;
            }
            // Children come first, so everything that reaches this commit has been seen.
            let Some(Reverse(place)) = queue.pop() else { return found };
            let sides = reached[&place];
            if sides == WANTED {
                open -= 1;
                found.push(self.commits[place]);
            }
            pending.extend(self.parents[place].iter().map(|parent| (*parent, sides)));
        }
    }

    /// The parent of a merge that was the branch: the first one, but where somebody merged the branch into work of
    /// their own, as `git pull` does, the one that brought Tidegate's commits on `branch`.
    pub(super) fn mainline_parent(
        &self,
        repository: &Repository,
        commit: &Commit,
        branch: &str,
    ) -> Result<Option<CommitId>, GitError> {
        let Some((first, others)) = commit.parents.split_first() else { return Ok(None) };
        for other in others {
            let brings = |from: CommitId, hidden: CommitId| -> Result<bool, GitError> {
                for id in self.exclusive(&[from], hidden, MAX_SEARCHED) {
                    if is_own(&find_parent(repository, id)?, branch) {
                        return Ok(true);
                    }
                }
                Ok(false)
            };
            if brings(*other, *first)? && !brings(*first, *other)? {
                return Ok(Some(*other));
            }
        }
        Ok(Some(*first))
    }
}

/// Whether Tidegate pushed the commit to `branch`, by its trailer.
fn is_own(commit: &Commit, branch: &str) -> bool {
    let line = format!("\n{BRANCH_TRAILER}: {branch}");
    let message = commit.message.as_slice();
    memmem::find_iter(message, &line)
        .any(|at| message.get(at + line.len()).is_none_or(|next| matches!(next, b'\n' | b'\r')))
}

/// The commits that `tip` reaches and `until` does not, newest first.
pub(super) fn between(
    folder: &Path,
    tip: CommitId,
    until: Option<CommitId>,
) -> Result<Vec<CommitId>, GitError> {
    let hidden = until.map(|until| format!("^{until}"));
    let tip = tip.to_string();
    let arguments: Vec<&str> =
        ["rev-list", "--topo-order", &tip].into_iter().chain(hidden.as_deref()).collect();
    Ok(list(folder, &arguments)?.iter().map(|line| ids(line)).collect::<Result<Vec<_>, _>>()?.concat())
}

/// Whether `tip` is or descends from `ancestor`, both in the mirror.
pub(super) fn is_ancestor(folder: &Path, ancestor: CommitId, tip: CommitId) -> Result<bool, GitError> {
    let arguments =
        ["merge-base".to_owned(), "--is-ancestor".to_owned(), ancestor.to_string(), tip.to_string()];
    let output = program::run(program::command(folder), arguments, DEADLINE)
        .map_err(|source| failed(folder, source))?;
    match output.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err(failed(folder, ProgramError::Ended { status: output.status, message: output.message() })),
    }
}

fn list(folder: &Path, arguments: &[&str]) -> Result<Vec<String>, GitError> {
    let timeouts = Timeouts { max_output_bytes: MAX_LISTING_BYTES, ..DEADLINE.into() };
    let output = program::run(program::command(folder), arguments, timeouts)
        .and_then(Output::success)
        .map_err(|source| failed(folder, source))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

fn ids(line: &str) -> Result<Vec<CommitId>, GitError> {
    let unexpected = || ProgramError::Answer { message: Printable::bounded(line, 200).to_string() };
    line.split(' ').map(|id| id.parse().map_err(|_| failed(Path::new("the mirror"), unexpected()))).collect()
}

fn failed(folder: &Path, source: ProgramError) -> GitError {
    GitError::Program { operation: "list the commits of", location: folder.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `d:b,c` has the parents b and c; children first.
    fn graph(text: &str) -> Graph {
        let rows: Vec<(&str, Vec<&str>)> = text
            .split(' ')
            .map(|row| row.split_once(':').unwrap())
            .map(|(commit, parents)| {
                (commit, parents.split(',').filter(|parent| !parent.is_empty()).collect())
            })
            .collect();
        let commits: Vec<CommitId> = rows.iter().map(|(commit, _)| id(commit)).collect();
        let places: HashMap<CommitId, usize> = commits.iter().copied().zip(0..).collect();
        let parents =
            rows.iter().map(|(_, row)| row.iter().map(|parent| places[&id(parent)]).collect()).collect();
        Graph { commits, parents, places }
    }

    fn id(name: &str) -> CommitId {
        CommitId::from_bytes([name.as_bytes()[0]; 20])
    }

    #[test]
    fn exclusive_commits_are_those_that_only_one_side_reaches() {
        let graph = graph("m:x,r,o r:q q:a,p p:a x:b a:b o:b b:");
        for (from, hidden, max, expected) in [
            (&["r"][..], "x", 9, "rqpa"),
            (&["x"], "r", 9, "x"),
            (&["r", "o"], "x", 9, "rqpao"),
            (&["b"], "x", 9, ""),
            (&["r"], "x", 2, "rq"),
            (&["r"], "m", 9, ""),
        ] {
            let from: Vec<CommitId> = from.iter().map(|name| id(name)).collect();
            let found = graph.exclusive(&from, id(hidden), max);
            let found: String = found.iter().map(|id| char::from(id.as_bytes()[0])).collect();
            assert_eq!(found, expected, "{hidden}");
        }
    }
}
