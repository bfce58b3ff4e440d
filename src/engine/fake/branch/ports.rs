//! The branch as a repository that is read and pushed to.

use super::{Branch, Commit, Push, blob_of, changes, info, within};
use crate::engine::fake::{FakeError, lock};
use crate::model::{
    self, BlobId, CommitChanges, CommitDraft, CommitId, Content, Fetched, Held, Listing, Proposed,
    Publication, PullRequestBranch, ReplacedHead, RepoPath, Timestamp, TreeChanges, TreeFile,
};
use crate::port::{Publisher, Repository};

impl Publisher for Branch {
    type Error = FakeError;

    fn publish(
        &self,
        base: CommitId,
        drafts: &[CommitDraft],
        at: Timestamp,
    ) -> Result<Publication, FakeError> {
        self.calls.count("publish");
        let broken = || FakeError::try_again("the connection broke");
        let next = lock(&self.pushes).pop_front();
        match next {
            None => {}
            Some(Push::After(somebody)) => somebody(self),
            Some(Push::Declined) => {
                return Ok(Publication::Declined { reason: "protected\u{1b}[31m".into() });
            }
            Some(Push::Lost) => return Err(broken()),
            Some(Push::ArrivesUnanswered) => {
                self.append(base, drafts, at);
                return Err(broken());
            }
        }
        if let Some(prefix) = *lock(&self.declined_path) {
            let edits = drafts.iter().flat_map(|draft| &draft.edits);
            if edits.into_iter().any(|edit| edit.path.as_str().starts_with(prefix)) {
                return Ok(Publication::Declined { reason: format!("{prefix} is protected") });
            }
        }
        Ok(self.append(base, drafts, at))
    }

    fn propose(
        &self,
        branch: &PullRequestBranch,
        seen: Option<CommitId>,
        base: CommitId,
        draft: &CommitDraft,
        at: Timestamp,
    ) -> Result<Publication, FakeError> {
        self.calls.count("propose");
        let commit = {
            let mut line = lock(&self.line);
            let head = line.head.replace(base);
            let commit = line.made(draft, at);
            line.head = head;
            commit
        };
        let broken = || FakeError::try_again("the connection broke");
        let next = lock(&self.pushes).pop_front();
        match next {
            None => Ok(self.put(branch, seen, Some(commit))),
            Some(Push::After(somebody)) => {
                somebody(self);
                Ok(self.put(branch, seen, Some(commit)))
            }
            Some(Push::Declined) => Ok(Publication::Declined { reason: "protected".into() }),
            Some(Push::Lost) => Err(broken()),
            Some(Push::ArrivesUnanswered) => {
                self.put(branch, seen, Some(commit));
                Err(broken())
            }
        }
    }

    fn withdraw(&self, branch: &PullRequestBranch, seen: CommitId) -> Result<bool, FakeError> {
        self.calls.count("withdraw");
        Ok(matches!(self.put(branch, Some(seen), None), Publication::Pushed(_)))
    }
}

impl Branch {
    fn put(&self, branch: &PullRequestBranch, seen: Option<CommitId>, commit: Option<Commit>) -> Publication {
        let mut line = lock(&self.line);
        if line.requests.get(branch.as_str()).copied() != seen {
            return Publication::Moved { head: None };
        }
        let id = commit.map(|commit| line.keep(commit));
        match id {
            Some(id) => line.requests.insert(branch.as_str().to_owned(), id),
            None => line.requests.remove(branch.as_str()),
        };
        Publication::Pushed(id.into_iter().collect())
    }
}

impl Repository for Branch {
    type Error = FakeError;

    fn head(&self) -> Result<Option<CommitId>, FakeError> {
        Ok(lock(&self.line).head)
    }

    fn fetch(&self) -> Result<Fetched, FakeError> {
        self.calls.count("fetch");
        let mut line = lock(&self.line);
        let before = line.head;
        line.look();
        drop(line);
        let head = self.head();
        Ok(Fetched { head, moved: before != Some(head) })
    }

    fn files(&self, commit: CommitId, scope: &[RepoPath]) -> Result<Listing, FakeError> {
        self.calls.count("files");
        let files = within(&lock(&self.line).files(Some(commit)), scope);
        let files = files.into_iter().map(|(path, blob)| TreeFile { path, blob }).collect();
        Ok(Listing { files, ..Listing::default() })
    }

    fn changed_files(
        &self,
        from: CommitId,
        to: CommitId,
        scope: &[RepoPath],
    ) -> Result<TreeChanges, FakeError> {
        self.calls.count("changed_files");
        let line = lock(&self.line);
        let files = changes(&line.files(Some(from)), &line.files(Some(to)), scope);
        Ok(TreeChanges { files, has_left_alone: false })
    }

    fn read_each<T: Send>(
        &self,
        blobs: &[BlobId],
        visit: impl Fn(usize, Content<'_>) -> T + Sync,
    ) -> Result<Vec<T>, FakeError> {
        for _ in blobs {
            self.calls.count("read");
        }
        let line = lock(&self.line);
        let read = |(at, blob): (usize, &BlobId)| visit(at, Content::Bytes(line.blobs[blob].as_bytes()));
        Ok(blobs.iter().enumerate().map(read).collect())
    }

    fn held(&self, commit: CommitId, path: &RepoPath) -> Result<Held, FakeError> {
        let files = lock(&self.line).files(Some(commit));
        Ok(files.get(path).map_or(Held::Nothing, |text| Held::Bytes(text.clone().into_bytes())))
    }

    fn line(&self, tip: CommitId, known: Option<CommitId>) -> Result<model::Line, FakeError> {
        let line = lock(&self.line);
        let mut found = model::Line { commits: Vec::new(), is_down_to_known: known == Some(tip) };
        for (id, commit) in line.down(tip, known) {
            found.commits.push(id);
            found.is_down_to_known = known.is_some() && commit.parent == known;
        }
        found.commits.reverse();
        Ok(found)
    }

    fn changes(&self, line: &[CommitId], scope: &[RepoPath]) -> Result<Vec<CommitChanges>, FakeError> {
        let known = lock(&self.line);
        let mut changes_by_commit = Vec::new();
        for id in line {
            self.calls.count("changes");
            let commit = &known.commits[id];
            let changes = changes(&known.files(commit.parent), &commit.files, scope);
            let merged = known.brought(*id, scope);
            if !changes.is_empty() || !merged.is_empty() {
                changes_by_commit.push(CommitChanges { commit: info(&known, *id, commit), changes, merged });
            }
        }
        Ok(changes_by_commit)
    }

    fn contains(&self, ancestor: CommitId, tip: CommitId) -> Result<bool, FakeError> {
        Ok(lock(&self.line).reached(tip).contains(&ancestor))
    }

    fn removed(&self, commit: CommitId) -> Result<Vec<(RepoPath, BlobId)>, FakeError> {
        let line = lock(&self.line);
        let after = &line.commits[&commit];
        let before = line.files(after.parent);
        let removed = before.iter().filter(|(path, _)| !after.files.contains_key(*path));
        Ok(removed.map(|(path, text)| (path.clone(), blob_of(text))).collect())
    }

    fn replaced_heads(&self) -> Result<Vec<ReplacedHead>, FakeError> {
        Ok(lock(&self.line).replaced.clone())
    }

    fn messages(&self, commits: &[CommitId]) -> Result<Vec<Vec<String>>, FakeError> {
        let line = lock(&self.line);
        let messages = |commit: &Commit| [vec![commit.message.clone()], commit.merged.clone()].concat();
        Ok(commits.iter().map(|id| line.commits.get(id).map(messages).unwrap_or_default()).collect())
    }

    fn request_tip(&self, branch: &PullRequestBranch) -> Result<Option<CommitId>, FakeError> {
        self.calls.count("request_tip");
        Ok(self.tip_of(branch))
    }

    fn proposed(
        &self,
        _branch: &PullRequestBranch,
        tip: CommitId,
        files: &[RepoPath],
    ) -> Result<Proposed, FakeError> {
        let line = lock(&self.line);
        let commit = &line.commits[&tip];
        let text = |file: &RepoPath| commit.files.get(file).map(|text| text.clone().into_bytes());
        Ok(Proposed {
            is_own: commit.author == "tidegate",
            message: commit.message.clone(),
            files: files.iter().map(text).collect(),
        })
    }

    fn find_in_messages(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        needles: &[String],
    ) -> Result<Vec<(String, CommitId)>, FakeError> {
        let line = lock(&self.line);
        let pairs = line.down(tip, until).flat_map(|(id, commit)| {
            needles.iter().filter(|needle| commit.message.contains(*needle)).map(move |one| (one.clone(), id))
        });
        Ok(pairs.collect())
    }
}
