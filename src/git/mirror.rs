//! The mirror of the GitOps branch: fetch, read, commit, push.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::draft::Signature;
use super::folder::{Folder, INCOMING_REFERENCE, Lock, REQUEST_REFERENCE};
use super::history;
use super::remote::{Access, PushOutcome, Reach, Remote};
use super::signing::{AllowedSigners, Signing, Verifier};
use super::tree::{Scope, find_commit};
use super::{GitError, content, diff, draft, handle, listing};
use crate::model::{
    BlobId, BranchName, CommitChanges, CommitDraft, CommitId, Content, Fetched, Held, Line, Listing,
    Proposed, Publication, PullRequestBranch, ReplacedHead, RepoPath, SignatureCheck, Timestamp, TreeChanges,
};
use crate::port::{Publisher, Repository};

/// Maximum attempts of a push while the branch has not moved: another process may hold its lock briefly.
const MAX_LOCKED_PUSHES: u32 = 4;

/// The delay between two attempts.
const LOCKED_PUSH_DELAY: Duration = Duration::from_millis(250);

/// The settings of a [`Mirror`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// A path, a `file://`, `ssh://` or `https://` URL, or `host:path`.
    pub url: String,
    pub reach: Reach,
    /// The branch that Flux follows.
    pub branch: BranchName,
    /// The mirror's folder. Lock and backup files lie beside it, their names begin with its name.
    pub mirror: PathBuf,
    pub author: Signature,
    pub signing: Signing,
    /// Whose signatures count on other people's commits; `None` checks no signature.
    pub verify: Option<AllowedSigners>,
}

/// A bare mirror of one branch of one repository.
///
/// Methods block. Threads may share a mirror and processes may share its folder: writers wait for a lock, readers do
/// not.
pub struct Mirror {
    settings: Settings,
    folder: Folder,
    remote: Remote,
    history: history::Reader,
    verifier: Option<Verifier>,
    /// An object was missing or unreadable: the next fetch recreates the mirror.
    damaged: AtomicBool,
}

impl fmt::Debug for Mirror {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mirror").field("folder", &self.folder.path()).finish_non_exhaustive()
    }
}

impl Mirror {
    /// Opens or creates the mirror without contacting the remote. A damaged mirror is renamed to `NAME.broken-N`, with a
    /// warning.
    ///
    /// # Errors
    /// The URL or author is invalid, or the folder cannot be created.
    pub fn open(settings: Settings) -> Result<Self, GitError> {
        settings.author.at(0)?;
        let origin = format!("{}\n{}\n", settings.url, settings.branch);
        let path = std::path::absolute(&settings.mirror).map_err(|source| GitError::Folder {
            operation: "find",
            path: settings.mirror.clone(),
            source,
        })?;
        // Checks the URL before anything is made on disk.
        let remote = Remote::new(&settings.url, &path, settings.reach.clone())?;
        let folder = Folder::open(&path, origin)?;
        let verifier = settings.verify.clone().map(Verifier::new);
        let history = history::Reader::new(&path, format!("{} {}", settings.url, settings.branch));
        Ok(Self { settings, folder, remote, history, verifier, damaged: AtomicBool::new(false) })
    }

    fn fetch_locked(&self, lock: &Lock) -> Result<Fetched, GitError> {
        let was_damaged = self.damaged.swap(false, Ordering::Relaxed);
        if was_damaged || !self.folder.has_head() {
            self.folder.recreate("an object could not be read", lock)?;
        }
        let before = self.folder.head()?;
        let there = self.remote.head(&self.settings.branch)?;
        if before == Some(there) {
            return Ok(Fetched { head: there, moved: false });
        }
        self.remote.fetch(&self.settings.branch, INCOMING_REFERENCE)?;
        self.history.forget_graph();
        self.repack(lock);
        // The branch may have moved between listing and fetching: the fetched head counts.
        let head =
            self.folder.reference(INCOMING_REFERENCE)?.ok_or(GitError::UnknownCommit { commit: there })?;
        self.folder.advance(before, head, lock)?;
        Ok(Fetched { head, moved: before != Some(head) })
    }

    /// Checks read and write access to the remote without changing it, for `tidegate doctor`.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn check(&self) -> Result<Access, GitError> {
        let lock = self.folder.lock()?;
        let head = self.fetch_locked(&lock)?.head;
        self.remote.check(&self.settings.branch, head)
    }

    /// Writes a chain of commits on `base` into the mirror, without pushing it.
    fn write(
        &self,
        base: CommitId,
        drafts: &[CommitDraft],
        at: Timestamp,
    ) -> Result<Vec<CommitId>, GitError> {
        let who = self.settings.author.at(at.timestamp())?;
        let signer = self.settings.signing.signer();
        let signer = signer.map_err(|fault| GitError::Signing { fault: Box::new(fault) })?;
        self.note_damage(draft::write_chain(self.folder.path(), base, drafts, &who, signer.as_ref()))
    }

    /// Merges the mirror's packs when there are many. Failing costs only speed.
    fn repack(&self, _lock: &Lock) {
        if !self.folder.has_many_packs() {
            return;
        }
        if let Err(error) = self.remote.repack() {
            tracing::warn!(mirror = %self.folder.path().display(), %error, "cannot merge the mirror's packs");
        }
    }

    /// Returns `result`, and remembers an error that means damage.
    fn note_damage<T>(&self, result: Result<T, GitError>) -> Result<T, GitError> {
        if let Err(GitError::Damaged { .. }) = result {
            self.damaged.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Repository for Mirror {
    type Error = GitError;

    fn fetch(&self) -> Result<Fetched, GitError> {
        let lock = self.folder.lock()?;
        self.fetch_locked(&lock)
    }

    fn head(&self) -> Result<Option<CommitId>, GitError> {
        self.folder.head()
    }

    fn replaced_heads(&self) -> Result<Vec<ReplacedHead>, GitError> {
        self.folder.replaced()
    }

    fn files(&self, commit: CommitId, scope: &[RepoPath]) -> Result<Listing, GitError> {
        self.note_damage(
            handle::open(self.folder.path())
                .and_then(|repository| listing::files(&repository, commit, scope)),
        )
    }

    fn changed_files(
        &self,
        from: CommitId,
        to: CommitId,
        scope: &[RepoPath],
    ) -> Result<TreeChanges, GitError> {
        let changed = || {
            let repository = handle::open(self.folder.path())?;
            let scope = Scope::new(scope);
            let roots = |id| scope.resolve(&repository, find_commit(&repository, id)?.tree);
            diff::changes(&repository, &scope, &roots(from)?, &roots(to)?)
        };
        self.note_damage(changed())
    }

    fn read_each<T: Send>(
        &self,
        blobs: &[BlobId],
        visit: impl Fn(usize, Content<'_>) -> T + Sync,
    ) -> Result<Vec<T>, GitError> {
        self.note_damage(content::read_each(self.folder.path(), blobs, visit))
    }

    fn held(&self, commit: CommitId, path: &RepoPath) -> Result<Held, GitError> {
        self.note_damage(content::held(self.folder.path(), commit, path))
    }

    fn line(&self, tip: CommitId, known: Option<CommitId>) -> Result<Line, GitError> {
        self.note_damage(self.history.line(tip, known))
    }

    fn changes(&self, line: &[CommitId], scope: &[RepoPath]) -> Result<Vec<CommitChanges>, GitError> {
        self.note_damage(self.history.changes(line, scope))
    }

    fn contains(&self, ancestor: CommitId, tip: CommitId) -> Result<bool, GitError> {
        self.note_damage(self.history.contains(ancestor, tip))
    }

    fn messages(&self, commits: &[CommitId]) -> Result<Vec<Vec<String>>, GitError> {
        self.note_damage(self.history.messages(commits))
    }

    fn find_in_messages(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        needles: &[String],
    ) -> Result<Vec<(String, CommitId)>, GitError> {
        self.note_damage(self.history.mentions(tip, until, needles))
    }

    fn request_tip(&self, branch: &PullRequestBranch) -> Result<Option<CommitId>, GitError> {
        self.remote.tip(branch)
    }

    fn proposed(
        &self,
        branch: &PullRequestBranch,
        tip: CommitId,
        files: &[RepoPath],
    ) -> Result<Proposed, GitError> {
        let read = || content::proposed(self.folder.path(), tip, files, &self.settings.author);
        match read() {
            Err(GitError::UnknownCommit { .. }) => {}
            known => return self.note_damage(known),
        }
        let _lock = self.folder.lock()?;
        self.remote.fetch(branch.name(), REQUEST_REFERENCE)?;
        self.note_damage(read())
    }

    fn removed(&self, commit: CommitId) -> Result<Vec<(RepoPath, BlobId)>, GitError> {
        self.note_damage(self.history.removed(commit))
    }

    fn signed(&self, commit: CommitId) -> Result<SignatureCheck, GitError> {
        let Some(verifier) = &self.verifier else { return Ok(SignatureCheck::Valid) };
        self.note_damage(handle::open(self.folder.path()).and_then(|repository| {
            find_commit(&repository, commit)?;
            verifier.verify(self.folder.path(), commit)
        }))
    }

    fn requires_signatures(&self) -> bool {
        self.verifier.is_some()
    }
}

impl Publisher for Mirror {
    type Error = GitError;

    fn publish(
        &self,
        base: CommitId,
        drafts: &[CommitDraft],
        at: Timestamp,
    ) -> Result<Publication, GitError> {
        let lock = self.folder.lock()?;
        let commits = self.write(base, drafts, at)?;
        let Some(tip) = commits.last().copied() else { return Ok(Publication::Pushed(commits)) };
        let branch = &self.settings.branch;
        for attempt in 1.. {
            let (reason, is_declined) = match self.remote.push(branch, base, tip)? {
                PushOutcome::Accepted => {
                    self.folder.advance(self.folder.head()?, tip, &lock)?;
                    self.repack(&lock);
                    return Ok(Publication::Pushed(commits));
                }
                PushOutcome::BranchMoved { reason } => (reason, false),
                PushOutcome::Declined { reason } => (reason, true),
            };
            let head = match self.remote.head(branch) {
                Ok(head) => Some(head),
                Err(GitError::BranchMissing { .. } | GitError::EmptyRepository { .. }) => None,
                Err(error) => return Err(error),
            };
            // If the branch moved, that is the cause, not the server's message.
            if head != Some(base) {
                return Ok(Publication::Moved { head });
            }
            if is_declined {
                return Ok(Publication::Declined { reason });
            }
            if attempt == MAX_LOCKED_PUSHES {
                let branch = branch.clone();
                return Err(GitError::RefNotUpdated { location: self.settings.url.clone(), branch, reason });
            }
            thread::sleep(LOCKED_PUSH_DELAY);
        }
        Ok(Publication::Moved { head: None })
    }

    fn propose(
        &self,
        branch: &PullRequestBranch,
        seen: Option<CommitId>,
        base: CommitId,
        draft: &CommitDraft,
        at: Timestamp,
    ) -> Result<Publication, GitError> {
        let _lock = self.folder.lock()?;
        let commits = self.write(base, std::slice::from_ref(draft), at)?;
        Ok(match self.remote.put(branch, seen, commits.last().copied())? {
            PushOutcome::Accepted => Publication::Pushed(commits),
            PushOutcome::BranchMoved { .. } => Publication::Moved { head: None },
            PushOutcome::Declined { reason } => Publication::Declined { reason },
        })
    }

    fn withdraw(&self, branch: &PullRequestBranch, seen: CommitId) -> Result<bool, GitError> {
        let is_deleted = self.remote.put(branch, Some(seen), None)? == PushOutcome::Accepted;
        if !is_deleted {
            tracing::info!(%branch, "the branch has moved and stays");
        }
        Ok(is_deleted)
    }
}
