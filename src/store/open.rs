//! Opens the store: the file, its lock, its health check, and recovery from damage.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

use super::connection::{BUSY_TIMEOUT, Database};
use super::error::StoreError;
use super::lock::{LockFile, create_folder, open_private};
use super::schema::{self, Found};
use super::{index, sql};

/// The open database, shared by all tasks of a process.
#[derive(Debug)]
pub struct Store {
    pub(super) database: Database,
    /// The same file, for the changelog caches; connected when first used.
    pub(super) caches: Database,
    /// How long what no decision needs is kept.
    pub(super) retention: TimeDelta,
    /// A shared lock: while any process has the database open, nobody sets it aside.
    _in_use: LockFile,
}

/// An opened store and what was found.
#[derive(Debug)]
pub struct OpenedStore {
    pub store: Store,
    pub state: OpenState,
}

/// The state of the database file before it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenState {
    /// Missing: a new database was created.
    Created,
    /// A healthy database.
    Existing,
    /// Damaged or no database: set aside, and a new one created.
    Rebuilt {
        /// The new path of the damaged file.
        kept_aside: PathBuf,
    },
}

impl Store {
    /// Opens or creates the database file `path`, which keeps what no decision needs for `retention`.
    ///
    /// `repository` is the URL and the branch, with a space between. When they change, the fetch log and the index are cleared,
    /// because they describe another branch; observations stay.
    ///
    /// If no other process has the file open, every page is checked, and a damaged file is set aside.
    ///
    /// # Errors
    /// The file or its folder is unusable, the database belongs to a newer Tidegate or another program, or it is damaged
    /// while another process has it open.
    pub async fn open(path: &Path, repository: &str, retention: Duration) -> Result<OpenedStore, StoreError> {
        create_folder(folder_of(path))?;
        refuse_special_file(path)?;
        let in_use = LockFile::open(&beside(path, ".lock"), path)?;
        let alone = in_use.try_exclusive()?;
        if !alone {
            in_use.share(BUSY_TIMEOUT).await?;
        }
        let (database, state) = if alone && !may_be_database(path) {
            rebuild(path, repository).await?
        } else {
            match prepare(path, repository, alone).await {
                Ok((database, Found::Empty)) => (database, OpenState::Created),
                Ok((database, Found::Ours)) => (database, OpenState::Existing),
                Err(error) if alone && error.is_damage() => rebuild(path, repository).await?,
                Err(error) => return Err(error),
            }
        };
        in_use.share(BUSY_TIMEOUT).await?;
        let caches = Database::for_caches(path);
        let retention = TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX);
        Ok(OpenedStore { store: Self { database, caches, retention, _in_use: in_use }, state })
    }

    /// Closes every connection. Dropping the store does too, without waiting.
    pub async fn close(self) {
        self.caches.close().await;
        self.database.close().await;
    }
}

/// Whether a file starts like a database, is empty, or cannot be read (opening it reports that). SQLite must not see any other
/// file: it would eventually delete that file's write-ahead log.
pub(super) fn may_be_database(path: &Path) -> bool {
    // The SQLite database file format, section 1.3.1.
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut begin));
    read.is_err() || begin.is_empty() || begin == MAGIC
}

/// Sets the file aside and creates a new database.
async fn rebuild(path: &Path, repository: &str) -> Result<(Database, OpenState), StoreError> {
    let kept_aside = set_aside(path)?;
    let (database, _) = prepare(path, repository, true).await?;
    Ok((database, OpenState::Rebuilt { kept_aside }))
}

/// Creates, checks and migrates the file for `repository`.
async fn prepare(path: &Path, repository: &str, check: bool) -> Result<(Database, Found), StoreError> {
    // Created here, because SQLite would make it world-readable.
    open_private(path)?;
    let database = Database::at(path);
    match try_prepare(&database, repository, check).await {
        Ok(found) => Ok((database, found)),
        Err(error) => {
            database.close().await;
            Err(error)
        }
    }
}

async fn try_prepare(database: &Database, repository: &str, check: bool) -> Result<Found, StoreError> {
    if check {
        schema::check(database).await?;
    }
    let found = schema::bring_up_to_date(database).await?;
    adopt(database, repository).await?;
    Ok(found)
}

/// Clears data of another repository.
async fn adopt(database: &Database, repository: &str) -> Result<(), StoreError> {
    let operation = "note the repository";
    let failed = database.failed(operation);
    let fingerprint = format!("{:x}", Sha256::digest(repository));
    let mut reading = database.read(operation).await?;
    let known: Option<String> =
        sqlx::query_scalar(sql::REPOSITORY).fetch_optional(&mut *reading).await.map_err(&failed)?;
    drop(reading);
    if known.as_ref() == Some(&fingerprint) {
        return Ok(());
    }
    // Until 0.6 the branch was not part of it.
    let url = repository.rsplit_once(' ').map(|(url, _)| format!("{:x}", Sha256::digest(url)));
    let is_same = known.is_some() && known == url;
    let mut writing = database.write(operation).await?;
    if !is_same {
        sqlx::query(sql::CLEAR_FETCHES).execute(&mut *writing).await.map_err(&failed)?;
        index::clear(&mut writing).await.map_err(&failed)?;
        // Notifications of another branch do not concern this one. Waiting messages are still true.
        for statement in sql::CLEAR_TOLD {
            sqlx::query(statement).execute(&mut *writing).await.map_err(&failed)?;
        }
    }
    sqlx::query(sql::SET_REPOSITORY).bind(fingerprint).execute(&mut *writing).await.map_err(&failed)?;
    writing.commit().await.map_err(failed)
}

/// Renames the database and its write-ahead log to the first free `.corrupt-1`, `.corrupt-2` …
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |source| StoreError::File { operation: "set aside", path: path.to_owned(), source };
    let free = (1..u32::MAX).map(|n| beside(path, &format!(".corrupt-{n}"))).find(|aside| !aside.exists());
    let aside = free.ok_or_else(|| failed(io::ErrorKind::AlreadyExists.into()))?;
    // The file first: SQLite deletes a write-ahead log without its database, never the reverse.
    std::fs::rename(path, &aside).map_err(failed)?;
    for suffix in ["-wal", "-shm"] {
        match std::fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(aside)
}

/// Refuses a pipe or a device.
fn refuse_special_file(path: &Path) -> Result<(), StoreError> {
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
            Err(StoreError::File { operation: "open", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// The folder of a file; the current one for a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The path with `suffix` appended.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
