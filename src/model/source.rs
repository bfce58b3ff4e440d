//! The history of a source repository: what an image was built from, apart from the GitOps repository.

use super::{CommitId, Timestamp};

/// Somebody's name and address, as they stand in a commit: not yet fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The e-mail address. It is compared, never shown.
    pub email: String,
}

/// The longest message of a commit that is kept, in bytes.
pub const MOST_MESSAGE_BYTES: usize = 64 * 1024;

/// The longest name or address that is kept, in bytes.
pub const MOST_NAME_BYTES: usize = 512;

/// A commit of a source repository. The texts are somebody else's: bounded, but not yet fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCommit {
    /// The commit.
    pub id: CommitId,
    /// What it was made on.
    pub parents: Vec<CommitId>,
    /// Who wrote it.
    pub author: Person,
    /// When it was written. A cherry-pick and a rebase keep it.
    pub authored_at: Timestamp,
    /// When it came to be in this form.
    pub committed_at: Timestamp,
    /// The message.
    pub message: String,
    /// Whether it concerns the service: in a repository of many, whether it touches the service's folders. One that
    /// does not is kept only for how the history hangs together.
    pub is_relevant: bool,
}

/// How two commits lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The second has all that the first has, and more.
    Forward,
    /// The first has all that the second has, and more.
    Backward,
    /// Each has what the other lacks.
    Diverged,
    /// They have nothing in common.
    Unrelated,
}

/// What lies between two commits of a source repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRange {
    /// How they lie to each other.
    pub relation: Relation,
    /// What the newer one has and the older one has not, newest first, each before its parents; of a diverged history,
    /// what the second one has.
    pub commits: Vec<SourceCommit>,
    /// Of a diverged history, what only the first one has.
    pub lost: Vec<SourceCommit>,
    /// Whether there are more than were read.
    pub is_cut: bool,
}
