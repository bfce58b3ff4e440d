//! Reads history: commits, messages and manifest changes.
//!
//! The *line* is what the branch was at: from the tip down, by [`Graph::mainline_parent`] at each merge. What the other
//! parents of a merge brought is read with the merge.

use std::collections::BTreeMap;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use git2::{Oid, Repository};
use memchr::memmem::Finder;
use rayon::prelude::*;

use super::GitError;
use super::diff::{self, Entry};
use super::graph::{self, Graph};
use super::handle::{self, blob_id};
use super::raw::{bounded_text, time};
use super::tree::{Commit, Kind, Scope, entry_at, find_commit, find_parent};
use super::tree_changes::{self, TreePair};
use crate::model::{BlobId, CommitChanges, CommitId, CommitInfo, FileChange, Line, RepoPath};

/// The longest message, in bytes. A commit of ten thousand promotions has 4 MiB of trailers.
const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// The longest author name, in bytes.
const MAX_NAME_BYTES: usize = 1024;

/// Maximum commits of a merged branch searched for promotions: a pull request has one of Tidegate and a few more.
const MAX_MERGED: usize = 10;

/// Reopen the handle after this many commits: its object cache only grows.
const COMMITS_PER_HANDLE: usize = 4_000;

/// Commits compared by one thread with one handle, and by one run of Git.
const COMMITS_PER_CHUNK: usize = 1_000;

/// Minimum comparisons for which a run of Git is faster than libgit2.
const MIN_PAIRS_FOR_GIT: usize = 64;

/// Reads the history in one mirror.
#[derive(Debug)]
pub(super) struct Reader {
    folder: PathBuf,
    /// The URL and the branch, as Tidegate's commits name them.
    branch: String,
    /// Loaded when the first merge is met.
    graph: Mutex<Option<Arc<Graph>>>,
}

impl Reader {
    pub(super) fn new(folder: &Path, branch: String) -> Self {
        Self { folder: folder.to_owned(), branch, graph: Mutex::default() }
    }

    /// Frees the memory of the commit graph.
    pub(super) fn forget_graph(&self) {
        *self.graph.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A graph that has `commit` and everything under it.
    fn graph(&self, commit: CommitId) -> Result<Arc<Graph>, GitError> {
        let mut graph = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(graph) = graph.as_ref().filter(|graph| graph.has(commit)) {
            return Ok(Arc::clone(graph));
        }
        Ok(Arc::clone(graph.insert(Arc::new(Graph::load(&self.folder, commit)?))))
    }

    fn mainline_parent(
        &self,
        repository: &Repository,
        commit: &Commit,
    ) -> Result<Option<CommitId>, GitError> {
        match commit.parents.as_slice() {
            [] => Ok(None),
            [parent] => Ok(Some(*parent)),
            _ => self.graph(commit.id)?.mainline_parent(repository, commit, &self.branch),
        }
    }

    /// The line, oldest first, without `until`.
    pub(super) fn line(&self, tip: CommitId, until: Option<CommitId>) -> Result<Line, GitError> {
        let mut repository = handle::open(&self.folder)?;
        let mut next = Some(find_commit(&repository, tip)?.id);
        let mut line = Line::default();
        while let Some(id) = next {
            if Some(id) == until {
                line.is_down_to_known = true;
                break;
            }
            line.commits.push(id);
            if line.commits.len() % COMMITS_PER_HANDLE == 0 {
                repository = handle::open(&self.folder)?;
            }
            next = self.mainline_parent(&repository, &find_parent(&repository, id)?)?;
        }
        line.commits.reverse();
        Ok(line)
    }

    /// Commits whose message contains one of `needles`, newest first.
    pub(super) fn mentions(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        needles: &[String],
    ) -> Result<Vec<(String, CommitId)>, GitError> {
        let finders: Vec<(&String, Finder<'_>)> =
            needles.iter().map(|needle| (needle, Finder::new(needle.as_bytes()))).collect();
        let mut repository = handle::open(&self.folder)?;
        find_commit(&repository, tip)?;
        // A force push may have removed it: search everything.
        let until = until.filter(|until| find_commit(&repository, *until).is_ok());
        let mut found = Vec::new();
        for (count, id) in graph::between(&self.folder, tip, until)?.into_iter().enumerate() {
            if count % COMMITS_PER_HANDLE == COMMITS_PER_HANDLE - 1 {
                repository = handle::open(&self.folder)?;
            }
            let commit = find_parent(&repository, id)?;
            let met = finders.iter().filter(|(_, finder)| finder.find(&commit.message).is_some());
            found.extend(met.map(|(needle, _)| ((*needle).clone(), id)));
        }
        Ok(found)
    }

    /// Each commit's message, followed by those of the commits that it merged.
    pub(super) fn messages(&self, commits: &[CommitId]) -> Result<Vec<Vec<String>>, GitError> {
        let repository = handle::open(&self.folder)?;
        let read = |id: &CommitId| match find_commit(&repository, *id) {
            Err(GitError::UnknownCommit { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(commit) => {
                let own = bounded_text(&commit.message, MAX_MESSAGE_BYTES);
                let parent = self.mainline_parent(&repository, &commit)?;
                Ok([vec![own], self.merged_messages(&repository, &commit, parent)?].concat())
            }
        };
        commits.iter().map(read).collect()
    }

    /// Whether `tip` is or descends from `ancestor`. False when the mirror lacks `ancestor`.
    pub(super) fn contains(&self, ancestor: CommitId, tip: CommitId) -> Result<bool, GitError> {
        let repository = handle::open(&self.folder)?;
        find_commit(&repository, tip)?;
        match find_commit(&repository, ancestor) {
            Err(GitError::UnknownCommit { .. }) => Ok(false),
            Err(error) => Err(error),
            Ok(_) => Ok(ancestor == tip || graph::is_ancestor(&self.folder, ancestor, tip)?),
        }
    }

    /// The manifests in the whole repository that a commit removed, with their blobs.
    pub(super) fn removed(&self, commit: CommitId) -> Result<Vec<(RepoPath, BlobId)>, GitError> {
        let repository = handle::open(&self.folder)?;
        let commit = find_commit(&repository, commit)?;
        let Some(parent) = self.mainline_parent(&repository, &commit)? else { return Ok(Vec::new()) };
        let everywhere = Scope::new(&[]);
        let roots = |commit: &Commit| everywhere.resolve(&repository, commit.tree);
        let parent = find_parent(&repository, parent)?;
        let changes = diff::changes(&repository, &everywhere, &roots(&parent)?, &roots(&commit)?)?;
        let removed = changes.files.into_iter().filter(|change| change.after.is_none());
        Ok(removed.filter_map(|change| Some((change.path, change.before?))).collect())
    }

    /// The manifest changes of consecutive commits of the line, oldest first.
    pub(super) fn changes(
        &self,
        line: &[CommitId],
        paths: &[RepoPath],
    ) -> Result<Vec<CommitChanges>, GitError> {
        let scope = Scope::new(paths);
        let Some(first) = line.first() else { return Ok(Vec::new()) };
        let repository = handle::open(&self.folder)?;
        let before = self.mainline_parent(&repository, &find_commit(&repository, *first)?)?;
        drop(repository);
        let chunks = line.par_chunks(COMMITS_PER_CHUNK).enumerate();
        let read = |(chunk, commits): (usize, &[CommitId])| {
            let before = if chunk == 0 { before } else { line.get(chunk * COMMITS_PER_CHUNK - 1).copied() };
            Comparison { reader: self, repository: handle::open(&self.folder)?, scope: &scope }
                .of(before, commits)
        };
        let changes: Vec<Vec<CommitChanges>> = chunks.map(read).collect::<Result<_, _>>()?;
        Ok(changes.into_iter().flatten().collect())
    }

    /// Messages of the merged branch, newest first: the first-parent line of the first parent beside the line.
    fn merged_messages(
        &self,
        repository: &Repository,
        commit: &Commit,
        parent: Option<CommitId>,
    ) -> Result<Vec<String>, GitError> {
        let other = commit.parents.iter().find(|id| Some(**id) != parent);
        let (Some(parent), Some(other)) = (parent, other) else { return Ok(Vec::new()) };
        let brought = self.graph(commit.id)?.exclusive(&[*other], parent, usize::MAX);
        let mut messages = Vec::new();
        let mut next = Some(*other).filter(|id| brought.contains(id));
        while let Some(id) = next.filter(|_| messages.len() < MAX_MERGED) {
            let commit = find_parent(repository, id)?;
            messages.push(bounded_text(&commit.message, MAX_MESSAGE_BYTES));
            next = commit.first_parent().filter(|id| brought.contains(id));
        }
        Ok(messages)
    }
}

/// Compares consecutive commits of the line.
struct Comparison<'a> {
    reader: &'a Reader,
    repository: Repository,
    scope: &'a Scope,
}

/// A commit of the line, and the places of what is compared for it in a list of tree pairs.
struct Step {
    commit: Commit,
    pair: usize,
    /// The commits beside the line that it brought, oldest first.
    brought: Vec<(CommitId, usize)>,
}

impl Comparison<'_> {
    /// The changes of `commits`, which come after `before`.
    fn of(&self, before: Option<CommitId>, commits: &[CommitId]) -> Result<Vec<CommitChanges>, GitError> {
        let mut parent = before.map(|id| find_parent(&self.repository, id)).transpose()?;
        let (mut pairs, mut steps) = (Vec::new(), Vec::<Step>::with_capacity(commits.len()));
        for id in commits {
            let commit = find_parent(&self.repository, *id)?;
            let parent = steps.last().map(|step| &step.commit).or(parent.as_ref());
            let brought = self.brought(parent, &commit, &mut pairs)?;
            pairs.push((parent.map(|parent| parent.tree), commit.tree));
            steps.push(Step { commit, pair: pairs.len() - 1, brought });
        }
        let mut changes = self.compare(&pairs)?;
        let mut all = Vec::new();
        for step in steps {
            let own = mem::take(&mut changes[step.pair]);
            let merged = self.merged(parent.as_ref(), &step, &mut changes)?;
            if !own.is_empty() || !merged.is_empty() {
                let messages = self.reader.merged_messages(
                    &self.repository,
                    &step.commit,
                    parent.as_ref().map(|parent| parent.id),
                )?;
                let commit = CommitInfo { merged: messages, ..info(&step.commit, parent.as_ref()) };
                all.push(CommitChanges { commit, changes: own, merged });
            }
            parent = Some(step.commit);
        }
        Ok(all)
    }

    /// The changes of each pair of trees: few by libgit2, which starts no program, and many by Git. What Git refuses,
    /// libgit2 reads as far as it goes or names the damage.
    fn compare(&self, pairs: &[TreePair]) -> Result<Vec<Vec<FileChange>>, GitError> {
        if pairs.len() >= MIN_PAIRS_FOR_GIT {
            match tree_changes::changes(&self.reader.folder, self.scope, pairs) {
                Err(GitError::Program { source, .. }) => {
                    tracing::debug!(error = %source, "reading trees with libgit2");
                }
                read => return read,
            }
        }
        let nothing = vec![None; self.scope.roots.len()];
        let mut last: Option<(Oid, Vec<Entry>)> = None;
        let mut all = Vec::with_capacity(pairs.len());
        for (before, after) in pairs {
            let roots = self.scope.resolve(&self.repository, *after)?;
            let before = match (before, &last) {
                (None, _) => nothing.clone(),
                (Some(tree), Some((known, roots))) if tree == known => roots.clone(),
                (Some(tree), _) => self.scope.resolve(&self.repository, *tree)?,
            };
            all.push(diff::changes(&self.repository, self.scope, &before, &roots)?.files);
            last = Some((*after, roots));
        }
        Ok(all)
    }

    /// The commits beside the line that a merge brought, oldest first; their trees go to `pairs`.
    fn brought(
        &self,
        parent: Option<&Commit>,
        merge: &Commit,
        pairs: &mut Vec<TreePair>,
    ) -> Result<Vec<(CommitId, usize)>, GitError> {
        let Some(parent) = parent.filter(|_| merge.parents.len() > 1) else { return Ok(Vec::new()) };
        let others: Vec<CommitId> = merge.parents.iter().copied().filter(|id| *id != parent.id).collect();
        let beside = self.reader.graph(merge.id)?.exclusive(&others, parent.id, usize::MAX);
        let mut brought = Vec::new();
        for id in beside.into_iter().rev() {
            let commit = find_parent(&self.repository, id)?;
            // The commits of a merge beside the line are compared by themselves.
            let [only] = commit.parents.as_slice() else { continue };
            brought.push((id, pairs.len()));
            pairs.push((Some(find_parent(&self.repository, *only)?.tree), commit.tree));
        }
        Ok(brought)
    }

    /// What the commits beside the line changed that a merge brought, oldest first, and at last what the merge itself
    /// made of these files.
    fn merged(
        &self,
        parent: Option<&Commit>,
        merge: &Step,
        changes: &mut [Vec<FileChange>],
    ) -> Result<Vec<(CommitInfo, Vec<FileChange>)>, GitError> {
        let mut all = Vec::new();
        let mut touched: BTreeMap<RepoPath, Option<BlobId>> = BTreeMap::new();
        for (id, pair) in &merge.brought {
            let changes = mem::take(&mut changes[*pair]);
            if !changes.is_empty() {
                let commit = find_parent(&self.repository, *id)?;
                let only = commit.first_parent().map(|id| find_parent(&self.repository, id)).transpose()?;
                touched.extend(changes.iter().map(|change| (change.path.clone(), change.after)));
                all.push((info(&commit, only.as_ref()), changes));
            }
        }
        let mut own = Vec::new();
        for (path, before) in touched {
            let after = self.blob_at(merge.commit.tree, &path)?;
            if before != after {
                own.push(FileChange { path, before, after });
            }
        }
        if !own.is_empty() {
            all.push((info(&merge.commit, parent), own));
        }
        Ok(all)
    }

    fn blob_at(&self, tree: Oid, path: &RepoPath) -> Result<Option<BlobId>, GitError> {
        let entry = entry_at(&self.repository, tree, path.as_str())?;
        Ok(entry.and_then(|(kind, id)| (kind == Kind::File).then(|| blob_id(id))))
    }
}

fn info(commit: &Commit, parent: Option<&Commit>) -> CommitInfo {
    CommitInfo {
        id: commit.id,
        first_parent: parent.map(|parent| parent.id),
        author_name: bounded_text(&commit.author.name, MAX_NAME_BYTES),
        committed_at: time(commit.committer.seconds),
        parent_committed_at: parent.map(|parent| time(parent.committer.seconds)),
        message: bounded_text(&commit.message, MAX_MESSAGE_BYTES),
        merged: Vec::new(),
    }
}
