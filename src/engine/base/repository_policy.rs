//! The policy of a whole repository, as the engine reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono_tz::Tz;

use crate::changelog::BodyLimits;
use crate::config::{BodyForm, SubjectForm};
use crate::model::{Class, EnvironmentName, Fault, PullRequestOptions, RepoPath, ServiceName};
use crate::policy::{Environment, Group, ServiceRules, SoakMode};

use crate::engine::message::Wording;

/// The policy of a whole repository: environments, the rules of each service, and how commits are made.
pub struct RepositoryPolicy {
    /// Every environment, each behind the one that it comes after.
    pub environments: Vec<Environment>,
    /// The rules of a service.
    pub services: Box<dyn ServiceRules>,
    /// The sets of services that ship together.
    pub groups: Vec<Group>,
    /// How promotions are proposed by pull requests, by the places of the environments; into the others they are pushed.
    pub requests: BTreeMap<usize, PullRequestPolicy>,
    /// How soaks are counted.
    pub soak_mode: SoakMode,
    /// Whether control files that no longer count are removed.
    pub sweeps_control_files: bool,
    /// How far a commit's time may lie before a fetch that did not have it.
    pub clock_tolerance: Duration,
    /// What goes into one commit.
    pub batch: Batch,
    /// The form of a commit's subject.
    pub subject: SubjectForm,
    /// The form of its body; without it, evidence and notes.
    pub body: Option<BodyForm>,
    /// How it is told what changed; without it, it is not.
    pub notes: Option<NotesPolicy>,
    /// The changelog files that promotions add to, by the places of the environments.
    pub changelog_files: BTreeMap<usize, RepoPath>,
}

/// What goes into one commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batch {
    /// One service in one environment, so that `git revert` undoes exactly that.
    #[default]
    Service,
    /// All that goes into one environment in one pass.
    Environment,
    /// All of a pass.
    All,
}

/// How it is told what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotesPolicy {
    /// How long the promotions of one pass wait for it, together.
    pub time_limit: Duration,
    /// How much of it a commit's message takes; without it, nothing.
    pub limits: Option<BodyLimits>,
}

/// How the promotions into an environment are proposed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequestPolicy {
    /// What goes into one pull request.
    pub grouping: Grouping,
    /// Whether it is opened as a draft.
    pub is_draft: bool,
    /// What it is given when it is opened.
    pub extras: PullRequestOptions,
}

/// What goes into one pull request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// One service, or one set of services that ship together.
    #[default]
    Service,
    /// All that may go into the environment.
    Environment,
}

impl RepositoryPolicy {
    /// How the messages of commits are worded.
    pub(in crate::engine) fn wording(&self) -> Wording<'_> {
        Wording { subject: &self.subject, body: self.body.as_ref() }
    }

    /// The folders of every environment.
    pub(crate) fn scope(&self) -> Vec<RepoPath> {
        self.environments.iter().flat_map(|environment| environment.paths.iter().cloned()).collect()
    }

    /// The zone of windows and freezes.
    pub fn zone(&self) -> Tz {
        self.environments.first().map_or(Tz::UTC, |first| first.policy.zone)
    }

    /// The set that a service ships in.
    pub fn group_of(&self, service: &ServiceName) -> Option<&Group> {
        self.groups.iter().find(|group| group.has(service))
    }

    /// The environments that come right after one.
    pub fn after(&self, environment: usize) -> impl Iterator<Item = usize> {
        (0..self.environments.len()).filter(move |next| self.environments[*next].before == Some(environment))
    }

    /// The environment that a file lies in.
    pub(crate) fn environment_of(&self, file: &RepoPath) -> Option<&Environment> {
        let holds = |environment: &&Environment| environment.paths.iter().any(|path| file.is_within(path));
        self.environments.iter().find(holds)
    }

    /// The index of an environment.
    pub fn find(&self, name: &EnvironmentName) -> Option<usize> {
        self.environments.iter().position(|environment| environment.policy.name == *name)
    }

    /// The index of an environment that somebody named.
    ///
    /// # Errors
    /// If there is none of that name.
    pub(crate) fn environment_named(&self, name: &EnvironmentName) -> Result<usize, Fault> {
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
        formatter.debug_struct("Rulebook").field("environments", &self.environments).finish_non_exhaustive()
    }
}
