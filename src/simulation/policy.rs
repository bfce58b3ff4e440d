//! The policy of a replay.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::history::Subject;
use crate::model::{ByEnvironment, EnvironmentId, RepoPath};
use crate::policy::{Environment, Group, Schedule, SelectionRules, ServiceRules, SoakMode};

use super::timeline::Timeline;

/// A policy for a whole repository.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    /// The environments, each after its earlier one.
    pub environments: &'a ByEnvironment<Environment>,
    /// The groups of services that are promoted together.
    pub groups: &'a [Group],
    /// Rules of each service.
    pub services: &'a dyn ServiceRules,
    /// How soaks are counted.
    pub soak_mode: SoakMode,
    /// Tolerated error of committers' clocks.
    pub clock_tolerance: Duration,
    /// The schedule of passes.
    pub schedule: &'a Schedule,
}

impl fmt::Debug for Policy<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Policy").field("environments", &self.environments).finish_non_exhaustive()
    }
}

impl Policy<'_> {
    /// The environment that a file belongs to.
    pub(super) fn environment_of(&self, file: &RepoPath) -> Option<EnvironmentId> {
        let holds = |environment: &Environment| environment.paths.iter().any(|path| file.is_within(path));
        self.environments.find(holds)
    }

    /// The group of a service, unless the environment is the first of a chain, where services are promoted alone.
    pub(super) fn group_of(&self, environment: EnvironmentId, subject: &Subject) -> Option<usize> {
        self.environments[environment].before?;
        self.groups.iter().position(|group| group.has(&subject.0))
    }

    /// How the soak of a service is counted. A group always soaks continuously.
    pub(super) fn soak_mode_of(&self, subject: &Subject) -> SoakMode {
        self.soak_mode.of_service(self.groups.iter().any(|group| group.has(&subject.0)))
    }
}

/// A folder of the policy that the timeline does not cover, so that nothing is known about it.
pub fn uncovered<'a>(
    timeline: &Timeline,
    environments: &'a ByEnvironment<Environment>,
) -> Option<&'a RepoPath> {
    let is_covered = |path: &RepoPath| timeline.folders.iter().any(|folder| path.is_within(folder));
    environments.iter().flat_map(|environment| &environment.paths).find(|path| !is_covered(path))
}

/// Selection rules by image and service: from the configuration, or else from the repository.
pub(super) struct RulesOf<'a> {
    policy: Policy<'a>,
    followed:
        HashMap<(&'a str, &'a crate::model::ServiceName, &'a crate::model::ImageName), Arc<SelectionRules>>,
}

impl<'a> RulesOf<'a> {
    pub(super) fn new(policy: Policy<'a>, timeline: &'a Timeline) -> Self {
        let mut shared: Vec<Arc<SelectionRules>> = Vec::new();
        let mut followed = HashMap::new();
        for one in &timeline.followed {
            let known = shared.iter().find(|rules| ***rules == one.rules).cloned();
            let rules = known.unwrap_or_else(|| {
                let rules = Arc::new(one.rules.clone());
                shared.push(Arc::clone(&rules));
                rules
            });
            followed.insert((one.environment.as_str(), &one.service, &one.image), rules);
        }
        Self { policy, followed }
    }

    /// The rules; `None` for an image that is not managed.
    pub(super) fn of(&self, environment: EnvironmentId, subject: &Subject) -> Option<Arc<SelectionRules>> {
        let settings = self.policy.services.of(&subject.0);
        if settings.ignored || !self.policy.services.manages(&subject.0, &subject.1) {
            return None;
        }
        let name = self.policy.environments[environment].policy.name.as_str();
        let followed = self.followed.get(&(name, &subject.0, &subject.1));
        Some(followed.filter(|_| !settings.are_explicit).map_or(settings.rules, Arc::clone))
    }
}
