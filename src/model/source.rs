//! The history of a source repository, from which an image was built; not the GitOps repository.

use super::{CommitId, Timestamp};

/// Name and email address in a commit; untrusted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// Email address. It is compared, never shown.
    pub email: String,
}

/// Maximum stored length of a commit message.
pub const MOST_MESSAGE_BYTES: usize = 64 * 1024;

/// Maximum stored length of a name or an address.
pub const MOST_NAME_BYTES: usize = 512;

/// A commit of a source repository. Its texts are untrusted, but bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCommit {
    /// The commit.
    pub id: CommitId,
    /// Parents.
    pub parents: Vec<CommitId>,
    /// Author.
    pub author: Person,
    /// Author time, which cherry-picks and rebases keep.
    pub authored_at: Timestamp,
    /// Committer time.
    pub committed_at: Timestamp,
    /// The message.
    pub message: String,
    /// Whether it touches the service's folders. Commits that do not are kept only for the shape of the history.
    pub is_relevant: bool,
}

/// The relation of two commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The second is a descendant of the first.
    Forward,
    /// The first is a descendant of the second.
    Backward,
    /// They diverged.
    Diverged,
    /// They have no common history.
    Unrelated,
}

/// The commits between two commits of a source repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRange {
    /// Their relation.
    pub relation: Relation,
    /// The commits that the newer one has and the older one lacks, newest first, each before its parents. If they
    /// diverged, those that the second one has.
    pub commits: Vec<SourceCommit>,
    /// If they diverged, the commits that only the first one has.
    pub lost: Vec<SourceCommit>,
    /// Whether the limit cut the list.
    pub is_cut: bool,
}
