//! Locks between processes: one pass at a time in a data folder, and who may set a damaged database aside.
//!
//! They are advisory locks of the operating system (`flock`), which end with the process that holds them: a kill -9
//! leaves none behind. A lock's file stays; removing it would let two processes lock two files of one name.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::error::StoreError;

/// How often a lock that somebody holds is tried again.
const POLL: Duration = Duration::from_millis(50);

/// The folder in which Tidegate keeps its files.
#[derive(Debug)]
pub struct DataFolder;

impl DataFolder {
    /// Takes the folder for this process alone, so that two passes take turns; the folder is made if it is missing.
    ///
    /// Tries for up to `wait`, and calls `on_wait` once if somebody else holds it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when it is still held after `wait`; [`StoreError::File`] when the folder can't be used.
    pub async fn lock(path: &Path, wait: Duration, on_wait: impl FnOnce()) -> Result<FolderLock, StoreError> {
        create_folder(path)?;
        let mut lock = LockFile::open(&path.join("lock"), path)?;
        let deadline = Instant::now() + wait;
        let mut on_wait = Some(on_wait);
        while !lock.try_exclusive()? {
            if Instant::now() >= deadline {
                return Err(lock.in_use(wait));
            }
            if let Some(tell) = on_wait.take() {
                tell();
            }
            tokio::time::sleep(POLL).await;
        }
        lock.sign()?;
        Ok(FolderLock { _lock: lock })
    }
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
#[must_use = "the lock ends when this is dropped"]
pub struct FolderLock {
    _lock: LockFile,
}

/// Makes a folder and those above it, for this user alone.
pub(super) fn create_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| StoreError::File {
        operation: "create the folder",
        path: path.to_owned(),
        source,
    })
}

/// Opens a file to read and write, and makes it, for this user alone, if it is missing.
pub(super) fn open_private(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| StoreError::File { operation: "open", path: path.to_owned(), source })
}

/// A file that is there to be locked.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
    /// What the lock stands for, to be named in errors.
    protects: PathBuf,
}

impl LockFile {
    /// Opens the lock's file, not yet locked.
    pub(super) fn open(path: &Path, protects: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: open_private(path)?, path: path.to_owned(), protects: protects.to_owned() })
    }

    /// Takes the lock alone if nobody holds it in any way.
    pub(super) fn try_exclusive(&self) -> Result<bool, StoreError> {
        self.taken(self.file.try_lock())
    }

    /// Takes the lock together with others, or turns the exclusive lock into this; waits for one that holds it alone.
    pub(super) async fn share(&self, wait: Duration) -> Result<(), StoreError> {
        let deadline = Instant::now() + wait;
        while !self.taken(self.file.try_lock_shared())? {
            if Instant::now() >= deadline {
                return Err(self.in_use(wait));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn taken(&self, attempt: Result<(), TryLockError>) -> Result<bool, StoreError> {
        match attempt {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(self.failed("lock", source)),
        }
    }

    /// Writes into the file who holds it.
    fn sign(&mut self) -> Result<(), StoreError> {
        self.write_pid().map_err(|source| self.failed("write", source))
    }

    fn write_pid(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", std::process::id())
    }

    /// The process that signed the lock, as far as it can be read.
    fn holder(&self) -> Option<u32> {
        let mut text = String::new();
        File::open(&self.path).ok()?.take(16).read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    fn in_use(&self, waited: Duration) -> StoreError {
        StoreError::InUse { path: self.protects.clone(), holder: self.holder(), waited }
    }

    fn failed(&self, operation: &'static str, source: io::Error) -> StoreError {
        StoreError::File { operation, path: self.path.clone(), source }
    }
}

impl Drop for LockFile {
    /// Ends the lock itself. Closing the file does not when another thread is starting a program right now: until that
    /// program begins, it has the file open too, and the next one to take the lock would find it held by nobody.
    fn drop(&mut self) {
        // Closing it is what is left when this fails.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_though_a_program_that_is_starting_has_its_file_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = LockFile::open(&path, folder.path()).unwrap();
        assert!(lock.try_exclusive().unwrap());
        // As a fork has it until it becomes the program.
        let forked = lock.file.try_clone().unwrap();
        drop(lock);
        assert!(LockFile::open(&path, folder.path()).unwrap().try_exclusive().unwrap());
        drop(forked);
    }
}
