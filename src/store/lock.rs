//! Locks between processes: one pass at a time per data folder, and the right to set a damaged database aside.
//!
//! Advisory locks of the operating system (`flock`), which end with their process, even after `kill -9`. The lock file stays:
//! deleting it would let two processes lock two files of the same name.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::error::StoreError;

/// Interval between attempts to take a lock.
const POLL: Duration = Duration::from_millis(50);

/// The folder of Tidegate's own files.
#[derive(Debug)]
pub struct DataFolder;

impl DataFolder {
    /// Locks the folder if no other process holds the lock; creates it if it is missing.
    ///
    /// # Errors
    /// [`StoreError::File`] when the folder is unusable.
    pub fn try_lock(path: &Path) -> Result<Option<FolderLock>, StoreError> {
        create_folder(path)?;
        let mut lock = LockFile::open(&path.join("lock"), path)?;
        if !lock.try_exclusive()? {
            return Ok(None);
        }
        lock.sign()?;
        Ok(Some(FolderLock { _lock: lock }))
    }

    /// Locks the folder while its files are opened or created. A pass does not hold this lock.
    ///
    /// # Errors
    /// [`StoreError::InUse`] after `wait`; [`StoreError::File`] when the folder is unusable.
    pub async fn lock_to_open(path: &Path, wait: Duration) -> Result<FolderLock, StoreError> {
        create_folder(path)?;
        let lock = LockFile::open(&path.join("open.lock"), path)?;
        let deadline = Instant::now() + wait;
        while !lock.try_exclusive()? {
            if Instant::now() >= deadline {
                return Err(lock.in_use(wait));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(FolderLock { _lock: lock })
    }

    /// Locks the folder for this process; creates it if it is missing.
    ///
    /// Waits up to `wait`, and calls `on_wait` once if another process holds the lock.
    ///
    /// # Errors
    /// [`StoreError::InUse`] after `wait`; [`StoreError::File`] when the folder is unusable.
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

impl DataFolder {
    /// Marks the folder as that of a running daemon; `Err` names the process of another one.
    ///
    /// # Errors
    /// [`StoreError::File`] the folder cannot be used.
    pub fn mark_daemon(path: &Path) -> Result<Result<FolderLock, Option<u32>>, StoreError> {
        create_folder(path)?;
        let mut lock = LockFile::open(&path.join("daemon.lock"), path)?;
        if !lock.try_exclusive()? {
            return Ok(Err(lock.holder()));
        }
        lock.sign()?;
        Ok(Ok(FolderLock { _lock: lock }))
    }
}

/// Holds a lock until dropped.
#[derive(Debug)]
#[must_use = "the lock ends when this is dropped"]
pub struct FolderLock {
    _lock: LockFile,
}

impl DataFolder {
    /// Whether the folder is shared by its group: what is created in it is then for the group too. Without the mode of
    /// files, as on other systems, it is not.
    pub fn is_shared(path: &Path) -> bool {
        #[cfg(unix)]
        {
            let mode = |metadata: std::fs::Metadata| std::os::unix::fs::MetadataExt::mode(&metadata);
            path.metadata().is_ok_and(|metadata| mode(metadata) & GROUP_MAY_WRITE != 0)
        }
        #[cfg(not(unix))]
        {
            let _ = path;
            false
        }
    }
}

/// The bit of a folder's mode that lets its group write.
#[cfg(unix)]
const GROUP_MAY_WRITE: u32 = 0o020;

/// Creates a folder and its parents, accessible only to this user.
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

/// Opens a file for reading and writing; creates it if it is missing, accessible only to this user, or also to the group
/// of a folder that is shared.
pub(super) fn open_private(path: &Path) -> Result<File, StoreError> {
    // Opening a pipe would wait for a writer.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
        return Err(StoreError::File { operation: "open", path: path.to_owned(), source });
    }
    try_open_private(path).map_err(|source| StoreError::File {
        operation: "open",
        path: path.to_owned(),
        source,
    })
}

fn try_open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            #[cfg(unix)]
            if path.parent().is_some_and(DataFolder::is_shared) {
                // Independent of the umask.
                file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o660))?;
            }
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.create(true).open(path),
        Err(error) => Err(error),
    }
}

/// A lock file.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
    /// The locked path, for errors.
    protects: PathBuf,
}

impl LockFile {
    /// Opens the file without locking it.
    pub(super) fn open(path: &Path, protects: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: open_private(path)?, path: path.to_owned(), protects: protects.to_owned() })
    }

    /// Takes the exclusive lock if nobody holds any.
    pub(super) fn try_exclusive(&self) -> Result<bool, StoreError> {
        self.taken(self.file.try_lock())
    }

    /// Takes a shared lock, or downgrades the exclusive one; waits for an exclusive holder.
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

    /// Writes this process's id into the file.
    fn sign(&mut self) -> Result<(), StoreError> {
        self.write_pid().map_err(|source| self.failed("write", source))
    }

    fn write_pid(&mut self) -> io::Result<()> {
        if self.holder() == Some(std::process::id()) {
            return Ok(());
        }
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", std::process::id())
    }

    /// The process id in the file, if readable.
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
    /// Unlocks explicitly. Closing the file is not enough while another thread starts a program: until its exec, the child
    /// shares the open file, and the lock would outlive this guard.
    fn drop(&mut self) {
        // If this fails, closing the file unlocks it.
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
        // As a forked child does until its exec.
        let forked = lock.file.try_clone().unwrap();
        drop(lock);
        assert!(LockFile::open(&path, folder.path()).unwrap().try_exclusive().unwrap());
        drop(forked);
    }
}
