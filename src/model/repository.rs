//! What a repository answers, without Git.

use super::{CommitId, RepoPath, TreeFile};

/// The manifests of a tree, and what lies among them that is never followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Regular `*.yaml` and `*.yml` files.
    pub files: Vec<TreeFile>,
    /// What was left alone.
    pub left_alone: Vec<LeftAlone>,
    /// The paths asked for that the commit does not have.
    pub missing: Vec<RepoPath>,
}

/// An entry of a tree that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// Where it lies; somebody else's text.
    pub path: String,
    /// Why it is left alone.
    pub kind: LeftAloneKind,
}

/// Why an entry of a tree is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftAloneKind {
    /// Another repository.
    Submodule,
    /// A link, which could lead anywhere.
    SymbolicLink,
    /// A path that is not UTF-8.
    NotUtf8,
    /// A name that no repository should have, such as `..`, or a folder absurdly deep.
    Unsafe,
}

/// A file's content as it is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// All of it.
    Bytes(&'a [u8]),
    /// A pointer to a file that Git LFS keeps elsewhere. It is not followed.
    LfsPointer,
    /// It is larger than anything that is read.
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
}

/// What a commit has at a path where a text is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing, and a file can be made there.
    Nothing,
    /// A regular file with this content.
    Bytes(Vec<u8>),
    /// What can be neither read nor written as a text, and why.
    Unusable(&'static str),
}

/// Commits along first parents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Oldest first. Each is the first parent of the next.
    pub commits: Vec<CommitId>,
    /// Whether they begin on top of the commit that was to be found. Otherwise this is the whole line.
    pub is_down_to_known: bool,
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    /// The commits are on the branch, in the order of their drafts.
    Pushed(Vec<CommitId>),
    /// The branch moved since the decision: it must be made again.
    Moved {
        /// Where the branch is now, if it is still there.
        head: Option<CommitId>,
    },
    /// The server refused: a hook, a protected branch.
    Declined {
        /// What the server said; somebody else's text.
        reason: String,
    },
}
