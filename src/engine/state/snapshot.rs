//! The manifests of one commit, parsed. From one commit to the next only changed files are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control;
use crate::manifest::{self, Manifest};
use crate::model::{BlobId, CommitId, Content, Fault, LeftAlone, RepoPath, TreeFile};
use crate::policy::Control;

use crate::engine::base::ports::Repository;

#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) commit: CommitId,
    pub(crate) files: BTreeMap<RepoPath, File>,
    pub(crate) controls: BTreeMap<RepoPath, Control>,
    pub(crate) left_alone: Vec<LeftAlone>,
}

#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) blob: BlobId,
    pub(crate) reading: Arc<Reading>,
}

#[derive(Debug)]
pub(crate) enum Reading {
    /// No image field, refusal or Flux object in it.
    Nothing,
    Manifest(Manifest),
    Unreadable(manifest::Unreadable),
    /// Larger than any file that is read.
    TooLarge {
        bytes: usize,
    },
}

impl Reading {
    pub(crate) fn of(content: Content<'_>) -> Self {
        let text = match content {
            Content::Bytes(text) => text,
            Content::LfsPointer => return Self::Nothing,
            Content::TooLarge { bytes } => return Self::TooLarge { bytes },
        };
        match manifest::read(text) {
            Ok(manifest) if manifest.is_empty() => Self::Nothing,
            Ok(manifest) => Self::Manifest(manifest),
            Err(unreadable) => Self::Unreadable(unreadable),
        }
    }

    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Manifest(manifest) => Some(manifest),
            Self::Nothing | Self::Unreadable(_) | Self::TooLarge { .. } => None,
        }
    }
}

enum Either {
    Manifest(Reading),
    Control(Box<Control>),
}

impl Either {
    fn of(path: &RepoPath, content: Content<'_>) -> Self {
        if !control::is_control_file(path) {
            return Self::Manifest(Reading::of(content));
        }
        // Read as empty text, which is an invalid control file and closes its gate.
        let text = match content {
            Content::Bytes(text) => text,
            Content::LfsPointer | Content::TooLarge { .. } => &[],
        };
        Self::Control(Box::new(control::read(path, text)))
    }
}

impl Snapshot {
    /// Reads the manifests under `scope` at `commit`: all, or those that changed since `last`.
    pub(crate) fn take(
        repository: &impl Repository,
        commit: CommitId,
        scope: &[RepoPath],
        last: Option<&Self>,
    ) -> Result<Self, Fault> {
        match last {
            Some(last) => match last.advance(repository, commit, scope) {
                Ok(snapshot) => Ok(snapshot),
                // The mirror was cloned again and lacks the old commit.
                Err(_) => Self::read_all(repository, commit, scope),
            },
            None => Self::read_all(repository, commit, scope),
        }
    }

    fn read_all(repository: &impl Repository, commit: CommitId, scope: &[RepoPath]) -> Result<Self, Fault> {
        let listing = repository.files(commit, scope)?;
        let mut snapshot = Self {
            commit,
            files: BTreeMap::new(),
            controls: BTreeMap::new(),
            left_alone: listing.left_alone,
        };
        snapshot.read(repository, listing.files)?;
        Ok(snapshot)
    }

    fn advance(
        &self,
        repository: &impl Repository,
        commit: CommitId,
        scope: &[RepoPath],
    ) -> Result<Self, Fault> {
        let changes = repository.changed_files(self.commit, commit, scope)?;
        let mut snapshot = Self { commit, ..self.clone() };
        let mut unread = Vec::with_capacity(changes.len());
        for change in changes {
            if let Some(blob) = change.after {
                unread.push(TreeFile { path: change.path, blob });
            } else {
                snapshot.files.remove(&change.path);
                snapshot.controls.remove(&change.path);
            }
        }
        snapshot.read(repository, unread)?;
        Ok(snapshot)
    }

    fn read(&mut self, repository: &impl Repository, files: Vec<TreeFile>) -> Result<(), Fault> {
        let blobs: Vec<BlobId> = files.iter().map(|file| file.blob).collect();
        let readings = repository.read_each(&blobs, |at, content| Either::of(&files[at].path, content))?;
        let nothing = Arc::new(Reading::Nothing);
        for (file, reading) in files.into_iter().zip(readings) {
            let reading = match reading {
                Either::Control(control) => {
                    self.controls.insert(file.path, *control);
                    continue;
                }
                Either::Manifest(Reading::Nothing) => Arc::clone(&nothing),
                Either::Manifest(something) => Arc::new(something),
            };
            self.files.insert(file.path, File { blob: file.blob, reading });
        }
        Ok(())
    }
}
