//! The mirror's folder: made, locked, looked over, set aside.
//!
//! It is a bare repository that both `git` and libgit2 can read. It is made by hand, since `git init` takes templates and
//! settings from the user.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::GitError;
use super::handle;
use super::tree::{find_commit, find_tree};
use crate::model::CommitId;

/// The reference that holds the last fetched head, whatever the branch is called.
pub(super) const HEAD_REFERENCE: &str = "refs/heads/fetched";

/// The reference that holds the last fetched branch of a pull request, whichever that was.
pub(super) const REQUEST_REFERENCE: &str = "refs/heads/request";

/// What `HEAD` says, so that both programs know the folder for a repository.
const HEAD: &str = "ref: refs/heads/fetched\n";

const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";

/// In place of the user's configuration, for the `git` program. Git refuses a repository that somebody else owns, unless
/// a configuration of the user names it; naming it as git.url is that statement, and no other one is ever opened.
const GLOBAL_CONFIG: &str = "[safe]\n\tdirectory = *\n";

/// Where the configuration for the `git` program is.
pub(super) const GLOBAL_CONFIG_FILE: &str = "tidegate-gitconfig";

/// What the folder has from the start, and must never be otherwise.
const FILES: [(&str, &str); 4] = [
    ("HEAD", HEAD),
    ("config", CONFIG),
    (GLOBAL_CONFIG_FILE, GLOBAL_CONFIG),
    (handle::PACKING_CONFIG_FILE, handle::PACKING_CONFIG),
];

/// Says what is mirrored, so that the head of another repository is never taken for this one's.
const ORIGIN_FILE: &str = "tidegate-origin";

/// Files that a killed process may have left and that would stop the next one.
const LOCKS: [&str; 7] = [
    "HEAD.lock",
    "config.lock",
    "packed-refs.lock",
    "shallow.lock",
    "refs/heads/fetched.lock",
    "refs/heads/request.lock",
    "objects/info/commit-graphs/commit-graph-chain.lock",
];

/// How many damaged mirrors are kept for somebody to look at.
const MOST_BROKEN: usize = 3;

/// From so many packs on it is worth merging them.
const MANY_PACKS: usize = 40;

/// How long another process may hold the mirror before it is told.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a held lock is tried.
const POLL: Duration = Duration::from_millis(10);

/// The mirror's folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    origin: String,
}

/// The right to change the mirror, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Folder {
    /// The folder at `path`, which mirrors `origin`: as it is, or made anew.
    pub(super) fn open(path: &Path, origin: String) -> Result<Self, GitError> {
        let folder = Self { path: path.to_owned(), origin };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed("create", parent))?;
        }
        let lock = folder.lock()?;
        match folder.path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder.create()?,
            _ => folder.mend(&lock)?,
        }
        folder.adopt()?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the right to change the mirror, and clears away what a killed process left.
    pub(super) fn lock(&self) -> Result<Lock, GitError> {
        let path = self.beside("lock");
        let file = File::options().create(true).append(true).open(&path).map_err(failed("open", &path))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => return Err(GitError::Busy { path: self.path.clone() }),
                Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
            }
        }
        for name in LOCKS {
            // Nobody else holds the mirror, so these are left over. One that stays is told by the next operation.
            let _ = fs::remove_file(self.path.join(name));
        }
        Ok(Lock { _file: file })
    }

    /// The last fetched head.
    pub(super) fn head(&self) -> Result<Option<CommitId>, GitError> {
        let path = self.path.join(HEAD_REFERENCE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let not_an_id = |_| failed("read", &path)(io::ErrorKind::InvalidData.into());
        text.trim_end().parse().map(Some).map_err(not_an_id)
    }

    /// Whether the commit that the head names is there, if it names one.
    pub(super) fn has_head(&self) -> bool {
        let Ok(Some(head)) = self.head() else { return self.head().is_ok() };
        handle::open(&self.path).is_ok_and(|repository| find_commit(&repository, head).is_ok())
    }

    /// Remembers `head` as fetched.
    pub(super) fn set_head(&self, head: CommitId, _lock: &Lock) -> Result<(), GitError> {
        self.replace(HEAD_REFERENCE, &format!("{head}\n"))
    }

    /// Sets the mirror aside if it is not whole, and makes it anew.
    pub(super) fn mend(&self, lock: &Lock) -> Result<(), GitError> {
        match self.look_over() {
            Ok(()) => Ok(()),
            Err(reason) => self.renew(&reason, lock),
        }
    }

    /// Sets the mirror aside because of `reason`, and makes an empty one.
    pub(super) fn renew(&self, reason: &str, _lock: &Lock) -> Result<(), GitError> {
        let aside = self.set_aside()?;
        tracing::warn!(
            mirror = %self.path.display(),
            aside = %aside.display(),
            reason,
            "the mirror is damaged; it was set aside and is made anew"
        );
        self.create()?;
        self.adopt()
    }

    /// Whether there are so many packs that they should be merged.
    pub(super) fn is_untidy(&self) -> bool {
        self.indexes().is_ok_and(|indexes| indexes.len() > MANY_PACKS)
    }

    fn create(&self) -> Result<(), GitError> {
        let new = self.beside("new");
        gone(fs::remove_dir_all(&new)).map_err(failed("remove", &new))?;
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

    /// Sees that the head is one of the repository that is mirrored.
    fn adopt(&self) -> Result<(), GitError> {
        if self.has_text(ORIGIN_FILE, &self.origin) {
            return Ok(());
        }
        let head = self.path.join(HEAD_REFERENCE);
        gone(fs::remove_file(&head)).map_err(failed("remove", &head))?;
        self.replace(ORIGIN_FILE, &self.origin)
    }

    /// What is wrong with the mirror, as far as can be seen without reading it all.
    fn look_over(&self) -> Result<(), String> {
        for (name, text) in FILES {
            if !self.has_text(name, text) {
                return Err(format!("{name} is not what it was"));
            }
        }
        for index in self.indexes().map_err(|error| format!("objects/pack: {error}"))? {
            if !is_whole(&index).unwrap_or(false) {
                return Err(format!("{} does not fit its pack", index.display()));
            }
        }
        let Some(head) = self.head().map_err(|error| error.to_string())? else { return Ok(()) };
        let repository = handle::open(&self.path).map_err(|error| error.to_string())?;
        let commit = find_commit(&repository, head).map_err(|error| error.to_string())?;
        find_tree(&repository, commit.tree_id()).map(drop).map_err(|error| error.to_string())
    }

    fn set_aside(&self) -> Result<PathBuf, GitError> {
        let names = (1..=MOST_BROKEN).map(|number| self.beside(&format!("broken-{number}")));
        let free = names.into_iter().find(|path| path.symlink_metadata().is_err());
        let aside = match free {
            Some(path) => path,
            None => self.forget_oldest()?,
        };
        fs::rename(&self.path, &aside).map_err(failed("set aside", &self.path))?;
        Ok(aside)
    }

    /// Removes a damaged mirror that was kept, and returns the path that it had.
    fn forget_oldest(&self) -> Result<PathBuf, GitError> {
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

    /// Writes a file whole: a reader sees the old text or the new.
    fn replace(&self, name: &str, text: &str) -> Result<(), GitError> {
        let path = self.path.join(name);
        let new = self.path.join("tidegate-new");
        fs::write(&new, text).map_err(failed("write", &new))?;
        fs::rename(&new, &path).map_err(failed("write", &path))
    }

    /// The mirror's path with `.suffix` behind it.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(suffix);
        name.into()
    }
}

/// Whether a pack is as long as when its index was written: the pack ends with its checksum, and the index with that and
/// its own (gitformat-pack).
fn is_whole(index: &Path) -> io::Result<bool> {
    let checksum = tail::<40>(index)?;
    let pack = tail::<20>(&index.with_extension("pack"))?;
    Ok(checksum[..20] == pack)
}

/// What was not there to be removed is removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
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
