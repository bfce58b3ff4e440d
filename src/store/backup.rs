//! Backup and restore: a consistent copy beside running processes, and its return while none runs.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::connection::Database;
use super::error::StoreError;
use super::lock::{LockFile, create_folder, open_private};
use super::open::{Store, beside, folder_of, may_be_database};
use super::schema::{self, Found};
use super::sql;

/// The result of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The new path of the database that was there, if there was one.
    pub kept_aside: Option<PathBuf>,
}

impl Store {
    /// Writes a consistent copy to `file`, which must not exist. Other processes go on meanwhile.
    ///
    /// # Errors
    /// The database cannot be read, or the file not written. No file is left then.
    pub async fn back_up(&self, file: &Path) -> Result<(), StoreError> {
        let partial = beside(file, ".partial");
        let result = self.write_copy(&partial).await.and_then(|()| publish(&partial, file));
        if result.is_err() {
            // A partial copy is useless.
            let _ = fs::remove_file(&partial);
        }
        result
    }

    async fn write_copy(&self, partial: &Path) -> Result<(), StoreError> {
        // A file that an interrupted backup left.
        let _ = fs::remove_file(partial);
        // SQLite takes an empty file, and would create a world-readable one.
        open_private(partial)?;
        let Some(path) = partial.to_str() else {
            let source = io::Error::new(io::ErrorKind::InvalidFilename, "the path is not UTF-8");
            return Err(file_error("write", partial, source));
        };
        let operation = "back up";
        let mut connection = self.database.connection(operation).await?;
        sqlx::query(sql::BACK_UP)
            .bind(path)
            .execute(&mut *connection)
            .await
            .map_err(self.database.failed(operation))?;
        drop(connection);
        let copy = Database::at(partial);
        let checked = schema::check_whole(&copy).await;
        copy.close().await;
        remove_log(partial);
        checked
    }

    /// Replaces the database at `path` by the one in `file`, which a backup wrote. `repository` is as for [`open`](Self::open).
    ///
    /// The replaced database is kept beside the new one. Messages that waited at the time of the backup are not sent, and moves
    /// since then are not notified.
    ///
    /// # Errors
    /// Another process has the database open; the file is damaged, of another program, of a newer Tidegate, or of another
    /// repository. The database is as it was then.
    pub async fn restore(path: &Path, file: &Path, repository: &str) -> Result<Restored, StoreError> {
        create_folder(folder_of(path))?;
        let in_use = LockFile::open(&beside(path, ".lock"), path)?;
        if !in_use.try_exclusive()? {
            return Err(StoreError::InUse {
                path: path.to_owned(),
                holder: None,
                waited: std::time::Duration::ZERO,
            });
        }
        let incoming = beside(path, ".restoring");
        let result = match bring_in(file, &incoming, repository).await {
            Ok(()) => replace(path, &incoming).await,
            Err(error) => Err(error),
        };
        if result.is_err() {
            let _ = fs::remove_file(&incoming);
            remove_log(&incoming);
        }
        result
    }
}

/// Copies the backup beside the database, checks it, and brings it up to date.
async fn bring_in(file: &Path, incoming: &Path, repository: &str) -> Result<(), StoreError> {
    remove_log(incoming);
    let mut from = File::open(file).map_err(|source| file_error("read", file, source))?;
    if !may_be_database(file) || from.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        return Err(StoreError::NotOurs { path: file.to_owned() });
    }
    let mut to = open_private(incoming)?;
    to.set_len(0)
        .and_then(|()| io::copy(&mut from, &mut to))
        .and_then(|_| to.sync_all())
        .map_err(|source| file_error("write", incoming, source))?;
    let database = Database::at(incoming);
    let checked = check(&database, file, repository).await;
    database.close().await;
    checked
}

async fn check(database: &Database, file: &Path, repository: &str) -> Result<(), StoreError> {
    let named = |error: StoreError| error.at(file);
    schema::check_whole(database).await.map_err(named)?;
    if schema::bring_up_to_date(database).await.map_err(named)? == Found::Empty {
        return Err(StoreError::NotOurs { path: file.to_owned() });
    }
    let operation = "read the repository of the backup";
    let failed = database.failed(operation);
    let mut reading = database.read(operation).await?;
    let known: Option<String> =
        sqlx::query_scalar(sql::REPOSITORY).fetch_optional(&mut *reading).await.map_err(&failed)?;
    drop(reading);
    if known != Some(format!("{:x}", Sha256::digest(repository))) {
        return Err(StoreError::OtherRepository { path: file.to_owned() });
    }
    let mut writing = database.write(operation).await?;
    for statement in sql::FORGET_NEWS {
        sqlx::query(statement).execute(&mut *writing).await.map_err(&failed)?;
    }
    writing.commit().await.map_err(failed)
}

/// Puts the new database into the place of the old one, which is kept.
async fn replace(path: &Path, incoming: &Path) -> Result<Restored, StoreError> {
    let failed = |source| file_error("replace", path, source);
    let exists = path.metadata().is_ok();
    if exists && may_be_database(path) {
        // Merges the write-ahead log into the file, if that is healthy.
        let old = Database::at(path);
        let _ = schema::check_whole(&old).await;
        old.close().await;
    }
    let kept_aside = if exists { Some(keep_aside(path).map_err(failed)?) } else { None };
    fs::rename(incoming, path).map_err(failed)?;
    sync_folder(path).map_err(failed)?;
    Ok(Restored { kept_aside })
}

/// Keeps a second name of the database, so that it stays in place until the new one takes it; its write-ahead log goes along,
/// because SQLite would apply it to the new database.
fn keep_aside(path: &Path) -> io::Result<PathBuf> {
    let free = (1..u32::MAX).map(|n| beside(path, &format!(".replaced-{n}"))).find(|aside| !aside.exists());
    let aside = free.ok_or(io::ErrorKind::AlreadyExists)?;
    fs::hard_link(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// Makes a finished copy durable under its name.
fn publish(partial: &Path, file: &Path) -> Result<(), StoreError> {
    let failed = |source| file_error("write", file, source);
    File::open(partial).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(partial, file).map_err(failed)?;
    sync_folder(file).map_err(failed)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Removes the files that SQLite keeps beside a database.
fn remove_log(path: &Path) {
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(path, suffix));
    }
}

fn file_error(operation: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::File { operation, path: path.to_owned(), source }
}
