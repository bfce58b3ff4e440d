//! Errors of Git operations: their class and what to do about them.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

use super::remote::RemoteError;
use crate::model::{BranchName, Class, CommitId, Fault, IntoFault, Printable, RepoPath};

/// A failed Git operation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitError {
    /// `git.url` is unusable. Its user information is removed.
    #[error("cannot use `{url}` as git.url: {reason}")]
    Url { url: String, reason: &'static str },
    /// Git cannot write the author's name or address.
    #[error("cannot write commits as `{name}` <{email}>")]
    Author { name: String, email: String, source: git2::Error },
    /// No repository there.
    #[error("there is no Git repository at {location}")]
    NoRepository { location: String, source: ProgramError },
    /// The repository has no branch.
    #[error("the repository at {location} is empty")]
    EmptyRepository { location: String },
    /// The repository has other branches only.
    #[error("the repository at {location} has no branch {branch}")]
    BranchMissing {
        location: String,
        branch: BranchName,
        /// Some existing branches, printable.
        existing: Vec<String>,
    },
    /// The repository is a shallow clone, so soak times are unknown.
    #[error("the repository at {location} is shallow")]
    Shallow { location: String },
    /// The `git` program failed.
    #[error("cannot {operation} {location}")]
    Program {
        /// A verb before the location, such as `fetch from`.
        operation: &'static str,
        location: String,
        source: ProgramError,
    },
    /// The server refused or is unreachable.
    #[error("cannot {operation} {location}")]
    Remote {
        /// A verb before the location, such as `fetch from`.
        operation: &'static str,
        location: String,
        source: Box<RemoteError>,
    },
    /// The login is incomplete, e.g. a token file is missing.
    #[error("cannot {operation} {location}")]
    Login {
        /// A verb before the location, such as `fetch from`.
        operation: &'static str,
        location: String,
        #[source]
        fault: Box<Fault>,
    },
    /// The mirror does not have this commit.
    #[error("the mirror has no commit {commit}")]
    UnknownCommit { commit: CommitId },
    /// A commit of the repository that has no tree: somebody's broken tool made it.
    #[error("commit {commit} is malformed")]
    MalformedCommit { commit: CommitId },
    /// The server can neither move the branch nor says that somebody else did: a stale lock, or a ref it may not write.
    #[error("{location} does not update {branch}: {reason}")]
    RefNotUpdated {
        location: String,
        branch: BranchName,
        /// Git's words, printable.
        reason: String,
    },
    /// The repository uses SHA-256 object names.
    #[error("the repository at {location} uses SHA-256 object names, which Tidegate does not support")]
    Sha256 { location: String },
    /// An object of the mirror is missing or damaged.
    #[error("the mirror is damaged: cannot {operation}")]
    Damaged {
        /// Such as `read tree 9f2c1ab`.
        operation: String,
        source: git2::Error,
    },
    /// A branch, tag or commit of a working copy cannot be compared with.
    #[error("cannot compare {} with `{reference}`", top.display())]
    Reference {
        /// As given, printable.
        reference: String,
        /// The top of the working copy.
        top: PathBuf,
        source: git2::Error,
    },
    /// A file system operation on the mirror failed.
    #[error("cannot {operation} {}", path.display())]
    Folder {
        /// A verb before the path, such as `create`.
        operation: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// libgit2 cannot write objects to the mirror.
    #[error("cannot write {what} to the mirror")]
    Write { what: &'static str, source: git2::Error },
    /// Signing failed.
    #[error("cannot sign the commits; nothing was pushed")]
    Signing {
        #[source]
        fault: Box<Fault>,
    },
    /// Another process holds the mirror lock for too long.
    #[error("another process is using the mirror {}", path.display())]
    Busy { path: PathBuf },
    /// The tree exceeds its bound.
    #[error("the tree of the repository has more than {most} entries under the configured paths")]
    TooManyEntries { most: usize },
    /// An edit names no regular file of its base commit.
    #[error("{path} is not a regular file in commit {commit}")]
    NoSuchFile { path: RepoPath, commit: CommitId },
    /// Two edits of one commit name one file.
    #[error("two edits of one commit name {path}")]
    EditedTwice { path: RepoPath },
    /// A source repository's mirror exceeds its bound.
    #[error("the history of {location} takes more than {most_mib} MiB")]
    TooLarge { location: String, most_mib: u64 },
    /// A local operation reached its deadline.
    #[error("cannot {operation} before the deadline")]
    TooSlow { operation: &'static str },
    /// An empty commit.
    #[error("the commit `{subject}` would change nothing")]
    NothingToCommit {
        /// The first line of its message, printable.
        subject: String,
    },
}

/// A failed run of a program, usually `git`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// Not installed, or not on `PATH`.
    #[error("the program `{program}` was not found")]
    Missing { program: String, source: io::Error },
    /// It cannot be started or waited for.
    #[error("the program `{program}` could not be run")]
    Run { program: String, source: io::Error },
    /// Killed: no output for too long.
    #[error("no data for {} s", silence.as_secs_f32())]
    Silent { silence: Duration },
    /// Killed: Tidegate is stopping.
    #[error("interrupted: Tidegate is stopping")]
    Stopped,
    /// Killed at its deadline.
    #[error("no answer within {} s", deadline.as_secs_f32())]
    Deadline { deadline: Duration },
    /// It exited with an error.
    #[error("git ended with {status}: {message}")]
    Ended {
        status: ExitStatus,
        /// Its standard error, printable.
        message: String,
    },
    /// Its output cannot be parsed.
    #[error("unexpected output of git: {message}")]
    Answer {
        /// The output, printable.
        message: String,
    },
}

impl GitError {
    /// The class, which drives retries and the exit code.
    pub fn class(&self) -> Class {
        match self {
            Self::Url { .. } | Self::Author { .. } | Self::Reference { .. } => Class::Usage,
            Self::Shallow { .. }
            | Self::TooLarge { .. }
            | Self::TooManyEntries { .. }
            | Self::NoSuchFile { .. }
            | Self::EditedTwice { .. }
            | Self::MalformedCommit { .. }
            | Self::Sha256 { .. }
            | Self::NothingToCommit { .. } => Class::Refused,
            Self::RefNotUpdated { .. } | Self::Damaged { .. } | Self::Busy { .. } | Self::TooSlow { .. } => {
                Class::TryAgain
            }
            Self::Program { source, .. } => source.class(),
            Self::Remote { source, .. } => source.class(),
            Self::Login { fault, .. } | Self::Signing { fault } => fault.class(),
            Self::NoRepository { .. }
            | Self::EmptyRepository { .. }
            | Self::BranchMissing { .. }
            | Self::UnknownCommit { .. }
            | Self::Folder { .. }
            | Self::Write { .. } => Class::Failed,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Url { .. } => {
                "git.url is a path, or a file://, ssh:// or https:// URL without a login in it".into()
            }
            Self::Author { .. } => "set git.author.name and git.author.email in the configuration".into(),
            Self::NoRepository { .. } => "git.url must name a repository that this user can read".into(),
            Self::EmptyRepository { .. } => "push a first commit to it".into(),
            Self::RefNotUpdated { branch, .. } => format!(
                "if no Git process works in that repository, remove its stale refs/heads/{branch}.lock; else make \
                 refs/heads writable for this login"
            ),
            Self::Sha256 { .. } => "use a repository with SHA-1 object names, Git's default".into(),
            Self::BranchMissing { existing, .. } => {
                format!("set git.branch to one of: {}", existing.join(", "))
            }
            Self::Shallow { .. } => {
                "run `git fetch --unshallow` there, or set git.url to a whole clone".into()
            }
            Self::Program { source: ProgramError::Missing { program, .. }, .. } => {
                format!("install it, on Debian with `apt install {}`", package_of(program))
            }
            Self::Remote { source, .. } => return source.hint(),
            Self::Login { fault, .. } | Self::Signing { fault } => return fault.hint().map(str::to_owned),
            Self::UnknownCommit { .. } => "the branch may have been force-pushed: fetch again".into(),
            Self::Reference { .. } => {
                "name a branch, tag or commit that this clone has; a shallow one may lack it: `git fetch --unshallow`"
                    .into()
            }
            Self::Damaged { .. } => "the next fetch replaces the mirror; nothing is lost".into(),
            Self::Folder { source, .. } => return folder_hint(source.kind()).map(str::to_owned),
            Self::Write { .. } => "check that the disk has room and the data folder is writable".into(),
            Self::Busy { .. } => "wait for the other process, or stop it".into(),
            Self::TooManyEntries { .. } => "narrow the paths of the environments".into(),
            _ => return None,
        };
        Some(hint)
    }

    /// The error for a missing branch, where `branches` exist.
    pub(super) fn no_branch(location: &str, branch: &BranchName, branches: &[String]) -> Self {
        const MAX_SHOWN: usize = 20;
        if branches.is_empty() {
            return Self::EmptyRepository { location: location.to_owned() };
        }
        let shown = |name: &String| Printable::bounded(name, 100).to_string();
        let existing = branches.iter().take(MAX_SHOWN).map(shown).collect();
        Self::BranchMissing { location: location.to_owned(), branch: branch.clone(), existing }
    }
}

impl ProgramError {
    fn class(&self) -> Class {
        match self {
            Self::Missing { .. } => Class::Failed,
            Self::Run { .. }
            | Self::Deadline { .. }
            | Self::Silent { .. }
            | Self::Stopped
            | Self::Ended { .. }
            | Self::Answer { .. } => Class::TryAgain,
        }
    }
}

/// The Debian package of a program.
fn package_of(program: &str) -> &str {
    match program {
        "ssh" | "ssh-keygen" | "ssh-keyscan" => "openssh-client",
        other => other,
    }
}

fn folder_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some("the disk is full: make room"),
        io::ErrorKind::ReadOnlyFilesystem => Some("the data folder is on a read-only file system"),
        io::ErrorKind::PermissionDenied => {
            Some("the data folder must be writable for the user that runs Tidegate")
        }
        io::ErrorKind::NotADirectory => Some("a parent of the data folder is a file"),
        _ => None,
    }
}

impl IntoFault for GitError {
    fn into_fault(self) -> Fault {
        let mut fault = Fault::new(self.class(), self.to_string());
        if let Some(hint) = self.hint() {
            fault = fault.with_hint(hint);
        }
        match self {
            GitError::NoRepository { source, .. } | GitError::Program { source, .. } => {
                fault.with_source(source)
            }
            GitError::Remote { source, .. } => fault.with_source(*source),
            GitError::Login { fault: source, .. } | GitError::Signing { fault: source } => {
                fault.with_source(*source)
            }
            GitError::Author { source, .. }
            | GitError::Damaged { source, .. }
            | GitError::Write { source, .. } => fault.with_source(source),
            GitError::Folder { source, .. } => fault.with_source(source),
            _ => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_operation_cause_and_hint_once_each() {
        let source = io::Error::new(io::ErrorKind::StorageFull, "no space left");
        let error = GitError::Folder { operation: "create", path: "/data/mirror".into(), source };
        let fault = Fault::from(error);
        assert_eq!(fault.in_one_line(), "cannot create /data/mirror: no space left");
        assert_eq!(fault.hint(), Some("the disk is full: make room"));
        assert_eq!(fault.class(), Class::Failed);
    }

    #[test]
    fn a_missing_branch_lists_the_others_and_an_empty_repository_has_none() {
        let main: BranchName = "main".parse().unwrap();
        let error = GitError::no_branch("/srv/x.git", &main, &["master".into(), "a\u{1b}".into()]);
        assert_eq!(error.hint().unwrap(), "set git.branch to one of: master, a\\u{1b}");
        assert!(matches!(GitError::no_branch("/srv/x.git", &main, &[]), GitError::EmptyRepository { .. }));
    }
}
