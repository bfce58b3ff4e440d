//! A branch in memory: commits as file maps on one line.

mod ports;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use super::{Calls, Fuse, lock};
use crate::model::{
    BlobId, CommitDraft, CommitId, CommitInfo, FileChange, FileEditKind, Publication, PullRequestBranch,
    ReplacedHead, RepoPath, Timestamp, is_control_path,
};

type Files = BTreeMap<RepoPath, String>;

#[derive(Clone, Debug)]
struct Commit {
    /// What the branch was before it.
    parent: Option<CommitId>,
    /// The other parents of a merge.
    others: Vec<CommitId>,
    at: Timestamp,
    author: String,
    message: String,
    /// What was merged by it.
    merged: Vec<String>,
    files: Files,
}

/// What becomes of the next push.
pub(in crate::engine) enum Push {
    /// Somebody else is first.
    After(Box<dyn FnOnce(&Branch) + Send>),
    /// A hook says no.
    Declined,
    /// It arrives, but the connection breaks before the answer.
    ArrivesUnanswered,
    /// The connection breaks before it arrives.
    Lost,
}

/// The remote and its mirror in one.
#[derive(Default)]
pub(in crate::engine) struct Branch {
    line: Mutex<Line>,
    pushes: Mutex<VecDeque<Push>>,
    /// Pushes that touch a path with this beginning are declined.
    pub(in crate::engine) declined_path: Mutex<Option<&'static str>>,
    pub(in crate::engine) calls: Calls,
}

#[derive(Default)]
struct Line {
    head: Option<CommitId>,
    /// Where the mirror saw it last, and the force pushes that it saw.
    seen: Option<CommitId>,
    replaced: Vec<ReplacedHead>,
    commits: HashMap<CommitId, Commit>,
    /// Tidegate's own branches.
    requests: HashMap<String, CommitId>,
    blobs: HashMap<BlobId, String>,
}

impl Line {
    fn add(&mut self, commit: Commit) -> CommitId {
        let id = self.keep(commit);
        self.head = Some(id);
        id
    }

    fn keep(&mut self, commit: Commit) -> CommitId {
        let mut id = [0; 20];
        id[..8].copy_from_slice(&(self.commits.len() as u64 + 1).to_be_bytes());
        let id = CommitId::from_bytes(id);
        self.blobs.extend(commit.files.values().map(|text| (blob_of(text), text.clone())));
        self.commits.insert(id, commit);
        id
    }

    /// A commit of Tidegate's on top.
    fn made(&self, draft: &CommitDraft, at: Timestamp) -> Commit {
        let mut files = self.files(self.head);
        for edit in &draft.edits {
            let is_there = files.contains_key(&edit.path);
            match &edit.change {
                FileEditKind::Write(text) => {
                    files.insert(edit.path.clone(), String::from_utf8(text.clone()).unwrap());
                }
                _ if !is_there => panic!("{} is not there", edit.path),
                FileEditKind::Rewrite(text) => {
                    files.insert(edit.path.clone(), String::from_utf8(text.clone()).unwrap());
                }
                FileEditKind::Remove => drop(files.remove(&edit.path)),
            }
        }
        let (author, message) = ("tidegate".to_owned(), draft.message.clone());
        Commit { parent: self.head, others: Vec::new(), at, author, message, merged: Vec::new(), files }
    }

    fn files(&self, id: Option<CommitId>) -> Files {
        id.map(|id| self.commits[&id].files.clone()).unwrap_or_default()
    }

    /// All that a commit reaches, and itself.
    fn reached(&self, tip: CommitId) -> BTreeSet<CommitId> {
        let (mut reached, mut pending) = (BTreeSet::new(), vec![tip]);
        while let Some(id) = pending.pop() {
            if reached.insert(id) {
                let commit = &self.commits[&id];
                pending.extend(commit.parent.iter().chain(&commit.others));
            }
        }
        reached
    }

    /// The mirror looks.
    fn look(&mut self) {
        if let (Some(old), Some(new)) = (self.seen, self.head)
            && !self.reached(new).contains(&old)
        {
            self.replaced.push(ReplacedHead { old, new, at: self.commits[&old].at });
        }
        self.seen = self.head;
    }

    /// What a merge brought beside the line.
    fn brought(&self, id: CommitId, scope: &[RepoPath]) -> Vec<(CommitInfo, Vec<FileChange>)> {
        let merge = &self.commits[&id];
        let Some(parent) = merge.parent.filter(|_| !merge.others.is_empty()) else { return Vec::new() };
        let hidden = self.reached(parent);
        let brought: BTreeSet<CommitId> = merge
            .others
            .iter()
            .flat_map(|other| self.reached(*other))
            .filter(|one| !hidden.contains(one))
            .collect();
        let (mut all, mut touched) = (Vec::new(), BTreeMap::new());
        // Identities rise with time.
        for one in brought {
            let commit = &self.commits[&one];
            let changes = changes(&self.files(commit.parent), &commit.files, scope);
            if commit.others.is_empty() && commit.parent.is_some() && !changes.is_empty() {
                touched.extend(changes.iter().map(|change| (change.path.clone(), change.after)));
                all.push((info(self, one, commit), changes));
            }
        }
        let files = within(&merge.files, scope);
        let at_last = touched.into_iter().map(|(path, before)| {
            let after = files.get(&path).copied();
            FileChange { path, before, after }
        });
        let at_last: Vec<FileChange> = at_last.filter(|change| change.before != change.after).collect();
        if !at_last.is_empty() {
            all.push((info(self, id, merge), at_last));
        }
        all
    }

    /// The commits from `tip` down, without `until`.
    fn down(&self, tip: CommitId, until: Option<CommitId>) -> impl Iterator<Item = (CommitId, &Commit)> {
        let line = std::iter::successors(Some(tip), |id| self.commits[id].parent);
        line.take_while(move |id| Some(*id) != until).map(|id| (id, &self.commits[&id]))
    }
}

impl Branch {
    pub(super) fn until(fuse: &Arc<Fuse>) -> Self {
        Self { calls: Calls::until(fuse), ..Self::default() }
    }

    /// Adds a commit that changes some files; `None` removes one.
    pub(in crate::engine) fn commit(
        &self,
        author: &str,
        message: &str,
        at: Timestamp,
        changes: &[(&str, Option<String>)],
    ) -> CommitId {
        let mut line = lock(&self.line);
        let mut files = line.files(line.head);
        for (path, text) in changes {
            let path: RepoPath = path.parse().unwrap();
            match text {
                Some(text) => drop(files.insert(path, text.clone())),
                None => drop(files.remove(&path)),
            }
        }
        let (author, message, parent) = (author.to_owned(), message.to_owned(), line.head);
        line.add(Commit { parent, others: Vec::new(), at, author, message, merged: Vec::new(), files })
    }

    /// Adds a commit on `parent` that the branch does not have, or not yet.
    pub(in crate::engine) fn commit_on(
        &self,
        parent: CommitId,
        author: &str,
        at: Timestamp,
        changes: &[(&str, Option<String>)],
    ) -> CommitId {
        let head = lock(&self.line).head.replace(parent);
        let id = self.commit(author, "work", at, changes);
        lock(&self.line).head = head;
        id
    }

    /// Somebody merges the branch into work of their own, or work into the branch, and pushes: the files are those of
    /// `files_of`.
    pub(in crate::engine) fn merge_of(
        &self,
        parents: &[CommitId],
        files_of: CommitId,
        at: Timestamp,
    ) -> CommitId {
        let mut line = lock(&self.line);
        let files = line.files(Some(files_of));
        let is_own = |from: CommitId, hidden: CommitId| {
            let hidden = line.reached(hidden);
            let own = |id: &CommitId| line.commits[id].message.contains("\nTidegate-Branch: fake main");
            line.reached(from).iter().filter(|id| !hidden.contains(id)).any(own)
        };
        let first = parents[0];
        let is_branch = |other: &&CommitId| is_own(**other, first) && !is_own(first, **other);
        let parent = *parents[1..].iter().find(is_branch).unwrap_or(&first);
        let others = parents.iter().copied().filter(|id| *id != parent).collect();
        let (author, message) = ("Bob".to_owned(), "Merge".to_owned());
        line.add(Commit { parent: Some(parent), others, at, author, message, merged: Vec::new(), files })
    }

    /// Adds a merge that changes some files, of commits with these messages.
    pub(in crate::engine) fn merge(
        &self,
        message: &str,
        merged: &[String],
        at: Timestamp,
        changes: &[(&str, Option<String>)],
    ) -> CommitId {
        let id = self.commit("Ana", message, at, changes);
        if let Some(commit) = lock(&self.line).commits.get_mut(&id) {
            commit.merged = merged.to_vec();
        }
        id
    }

    pub(in crate::engine) fn tip_of(&self, branch: &PullRequestBranch) -> Option<CommitId> {
        lock(&self.line).requests.get(branch.as_str()).copied()
    }

    pub(in crate::engine) fn message_of(&self, commit: CommitId) -> String {
        lock(&self.line).commits[&commit].message.clone()
    }

    /// What a commit has in a file.
    pub(in crate::engine) fn text_at(&self, commit: CommitId, path: &str) -> Option<String> {
        lock(&self.line).commits[&commit].files.get(&path.parse().unwrap()).cloned()
    }

    /// Puts one of Tidegate's branches back where it was.
    pub(in crate::engine) fn restore(&self, branch: &PullRequestBranch, tip: CommitId) {
        lock(&self.line).requests.insert(branch.as_str().to_owned(), tip);
    }

    /// Somebody deletes one of Tidegate's branches.
    pub(in crate::engine) fn delete(&self, branch: &PullRequestBranch) {
        lock(&self.line).requests.remove(branch.as_str());
    }

    /// A person pushes to one of Tidegate's branches.
    pub(in crate::engine) fn push_to_request(&self, branch: &PullRequestBranch, file: &str, text: &str) {
        let mut line = lock(&self.line);
        let tip = line.requests[branch.as_str()];
        let mut commit = line.commits[&tip].clone();
        commit.files.insert(file.parse().unwrap(), text.to_owned());
        (commit.parent, commit.author, commit.message) = (Some(tip), "Ana".to_owned(), "a word".to_owned());
        let id = line.keep(commit);
        line.requests.insert(branch.as_str().to_owned(), id);
    }

    /// A person merges one of Tidegate's branches: what it changed is changed on top.
    pub(in crate::engine) fn merge_request(&self, branch: &PullRequestBranch, at: Timestamp) -> CommitId {
        let mut line = lock(&self.line);
        let tip = line.commits[&line.requests[branch.as_str()]].clone();
        let before = line.files(tip.parent);
        let mut files = line.files(line.head);
        files.extend(tip.files.into_iter().filter(|(path, text)| before.get(path) != Some(text)));
        let (author, parent, merged) = ("Ana".to_owned(), line.head, vec![tip.message]);
        line.add(Commit {
            parent,
            others: Vec::new(),
            at,
            author,
            message: format!("Merge {branch}"),
            merged,
            files,
        })
    }

    /// The oldest commit.
    pub(in crate::engine) fn root(&self) -> CommitId {
        let line = lock(&self.line);
        line.down(line.head.unwrap(), None).last().unwrap().0
    }

    /// Makes a commit say something else.
    pub(in crate::engine) fn change_message(&self, commit: CommitId, from: &str, to: &str) {
        let mut line = lock(&self.line);
        let message = &mut line.commits.get_mut(&commit).unwrap().message;
        assert!(message.contains(from), "{message}");
        *message = message.replace(from, to);
    }

    /// Forces the branch back to `commit`.
    pub(in crate::engine) fn rewind(&self, commit: CommitId) {
        lock(&self.line).head = Some(commit);
    }

    pub(in crate::engine) fn head(&self) -> CommitId {
        lock(&self.line).head.unwrap()
    }

    pub(in crate::engine) fn text(&self, path: &str) -> String {
        let line = lock(&self.line);
        line.files(line.head)[&path.parse().unwrap()].clone()
    }

    /// The messages from the oldest commit to the newest.
    /// What the commit before the head has in a file.
    pub(in crate::engine) fn text_before(&self, path: &str) -> String {
        let line = lock(&self.line);
        let parent = line.head.and_then(|head| line.commits[&head].parent);
        line.files(parent)[&path.parse().unwrap()].clone()
    }

    pub(in crate::engine) fn messages(&self) -> Vec<String> {
        let line = lock(&self.line);
        let mut messages: Vec<String> =
            line.down(line.head.unwrap(), None).map(|(_, commit)| commit.message.clone()).collect();
        messages.reverse();
        messages
    }

    pub(in crate::engine) fn next_push(&self, push: Push) {
        lock(&self.pushes).push_back(push);
    }

    /// Nothing breaks any more, should nobody have pushed.
    pub(in crate::engine) fn mend(&self) {
        lock(&self.pushes).clear();
    }

    fn append(&self, base: CommitId, drafts: &[CommitDraft], at: Timestamp) -> Publication {
        let mut line = lock(&self.line);
        if line.head != Some(base) {
            return Publication::Moved { head: line.head };
        }
        let commits = drafts.iter().map(|draft| {
            let commit = line.made(draft, at);
            line.add(commit)
        });
        let commits = commits.collect();
        line.look();
        Publication::Pushed(commits)
    }
}

fn info(line: &Line, id: CommitId, commit: &Commit) -> CommitInfo {
    CommitInfo {
        id,
        first_parent: commit.parent,
        author_name: commit.author.clone(),
        committed_at: commit.at,
        parent_committed_at: commit.parent.map(|parent| line.commits[&parent].at),
        message: commit.message.clone(),
        merged: commit.merged.clone(),
    }
}

fn changes(before: &Files, after: &Files, scope: &[RepoPath]) -> Vec<FileChange> {
    let (before, after) = (within(before, scope), within(after, scope));
    let paths: BTreeSet<&RepoPath> = before.keys().chain(after.keys()).collect();
    let change = |path: &RepoPath| FileChange {
        path: path.clone(),
        before: before.get(path).copied(),
        after: after.get(path).copied(),
    };
    paths.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

fn within(files: &Files, scope: &[RepoPath]) -> BTreeMap<RepoPath, BlobId> {
    let is_manifest =
        |path: &RepoPath| [".yaml", ".yml", "Kustomization"].iter().any(|end| path.as_str().ends_with(end));
    let is_inside = |path: &RepoPath| match scope {
        [] => is_manifest(path) || is_control_path(path.as_str().as_bytes()),
        scope => scope.iter().any(|folder| path.is_within(folder)),
    };
    let inside = files.iter().filter(|(path, _)| is_inside(path));
    inside.map(|(path, text)| (path.clone(), blob_of(text))).collect()
}

fn blob_of(text: &str) -> BlobId {
    BlobId::from_bytes(Sha256::digest(text)[..20].try_into().unwrap())
}
