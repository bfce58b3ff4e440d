//! Opening the store: the file, its lock, its health, and what happens to a damaged one.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::connection::{BUSY_TIMEOUT, Database};
use super::error::StoreError;
use super::lock::{LockFile, create_folder, open_private};
use super::schema::{self, Found};
use super::{index, sql};

/// The database, open. One is enough for a process; it may be used from many tasks at once.
#[derive(Debug)]
pub struct Store {
    pub(super) database: Database,
    /// Held together with every other process that has the database open, so that nobody sets it aside.
    _in_use: LockFile,
}

/// A store, and what was found in its place.
#[derive(Debug)]
pub struct OpenedStore {
    /// The store.
    pub store: Store,
    /// What was found.
    pub state: OpenState,
}

/// What was found where the database should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenState {
    /// Nothing: a new database was made.
    Created,
    /// A healthy database.
    Existing,
    /// A damaged one, or no database at all: it was set aside and a new one made.
    Rebuilt {
        /// Where the damaged file is now.
        kept_aside: PathBuf,
    },
}

impl Store {
    /// Opens the database in the file `path`, and makes it and its folder if they are missing.
    ///
    /// `repository` is the URL of the repository that is served; with another one than the last time, the fetches and
    /// the index, which tell of that repository, are cleared, and the observations kept.
    ///
    /// If no other process has it open, every page is checked, and a damaged file is set aside.
    ///
    /// # Errors
    /// When the file or its folder can't be used, the database is of a newer Tidegate or of another program, or it is
    /// damaged while another process has it open.
    pub async fn open(path: &Path, repository: &str) -> Result<OpenedStore, StoreError> {
        create_folder(folder_of(path))?;
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
        Ok(OpenedStore { store: Self { database, _in_use: in_use }, state })
    }

    /// Ends every connection. Dropping the store does too, but doesn't wait for it.
    pub async fn close(self) {
        self.database.close().await;
    }
}

/// Whether a file begins as databases do, is empty, or can't be read, which is row when it is opened. SQLite is not shown
/// anything else: it throws the write-ahead log of such a file away, sooner or later.
fn may_be_database(path: &Path) -> bool {
    // The SQLite database file format, section 1.3.1.
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut begin));
    read.is_err() || begin.is_empty() || begin == MAGIC
}

/// Sets what is there aside, and makes a new database.
async fn rebuild(path: &Path, repository: &str) -> Result<(Database, OpenState), StoreError> {
    let kept_aside = set_aside(path)?;
    let (database, _) = prepare(path, repository, true).await?;
    Ok((database, OpenState::Rebuilt { kept_aside }))
}

/// Makes the file a healthy database of the newest schema that tells of `repository`.
async fn prepare(path: &Path, repository: &str, check: bool) -> Result<(Database, Found), StoreError> {
    // Made here, since SQLite would let everybody read it.
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

/// Clears what tells of another repository.
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
    let mut writing = database.write(operation).await?;
    sqlx::query(sql::CLEAR_FETCHES).execute(&mut *writing).await.map_err(&failed)?;
    index::clear(&mut writing).await.map_err(&failed)?;
    sqlx::query(sql::SET_REPOSITORY).bind(fingerprint).execute(&mut *writing).await.map_err(&failed)?;
    writing.commit().await.map_err(failed)
}

/// Renames the database and its write-ahead log to the first free `.corrupt-1`, `.corrupt-2` …
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |source| StoreError::File { operation: "set aside", path: path.to_owned(), source };
    let free = (1..u32::MAX).map(|n| beside(path, &format!(".corrupt-{n}"))).find(|aside| !aside.exists());
    let aside = free.ok_or_else(|| failed(io::ErrorKind::AlreadyExists.into()))?;
    // The file goes first: SQLite throws a write-ahead log without one away, and never the other way round.
    std::fs::rename(path, &aside).map_err(failed)?;
    for suffix in ["-wal", "-shm"] {
        match std::fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(aside)
}

/// The folder that holds a file; the current one for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The file beside this one whose name goes on with `suffix`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
