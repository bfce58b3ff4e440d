//! The manifests of one commit, parsed. From one commit to the next only changed files are read.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::config::{ConfiguredField, rules_of};
use crate::control;
use crate::kustomize::{Layout, LayoutFile, is_kustomization};
use crate::manifest::{self, Kustomization, Manifest};
use crate::model::{BlobId, CommitId, Content, Fault, FieldRule, LeftAlone, RepoPath, TreeFile};
use crate::policy::Control;

use crate::port::Repository;

#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) commit: CommitId,
    pub(crate) files: BTreeMap<RepoPath, File>,
    pub(crate) controls: BTreeMap<RepoPath, Control>,
    pub(crate) left_alone: Vec<LeftAlone>,
    /// The fields that the configuration names.
    fields: Arc<[ConfiguredField]>,
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
    /// A `kustomization.yaml`, and the fields in it.
    Kustomization {
        kustomization: Kustomization,
        manifest: Manifest,
    },
    Unreadable(manifest::Unreadable),
    /// Larger than any file that is read.
    TooLarge {
        bytes: usize,
    },
}

impl Reading {
    /// Reads a content by these rules of the configuration.
    pub(crate) fn of(content: Content<'_>, rules: &[&FieldRule]) -> Self {
        let text = match content {
            Content::Bytes(text) => text,
            Content::LfsPointer => return Self::Nothing,
            Content::TooLarge { bytes } => return Self::TooLarge { bytes },
        };
        match manifest::read_with(text, rules) {
            Ok(manifest) if manifest.is_empty() => Self::Nothing,
            Ok(manifest) => Self::Manifest(manifest),
            Err(unreadable) => Self::Unreadable(unreadable),
        }
    }

    /// Reads a file, by the form that its name gives it.
    fn of_file(path: &RepoPath, content: Content<'_>, rules: &[&FieldRule]) -> Self {
        // Flux's own components: custom resource definitions, and no image that anybody promotes.
        if path.as_str().ends_with("flux-system/gotk-components.yaml") {
            return Self::Nothing;
        }
        let reading = Self::of(content, rules);
        let Content::Bytes(text) = content else { return reading };
        let manifest = match reading {
            Self::Nothing => Manifest::default(),
            // A file of that name may hold Flux objects instead.
            Self::Manifest(manifest) if manifest.has_fields_only() => manifest,
            reading => return reading,
        };
        match is_kustomization(path).then(|| manifest::read_kustomization(text)) {
            Some(Ok(kustomization)) => Self::Kustomization { kustomization, manifest },
            // Without a kustomization, what it would say of other files stays unknown; kustomize itself reports the error.
            _ if manifest.is_empty() => Self::Nothing,
            _ => Self::Manifest(manifest),
        }
    }

    fn kustomization(&self) -> Option<&Kustomization> {
        match self {
            Self::Kustomization { kustomization, .. } => Some(kustomization),
            _ => None,
        }
    }

    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Manifest(manifest) | Self::Kustomization { manifest, .. } => Some(manifest),
            Self::Nothing | Self::Unreadable(_) | Self::TooLarge { .. } => None,
        }
    }
}

enum Either {
    Nothing,
    Manifest(Box<Reading>),
    Control(Box<Control>),
}

impl Either {
    fn of(path: &RepoPath, content: Content<'_>, fields: &[ConfiguredField]) -> Self {
        if !control::is_control_file(path) {
            return match Reading::of_file(path, content, &rules_of(fields, path)) {
                Reading::Nothing => Self::Nothing,
                reading => Self::Manifest(Box::new(reading)),
            };
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
    /// The files that are manifests, without templates of charts.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = (&RepoPath, &File)> {
        let charts: HashSet<&str> =
            self.files.keys().filter_map(|path| path.as_str().strip_suffix("Chart.yaml")).collect();
        let is_template = move |path: &RepoPath| {
            let mut folders = path.as_str().match_indices("templates/");
            folders.any(|(at, _)| charts.contains(&path.as_str()[..at]))
        };
        self.files.iter().filter(move |(path, _)| !is_template(path))
    }

    /// The fields that the configuration names in a file.
    pub(crate) fn rules_of(&self, path: &RepoPath) -> Vec<&FieldRule> {
        rules_of(&self.fields, path)
    }

    /// What the files say of each other.
    pub(crate) fn layout(&self) -> Layout {
        Layout::of(self.manifests().map(|(path, file)| LayoutFile {
            path,
            kustomization: file.reading.kustomization(),
            manifest: file.reading.manifest(),
        }))
    }

    /// Reads the manifests of the whole repository at `commit`: all, or those that changed since `last`. Files outside the
    /// environments' folders may apply to them: bases, Flux Kustomizations and policies.
    pub(crate) fn take(
        repository: &impl Repository,
        commit: CommitId,
        last: Option<&Self>,
        fields: &Arc<[ConfiguredField]>,
    ) -> Result<Self, Fault> {
        match last {
            Some(last) => match last.advance(repository, commit) {
                Ok(snapshot) => Ok(snapshot),
                // The mirror was cloned again and lacks the old commit.
                Err(_) => Self::read_all(repository, commit, fields),
            },
            None => Self::read_all(repository, commit, fields),
        }
    }

    fn read_all(
        repository: &impl Repository,
        commit: CommitId,
        fields: &Arc<[ConfiguredField]>,
    ) -> Result<Self, Fault> {
        let listing = repository.files(commit, &[])?;
        let mut snapshot = Self {
            commit,
            files: BTreeMap::new(),
            controls: BTreeMap::new(),
            left_alone: listing.left_alone,
            fields: Arc::clone(fields),
        };
        snapshot.read(repository, listing.files)?;
        Ok(snapshot)
    }

    fn advance(&self, repository: &impl Repository, commit: CommitId) -> Result<Self, Fault> {
        let changes = repository.changed_files(self.commit, commit, &[])?;
        if changes.has_left_alone {
            return Self::read_all(repository, commit, &self.fields);
        }
        let mut snapshot = Self { commit, ..self.clone() };
        let mut unread = Vec::with_capacity(changes.files.len());
        for change in changes.files {
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
        let fields = Arc::clone(&self.fields);
        let readings =
            repository.read_each(&blobs, |at, content| Either::of(&files[at].path, content, &fields))?;
        let nothing = Arc::new(Reading::Nothing);
        for (file, reading) in files.into_iter().zip(readings) {
            let reading = match reading {
                Either::Control(control) => {
                    self.controls.insert(file.path, *control);
                    continue;
                }
                Either::Nothing => Arc::clone(&nothing),
                Either::Manifest(something) => Arc::from(something),
            };
            self.files.insert(file.path, File { blob: file.blob, reading });
        }
        Ok(())
    }
}
