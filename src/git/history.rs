//! Reads history: commits, messages and manifest changes.

use std::path::Path;

use git2::{Commit, Oid, Repository, Sort};
use memchr::memmem::Finder;
use rayon::prelude::*;

use super::GitError;
use super::diff::{self, Entry};
use super::handle::{self, commit_id, commit_oid};
use super::raw::{bounded_text, time, walk_error};
use super::tree::{Scope, entry_at, find_commit, find_parent};
use crate::model::{CommitId, CommitInfo, FileChange, Line, RepoPath};

/// The longest message, in bytes. A commit of ten thousand promotions has 4 MiB of trailers.
const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// The longest author name, in bytes.
const MAX_NAME_BYTES: usize = 1024;

/// How many commits of a merged branch are searched for promotions: a pull request has one of Tidegate's and a few more.
const MAX_MERGED: usize = 10;

/// Reopen the handle after this many commits: its object cache only grows.
const COMMITS_PER_HANDLE: usize = 4_000;

/// Commits compared by one thread with one handle.
const COMMITS_PER_CHUNK: usize = 500;

/// A walk from `tip` down to `until`.
pub(super) struct Walk<'a> {
    pub(super) folder: &'a Path,
    pub(super) tip: CommitId,
    pub(super) until: Option<CommitId>,
}

impl Walk<'_> {
    /// The first-parent line, oldest first, without `until`.
    pub(super) fn line(&self) -> Result<Line, GitError> {
        let mut repository = handle::open(self.folder)?;
        let mut next = Some(find_commit(&repository, self.tip)?.id());
        let mut line = Line::default();
        while let Some(id) = next {
            if Some(commit_id(id)) == self.until {
                line.is_down_to_known = true;
                break;
            }
            line.commits.push(commit_id(id));
            if line.commits.len() % COMMITS_PER_HANDLE == 0 {
                repository = handle::open(self.folder)?;
            }
            next = find_parent(&repository, id)?.parent_id(0).ok();
        }
        line.commits.reverse();
        Ok(line)
    }

    /// Commits whose message contains one of `needles`, newest first.
    pub(super) fn mentions(&self, needles: &[String]) -> Result<Vec<(String, CommitId)>, GitError> {
        let finders: Vec<(&String, Finder<'_>)> =
            needles.iter().map(|needle| (needle, Finder::new(needle.as_bytes()))).collect();
        let walker = handle::open(self.folder)?;
        let mut reader = handle::open(self.folder)?;
        let mut found = Vec::new();
        for (count, id) in self.all_parents(&walker)?.enumerate() {
            let id = id.map_err(walk_error)?;
            if count % COMMITS_PER_HANDLE == COMMITS_PER_HANDLE - 1 {
                reader = handle::open(self.folder)?;
            }
            let commit = find_parent(&reader, id)?;
            let message = commit.message_raw_bytes();
            let met = finders.iter().filter(|(_, finder)| finder.find(message).is_some());
            found.extend(met.map(|(needle, _)| ((*needle).clone(), commit_id(id))));
        }
        Ok(found)
    }

    fn all_parents<'repo>(&self, repository: &'repo Repository) -> Result<git2::Revwalk<'repo>, GitError> {
        find_commit(repository, self.tip)?;
        let mut walk = repository.revwalk().map_err(walk_error)?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).map_err(walk_error)?;
        walk.push(commit_oid(self.tip)).map_err(walk_error)?;
        match self.until.map(|until| find_commit(repository, until)) {
            // A force push may have removed it: search everything.
            None | Some(Err(GitError::UnknownCommit { .. })) => {}
            Some(Err(error)) => return Err(error),
            Some(Ok(until)) => walk.hide(until.id()).map_err(walk_error)?,
        }
        Ok(walk)
    }
}

/// The newest commit on the first-parent line of `head` that changed `file`.
pub(super) fn last_change(folder: &Path, head: CommitId, file: &RepoPath) -> Result<CommitId, GitError> {
    let mut repository = handle::open(folder)?;
    let mut here = find_commit(&repository, head)?.id();
    let mut wanted = None;
    for count in 1.. {
        let commit = find_parent(&repository, here)?;
        let content = entry_at(&repository, commit.tree_id(), file.as_str())?;
        let wanted = *wanted.get_or_insert(content);
        let Ok(parent) = commit.parent_id(0) else { break };
        let before = entry_at(&repository, find_parent(&repository, parent)?.tree_id(), file.as_str())?;
        if before != wanted {
            break;
        }
        here = parent;
        if count % COMMITS_PER_HANDLE == 0 {
            drop(commit);
            repository = handle::open(folder)?;
        }
    }
    Ok(commit_id(here))
}

/// Each commit's message, followed by those of the commits that it merged.
pub(super) fn messages(folder: &Path, commits: &[CommitId]) -> Result<Vec<Vec<String>>, GitError> {
    let repository = handle::open(folder)?;
    let told = |id: &CommitId| match find_commit(&repository, *id) {
        Err(GitError::UnknownCommit { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(commit) => {
            let own = bounded_text(commit.message_raw_bytes(), MAX_MESSAGE_BYTES);
            Ok([vec![own], merged(&repository, &commit)?].concat())
        }
    };
    commits.iter().map(told).collect()
}

/// Whether `tip` is or descends from `ancestor`. False when the mirror lacks `ancestor`.
pub(super) fn contains(folder: &Path, ancestor: CommitId, tip: CommitId) -> Result<bool, GitError> {
    let repository = handle::open(folder)?;
    find_commit(&repository, tip)?;
    if ancestor == tip {
        return Ok(true);
    }
    match find_commit(&repository, ancestor) {
        Err(GitError::UnknownCommit { .. }) => Ok(false),
        Err(error) => Err(error),
        Ok(ancestor) => repository.graph_descendant_of(commit_oid(tip), ancestor.id()).map_err(walk_error),
    }
}

/// A commit with its resolved scope roots, so that each tree is resolved once.
struct Place {
    id: Oid,
    tree: Oid,
    roots: Vec<Entry>,
}

/// A commit with its changes.
pub(super) type CommitChanges = (CommitInfo, Vec<FileChange>);

/// The manifest changes of consecutive first-parent commits, oldest first.
pub(super) fn changes(
    folder: &Path,
    line: &[CommitId],
    paths: &[RepoPath],
) -> Result<Vec<CommitChanges>, GitError> {
    let scope = Scope::new(paths);
    let runs: Vec<Vec<CommitChanges>> = line
        .par_chunks(COMMITS_PER_CHUNK)
        .map(|run| compare(folder, &scope, run))
        .collect::<Result<_, _>>()?;
    Ok(runs.into_iter().flatten().collect())
}

/// Compares each commit of `run` with its first parent.
fn compare(folder: &Path, scope: &Scope, run: &[CommitId]) -> Result<Vec<CommitChanges>, GitError> {
    let repository = handle::open(folder)?;
    let Some(last) = run.last() else { return Ok(Vec::new()) };
    let commit = find_commit(&repository, *last)?;
    let tree = commit.tree_id();
    let mut here = Place { id: commit.id(), tree, roots: scope.resolve(&repository, tree)? };
    let mut news = Vec::new();
    for _ in run {
        let step = Step::take(&repository, scope, &here)?;
        news.extend(step.news);
        match step.parent {
            Some(parent) => here = parent,
            None => break,
        }
    }
    news.reverse();
    Ok(news)
}

/// One commit compared with its first parent.
struct Step {
    news: Option<CommitChanges>,
    parent: Option<Place>,
}

impl Step {
    fn take(repository: &Repository, scope: &Scope, here: &Place) -> Result<Self, GitError> {
        let commit = find_parent(repository, here.id)?;
        let parent = match commit.parent_id(0) {
            Ok(id) => Some(find_parent(repository, id)?),
            Err(_) => None,
        };
        let place = parent.as_ref().map(|parent| here.parent(repository, scope, parent)).transpose()?;
        let nothing = vec![None; here.roots.len()];
        let before = place.as_ref().map_or(&nothing, |place| &place.roots);
        let changes = diff::changes(repository, scope, before, &here.roots)?;
        let news = if changes.is_empty() {
            None
        } else {
            let merged = merged(repository, &commit)?;
            Some((CommitInfo { merged, ..info(&commit, parent.as_ref()) }, changes))
        };
        Ok(Self { news, parent: place })
    }
}

impl Place {
    fn parent(&self, repository: &Repository, scope: &Scope, parent: &Commit<'_>) -> Result<Self, GitError> {
        let tree = parent.tree_id();
        let roots = if tree == self.tree { self.roots.clone() } else { scope.resolve(repository, tree)? };
        Ok(Self { id: parent.id(), tree, roots })
    }
}

fn info(commit: &Commit<'_>, parent: Option<&Commit<'_>>) -> CommitInfo {
    CommitInfo {
        id: commit_id(commit.id()),
        first_parent: parent.map(|parent| commit_id(parent.id())),
        author_name: bounded_text(commit.author().name_bytes(), MAX_NAME_BYTES),
        committed_at: time(commit.time()),
        parent_committed_at: parent.map(|parent| time(parent.time())),
        message: bounded_text(commit.message_raw_bytes(), MAX_MESSAGE_BYTES),
        merged: Vec::new(),
    }
}

/// Messages of the merged branch, newest first: the first-parent line of the second parent, down to the first parent.
fn merged(repository: &Repository, commit: &Commit<'_>) -> Result<Vec<String>, GitError> {
    let (Ok(ours), Ok(theirs)) = (commit.parent_id(0), commit.parent_id(1)) else { return Ok(Vec::new()) };
    let mut walk = repository.revwalk().map_err(walk_error)?;
    walk.set_sorting(Sort::TOPOLOGICAL).map_err(walk_error)?;
    walk.simplify_first_parent().map_err(walk_error)?;
    walk.push(theirs).map_err(walk_error)?;
    walk.hide(ours).map_err(walk_error)?;
    let mut messages = Vec::new();
    for id in walk.take(MAX_MERGED) {
        let brought = find_parent(repository, id.map_err(walk_error)?)?;
        messages.push(bounded_text(brought.message_raw_bytes(), MAX_MESSAGE_BYTES));
    }
    Ok(messages)
}
