//! The mirror of a source repository: opened, fetched when it lacks something, kept within its bound.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::range::{self, RangeQuery};
use crate::git::GitError;
use crate::git::folder::Folder;
use crate::git::remote::{Reach, Remote};
use crate::model::{CommitId, SourceRange};

/// What is mirrored, and where to.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// The repository: a path, a `file://` URL, or that of another machine.
    pub url: String,
    /// How it is reached, and how long a fetch may take.
    pub reach: Reach,
    /// The mirror's folder. It is made if it is not there.
    pub mirror: PathBuf,
    /// How large the mirror may become.
    pub most_bytes: u64,
}

/// A bare mirror of every branch and tag of a source repository.
///
/// Its methods block. Several processes may share its folder: a fetch waits for its turn.
pub struct SourceMirror {
    folder: Folder,
    remote: Remote,
    most_bytes: u64,
}

impl fmt::Debug for SourceMirror {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SourceMirror").field("folder", &self.folder.path()).finish_non_exhaustive()
    }
}

impl SourceMirror {
    /// Opens the mirror, or makes an empty one. The repository is not asked yet.
    ///
    /// # Errors
    /// When the URL is none that can be used, or the folder can't be made.
    pub fn open(settings: &SourceSettings) -> Result<Self, GitError> {
        let path = std::path::absolute(&settings.mirror).map_err(|source| GitError::Folder {
            operation: "find",
            path: settings.mirror.clone(),
            source,
        })?;
        // The URL is error_of before anything is made on disk.
        let remote = Remote::new(&settings.url, &path, settings.reach.clone())?;
        let folder = Folder::open(&path, format!("source {}\n", settings.url))?;
        Ok(Self { folder, remote, most_bytes: settings.most_bytes })
    }

    /// Brings every branch and tag as they are now.
    ///
    /// # Errors
    /// When the repository can't be reached or is shallow, or the mirror becomes too large; it is empty then.
    pub fn fetch(&self) -> Result<(), GitError> {
        let _lock = self.folder.lock()?;
        let fetched = self.remote.fetch_all(self.most_bytes);
        if let Err(GitError::TooLarge { .. }) = fetched {
            self.empty()?;
        }
        fetched
    }

    /// Brings one commit that no branch or tag has any more. Many servers refuse that.
    ///
    /// # Errors
    /// When it can't be had.
    pub fn fetch_commit(&self, commit: CommitId) -> Result<(), GitError> {
        let _lock = self.folder.lock()?;
        self.remote.fetch_one(commit, self.most_bytes)
    }

    /// The commit with this name, or the one commit whose name begins so, as far as the mirror has it.
    ///
    /// # Errors
    /// When the mirror can't be read.
    pub fn commit(&self, hex: &str) -> Result<Option<CommitId>, GitError> {
        match hex.parse() {
            Ok(id) => Ok(range::has(self.folder.path(), id)?.then_some(id)),
            Err(_) => range::by_prefix(self.folder.path(), hex),
        }
    }

    /// The tags with the commits that they are of.
    ///
    /// # Errors
    /// When the mirror can't be read.
    pub fn tags(&self) -> Result<Vec<(CommitId, String)>, GitError> {
        self.remote.mirrored_tags()
    }

    /// What lies between two commits that the mirror has.
    ///
    /// # Errors
    /// When the mirror lacks one of them or is damaged, or it takes too long.
    pub fn between(&self, wanted: &RangeQuery) -> Result<SourceRange, GitError> {
        range::read(self.folder.path(), wanted)
    }

    /// Throws everything away that was fetched.
    fn empty(&self) -> Result<(), GitError> {
        for name in ["objects/pack", "refs/source"] {
            let path = self.folder.path().join(name);
            remove(&path)?;
        }
        let packs = self.folder.path().join("objects/pack");
        fs::create_dir_all(&packs).map_err(|source| GitError::Folder {
            operation: "create",
            path: packs,
            source,
        })
    }
}

fn remove(path: &Path) -> Result<(), GitError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(GitError::Folder { operation: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
