//! Reading the GitOps repository, and writing to it. Readers cannot write.

use crate::model::{
    BlobId, CommitChanges, CommitDraft, CommitId, Content, Fetched, Held, IntoFault, Line, Listing, Proposed,
    Publication, PullRequestBranch, ReplacedHead, RepoPath, SignatureCheck, Timestamp, TreeChanges,
};

/// Reads the repository. Every method blocks.
pub trait Repository: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// Lists the head of the branch, and fetches if it moved.
    ///
    /// # Errors
    /// When the remote is unreachable or unreadable, or has no such branch.
    fn fetch(&self) -> Result<Fetched, Self::Error>;

    /// The head of the last fetch; works offline.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    fn head(&self) -> Result<Option<CommitId>, Self::Error>;

    /// The manifests under `scope`.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    fn files(&self, commit: CommitId, scope: &[RepoPath]) -> Result<Listing, Self::Error>;

    /// The differences under `scope` between two commits.
    ///
    /// # Errors
    /// When the mirror cannot be read, or has lost `from`.
    fn changed_files(
        &self,
        from: CommitId,
        to: CommitId,
        scope: &[RepoPath],
    ) -> Result<TreeChanges, Self::Error>;

    /// Calls `visit` with the index and content of each blob, in parallel. Results keep the order of `blobs`.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    fn read_each<T: Send>(
        &self,
        blobs: &[BlobId],
        visit: impl Fn(usize, Content<'_>) -> T + Sync,
    ) -> Result<Vec<T>, Self::Error>;

    /// The content of a commit at a path.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    fn held(&self, commit: CommitId, path: &RepoPath) -> Result<Held, Self::Error>;

    /// The first-parent line from above `known` to `tip`; the whole line if `known` is not on it, or none.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    fn line(&self, tip: CommitId, known: Option<CommitId>) -> Result<Line, Self::Error>;

    /// The manifest changes under `scope` of consecutive commits, oldest first. Commits without any are left out.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    fn changes(&self, line: &[CommitId], scope: &[RepoPath]) -> Result<Vec<CommitChanges>, Self::Error>;

    /// Lists the manifests in the whole repository that `commit` removed, with their blobs.
    ///
    /// # Errors
    /// The mirror cannot be read.
    fn removed(&self, commit: CommitId) -> Result<Vec<(RepoPath, BlobId)>, Self::Error>;

    /// The observed force pushes, oldest first.
    ///
    /// # Errors
    /// The mirror cannot be read.
    fn replaced_heads(&self) -> Result<Vec<ReplacedHead>, Self::Error>;

    /// Whether commits count only with an allowed signature.
    fn requires_signatures(&self) -> bool {
        false
    }

    /// Checks a commit's signature; always valid where none is required.
    ///
    /// # Errors
    /// When the commit or its signature cannot be read.
    fn signed(&self, _commit: CommitId) -> Result<SignatureCheck, Self::Error> {
        Ok(SignatureCheck::Valid)
    }

    /// Whether `tip` is or descends from `ancestor`, by any parent.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    fn contains(&self, ancestor: CommitId, tip: CommitId) -> Result<bool, Self::Error>;

    /// For each commit its message, then those of the commits that it merged. Empty for one that is gone.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    fn messages(&self, commits: &[CommitId]) -> Result<Vec<Vec<String>>, Self::Error>;

    /// The tip of one of Tidegate's own branches, if it exists.
    ///
    /// # Errors
    /// When the remote cannot be reached.
    fn request_tip(&self, branch: &PullRequestBranch) -> Result<Option<CommitId>, Self::Error>;

    /// The content of one of Tidegate's own branches at `tip`.
    ///
    /// # Errors
    /// When it cannot be read, or has moved.
    fn proposed(
        &self,
        branch: &PullRequestBranch,
        tip: CommitId,
        files: &[RepoPath],
    ) -> Result<Proposed, Self::Error>;

    /// Finds `needles` in the messages of the commits that `tip` has and `until` has not.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    fn find_in_messages(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        needles: &[String],
    ) -> Result<Vec<(String, CommitId)>, Self::Error>;
}

/// Writes to the repository. Blocks.
pub trait Publisher: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// Makes a chain of commits on `base` and pushes it if `base` is still the head.
    ///
    /// # Errors
    /// When the commits cannot be made, or it is unknown whether the push arrived.
    fn publish(
        &self,
        base: CommitId,
        drafts: &[CommitDraft],
        at: Timestamp,
    ) -> Result<Publication, Self::Error>;

    /// Makes one commit on `base` and moves one of Tidegate's own branches to it, if the branch is still at `seen`.
    ///
    /// # Errors
    /// When the commit cannot be made, or it is unknown whether the push arrived.
    fn propose(
        &self,
        branch: &PullRequestBranch,
        seen: Option<CommitId>,
        base: CommitId,
        draft: &CommitDraft,
        at: Timestamp,
    ) -> Result<Publication, Self::Error>;

    /// Deletes one of Tidegate's own branches, if it is still at `seen`; returns whether it was.
    ///
    /// # Errors
    /// When the remote cannot be reached.
    fn withdraw(&self, branch: &PullRequestBranch, seen: CommitId) -> Result<bool, Self::Error>;
}
