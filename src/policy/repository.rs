//! What holds for a whole repository: its environments and where they lie, the sets that ship together, and the rules of
//! each service.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{EnvironmentId, EnvironmentName, ImageName, RepoPath, ServiceName, ServicePattern};

use super::facts::EnvironmentPolicy;
use super::select::SelectionRules;

/// An environment and where it lies.
#[derive(Debug)]
pub struct Environment {
    /// What is asked of a promotion into it.
    pub policy: EnvironmentPolicy,
    /// Its folders.
    pub paths: Vec<RepoPath>,
    /// The place of the environment before it, among all of them.
    pub before: Option<EnvironmentId>,
}

/// A set of services that ship together.
#[derive(Clone, Debug)]
pub struct Group {
    /// What people call it.
    pub name: String,
    /// The services.
    pub services: Vec<ServicePattern>,
}

impl Group {
    /// Whether a service is one of the set.
    pub fn has(&self, service: &ServiceName) -> bool {
        self.services.iter().any(|pattern| pattern.matches(service))
    }
}

/// The rules of each service.
pub trait ServiceRules: Send + Sync {
    /// The rules of one service.
    fn of(&self, service: &ServiceName) -> ServiceSettings;

    /// How long a version of a service soaks before it may come to an environment.
    fn soak(&self, service: &ServiceName, environment: &EnvironmentName) -> Duration;

    /// How long ago a digest must have been first seen before it may come to an environment.
    fn minimum_age(&self, _service: &ServiceName, _environment: &EnvironmentName) -> Duration {
        Duration::ZERO
    }

    /// Whether an image of a service is Tidegate's to move.
    fn manages(&self, service: &ServiceName, image: &ImageName) -> bool;
}

/// The rules of one service.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Whether the service is left alone.
    pub ignored: bool,
    /// The selection rules when nothing closer to the service says otherwise.
    pub rules: Arc<SelectionRules>,
    /// Whether the configuration names the rules for this service, so that they stand before a Flux ImagePolicy.
    pub are_explicit: bool,
}
