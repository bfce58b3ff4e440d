//! The policy of a whole repository, as the engine reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;

use crate::changelog::BodyLimits;
use crate::config::{BodyForm, ConfiguredField, ConfiguredName, PathGlobs, SubjectForm};
use crate::model::{
    ByEnvironment, Class, EnvironmentId, EnvironmentName, Fault, PullRequestOptions, RepoPath, ServiceName,
};
use crate::policy::{Environment, Group, ServiceRules, SoakMode, VerificationPolicy};

use crate::engine::message::Wording;

/// The policy of a whole repository: environments, the rules of each service, and how commits are made.
pub struct RepositoryPolicy {
    /// The environments, each after the one before it.
    pub environments: ByEnvironment<Environment>,
    pub services: Box<dyn ServiceRules>,
    /// Files that are never read.
    pub exclude: PathGlobs,
    /// Fields that the configuration names.
    pub fields: Arc<[ConfiguredField]>,
    /// Names and globs that must match something in the repository.
    pub names: Vec<ConfiguredName>,
    /// Groups of services that ship together.
    pub groups: Vec<Group>,
    /// Pull requests by environment; promotions into every other environment are pushed.
    pub requests: BTreeMap<EnvironmentId, PullRequestPolicy>,
    /// Environments where a promoted version must become healthy.
    pub verifications: BTreeMap<EnvironmentId, VerificationPolicy>,
    pub soak_mode: SoakMode,
    /// Whether expired control files are removed.
    pub sweeps_control_files: bool,
    /// How much earlier than a fetch without it a commit may claim to be.
    pub clock_tolerance: Duration,
    /// The URL and the branch of the repository, as the trailers of commits name them.
    pub branch: String,
    /// What goes into one commit.
    pub batch: Batch,
    /// The form of a commit's subject.
    pub subject: SubjectForm,
    /// The form of a commit's body; evidence and notes without one.
    pub body: Option<BodyForm>,
    /// Release notes; none without it.
    pub notes: Option<NotesPolicy>,
    /// The changelog files that promotions add to, by environment.
    pub changelog_files: BTreeMap<EnvironmentId, RepoPath>,
}

/// What goes into one commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batch {
    /// One service in one environment, so that `git revert` undoes exactly that.
    #[default]
    Service,
    /// Everything for one environment in one pass.
    Environment,
    /// Everything in one pass.
    All,
}

/// Release notes of promotions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotesPolicy {
    /// How long the promotions of one pass wait for notes, together.
    pub time_limit: Duration,
    /// How much of the notes a commit carries; nothing without it.
    pub limits: Option<BodyLimits>,
}

/// How pull requests into an environment are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequestPolicy {
    /// What goes into one pull request.
    pub grouping: Grouping,
    /// Whether it is opened as a draft.
    pub is_draft: bool,
    /// Labels, reviewers and auto-merge, set when it is opened.
    pub extras: PullRequestOptions,
}

/// What goes into one pull request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// One service, or one group.
    #[default]
    Service,
    /// Everything for the environment.
    Environment,
}

impl RepositoryPolicy {
    pub(in crate::engine) fn wording(&self) -> Wording<'_> {
        Wording { subject: &self.subject, body: self.body.as_ref(), branch: Some(&self.branch) }
    }

    /// How the messages of commits are worded that wait on a branch of their own.
    pub(in crate::engine) fn proposal_wording(&self) -> Wording<'_> {
        Wording { branch: None, ..self.wording() }
    }

    /// The folders of every environment.
    pub(crate) fn scope(&self) -> Vec<RepoPath> {
        self.environments.iter().flat_map(|environment| environment.paths.iter().cloned()).collect()
    }

    /// The zone of windows and freezes.
    pub fn zone(&self) -> Tz {
        self.environments.first().map_or(Tz::UTC, |first| first.policy.zone)
    }

    /// The group of a service.
    pub fn group_of(&self, service: &ServiceName) -> Option<&Group> {
        self.groups.iter().find(|group| group.has(service))
    }

    /// The environments right after one.
    pub fn after(&self, environment: EnvironmentId) -> impl Iterator<Item = EnvironmentId> {
        self.environments.ids().filter(move |next| self.environments[*next].before == Some(environment))
    }

    /// The environment of a file.
    pub(crate) fn environment_of(&self, file: &RepoPath) -> Option<&Environment> {
        let holds = |environment: &&Environment| environment.paths.iter().any(|path| file.is_within(path));
        self.environments.iter().find(holds)
    }

    /// The index of an environment.
    pub fn find(&self, name: &EnvironmentName) -> Option<EnvironmentId> {
        self.environments.find(|environment| environment.policy.name == *name)
    }

    /// The index of an environment that somebody named.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn environment_named(&self, name: &EnvironmentName) -> Result<EnvironmentId, Fault> {
        self.find(name).ok_or_else(|| {
            let names: Vec<&str> =
                self.environments.iter().map(|environment| environment.policy.name.as_str()).collect();
            Fault::new(Class::Usage, format!("there is no environment {name}"))
                .with_hint(format!("the configuration has {}", names.join(", ")))
        })
    }
}

impl fmt::Debug for RepositoryPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RepositoryPolicy")
            .field("environments", &self.environments)
            .finish_non_exhaustive()
    }
}
