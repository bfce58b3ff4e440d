//! The mirror: the one way into this room.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::folder::{Folder, HEAD_REFERENCE, Lock, REQUEST_REFERENCE};
use super::history::{self, Walk};
use super::remote::{Access, Pushed, Reach, Remote};
use super::signing::{AllowedSigners, Signed, Signing, Verifier};
use super::tree::{Scope, find_commit};
use super::{GitError, content, diff, draft, handle, listing, request};
use crate::model::{
    BlobId, BranchName, CommitDraft, CommitId, CommitInfo, Content, FileChange, Held, Line, Listing,
    Proposed, Publication, PullRequestBranch, RepoPath, Timestamp,
};

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// What is mirrored, where to, and who commits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The repository: a path, a `file://`, `ssh://` or `https://` URL, or `host:path`.
    pub url: String,
    /// How a repository on another machine is reached.
    pub reach: Reach,
    /// The branch that is followed and pushed to.
    pub branch: BranchName,
    /// The mirror's folder. It is made if it is not there; files beside it begin with its name.
    pub mirror: PathBuf,
    /// Author and committer of every commit.
    pub author: Signature,
    /// How every commit is signed.
    pub signing: Signing,
    /// Who may sign what others commit; without it, nobody is asked.
    pub verify: Option<AllowedSigners>,
}

/// What a fetch found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where the branch is.
    pub head: CommitId,
    /// Whether that is elsewhere than at the last fetch or push.
    pub moved: bool,
}

/// A bare mirror of one branch of one repository.
///
/// Its methods block. It may be used from several threads, and several processes may share its folder: what changes it
/// waits for its turn, and what reads it does not.
pub struct Mirror {
    settings: Settings,
    folder: Folder,
    remote: Remote,
    verifier: Option<Verifier>,
    /// Set when an object that must be there could not be read; the next fetch makes the mirror anew.
    damaged: AtomicBool,
}

impl fmt::Debug for Mirror {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mirror").field("folder", &self.folder.path()).finish_non_exhaustive()
    }
}

impl Mirror {
    /// Opens the mirror, or makes an empty one. A damaged one is renamed to `NAME.broken-N` and told in a warning.
    /// The remote repository is not asked yet.
    ///
    /// # Errors
    /// When the URL or the author is none that can be used, or the folder can't be made.
    pub fn open(settings: Settings) -> Result<Self, GitError> {
        author_at(&settings.author, 0)?;
        let origin = format!("{}\n{}\n", settings.url, settings.branch);
        let path = std::path::absolute(&settings.mirror).map_err(|source| GitError::Folder {
            operation: "find",
            path: settings.mirror.clone(),
            source,
        })?;
        // The URL is judged before anything is made on disk.
        let remote = Remote::new(&settings.url, &path, settings.reach.clone())?;
        let folder = Folder::open(&path, origin)?;
        let verifier = settings.verify.clone().map(Verifier::new);
        Ok(Self { settings, folder, remote, verifier, damaged: AtomicBool::new(false) })
    }

    /// Asks where the branch is, and fetches its objects only when it moved.
    ///
    /// # Errors
    /// When the repository can't be reached, is empty or shallow, or has no such branch.
    pub fn fetch(&self) -> Result<Fetched, GitError> {
        let lock = self.folder.lock()?;
        self.fetch_locked(&lock)
    }

    fn fetch_locked(&self, lock: &Lock) -> Result<Fetched, GitError> {
        let was_damaged = self.damaged.swap(false, Ordering::Relaxed);
        if was_damaged || !self.folder.has_head() {
            self.folder.renew("an object could not be read", lock)?;
        }
        let before = self.folder.head()?;
        let there = self.remote.head(&self.settings.branch)?;
        if before == Some(there) {
            return Ok(Fetched { head: there, moved: false });
        }
        self.remote.fetch(&self.settings.branch, HEAD_REFERENCE)?;
        self.tidy(lock);
        // It may have moved again since it was asked; what was fetched is what counts.
        let head = self.folder.head()?.ok_or(GitError::UnknownCommit { commit: there })?;
        Ok(Fetched { head, moved: before != Some(head) })
    }

    /// The head of the last fetch or push, without asking anybody.
    ///
    /// # Errors
    /// When the mirror can't be read.
    pub fn head(&self) -> Result<Option<CommitId>, GitError> {
        self.folder.head()
    }

    /// The manifests of `commit` under the paths of `scope`, or everywhere when it is empty.
    ///
    /// # Errors
    /// When the mirror does not have the commit, or the tree is unreasonably large.
    pub fn files(&self, commit: CommitId, scope: &[RepoPath]) -> Result<Listing, GitError> {
        self.seen(
            handle::open(self.folder.path())
                .and_then(|repository| listing::files(&repository, commit, scope)),
        )
    }

    /// The manifests under `scope` that differ between two commits. Folders that are the same in both are not read.
    ///
    /// # Errors
    /// When the mirror does not have one of the commits, or a tree is unreasonably large.
    pub fn changed_files(
        &self,
        from: CommitId,
        to: CommitId,
        scope: &[RepoPath],
    ) -> Result<Vec<FileChange>, GitError> {
        let changed = || {
            let repository = handle::open(self.folder.path())?;
            let scope = Scope::new(scope);
            let roots = |id| scope.resolve(&repository, find_commit(&repository, id)?.tree_id());
            diff::changes(&repository, &scope, &roots(from)?, &roots(to)?)
        };
        self.seen(changed())
    }

    /// Shows `visit` each of `blobs` with its place in the list, on all processors; the results are in the list's order.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn read_each<T: Send>(
        &self,
        blobs: &[BlobId],
        visit: impl Fn(usize, Content<'_>) -> T + Sync,
    ) -> Result<Vec<T>, GitError> {
        self.seen(content::read_each(self.folder.path(), blobs, visit))
    }

    /// What a commit has at a path where a text is expected.
    ///
    /// # Errors
    /// When the mirror can't be read, or does not have the commit.
    pub fn held(&self, commit: CommitId, path: &RepoPath) -> Result<Held, GitError> {
        self.seen(content::held(self.folder.path(), commit, path))
    }

    /// The commits along first parents from `tip` down to `known`, which is not among them; where that is not on the line,
    /// or there is none, all of them.
    ///
    /// # Errors
    /// When the mirror does not have `tip`.
    pub fn line(&self, tip: CommitId, known: Option<CommitId>) -> Result<Line, GitError> {
        self.seen(Walk { folder: self.folder.path(), tip, until: known }.line())
    }

    /// Of commits of which each is the first parent of the next, those that change a manifest under `scope`, and how it was
    /// before and after. The first commit of all adds everything that is in it.
    ///
    /// # Errors
    /// When the mirror does not have one of them.
    pub fn changes(
        &self,
        line: &[CommitId],
        scope: &[RepoPath],
    ) -> Result<Vec<(CommitInfo, Vec<FileChange>)>, GitError> {
        self.seen(history::changes(self.folder.path(), line, scope))
    }

    /// Whether `ancestor` is `tip` or lies under it, by any parent. One that the mirror does not have does not.
    ///
    /// # Errors
    /// When the mirror does not have `tip`.
    pub fn contains(&self, ancestor: CommitId, tip: CommitId) -> Result<bool, GitError> {
        self.seen(history::contains(self.folder.path(), ancestor, tip))
    }

    /// What each of `commits` says: its own message, and behind it those of the commits that it merged. Nothing for one
    /// that the mirror does not have.
    ///
    /// # Errors
    /// When the mirror can't be read.
    pub fn messages(&self, commits: &[CommitId]) -> Result<Vec<Vec<String>>, GitError> {
        self.seen(history::messages(self.folder.path(), commits))
    }

    /// The commits that have one of `needles` in their messages, newest first, by any parent, from `tip` down to what
    /// `until` has too. A commit is told once for each needle in it.
    ///
    /// # Errors
    /// When the mirror does not have `tip`.
    pub fn find_in_messages(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        needles: &[String],
    ) -> Result<Vec<(String, CommitId)>, GitError> {
        self.seen(Walk { folder: self.folder.path(), tip, until }.mentions(needles))
    }

    /// Makes a commit of each draft, the first on `base`, all at the time `at`, and moves the branch from `base`, and from
    /// nothing else, to the last of them, in one push. Nothing is left on the branch when it does not end with `Pushed`;
    /// an error may leave that open: look for the commits in a new fetch.
    ///
    /// # Errors
    /// When an edit names what is no regular file or changes nothing, the mirror can't be written, or the push did not
    /// come to an end.
    pub fn publish(
        &self,
        base: CommitId,
        drafts: &[CommitDraft],
        at: Timestamp,
    ) -> Result<Publication, GitError> {
        let lock = self.folder.lock()?;
        let who = author_at(&self.settings.author, at.timestamp())?;
        let signer = self.settings.signing.signer();
        let signer = signer.map_err(|fault| GitError::Signing { fault: Box::new(fault) })?;
        let commits =
            self.seen(draft::write_chain(self.folder.path(), base, drafts, &who, signer.as_ref()))?;
        let Some(tip) = commits.last().copied() else { return Ok(Publication::Pushed(commits)) };
        let branch = &self.settings.branch;
        let reason = match self.remote.push(branch, base, tip)? {
            Pushed::Done => {
                self.folder.set_head(tip, &lock)?;
                self.tidy(&lock);
                return Ok(Publication::Pushed(commits));
            }
            Pushed::Moved => None,
            Pushed::Declined { reason } => Some(reason),
        };
        let head = match self.remote.head(branch) {
            Ok(head) => Some(head),
            Err(GitError::BranchMissing { .. } | GitError::EmptyRepository { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(match reason {
            // A hook may say no for whatever reason; if somebody was first, that is what counts.
            Some(reason) if head == Some(base) => Publication::Declined { reason },
            _ => Publication::Moved { head },
        })
    }

    /// Where one of Tidegate's own branches is, if it is there.
    ///
    /// # Errors
    /// When the repository can't be reached.
    pub fn request_tip(&self, branch: &PullRequestBranch) -> Result<Option<CommitId>, GitError> {
        self.remote.tip(branch)
    }

    /// What lies on one of Tidegate's own branches, which was seen at `tip`. It is fetched if the mirror does not have it.
    ///
    /// # Errors
    /// When it can't be fetched or read, or is elsewhere by now.
    pub fn proposed(
        &self,
        branch: &PullRequestBranch,
        tip: CommitId,
        files: &[RepoPath],
    ) -> Result<Proposed, GitError> {
        let read = || request::read(self.folder.path(), tip, files, &self.settings.author);
        match read() {
            Err(GitError::UnknownCommit { .. }) => {}
            known => return self.seen(known),
        }
        let _lock = self.folder.lock()?;
        self.remote.fetch(branch.name(), REQUEST_REFERENCE)?;
        self.seen(read())
    }

    /// Makes one commit on `base` and puts one of Tidegate's own branches to it, if that branch is still where it was
    /// `seen`, or still not there. The branch that is followed stays as it is.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn propose(
        &self,
        branch: &PullRequestBranch,
        seen: Option<CommitId>,
        base: CommitId,
        draft: &CommitDraft,
        at: Timestamp,
    ) -> Result<Publication, GitError> {
        let _lock = self.folder.lock()?;
        let who = author_at(&self.settings.author, at.timestamp())?;
        let signer = self.settings.signing.signer();
        let signer = signer.map_err(|fault| GitError::Signing { fault: Box::new(fault) })?;
        let drafts = std::slice::from_ref(draft);
        let commits =
            self.seen(draft::write_chain(self.folder.path(), base, drafts, &who, signer.as_ref()))?;
        Ok(match self.remote.put(branch, seen, commits.last().copied())? {
            Pushed::Done => Publication::Pushed(commits),
            Pushed::Moved => Publication::Moved { head: None },
            Pushed::Declined { reason } => Publication::Declined { reason },
        })
    }

    /// Removes one of Tidegate's own branches, if it is still where it was `seen`. False when it is not.
    ///
    /// # Errors
    /// When the repository can't be reached, or does not let the branch be removed.
    pub fn withdraw(&self, branch: &PullRequestBranch, seen: CommitId) -> Result<bool, GitError> {
        Ok(self.remote.put(branch, Some(seen), None)? == Pushed::Done)
    }

    /// Whether a commit was signed by somebody who is allowed to; every commit is when nobody is asked.
    ///
    /// # Errors
    /// When the mirror does not have the commit, or the signature can't be looked at.
    pub fn signed(&self, commit: CommitId) -> Result<Signed, GitError> {
        let Some(verifier) = &self.verifier else { return Ok(Signed::ByAllowed) };
        self.seen(handle::open(self.folder.path()).and_then(|repository| {
            find_commit(&repository, commit)?;
            verifier.verify(self.folder.path(), commit)
        }))
    }

    /// Whether it was said who may sign.
    pub fn requires_signatures(&self) -> bool {
        self.verifier.is_some()
    }

    /// The commit of the first-parent line of `head` that last changed a file.
    ///
    /// # Errors
    /// When the mirror does not have the commit, or no commit has the file.
    pub fn last_change(&self, head: CommitId, file: &RepoPath) -> Result<CommitId, GitError> {
        self.seen(history::last_change(self.folder.path(), head, file))
    }

    /// What can be done with the remote repository, for a person to read. Changes nothing there: a push is tried as far
    /// as it goes without one.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn check(&self) -> Result<Access, GitError> {
        let lock = self.folder.lock()?;
        let head = self.fetch_locked(&lock)?.head;
        self.remote.check(&self.settings.branch, head)
    }

    /// Merges the mirror's packs when there are many. When that fails only speed is lost.
    fn tidy(&self, _lock: &Lock) {
        if !self.folder.is_untidy() {
            return;
        }
        if let Err(error) = self.remote.tidy() {
            tracing::warn!(mirror = %self.folder.path().display(), %error, "the mirror's packs could not be merged");
        }
    }

    /// Passes a result on, and remembers if it tells of damage.
    fn seen<T>(&self, result: Result<T, GitError>) -> Result<T, GitError> {
        if let Err(GitError::Damaged { .. }) = result {
            self.damaged.store(true, Ordering::Relaxed);
        }
        result
    }
}

/// The author at a time in seconds since 1970, in UTC.
fn author_at(author: &Signature, seconds: i64) -> Result<git2::Signature<'static>, GitError> {
    git2::Signature::new(&author.name, &author.email, &git2::Time::new(seconds, 0))
        .map_err(|source| GitError::Author { name: author.name.clone(), email: author.email.clone(), source })
}
