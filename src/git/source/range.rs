//! Reads the commits between two commits, without file contents.

use std::path::Path;
use std::time::Instant;

use git2::{ErrorCode, Oid, Repository, Sort};

use crate::git::GitError;
use crate::git::handle::{self, commit_id, commit_oid};
use crate::git::raw::{bounded_text, time, walk_error};
use crate::git::tree::{Commit, Scope, find_commit, find_parent};
use crate::model::{
    CommitId, MOST_MESSAGE_BYTES, MOST_NAME_BYTES, Person, Relation, RepoPath, SourceCommit, SourceRange,
};

/// Commits between two deadline checks.
const CHECK_INTERVAL: usize = 256;

/// A requested range.
#[derive(Clone, Debug)]
pub struct RangeQuery {
    pub from: CommitId,
    pub to: CommitId,
    /// The service's folders; empty for all.
    pub paths: Vec<RepoPath>,
    /// Maximum commits read per side.
    pub most_commits: usize,
    pub deadline: Instant,
}

/// Reads the range from the mirror in `folder`.
pub(super) fn read(folder: &Path, wanted: &RangeQuery) -> Result<SourceRange, GitError> {
    let repository = handle::open(folder)?;
    let (from, to) = (find_commit(&repository, wanted.from)?.id, find_commit(&repository, wanted.to)?.id);
    let (from, to) = (commit_oid(from), commit_oid(to));
    let walk = Walk { repository: &repository, wanted, scope: Scope::new(&wanted.paths) };
    let relation = relation(&repository, from, to)?;
    let (commits, lost) = match relation {
        Relation::Forward => (walk.commits(to, Some(from))?, Side::default()),
        Relation::Backward => (walk.commits(from, Some(to))?, Side::default()),
        Relation::Diverged => (walk.commits(to, Some(from))?, walk.commits(from, Some(to))?),
        Relation::Unrelated => (Side::default(), Side::default()),
    };
    let is_cut = commits.is_cut || lost.is_cut;
    Ok(SourceRange { relation, commits: commits.commits, lost: lost.commits, is_cut })
}

/// The only commit whose id starts with these digits.
pub(super) fn by_prefix(folder: &Path, hex: &str) -> Result<Option<CommitId>, GitError> {
    let repository = handle::open(folder)?;
    match repository.find_commit_by_prefix(hex) {
        Ok(commit) => Ok(Some(commit_id(commit.id()))),
        Err(error)
            if matches!(
                error.code(),
                ErrorCode::NotFound | ErrorCode::Ambiguous | ErrorCode::InvalidSpec
            ) =>
        {
            Ok(None)
        }
        Err(source) => Err(GitError::Damaged { operation: "look a commit up".into(), source }),
    }
}

fn relation(repository: &Repository, from: Oid, to: Oid) -> Result<Relation, GitError> {
    match repository.merge_base(from, to) {
        Ok(base) if base == from => Ok(Relation::Forward),
        Ok(base) if base == to => Ok(Relation::Backward),
        Ok(_) => Ok(Relation::Diverged),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(Relation::Unrelated),
        Err(source) => Err(GitError::Damaged { operation: "find where two commits part".into(), source }),
    }
}

/// One side of the range.
#[derive(Default)]
struct Side {
    commits: Vec<SourceCommit>,
    is_cut: bool,
}

struct Walk<'a> {
    repository: &'a Repository,
    wanted: &'a RangeQuery,
    scope: Scope,
}

impl Walk<'_> {
    /// Commits reachable from `tip` but not from `hidden`, newest first.
    fn commits(&self, tip: Oid, hidden: Option<Oid>) -> Result<Side, GitError> {
        let mut walk = self.repository.revwalk().map_err(walk_error)?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).map_err(walk_error)?;
        walk.push(tip).map_err(walk_error)?;
        if let Some(hidden) = hidden {
            walk.hide(hidden).map_err(walk_error)?;
        }
        let mut side = Side::default();
        for id in walk {
            if side.commits.len() == self.wanted.most_commits {
                side.is_cut = true;
                break;
            }
            if side.commits.len().is_multiple_of(CHECK_INTERVAL) && Instant::now() > self.wanted.deadline {
                return Err(GitError::TooSlow { operation: "read the history" });
            }
            let commit = find_parent(self.repository, commit_id(id.map_err(walk_error)?))?;
            let is_relevant = self.is_relevant(&commit)?;
            side.commits.push(source_commit(&commit, is_relevant));
        }
        Ok(side)
    }

    /// Whether a commit touches the folders. A merge always does; its commits are checked one by one.
    fn is_relevant(&self, commit: &Commit) -> Result<bool, GitError> {
        if self.wanted.paths.is_empty() || commit.parents.len() > 1 {
            return Ok(true);
        }
        let here = self.scope.resolve(self.repository, commit.tree)?;
        let Some(parent) = commit.first_parent() else { return Ok(here.iter().any(Option::is_some)) };
        let parent = find_parent(self.repository, parent)?;
        Ok(here != self.scope.resolve(self.repository, parent.tree)?)
    }
}

fn source_commit(commit: &Commit, is_relevant: bool) -> SourceCommit {
    SourceCommit {
        id: commit.id,
        parents: commit.parents.clone(),
        author: Person {
            name: bounded_text(&commit.author.name, MOST_NAME_BYTES),
            email: bounded_text(&commit.author.email, MOST_NAME_BYTES),
        },
        authored_at: time(commit.author.seconds),
        committed_at: time(commit.committer.seconds),
        message: bounded_text(&commit.message, MOST_MESSAGE_BYTES),
        is_relevant,
    }
}

/// The libgit2 id of a commit.
pub(super) fn has(folder: &Path, id: CommitId) -> Result<bool, GitError> {
    let repository = handle::open(folder)?;
    Ok(repository.find_commit(commit_oid(id)).is_ok())
}
