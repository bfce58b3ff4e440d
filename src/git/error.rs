//! What can go wrong with Git, and what it means for the one who has to act.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

use super::remote::Trouble;
use crate::model::{BranchName, Class, CommitId, Fault, Printable, RepoPath};

/// Why something with Git did not work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitError {
    /// The URL is none that Tidegate can use. What may be a secret in it was taken out.
    #[error("cannot use `{url}` as git.url: {reason}")]
    Url {
        /// The URL, fit to be shown.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The author's name or address is none that Git can write.
    #[error("cannot write commits as `{name}` <{email}>")]
    Author {
        /// The name.
        name: String,
        /// The address.
        email: String,
        /// What Git says of it.
        source: git2::Error,
    },
    /// There is no repository at that place.
    #[error("there is no Git repository at {location}")]
    NoRepository {
        /// Where the repository should be.
        location: String,
        /// What Git says of it.
        source: ProgramError,
    },
    /// The repository has no branch at all.
    #[error("the repository at {location} is empty")]
    EmptyRepository {
        /// Where the repository is.
        location: String,
    },
    /// The repository has branches, but not this one.
    #[error("the repository at {location} has no branch {branch}")]
    BranchMissing {
        /// Where the repository is.
        location: String,
        /// The branch that was asked for.
        branch: BranchName,
        /// Some of the branches that there are, fit to be shown.
        existing: Vec<String>,
    },
    /// The repository lacks the beginning of its history, so that what soaked when can't be told.
    #[error("the repository at {location} is shallow")]
    Shallow {
        /// Where the repository is.
        location: String,
    },
    /// The `git` program did not do what it was asked.
    #[error("cannot {operation} {location}")]
    Program {
        /// What it was asked to do, such as `fetch from`.
        operation: &'static str,
        /// Where the repository is.
        location: String,
        /// Why not.
        source: ProgramError,
    },
    /// The server could not be used.
    #[error("cannot {operation} {location}")]
    Remote {
        /// What was to be done, such as `fetch from`.
        operation: &'static str,
        /// Where the repository is.
        location: String,
        /// Why it did not work.
        source: Box<Trouble>,
    },
    /// What is needed to log in can't be had.
    #[error("cannot {operation} {location}")]
    Login {
        /// What was to be done, such as `fetch from`.
        operation: &'static str,
        /// Where the repository is.
        location: String,
        /// What is missing.
        #[source]
        fault: Box<Fault>,
    },
    /// The mirror does not have this commit.
    #[error("the mirror has no commit {commit}")]
    UnknownCommit {
        /// The commit.
        commit: CommitId,
    },
    /// The mirror lacks an object that it must have, or has it damaged.
    #[error("the mirror is damaged: cannot {operation}")]
    Damaged {
        /// What was being read, such as `read tree 9f2c1ab`.
        operation: String,
        /// What libgit2 says of it.
        source: git2::Error,
    },
    /// A file or folder of the mirror can't be made, read or moved.
    #[error("cannot {operation} {}", path.display())]
    Folder {
        /// What was tried, such as `create`.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// New objects can't be written to the mirror.
    #[error("cannot write {what} to the mirror")]
    Write {
        /// What was to be written.
        what: &'static str,
        /// What libgit2 says of it.
        source: git2::Error,
    },
    /// The commits can't be signed.
    #[error("nothing is pushed, since it could not be signed")]
    Signing {
        /// Why not.
        #[source]
        fault: Box<Fault>,
    },
    /// Another process has held the mirror for too long.
    #[error("another process is using the mirror {}", path.display())]
    Busy {
        /// The mirror's folder.
        path: PathBuf,
    },
    /// The tree has more files than any GitOps repository has.
    #[error("the tree of the repository has more than {most} entries under the configured paths")]
    TooManyEntries {
        /// The bound.
        most: usize,
    },
    /// An edit names what is no regular file in the commit that it is to be made on.
    #[error("{path} is no regular file in commit {commit}")]
    NoSuchFile {
        /// The edited file.
        path: RepoPath,
        /// The commit that the decision was made from.
        commit: CommitId,
    },
    /// Two edits of one commit name the same file.
    #[error("two edits of one commit name {path}")]
    EditedTwice {
        /// The file.
        path: RepoPath,
    },
    /// A source repository has more history than there is room for.
    #[error("the history of {location} takes more than {most_mib} MiB")]
    TooLarge {
        /// Where the repository is.
        location: String,
        /// The bound.
        most_mib: u64,
    },
    /// The time was over before it was done.
    #[error("cannot {operation} in the time that there is")]
    TooSlow {
        /// What was being done.
        operation: &'static str,
    },
    /// A commit would change nothing.
    #[error("the commit `{subject}` would change nothing")]
    NothingToCommit {
        /// The first line of its message, fit to be shown.
        subject: String,
    },
}

/// Why the `git` program did not do its work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It is not installed, or not on `PATH`.
    #[error("the program `{program}` was not found")]
    Missing {
        /// Its name.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It could not be started or waited for.
    #[error("the program `{program}` could not be run")]
    Run {
        /// Its name.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It was stopped since nothing came from the other side.
    #[error("the other side said nothing for {} s", silence.as_secs_f32())]
    Silent {
        /// How long.
        silence: Duration,
    },
    /// It was stopped since Tidegate is to stop.
    #[error("it was stopped, as Tidegate was told to stop")]
    Stopped,
    /// It was stopped at its deadline.
    #[error("no answer within {} s", deadline.as_secs_f32())]
    Deadline {
        /// How long it had.
        deadline: Duration,
    },
    /// It said no.
    #[error("git ended with {status}: {said}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to its standard error, fit to be shown.
        said: String,
    },
    /// It wrote what nobody understands.
    #[error("git answered what cannot be understood: {said}")]
    Answer {
        /// The answer, fit to be shown.
        said: String,
    },
}

impl GitError {
    /// What the error means for the one who has to act on it.
    pub fn class(&self) -> Class {
        match self {
            Self::Url { .. } | Self::Author { .. } => Class::Usage,
            Self::Shallow { .. }
            | Self::TooLarge { .. }
            | Self::TooManyEntries { .. }
            | Self::NoSuchFile { .. }
            | Self::EditedTwice { .. }
            | Self::NothingToCommit { .. } => Class::Refused,
            Self::Damaged { .. } | Self::Busy { .. } | Self::TooSlow { .. } => Class::TryAgain,
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

    /// What to do next, in plain words, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Url { .. } => {
                "git.url is a path, or a file://, ssh:// or https:// URL without a login in it".into()
            }
            Self::Author { .. } => "set git.author.name and git.author.email in the configuration".into(),
            Self::NoRepository { .. } => "git.url must name a repository that this user can read".into(),
            Self::EmptyRepository { .. } => "push a first commit to it".into(),
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
            Self::UnknownCommit { .. } => "the branch may have been rewritten: fetch it again".into(),
            Self::Damaged { .. } => "the next fetch sets the mirror aside and makes it anew".into(),
            Self::Folder { source, .. } => return folder_hint(source.kind()).map(str::to_owned),
            Self::Write { .. } => "see that the mirror's disk is not full and can be written to".into(),
            Self::Busy { .. } => {
                "only one Tidegate may use a data folder at a time; wait for the other".into()
            }
            Self::TooManyEntries { .. } => "name the environments' folders more narrowly".into(),
            _ => return None,
        };
        Some(hint)
    }

    /// A branch that is not there: `branches` are all that are.
    pub(super) fn no_branch(location: &str, branch: &BranchName, branches: &[String]) -> Self {
        const MOST_SHOWN: usize = 20;
        if branches.is_empty() {
            return Self::EmptyRepository { location: location.to_owned() };
        }
        let shown = |name: &String| Printable::bounded(name, 100).to_string();
        let existing = branches.iter().take(MOST_SHOWN).map(shown).collect();
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

/// Debian's package with a program that we run.
fn package_of(program: &str) -> &str {
    match program {
        "ssh" | "ssh-keygen" | "ssh-keyscan" => "openssh-client",
        other => other,
    }
}

fn folder_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some("the disk is full: make room"),
        io::ErrorKind::ReadOnlyFilesystem => Some("the data folder must be on a disk that can be written to"),
        io::ErrorKind::PermissionDenied => Some("the data folder must belong to the user that runs Tidegate"),
        io::ErrorKind::NotADirectory => Some("a part of the data folder's path is a file"),
        _ => None,
    }
}

impl From<GitError> for Fault {
    fn from(error: GitError) -> Self {
        let mut fault = Self::new(error.class(), error.to_string());
        if let Some(hint) = error.hint() {
            fault = fault.with_hint(hint);
        }
        match error {
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
    fn a_fault_tells_operation_cause_and_hint_once_each() {
        let source = io::Error::new(io::ErrorKind::StorageFull, "no space left");
        let error = GitError::Folder { operation: "create", path: "/data/mirror".into(), source };
        let fault = Fault::from(error);
        assert_eq!(fault.in_one_line(), "cannot create /data/mirror: no space left");
        assert_eq!(fault.hint(), Some("the disk is full: make room"));
        assert_eq!(fault.class(), Class::Failed);
    }

    #[test]
    fn a_missing_branch_tells_the_others_and_an_empty_repository_has_none() {
        let main: BranchName = "main".parse().unwrap();
        let error = GitError::no_branch("/srv/x.git", &main, &["master".into(), "a\u{1b}".into()]);
        assert_eq!(error.hint().unwrap(), "set git.branch to one of: master, a\\u{1b}");
        assert!(matches!(GitError::no_branch("/srv/x.git", &main, &[]), GitError::EmptyRepository { .. }));
    }
}
