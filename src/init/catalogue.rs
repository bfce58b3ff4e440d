//! Everything that the manifests of a repository say of images, in lists. Judges nothing.

use std::collections::HashMap;

use crate::manifest::{
    self, FluxAutomation, FluxImagePolicy, ImageField, Manifest, PolicyName, Position, Refusal, Unreadable,
};
use crate::model::{Content, ImageName, RepoPath};

use super::finding::{Finding, FindingKind};

/// What came of reading a file.
#[derive(Clone, Debug)]
pub struct Reading(State);

#[derive(Clone, Debug)]
enum State {
    Manifest(Box<Manifest>),
    Unreadable(Unreadable),
    TooLarge { bytes: usize },
}

impl Reading {
    /// Reads a file's content; nothing when it does not concern images.
    pub fn of(content: Content<'_>) -> Option<Self> {
        let state = match content {
            Content::LfsPointer => return None,
            Content::TooLarge { bytes } => State::TooLarge { bytes },
            Content::Bytes(text) => match manifest::read(text) {
                Ok(manifest) if manifest.is_empty() => return None,
                Ok(manifest) => State::Manifest(Box::new(manifest)),
                Err(unreadable) => State::Unreadable(unreadable),
            },
        };
        Some(Self(state))
    }
}

/// An image field and its file.
#[derive(Debug)]
pub(super) struct Sighting {
    pub(super) path: RepoPath,
    pub(super) field: ImageField,
}

/// Everything in one place, in the order of the paths.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) sightings: Vec<Sighting>,
    pub(super) refusals: Vec<(RepoPath, Refusal)>,
    pub(super) policies: Vec<(RepoPath, FluxImagePolicy)>,
    pub(super) automations: Vec<(RepoPath, FluxAutomation)>,
    /// What could not be read.
    pub(super) findings: Vec<Finding>,
    repositories: HashMap<PolicyName, (RepoPath, ImageName)>,
}

impl Catalogue {
    pub(super) fn of(mut files: Vec<(RepoPath, Reading)>) -> Self {
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut catalogue = Self::default();
        for (path, reading) in files {
            match reading.0 {
                State::Manifest(manifest) => catalogue.add(&path, *manifest),
                State::Unreadable(unreadable) => catalogue.findings.push(not_read(&path, &unreadable)),
                State::TooLarge { bytes } => catalogue.findings.push(
                    Finding::new(FindingKind::Unreadable, format!("it is {bytes} bytes large, and not read"))
                        .at(&path, None)
                        .with_hint("split the file"),
                ),
            }
        }
        catalogue
    }

    fn add(&mut self, path: &RepoPath, manifest: Manifest) {
        let Manifest { fields, refusals, image_policies, image_repositories, automations, .. } = manifest;
        self.sightings.extend(fields.into_iter().map(|field| Sighting { path: path.clone(), field }));
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

    /// The image that an ImagePolicy chooses a tag of, and the file that says so, if its ImageRepository is there.
    pub(super) fn image_of(&self, policy: &FluxImagePolicy) -> Option<&(RepoPath, ImageName)> {
        let (namespace, name) = policy.image_repository.clone();
        self.repositories.get(&PolicyName { namespace, name })
    }
}

fn not_read(path: &RepoPath, unreadable: &Unreadable) -> Finding {
    Finding::new(FindingKind::Unreadable, format!("it cannot be read as YAML: {}", unreadable.reason))
        .at(path, Some(place(unreadable.position)))
        .with_hint(unreadable.hint())
}

/// The line and the column.
pub(super) fn place(position: Position) -> (usize, usize) {
    (position.line, position.column)
}

/// The name that setter comments give an ImagePolicy.
pub(super) fn name_of(policy: &FluxImagePolicy) -> PolicyName {
    PolicyName { namespace: policy.namespace.clone(), name: policy.name.clone() }
}
