//! The mirror's folder: created, locked, checked, set aside.
//!
//! A bare repository for both `git` and libgit2, created by hand since `git init` reads the user's templates and
//! settings.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::GitError;
use super::tree::{find_commit, find_tree};
use super::{graph, handle};
use crate::model::{CommitId, ReplacedHead};

/// Holds the last fetched head, whatever the branch is called.
pub(super) const HEAD_REFERENCE: &str = "refs/heads/fetched";

/// Holds the last fetched pull request branch.
pub(super) const REQUEST_REFERENCE: &str = "refs/heads/request";

/// Makes both `git` and libgit2 accept the folder as a repository.
const HEAD: &str = "ref: refs/heads/fetched\n";

const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";

/// Where a fetch puts the branch, until a force push is noted.
pub(super) const INCOMING_REFERENCE: &str = "refs/heads/incoming";

/// The observed force pushes, one per line: old head, new head, milliseconds since 1970.
const REPLACED_FILE: &str = "tidegate-replaced";

/// Maximum force pushes remembered.
const MAX_REPLACED: usize = 1_000;

/// Files that never change; a difference is damage.
const FILES: [(&str, &str); 4] = [
    ("HEAD", HEAD),
    ("config", CONFIG),
    (handle::GLOBAL_CONFIG_FILE, handle::GLOBAL_CONFIG),
    (handle::PACKING_CONFIG_FILE, handle::PACKING_CONFIG),
];

/// Names what is mirrored, so that another repository's head is never used.
const ORIGIN_FILE: &str = "tidegate-origin";

/// Lock files that a killed process may leave behind.
const LOCKS: [&str; 8] = [
    "refs/heads/incoming.lock",
    "HEAD.lock",
    "config.lock",
    "packed-refs.lock",
    "shallow.lock",
    "refs/heads/fetched.lock",
    "refs/heads/request.lock",
    "objects/info/commit-graphs/commit-graph-chain.lock",
];

/// Damaged mirrors kept for inspection.
const MAX_BROKEN: usize = 3;

/// With more packs than this, they are merged.
const MAX_PACKS: usize = 40;

/// Timeout of waiting for another process.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);

const POLL: Duration = Duration::from_millis(10);

/// The mirror's folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    origin: String,
}

/// The exclusive right to change the mirror; ends with the process.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Folder {
    /// Opens or creates the mirror of `origin` at `path`.
    pub(super) fn open(path: &Path, origin: String) -> Result<Self, GitError> {
        let folder = Self { path: path.to_owned(), origin };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed("create", parent))?;
        }
        let lock = folder.lock()?;
        match folder.path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder.create()?,
            _ => folder.recreate_if_damaged(&lock)?,
        }
        folder.set_origin()?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the lock, and removes lock files of killed processes.
    pub(super) fn lock(&self) -> Result<Lock, GitError> {
        let path = self.beside("lock");
        let file = File::options().create(true).append(true).open(&path).map_err(failed("open", &path))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_TIMEOUT => thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => return Err(GitError::Busy { path: self.path.clone() }),
                Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
            }
        }
        for name in LOCKS {
            // We hold the lock, so these are stale. If removing fails, the next Git operation reports it.
            let _ = fs::remove_file(self.path.join(name));
        }
        Ok(Lock { _file: file })
    }

    pub(super) fn head(&self) -> Result<Option<CommitId>, GitError> {
        self.reference(HEAD_REFERENCE)
    }

    pub(super) fn reference(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        let path = self.path.join(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let not_an_id = |_| failed("read", &path)(io::ErrorKind::InvalidData.into());
        text.trim_end().parse().map(Some).map_err(not_an_id)
    }

    /// Whether the fetched head exists, or nothing was fetched yet.
    pub(super) fn has_head(&self) -> bool {
        let Ok(Some(head)) = self.head() else { return self.head().is_ok() };
        handle::open(&self.path).is_ok_and(|repository| find_commit(&repository, head).is_ok())
    }

    pub(super) fn set_head(&self, head: CommitId, _lock: &Lock) -> Result<(), GitError> {
        self.replace(HEAD_REFERENCE, &format!("{head}\n"))
    }

    pub(super) fn recreate_if_damaged(&self, lock: &Lock) -> Result<(), GitError> {
        match self.check() {
            Ok(()) => Ok(()),
            Err(reason) => self.recreate(&reason, lock),
        }
    }

    /// Moves the head to what was fetched or pushed, and remembers `before` when that was replaced by force.
    pub(super) fn advance(
        &self,
        before: Option<CommitId>,
        head: CommitId,
        lock: &Lock,
    ) -> Result<(), GitError> {
        if let Some(before) = before
            && !graph::is_ancestor(&self.path, before, head)?
        {
            let mut replaced = self.replaced()?;
            replaced.push(ReplacedHead { old: before, new: head, at: chrono::Utc::now() });
            let kept = replaced.iter().skip(replaced.len().saturating_sub(MAX_REPLACED));
            let line =
                |one: &ReplacedHead| format!("{} {} {}\n", one.old, one.new, one.at.timestamp_millis());
            self.replace(REPLACED_FILE, &kept.map(line).collect::<String>())?;
        }
        self.set_head(head, lock)
    }

    /// The observed force pushes, oldest first.
    pub(super) fn replaced(&self) -> Result<Vec<ReplacedHead>, GitError> {
        let path = self.path.join(REPLACED_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let read = |line: &str| {
            let mut words = line.split(' ');
            let (old, new) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let at = chrono::DateTime::from_timestamp_millis(words.next()?.parse().ok()?)?;
            Some(ReplacedHead { old, new, at })
        };
        Ok(text.lines().filter_map(read).collect())
    }

    /// Sets the mirror aside because of `reason`, and creates an empty one.
    pub(super) fn recreate(&self, reason: &str, _lock: &Lock) -> Result<(), GitError> {
        let aside = self.set_aside()?;
        tracing::warn!(
            mirror = %self.path.display(),
            aside = %aside.display(),
            reason,
            "the mirror is damaged; it was set aside and is fetched again"
        );
        self.create()?;
        self.set_origin()
    }

    pub(super) fn has_many_packs(&self) -> bool {
        self.indexes().is_ok_and(|indexes| indexes.len() > MAX_PACKS)
    }

    fn create(&self) -> Result<(), GitError> {
        let new = self.beside("new");
        ignore_missing(fs::remove_dir_all(&new)).map_err(failed("remove", &new))?;
        for name in ["objects/info", "objects/pack", "refs/heads"] {
            let path = new.join(name);
            fs::create_dir_all(&path).map_err(failed("create", &path))?;
        }
        for (name, text) in FILES {
            let path = new.join(name);
            fs::write(&path, text).map_err(failed("write", &path))?;
        }
        fs::rename(&new, &self.path).map_err(failed("create", &self.path))
    }

    /// Forgets the head of another origin.
    fn set_origin(&self) -> Result<(), GitError> {
        if self.has_text(ORIGIN_FILE, &self.origin) {
            return Ok(());
        }
        for name in [HEAD_REFERENCE, INCOMING_REFERENCE, REPLACED_FILE] {
            let path = self.path.join(name);
            ignore_missing(fs::remove_file(&path)).map_err(failed("remove", &path))?;
        }
        self.replace(ORIGIN_FILE, &self.origin)
    }

    /// Finds damage without reading all objects.
    fn check(&self) -> Result<(), String> {
        for (name, text) in FILES {
            if !self.has_text(name, text) {
                return Err(format!("{name} was changed"));
            }
        }
        for index in self.indexes().map_err(|error| format!("objects/pack: {error}"))? {
            if !is_whole(&index).unwrap_or(false) {
                return Err(format!("{} does not match its pack", index.display()));
            }
        }
        let Some(head) = self.head().map_err(|error| error.to_string())? else { return Ok(()) };
        let repository = handle::open(&self.path).map_err(|error| error.to_string())?;
        let commit = find_commit(&repository, head).map_err(|error| error.to_string())?;
        find_tree(&repository, commit.tree).map(drop).map_err(|error| error.to_string())
    }

    fn set_aside(&self) -> Result<PathBuf, GitError> {
        let names = (1..=MAX_BROKEN).map(|number| self.beside(&format!("broken-{number}")));
        let free = names.into_iter().find(|path| path.symlink_metadata().is_err());
        let aside = match free {
            Some(path) => path,
            None => self.remove_oldest_backup()?,
        };
        fs::rename(&self.path, &aside).map_err(failed("set aside", &self.path))?;
        Ok(aside)
    }

    /// Frees the path of the oldest damaged mirror.
    fn remove_oldest_backup(&self) -> Result<PathBuf, GitError> {
        let oldest = self.beside("broken-1");
        let removed = if oldest.is_dir() { fs::remove_dir_all(&oldest) } else { fs::remove_file(&oldest) };
        removed.map_err(failed("remove", &oldest))?;
        Ok(oldest)
    }

    fn indexes(&self) -> io::Result<Vec<PathBuf>> {
        let mut indexes = Vec::new();
        for entry in fs::read_dir(self.path.join("objects/pack"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "idx") {
                indexes.push(path);
            }
        }
        Ok(indexes)
    }

    fn has_text(&self, name: &str, text: &str) -> bool {
        fs::read(self.path.join(name)).is_ok_and(|bytes| bytes == text.as_bytes())
    }

    /// Replaces a file atomically.
    fn replace(&self, name: &str, text: &str) -> Result<(), GitError> {
        let path = self.path.join(name);
        let new = self.path.join("tidegate-new");
        fs::write(&new, text).map_err(failed("write", &new))?;
        fs::rename(&new, &path).map_err(failed("write", &path))
    }

    /// The path `MIRROR.suffix`.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(suffix);
        name.into()
    }
}

/// Whether a pack still ends with the checksum that its index names (gitformat-pack).
fn is_whole(index: &Path) -> io::Result<bool> {
    let checksum = tail::<40>(index)?;
    let pack = tail::<20>(&index.with_extension("pack"))?;
    Ok(checksum[..20] == pack)
}

/// Treats a missing file as removed.
fn ignore_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn tail<const LENGTH: usize>(path: &Path) -> io::Result<[u8; LENGTH]> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-i64::try_from(LENGTH).unwrap_or(i64::MAX)))?;
    let mut bytes = [0; LENGTH];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> GitError {
    let path = path.to_owned();
    move |source| GitError::Folder { operation, path, source }
}
