//! The mirror of a source repository: fetched on demand, limited in size.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::range::{self, RangeQuery};
use crate::git::GitError;
use crate::git::folder::Folder;
use crate::git::remote::{Reach, Remote};
use crate::model::{CommitId, SourceRange};

/// The settings of a [`SourceMirror`].
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// A path, a `file://` URL, or a network URL.
    pub url: String,
    pub reach: Reach,
    /// The mirror's folder, created if it is missing.
    pub mirror: PathBuf,
    /// Maximum size of the mirror, in bytes.
    pub most_bytes: u64,
}

/// A bare mirror of every branch and tag of a source repository.
///
/// Its methods block. Processes may share its folder: fetches wait for each other.
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
    /// Opens or creates the mirror. Makes no connection.
    ///
    /// # Errors
    /// The URL is invalid, or the folder cannot be created.
    pub fn open(settings: &SourceSettings) -> Result<Self, GitError> {
        let path = std::path::absolute(&settings.mirror).map_err(|source| GitError::Folder {
            operation: "find",
            path: settings.mirror.clone(),
            source,
        })?;
        // Checks the URL before anything is created on disk.
        let remote = Remote::new(&settings.url, &path, settings.reach.clone())?;
        let folder = Folder::open(&path, format!("source {}\n", settings.url))?;
        Ok(Self { folder, remote, most_bytes: settings.most_bytes })
    }

    /// Fetches every branch and tag.
    ///
    /// # Errors
    /// The repository is unreachable or shallow, or the mirror exceeds its limit and is emptied.
    pub fn fetch(&self) -> Result<(), GitError> {
        let _lock = self.folder.lock()?;
        let fetched = self.remote.fetch_all(self.most_bytes);
        if let Err(GitError::TooLarge { .. }) = fetched {
            self.empty()?;
        }
        fetched
    }

    /// Fetches one commit that no branch or tag contains. Many servers refuse that.
    ///
    /// # Errors
    /// The server refuses or does not have it.
    pub fn fetch_commit(&self, commit: CommitId) -> Result<(), GitError> {
        let _lock = self.folder.lock()?;
        self.remote.fetch_one(commit, self.most_bytes)
    }

    /// The commit with this id or unique prefix, if the mirror has it.
    ///
    /// # Errors
    /// The mirror cannot be read.
    pub fn commit(&self, hex: &str) -> Result<Option<CommitId>, GitError> {
        match hex.parse() {
            Ok(id) => Ok(range::has(self.folder.path(), id)?.then_some(id)),
            Err(_) => range::by_prefix(self.folder.path(), hex),
        }
    }

    /// The tags with their commits.
    ///
    /// # Errors
    /// The mirror cannot be read.
    pub fn tags(&self) -> Result<Vec<(CommitId, String)>, GitError> {
        self.remote.mirrored_tags()
    }

    /// The commits between two commits in the mirror.
    ///
    /// # Errors
    /// The mirror lacks one of them or is damaged, or the deadline passes.
    pub fn between(&self, wanted: &RangeQuery) -> Result<SourceRange, GitError> {
        range::read(self.folder.path(), wanted)
    }

    /// Empties the mirror.
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
