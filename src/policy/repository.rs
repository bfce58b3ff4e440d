//! The policy of a repository: its environments and their folders, its groups, and the rules of
//! each service.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{EnvironmentId, EnvironmentName, ImageName, RepoPath, ServiceName, ServicePattern};

use super::facts::EnvironmentPolicy;
use super::select::SelectionRules;

/// An environment and its folders.
#[derive(Debug)]
pub struct Environment {
    /// Its policy.
    pub policy: EnvironmentPolicy,
    /// Its folders.
    pub paths: Vec<RepoPath>,
    /// The previous environment.
    pub before: Option<EnvironmentId>,
}

/// A group of services that are promoted together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The services.
    pub services: Vec<ServicePattern>,
}

impl Group {
    /// Whether a service is a member.
    pub fn has(&self, service: &ServiceName) -> bool {
        self.services.iter().any(|pattern| pattern.matches(service))
    }
}

/// The rules of each service.
pub trait ServiceRules: Send + Sync {
    /// The rules of one service.
    fn of(&self, service: &ServiceName) -> ServiceSettings;

    /// The required soak of a service before it is promoted to an environment.
    fn soak(&self, service: &ServiceName, environment: &EnvironmentName) -> Duration;

    /// The minimum age of a digest before it is promoted to an environment.
    fn minimum_age(&self, _service: &ServiceName, _environment: &EnvironmentName) -> Duration {
        Duration::ZERO
    }

    /// The selection rules of a service's charts; none where they are left alone.
    fn charts(&self, _service: &ServiceName) -> Option<Arc<SelectionRules>> {
        None
    }

    /// Whether Tidegate manages an image of a service.
    fn manages(&self, service: &ServiceName, image: &ImageName) -> bool;
}

/// The rules of one service.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Whether the service is ignored.
    pub ignored: bool,
    /// The selection rules, unless the service's manifests have their own.
    pub rules: Arc<SelectionRules>,
    /// Whether the configuration sets rules for this service, which then precede a Flux ImagePolicy.
    pub are_explicit: bool,
}
