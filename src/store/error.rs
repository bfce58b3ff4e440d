//! Errors of the store: their class and what to do about them.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::MigrateError;
use thiserror::Error;

use crate::model::{Class, Fault, IntoFault};

/// The cause of an error, without sqlx's wrapping.
type Cause = Box<dyn Error + Send + Sync>;

/// A failed store operation.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file system operation failed.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// A verb before the path, such as `create the folder`.
        operation: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A query failed; its transaction wrote nothing.
    #[error("cannot {operation} in the database {}", path.display())]
    Database {
        /// Such as `record observations`.
        operation: &'static str,
        path: PathBuf,
        failure: FailureKind,
        source: Cause,
    },
    /// Another process kept a lock for the whole wait.
    #[error(
        "{} is in use by {}; waited {waited:?} for it",
        path.display(),
        holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    InUse {
        /// The data folder or database in use.
        path: PathBuf,
        /// The process that holds it, if known.
        holder: Option<u32>,
        waited: Duration,
    },
    /// A newer Tidegate migrated the schema.
    #[error(
        "the database {} has schema {found}, which is newer than this Tidegate knows (schema {known})",
        path.display()
    )]
    NewerSchema {
        path: PathBuf,
        found: i64,
        /// The newest schema of this binary.
        known: i64,
    },
    /// The file is another program's database.
    #[error("{} is another program's database", path.display())]
    NotOurs { path: PathBuf },
    /// The backup is of another repository or branch.
    #[error("the backup {} is of another repository or branch", path.display())]
    OtherRepository { path: PathBuf },
    /// The tag changes to index contradict each other or do not fit a row.
    #[error("cannot save the history index: {reason}")]
    UnfitIndex { reason: &'static str },
    /// The index was damaged, or another process rebuilt it.
    #[error("the history index was rebuilt during the pass")]
    IndexGone,
}

/// The kind of a database failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Another process is writing.
    Busy,
    /// The disk or the quota is full.
    Full,
    /// The file or its folder is not writable.
    ReadOnly,
    /// The file is damaged or no database.
    Damaged,
    Other,
}

impl StoreError {
    pub(super) fn database(operation: &'static str, path: &Path, error: sqlx::Error) -> Self {
        let (failure, source) = classify(error);
        Self::Database { operation, path: path.to_owned(), failure, source }
    }

    pub(super) fn migration(path: &Path, error: MigrateError) -> Self {
        let operation = "bring the schema up to date";
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::database(operation, path, error)
            }
            other => Self::Database {
                operation,
                path: path.to_owned(),
                failure: FailureKind::Other,
                source: other.into(),
            },
        }
    }

    /// The same error about another file: the original of a copy.
    pub(super) fn at(self, path: &Path) -> Self {
        let path = path.to_owned();
        match self {
            Self::Database { operation, failure, source, .. } => {
                Self::Database { operation, path, failure, source }
            }
            Self::NewerSchema { found, known, .. } => Self::NewerSchema { path, found, known },
            Self::NotOurs { .. } => Self::NotOurs { path },
            other => other,
        }
    }

    /// The database is damaged: opening it again sets it aside and creates a new one.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Database { failure: FailureKind::Damaged, .. })
    }

    /// The class, which drives retries and the exit code.
    pub fn class(&self) -> Class {
        match self {
            Self::InUse { .. }
            | Self::IndexGone
            | Self::Database { failure: FailureKind::Busy | FailureKind::Damaged, .. } => Class::TryAgain,
            Self::File { .. }
            | Self::Database { .. }
            | Self::NewerSchema { .. }
            | Self::NotOurs { .. }
            | Self::OtherRepository { .. }
            | Self::UnfitIndex { .. } => Class::Failed,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File { source, .. } => file_hint(source.kind()),
            Self::Database { failure, .. } => failure.hint(),
            Self::InUse { .. } => Some("wait for the other process to finish, or stop it"),
            Self::NewerSchema { .. } => Some(
                "use the Tidegate version that wrote it or a newer one, or set store.url to another file",
            ),
            Self::NotOurs { .. } => Some("set store.url to another file"),
            Self::OtherRepository { .. } => {
                Some("restore the backup that was made with this `git.url` and `git.branch`")
            }
            Self::IndexGone => Some("nothing is lost; the next pass reads it again from Git"),
            Self::UnfitIndex { .. } => None,
        }
    }
}

impl FailureKind {
    fn hint(self) -> Option<&'static str> {
        match self {
            Self::Busy => Some("another process is writing to it; try again later"),
            Self::Full => Some("free disk space; nothing was half-written"),
            Self::ReadOnly => Some(WRITABLE_HINT),
            Self::Damaged => Some(
                "restart Tidegate with no other Tidegate running: it sets the damaged file aside and creates a new one",
            ),
            Self::Other => None,
        }
    }
}

const WRITABLE_HINT: &str = "make the file and its folder writable for the user that runs Tidegate; users who share a \
    data folder need a common group: chgrp -R GROUP FOLDER, chmod -R g+rwX FOLDER, and chmod g+s for its folders";

fn file_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureKind::Full.hint(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(WRITABLE_HINT),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Some("a parent in the path is a file"),
        io::ErrorKind::IsADirectory => Some("name a file, not a folder"),
        _ => None,
    }
}

/// Unwraps sqlx's error and classifies it.
fn classify(error: sqlx::Error) -> (FailureKind, Cause) {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
            (failure_kind(code), error.into_error())
        }
        sqlx::Error::Io(error) => (FailureKind::Other, error.into()),
        sqlx::Error::PoolTimedOut => (FailureKind::Busy, sqlx::Error::PoolTimedOut.into()),
        other => (FailureKind::Other, other.into()),
    }
}

/// Maps an extended result code (sqlite.org/rescode.html); its low byte is the primary code.
fn failure_kind(code: i32) -> FailureKind {
    /// `SQLITE_IOERR_SHORT_READ`: the file is truncated.
    const SHORT_READ: i32 = 522;
    /// `SQLITE_IOERR_SHMSIZE`: no room for the index of the write-ahead log.
    const NO_ROOM_FOR_SHARED_MEMORY: i32 = 4874;
    match (code, code & 0xff) {
        (SHORT_READ, _) | (_, 11 | 26) => FailureKind::Damaged,
        (NO_ROOM_FOR_SHARED_MEMORY, _) | (_, 13) => FailureKind::Full,
        (_, 5 | 6) => FailureKind::Busy,
        (_, 8) => FailureKind::ReadOnly,
        _ => FailureKind::Other,
    }
}

impl IntoFault for StoreError {
    fn into_fault(self) -> Fault {
        let mut fault = Fault::new(self.class(), self.to_string());
        if let Some(hint) = self.hint() {
            fault = fault.with_hint(hint);
        }
        match self {
            StoreError::File { source, .. } => fault.with_source(source),
            StoreError::Database { source, .. } => fault.with_source(source),
            StoreError::InUse { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::NotOurs { .. }
            | StoreError::OtherRepository { .. }
            | StoreError::IndexGone
            | StoreError::UnfitIndex { .. } => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_codes_map_to_failures() {
        for (code, failure) in [
            (5, FailureKind::Busy),
            (261, FailureKind::Busy), // SQLITE_BUSY_RECOVERY
            (6, FailureKind::Busy),
            (8, FailureKind::ReadOnly),
            (1032, FailureKind::ReadOnly), // SQLITE_READONLY_DBMOVED
            (11, FailureKind::Damaged),
            (779, FailureKind::Damaged), // SQLITE_CORRUPT_INDEX
            (26, FailureKind::Damaged),
            (522, FailureKind::Damaged),
            (10, FailureKind::Other),
            (13, FailureKind::Full),
            (4874, FailureKind::Full),
            (0, FailureKind::Other),
        ] {
            assert_eq!(failure_kind(code), failure, "{code}");
        }
    }

    #[test]
    fn a_fault_names_each_cause_once_and_a_remedy() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let path = PathBuf::from("/data/tidegate.db");
        let fault = Fault::from(StoreError::File { operation: "create", path, source: full });
        assert_eq!(fault.class(), Class::Failed);
        assert_eq!(fault.in_one_line(), "cannot create /data/tidegate.db: no storage space");
        assert_eq!(fault.hint(), Some("free disk space; nothing was half-written"));
    }

    #[test]
    fn a_known_lock_holder_is_named() {
        let in_use =
            |holder| StoreError::InUse { path: "/data".into(), holder, waited: Duration::from_secs(30) };
        assert_eq!(in_use(Some(7)).to_string(), "/data is in use by process 7; waited 30s for it");
        assert_eq!(in_use(None).to_string(), "/data is in use by another process; waited 30s for it");
        assert_eq!(in_use(None).class(), Class::TryAgain);
    }
}
