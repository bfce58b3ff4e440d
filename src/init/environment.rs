//! An environment that was found, and the lookup from a path to its environment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::model::{EnvironmentName, ImageName, RepoPath, ServiceName};

use super::folders::ancestors;
use super::stage::Stage;

/// The images of each service. An image that only a setter comment identifies is not included.
pub(super) type ServiceImages = BTreeMap<ServiceName, BTreeSet<ImageName>>;

/// An environment of the draft.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The name.
    pub name: EnvironmentName,
    /// The folders.
    pub paths: Vec<RepoPath>,
    /// Index of the environment that versions come from.
    pub after: Option<usize>,
    /// How long a version soaks in that environment.
    pub soak: Duration,
    /// Whether the draft asks for approvals, because a stage before this one may be missing.
    pub needs_approval: bool,
    pub(super) stage: Stage,
    pub(super) qualifiers: Vec<String>,
    pub(super) services: ServiceImages,
}

impl Environment {
    /// Number of services with an image field in this environment.
    pub fn service_count(&self) -> usize {
        self.services.len()
    }

    /// Number of different images of these services.
    pub fn image_count(&self) -> usize {
        self.services.values().flatten().collect::<BTreeSet<_>>().len()
    }

    /// Whether the stage is production.
    pub fn is_production(&self) -> bool {
        self.stage == Stage::Production
    }

    /// Whether no environment is expected to come after this one.
    pub(super) fn is_last(&self) -> bool {
        self.is_production() || self.stage.is_side_branch()
    }

    /// Number of services that both environments have.
    pub(super) fn shared_services(&self, other: &Self) -> usize {
        self.services.keys().filter(|service| other.services.contains_key(service)).count()
    }
}

/// Finds the environment of a path by the environments' folders.
pub(super) struct EnvironmentIndex(HashMap<String, usize>);

impl EnvironmentIndex {
    pub(super) fn new(environments: &[Environment]) -> Self {
        let folders = environments.iter().enumerate().flat_map(|(index, environment)| {
            environment.paths.iter().map(move |path| (path.as_str().to_owned(), index))
        });
        Self(folders.collect())
    }

    /// Index of the environment whose folders contain the path.
    pub(super) fn find(&self, path: &RepoPath) -> Option<usize> {
        ancestors(path.as_str()).find_map(|folder| self.0.get(folder)).copied()
    }

    pub(super) fn contains(&self, path: &RepoPath) -> bool {
        self.find(path).is_some()
    }
}
