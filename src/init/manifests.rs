//! Collects what the manifests of a repository contain about images. Judges nothing.

use std::collections::HashMap;

use crate::manifest::{
    self, FluxAutomation, FluxImagePolicy, ImageField, Manifest, PolicyName, Position, Refusal, Unreadable,
};
use crate::model::{Content, ImageName, RepoPath};

use super::finding::{Finding, FindingKind};
use super::unmanaged::{Shape, UnmanagedVersions, unmanaged_shapes};

/// A scanned file that holds versions, or that cannot be read.
#[derive(Clone, Debug)]
pub struct ScannedFile(State);

#[derive(Clone, Debug)]
enum State {
    Manifest { manifest: Box<Manifest>, unmanaged: Vec<Shape> },
    Unreadable(Unreadable),
    TooLarge { bytes: usize },
}

impl ScannedFile {
    /// Scans the content of a file; `None` if it holds no version.
    pub fn scan(content: Content<'_>) -> Option<Self> {
        let state = match content {
            Content::LfsPointer => return None,
            Content::TooLarge { bytes } => State::TooLarge { bytes },
            Content::Bytes(text) => match manifest::read(text) {
                Ok(manifest) => {
                    let unmanaged = unmanaged_shapes(text, &manifest);
                    if manifest.is_empty() && unmanaged.is_empty() {
                        return None;
                    }
                    State::Manifest { manifest: Box::new(manifest), unmanaged }
                }
                Err(unreadable) => State::Unreadable(unreadable),
            },
        };
        Some(Self(state))
    }
}

/// An image field and its file.
#[derive(Debug)]
pub(super) struct FileField {
    pub(super) path: RepoPath,
    pub(super) field: ImageField,
}

/// The contents of all manifests, in the order of the paths.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) fields: Vec<FileField>,
    pub(super) refusals: Vec<(RepoPath, Refusal)>,
    pub(super) policies: Vec<(RepoPath, FluxImagePolicy)>,
    pub(super) automations: Vec<(RepoPath, FluxAutomation)>,
    pub(super) unreadable: Vec<Finding>,
    pub(super) unmanaged: UnmanagedVersions,
    repositories: HashMap<PolicyName, (RepoPath, ImageName)>,
}

impl Manifests {
    pub(super) fn collect(mut files: Vec<(RepoPath, ScannedFile)>) -> Self {
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut manifests = Self::default();
        for (path, file) in files {
            match file.0 {
                State::Manifest { manifest, unmanaged } => {
                    manifests.unmanaged.add(&path, &unmanaged);
                    manifests.add(&path, *manifest);
                }
                State::Unreadable(unreadable) => manifests.unreadable.push(invalid_yaml(&path, &unreadable)),
                State::TooLarge { bytes } => manifests.unreadable.push(
                    Finding::new(FindingKind::Unreadable, format!("skipped: the file has {bytes} bytes"))
                        .in_file(&path, None)
                        .with_hint("split the file"),
                ),
            }
        }
        manifests
    }

    fn add(&mut self, path: &RepoPath, manifest: Manifest) {
        let Manifest { fields, refusals, image_policies, image_repositories, automations, .. } = manifest;
        self.fields.extend(fields.into_iter().map(|field| FileField { path: path.clone(), field }));
        self.refusals.extend(refusals.into_iter().map(|refusal| (path.clone(), refusal)));
        self.policies.extend(image_policies.into_iter().map(|policy| (path.clone(), policy)));
        self.automations.extend(automations.into_iter().map(|automation| (path.clone(), automation)));
        for repository in image_repositories {
            if let Some(image) = repository.image {
                let name = PolicyName { namespace: repository.namespace, name: repository.name };
                self.repositories.insert(name, (path.clone(), image));
            }
        }
    }

    /// The image of an ImagePolicy, and the file of its ImageRepository.
    pub(super) fn image_of(&self, policy: &FluxImagePolicy) -> Option<&(RepoPath, ImageName)> {
        let (namespace, name) = policy.image_repository.clone();
        self.repositories.get(&PolicyName { namespace, name })
    }
}

fn invalid_yaml(path: &RepoPath, unreadable: &Unreadable) -> Finding {
    Finding::new(FindingKind::Unreadable, format!("invalid YAML: {}", unreadable.reason))
        .in_file(path, Some(line_and_column(unreadable.position)))
        .with_hint(unreadable.hint())
}

pub(super) fn line_and_column(position: Position) -> (usize, usize) {
    (position.line, position.column)
}

/// The name by which setter comments refer to an ImagePolicy.
pub(super) fn policy_name(policy: &FluxImagePolicy) -> PolicyName {
    PolicyName { namespace: policy.namespace.clone(), name: policy.name.clone() }
}
