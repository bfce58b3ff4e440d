//! What can go wrong in the store, and what to do about it.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::MigrateError;
use thiserror::Error;

use crate::model::{Class, Fault};

/// The cause of an error, without the names that sqlx wraps around it.
type Cause = Box<dyn Error + Send + Sync>;

/// The store could not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file or a folder of the store could not be used.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was being done, such as `create the folder`.
        operation: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The database did not do what it was asked; nothing of it was written.
    #[error("cannot {operation} in the database {}", path.display())]
    Database {
        /// What was being done, such as `record observations`.
        operation: &'static str,
        /// The database's file.
        path: PathBuf,
        /// What kind of failure it is.
        failure: FailureKind,
        /// What the database said.
        source: Cause,
    },
    /// Another process holds a lock for longer than was waited.
    #[error(
        "{} is in use by {}; waited {waited:?} for it",
        path.display(),
        holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    InUse {
        /// What is in use: a data folder or a database.
        path: PathBuf,
        /// The process that holds it, if it said so.
        holder: Option<u32>,
        /// How long was waited.
        waited: Duration,
    },
    /// A later Tidegate has changed the schema.
    #[error(
        "the database {} has schema {found}, which is newer than this Tidegate knows (schema {known})",
        path.display()
    )]
    NewerSchema {
        /// The database's file.
        path: PathBuf,
        /// The schema of the database.
        found: i64,
        /// The newest schema that this binary knows.
        known: i64,
    },
    /// The file is a healthy database, but somebody else's.
    #[error("{} is the database of another program", path.display())]
    NotOurs {
        /// The database's file.
        path: PathBuf,
    },
    /// The index was given facts that contradict each other or that no row can hold.
    #[error("cannot save the history index: {reason}")]
    UnfitIndex {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The index that was read from is no more: it was damaged, or another process made it anew.
    #[error("the history index was made anew in the middle of a pass")]
    IndexGone,
}

/// Why a database refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Somebody else is writing.
    Busy,
    /// The disk, or the quota, is full.
    Full,
    /// The file or its folder can't be written.
    ReadOnly,
    /// The file is not a database, or a damaged one.
    Damaged,
    /// Anything else.
    Other,
}

impl StoreError {
    /// A failed query, with what was being done.
    pub(super) fn database(operation: &'static str, path: &Path, error: sqlx::Error) -> Self {
        let (failure, source) = understand(error);
        Self::Database { operation, path: path.to_owned(), failure, source }
    }

    /// A failed migration.
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

    /// Whether the database is damaged: opening it again sets it aside and makes a new one.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Database { failure: FailureKind::Damaged, .. })
    }

    /// What the error means for the one who has to act on it.
    pub fn class(&self) -> Class {
        match self {
            Self::InUse { .. }
            | Self::IndexGone
            | Self::Database { failure: FailureKind::Busy | FailureKind::Damaged, .. } => Class::TryAgain,
            Self::File { .. }
            | Self::Database { .. }
            | Self::NewerSchema { .. }
            | Self::NotOurs { .. }
            | Self::UnfitIndex { .. } => Class::Failed,
        }
    }

    /// What to do next, if there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File { source, .. } => file_hint(source.kind()),
            Self::Database { failure, .. } => failure.hint(),
            Self::InUse { .. } => Some("wait for the other process to finish, or stop it"),
            Self::NewerSchema { .. } => {
                Some("use the Tidegate that wrote it or a later one, or give this one a database of its own")
            }
            Self::NotOurs { .. } => Some("give Tidegate a file of its own"),
            Self::IndexGone => Some("nothing is lost; the next try reads it again from Git"),
            Self::UnfitIndex { .. } => None,
        }
    }
}

impl FailureKind {
    fn hint(self) -> Option<&'static str> {
        match self {
            Self::Busy => Some("another process is writing to it; try again when it is done"),
            Self::Full => Some("make room on the disk; nothing was written by halves"),
            Self::ReadOnly => Some(WRITABLE_HINT),
            Self::Damaged => Some(
                "start Tidegate again with no other Tidegate running: it sets the damaged file aside and builds a new one",
            ),
            Self::Other => None,
        }
    }
}

const WRITABLE_HINT: &str = "Tidegate must be able to write to the file and to the folder that holds it";

fn file_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureKind::Full.hint(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(WRITABLE_HINT),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            Some("a part of the path is a file; name one in which every part but the last is a folder")
        }
        io::ErrorKind::IsADirectory => Some("name a file, not a folder"),
        _ => None,
    }
}

/// Takes sqlx's wrapping off, so that the cause is row once, and finds out what kind of failure it is.
fn understand(error: sqlx::Error) -> (FailureKind, Cause) {
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

/// What an extended result code means (sqlite.org/rescode.html); its low byte is the primary code.
fn failure_kind(code: i32) -> FailureKind {
    /// `SQLITE_IOERR_SHORT_READ`: the file ends before a page that it should hold.
    const SHORT_READ: i32 = 522;
    /// `SQLITE_IOERR_SHMSIZE`: there is no room for the index of the write-ahead log.
    const NO_ROOM_FOR_SHARED_MEMORY: i32 = 4874;
    match (code, code & 0xff) {
        (SHORT_READ, _) | (_, 11 | 26) => FailureKind::Damaged,
        (NO_ROOM_FOR_SHARED_MEMORY, _) | (_, 13) => FailureKind::Full,
        (_, 5 | 6) => FailureKind::Busy,
        (_, 8) => FailureKind::ReadOnly,
        _ => FailureKind::Other,
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let mut fault = Self::new(error.class(), error.to_string());
        if let Some(hint) = error.hint() {
            fault = fault.with_hint(hint);
        }
        match error {
            StoreError::File { source, .. } => fault.with_source(source),
            StoreError::Database { source, .. } => fault.with_source(source),
            StoreError::InUse { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::NotOurs { .. }
            | StoreError::IndexGone
            | StoreError::UnfitIndex { .. } => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_codes_are_told_apart() {
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
    fn a_fault_tells_each_cause_once_and_says_what_to_do() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let path = PathBuf::from("/data/tidegate.db");
        let fault = Fault::from(StoreError::File { operation: "create", path, source: full });
        assert_eq!(fault.class(), Class::Failed);
        assert_eq!(fault.in_one_line(), "cannot create /data/tidegate.db: no storage space");
        assert_eq!(fault.hint(), Some("make room on the disk; nothing was written by halves"));
    }

    #[test]
    fn the_holder_of_a_lock_is_named_when_it_is_known() {
        let in_use =
            |holder| StoreError::InUse { path: "/data".into(), holder, waited: Duration::from_secs(30) };
        assert_eq!(in_use(Some(7)).to_string(), "/data is in use by process 7; waited 30s for it");
        assert_eq!(in_use(None).to_string(), "/data is in use by another process; waited 30s for it");
        assert_eq!(in_use(None).class(), Class::TryAgain);
    }
}
