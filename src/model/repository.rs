//! Answers of a repository, independent of Git.

use super::{CommitId, FileChange, RepoPath, TreeFile};

/// The result of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The head of the branch.
    pub head: CommitId,
    /// The branch moved since the last fetch or push.
    pub moved: bool,
}

/// The result of checking a commit's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureCheck {
    /// A good signature by an allowed signer.
    Valid,
    /// No signature, a bad one, or one by somebody else.
    Invalid {
        /// Why, printable.
        reason: String,
    },
}

/// The manifests of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Regular files that are manifests by their names, or lie in [`CONTROL_FOLDER`].
    pub files: Vec<TreeFile>,
    /// Entries that were skipped.
    pub left_alone: Vec<LeftAlone>,
    /// Requested paths that the commit does not have.
    pub missing: Vec<RepoPath>,
}

/// What differs between two trees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeChanges {
    /// The files of [`Listing::files`] that differ.
    pub files: Vec<FileChange>,
    /// Whether anything differs that a listing leaves alone, on either side.
    pub has_left_alone: bool,
}

/// The folder of control files.
pub const CONTROL_FOLDER: &str = ".tidegate";

/// Whether a path is the folder of control files or lies in it, in upper or lower case.
pub fn is_control_path(path: &[u8]) -> bool {
    let first = path.split(|byte| *byte == b'/').next().unwrap_or_default();
    first.eq_ignore_ascii_case(CONTROL_FOLDER.as_bytes())
}

/// A skipped entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// Its path; untrusted text.
    pub path: String,
    /// Why it was skipped.
    pub kind: LeftAloneKind,
}

/// Why an entry of a tree is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftAloneKind {
    /// A submodule.
    Submodule,
    /// A symbolic link, which may point anywhere.
    SymbolicLink,
    /// The path is not UTF-8.
    NotUtf8,
    /// An unsafe name such as `..`, or a path too deep.
    Unsafe,
}

/// Content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// The whole content.
    Bytes(&'a [u8]),
    /// A Git LFS pointer, which is not followed.
    LfsPointer,
    /// Larger than the limit.
    TooLarge {
        /// Size in bytes.
        bytes: usize,
    },
}

/// What a commit has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing; a file can be created.
    Nothing,
    /// A regular file with this content.
    Bytes(Vec<u8>),
    /// Something that cannot be used as a text file, and why.
    Unusable(&'static str),
}

/// Commits along first parents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Oldest first. Each is the first parent of the next.
    pub commits: Vec<CommitId>,
    /// Whether they begin right after the requested commit; otherwise this is the whole line.
    pub is_down_to_known: bool,
}

/// The outcome of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    /// The new commits, in the order of their drafts.
    Pushed(Vec<CommitId>),
    /// The branch moved since the decision, which must be made again.
    Moved {
        /// The current head, if the branch still exists.
        head: Option<CommitId>,
    },
    /// The server declined the push: a hook or a protected branch.
    Declined {
        /// The server's message; untrusted text.
        reason: String,
    },
}
