//! Git's terms as types: objects, paths, branches, commits and changes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::Timestamp;

/// The text is not the name of a Git object.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a Git object is named by 40 hexadecimal digits")]
pub struct ObjectIdError;

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 20]);

        impl $name {
            /// The object with this SHA-1.
            pub fn from_bytes(bytes: [u8; 20]) -> Self {
                Self(bytes)
            }

            /// The SHA-1.
            pub fn as_bytes(&self) -> &[u8; 20] {
                &self.0
            }

            /// The first seven digits, as Git shortens them.
            pub fn short(&self) -> String {
                self.to_string().chars().take(7).collect()
            }
        }

        impl FromStr for $name {
            type Err = ObjectIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

object_id! {
    /// A commit, by its SHA-1.
    ///
    /// A commit is not a blob:
    ///
    /// ```compile_fail
    /// let blob: tidegate::model::BlobId = tidegate::model::CommitId::from_bytes([0; 20]);
    /// ```
    CommitId
}
object_id! {
    /// A file's content, by its SHA-1.
    BlobId
}

fn parse_hex(text: &str) -> Result<[u8; 20], ObjectIdError> {
    if text.len() != 40 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ObjectIdError);
    }
    let mut bytes = [0; 20];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| ObjectIdError)?;
    }
    Ok(bytes)
}

/// A relative path of a file or folder in the repository, with `/`, and without `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(Box<str>);

/// The text is not a path inside a repository.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a path in the repository is relative, separated by `/`, and has no empty, `.`, `..` or `.git` part in it"
)]
pub struct RepoPathError;

impl RepoPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.strip_prefix(&*other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for RepoPath {
    type Err = RepoPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
        if text.contains('\0') || !text.split('/').all(is_part) {
            return Err(RepoPathError);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// The short name of a branch: `main`, not `refs/heads/main`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BranchName(Box<str>);

impl BranchName {
    /// The short name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BranchName {
    type Err = RepoPathError;

    /// Follows `git check-ref-format --branch`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let forbidden = |byte: u8| byte <= b' ' || byte == 0x7f || b"~^:?*[\\".contains(&byte);
        let is_part =
            |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
        let good = !text.starts_with('-')
            && !text.ends_with('.')
            && text != "@"
            && !text.contains("..")
            && !text.contains("@{")
            && !text.bytes().any(forbidden)
            && text.split('/').all(is_part);
        if good { Ok(Self(text.into())) } else { Err(RepoPathError) }
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// A regular file in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Its path.
    pub path: RepoPath,
    /// Its content.
    pub blob: BlobId,
}

/// One file's difference between a commit and its first parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Its path.
    pub path: RepoPath,
    /// Its content before, unless the commit added it.
    pub before: Option<BlobId>,
    /// Its content after, unless the commit removed it.
    pub after: Option<BlobId>,
}

/// A commit of the history. Its texts are untrusted, but bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit.
    pub id: CommitId,
    /// Its first parent, unless it is a root.
    pub first_parent: Option<CommitId>,
    /// Author.
    pub author_name: String,
    /// Committer time.
    pub committed_at: Timestamp,
    /// Committer time of the first parent.
    pub parent_committed_at: Option<Timestamp>,
    /// The message, truncated to 8 MiB.
    pub message: String,
    /// For a merge: the messages of the newest commits along the first parents of the merged branch, newest first. One
    /// of them has the trailers of a promotion by pull request.
    pub merged: Vec<String>,
}

/// A force push: the branch moved to a commit that does not descend from the old head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplacedHead {
    pub old: CommitId,
    pub new: CommitId,
    /// When it was noticed.
    pub at: Timestamp,
}

/// The changes of a commit on the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitChanges {
    pub commit: CommitInfo,
    /// Against its first parent.
    pub changes: Vec<FileChange>,
    /// For a merge: the changes of each merged commit against its own parent, oldest first, and finally those of the
    /// merge itself.
    pub merged: Vec<(CommitInfo, Vec<FileChange>)>,
}

impl CommitInfo {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    /// Its path.
    pub path: RepoPath,
    /// The change.
    pub change: FileEditKind,
}

/// A change of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileEditKind {
    /// Replaces the content of an existing file; its mode stays.
    Rewrite(Vec<u8>),
    /// Writes a file, new or existing; missing folders are created.
    Write(Vec<u8>),
    /// Removes an existing file, and folders that become empty.
    Remove,
}

impl FileEdit {
    /// Replaces the content of an existing file.
    pub fn rewrite(path: RepoPath, content: impl Into<Vec<u8>>) -> Self {
        Self { path, change: FileEditKind::Rewrite(content.into()) }
    }

    /// Writes a file, new or existing.
    pub fn write(path: RepoPath, content: impl Into<Vec<u8>>) -> Self {
        Self { path, change: FileEditKind::Write(content.into()) }
    }

    /// Removes a file.
    pub fn remove(path: RepoPath) -> Self {
        Self { path, change: FileEditKind::Remove }
    }
}

/// A commit to be made on top of the one before it, with exactly these changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitDraft {
    /// The message.
    pub message: String,
    /// The name of its author; Tidegate's own if none.
    pub author: Option<String>,
    /// The changes.
    pub edits: Vec<FileEdit>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_ids_are_forty_digits() {
        let text = "9f2c1ab0d41e77c09f2c1ab0d41e77c09f2c1ab0";
        let id: CommitId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.short(), "9f2c1ab");
        for bad in ["", "9f2c1ab", &"g".repeat(40), &"é".repeat(20)] {
            assert!(bad.parse::<CommitId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_stay_inside_the_repository() {
        for good in ["clusters/prod", "a", ".tidegate/holds/x.yaml", "a b/ñ.yaml"] {
            assert!(good.parse::<RepoPath>().is_ok(), "{good}");
        }
        for bad in ["", "/etc", "a/", "a//b", "../x", "a/../b", "./a", ".git/config", "a/.GIT/x", "a\0b"] {
            assert!(bad.parse::<RepoPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn within_means_whole_folders() {
        let path = |text: &str| text.parse::<RepoPath>().unwrap();
        assert!(path("clusters/prod/a.yaml").is_within(&path("clusters/prod")));
        assert!(path("clusters/prod").is_within(&path("clusters/prod")));
        assert!(!path("clusters/prod-2/a.yaml").is_within(&path("clusters/prod")));
    }

    #[test]
    fn branches_follow_check_ref_format() {
        for good in ["main", "release/1.0", "a-b"] {
            assert!(good.parse::<BranchName>().is_ok(), "{good}");
        }
        for bad in ["", "-x", "a..b", "a b", "a~1", "a.lock", "x.", "/a", "a//b", "@", "a@{0}", "a\\b", ".a"]
        {
            assert!(bad.parse::<BranchName>().is_err(), "{bad}");
        }
    }
}
