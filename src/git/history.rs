//! The branch's history: what landed when, newest first, without holding it all.

use std::path::Path;

use git2::{Commit, Oid, Repository, Sort};
use memchr::memmem::Finder;
use rayon::prelude::*;

use super::GitError;
use super::diff::{self, Found};
use super::handle::{self, commit_id, commit_oid};
use super::raw::{bounded_text, time, walk_error};
use super::tree::{Scope, entry_at, find_commit, find_parent};
use crate::model::{CommitId, CommitInfo, FileChange, Line, RepoPath};

/// The longest message that is kept. A commit of ten thousand promotions has four MiB of trailers.
const MOST_MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// The longest name of an author that is kept.
const MOST_NAME_BYTES: usize = 1024;

/// How many of the commits that a merge brought are looked at: a pull request has one of Tidegate's, and a few of people's.
const MOST_MERGED: usize = 10;

/// After so many commits the handle is opened anew, since its cache of objects only grows.
const COMMITS_A_HANDLE: usize = 4_000;

/// How many commits that follow one another are compared by one thread, with a handle of its own.
const COMMITS_A_RUN: usize = 500;

/// What one walk through history looks for.
pub(super) struct Walk<'a> {
    pub(super) folder: &'a Path,
    pub(super) tip: CommitId,
    pub(super) until: Option<CommitId>,
}

impl Walk<'_> {
    /// The commits along first parents, from above the one to stop at up to the tip.
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
            if line.commits.len() % COMMITS_A_HANDLE == 0 {
                repository = handle::open(self.folder)?;
            }
            next = find_parent(&repository, id)?.parent_id(0).ok();
        }
        line.commits.reverse();
        Ok(line)
    }

    /// Every commit, by any parent, whose message has one of `needles` in it, newest first.
    pub(super) fn mentions(&self, needles: &[String]) -> Result<Vec<(String, CommitId)>, GitError> {
        let finders: Vec<(&String, Finder<'_>)> =
            needles.iter().map(|needle| (needle, Finder::new(needle.as_bytes()))).collect();
        let walker = handle::open(self.folder)?;
        let mut reader = handle::open(self.folder)?;
        let mut found = Vec::new();
        for (count, id) in self.all_parents(&walker)?.enumerate() {
            let id = id.map_err(walk_error)?;
            if count % COMMITS_A_HANDLE == COMMITS_A_HANDLE - 1 {
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
            // A rewritten branch may have taken it away: then everything is searched.
            None | Some(Err(GitError::UnknownCommit { .. })) => {}
            Some(Err(error)) => return Err(error),
            Some(Ok(until)) => walk.hide(until.id()).map_err(walk_error)?,
        }
        Ok(walk)
    }
}

/// The first commit, along first parents from `head` down, after which a file was what it is at `head`.
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
        if count % COMMITS_A_HANDLE == 0 {
            drop(commit);
            repository = handle::open(folder)?;
        }
    }
    Ok(commit_id(here))
}

/// The messages of commits, each with those of what it merged behind it.
pub(super) fn messages(folder: &Path, commits: &[CommitId]) -> Result<Vec<Vec<String>>, GitError> {
    let repository = handle::open(folder)?;
    let told = |id: &CommitId| match find_commit(&repository, *id) {
        Err(GitError::UnknownCommit { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(commit) => {
            let own = bounded_text(commit.message_raw_bytes(), MOST_MESSAGE_BYTES);
            Ok([vec![own], merged(&repository, &commit)?].concat())
        }
    };
    commits.iter().map(told).collect()
}

/// Whether `ancestor` is `tip` or lies under it, by any parent. A commit that the mirror does not have does not.
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

/// A commit on the way, with what the roots of the scope are in it, so that each tree is resolved once.
struct Place {
    id: Oid,
    tree: Oid,
    roots: Vec<Found>,
}

/// A commit with its changes.
pub(super) type News = (CommitInfo, Vec<FileChange>);

/// Of commits that follow one another, oldest first, those that change a manifest in the scope, with their changes.
pub(super) fn changes(folder: &Path, line: &[CommitId], paths: &[RepoPath]) -> Result<Vec<News>, GitError> {
    let scope = Scope::new(paths);
    let runs: Vec<Vec<News>> =
        line.par_chunks(COMMITS_A_RUN).map(|run| compare(folder, &scope, run)).collect::<Result<_, _>>()?;
    Ok(runs.into_iter().flatten().collect())
}

/// Compares commits that follow one another, oldest first, with their first parents. What changes no manifest is left out.
fn compare(folder: &Path, scope: &Scope, run: &[CommitId]) -> Result<Vec<News>, GitError> {
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

/// One commit against its first parent.
struct Step {
    /// The commit and its changes, if it changes a manifest.
    news: Option<News>,
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
        author_name: bounded_text(commit.author().name_bytes(), MOST_NAME_BYTES),
        committed_at: time(commit.time()),
        parent_committed_at: parent.map(|parent| time(parent.time())),
        message: bounded_text(commit.message_raw_bytes(), MOST_MESSAGE_BYTES),
        merged: Vec::new(),
    }
}

/// What a merge brought, newest first: the commits on the first-parent line of its second parent that the line of its
/// first parent has not.
fn merged(repository: &Repository, commit: &Commit<'_>) -> Result<Vec<String>, GitError> {
    let (Ok(ours), Ok(theirs)) = (commit.parent_id(0), commit.parent_id(1)) else { return Ok(Vec::new()) };
    let mut walk = repository.revwalk().map_err(walk_error)?;
    walk.set_sorting(Sort::TOPOLOGICAL).map_err(walk_error)?;
    walk.simplify_first_parent().map_err(walk_error)?;
    walk.push(theirs).map_err(walk_error)?;
    walk.hide(ours).map_err(walk_error)?;
    let mut messages = Vec::new();
    for id in walk.take(MOST_MERGED) {
        let brought = find_parent(repository, id.map_err(walk_error)?)?;
        messages.push(bounded_text(brought.message_raw_bytes(), MOST_MESSAGE_BYTES));
    }
    Ok(messages)
}
