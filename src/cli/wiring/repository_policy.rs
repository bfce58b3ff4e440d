//! Turns a configuration into the engine's repository policy.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::changelog::BodyLimits;
use crate::config::{self, Config, Setting};
use crate::engine::{
    Batch, Environment, Group, Grouping, NotesPolicy, PullRequestPolicy, RepositoryPolicy, ServiceRules,
    ServiceSettings,
};
use crate::model::{
    ByEnvironment, EnvironmentId, EnvironmentName, ImageName, PullRequestOptions, RepoPath, ServiceName,
};
use crate::policy::{EnvironmentPolicy, SelectionRules, TagOrder};

pub(crate) fn repository_policy(config: &Arc<Config>) -> RepositoryPolicy {
    let environments: ByEnvironment<&config::Environment> = config.environments().iter().collect();
    let environment = |configured: &config::Environment| Environment {
        policy: EnvironmentPolicy {
            name: configured.name.clone(),
            after: configured.after.clone(),
            freezes: config.freezes.clone(),
            windows: configured.windows.clone(),
            zone: config.timezone,
            approval: configured.approval,
        },
        paths: configured.paths.clone(),
        before: configured.after.as_ref().and_then(|after| environments.find(|other| other.name == *after)),
    };
    RepositoryPolicy {
        environments: environments.map(|configured| environment(configured)),
        services: Box::new(Services { config: Arc::clone(config), rules: Mutex::default() }),
        groups: config
            .groups
            .iter()
            .map(|group| Group { name: group.name.clone(), services: group.services.clone() })
            .collect(),
        requests: environments
            .entries()
            .filter_map(|(at, environment)| Some((at, request_rules(environment.pull_requests.as_ref()?))))
            .collect(),
        verifications: environments
            .entries()
            .filter_map(|(at, environment)| Some((at, environment.verification?)))
            .collect(),
        exclude: config.exclude.clone(),
        fields: config.fields.as_slice().into(),
        names: config.names.clone(),
        soak_mode: config.soak_mode,
        sweeps_control_files: config.sweeps_control_files,
        clock_tolerance: config.clock_tolerance,
        branch: format!("{} {}", config.git.remote, config.git.branch),
        batch: match config.git.batch {
            config::Batch::Service => Batch::Service,
            config::Batch::Environment => Batch::Environment,
            config::Batch::All => Batch::All,
        },
        subject: config.git.subject.clone(),
        body: config.git.body.clone(),
        notes: notes(&config.changelog),
        changelog_files: changelog_files(config),
    }
}

/// The policy for release notes; `None` if neither commits nor a changelog file carry any.
fn notes(changelog: &config::Changelog) -> Option<NotesPolicy> {
    let limits = BodyLimits { lines: changelog.max_lines, ..BodyLimits::default() };
    (changelog.in_commits || changelog.file.is_some()).then(|| NotesPolicy {
        time_limit: changelog.time_limit,
        limits: changelog.in_commits.then_some(limits),
    })
}

fn changelog_files(config: &Config) -> BTreeMap<EnvironmentId, RepoPath> {
    let environments = config.environments();
    let places: ByEnvironment<&config::Environment> = environments.iter().collect();
    let file = |(id, environment): (EnvironmentId, &&config::Environment)| {
        Some((id, config.changelog.file.as_ref()?.of(environment, environments)?))
    };
    places.entries().filter_map(file).collect()
}

fn request_rules(configured: &config::PullRequests) -> PullRequestPolicy {
    PullRequestPolicy {
        grouping: if configured.is_whole_environment { Grouping::Environment } else { Grouping::Service },
        is_draft: configured.is_draft,
        extras: PullRequestOptions {
            labels: configured.labels.clone(),
            reviewers: configured.reviewers.clone(),
            team_reviewers: configured.team_reviewers.clone(),
            auto_merge: configured.auto_merge,
        },
    }
}

struct Services {
    config: Arc<Config>,
    /// One instance per combination of range, pattern and order, so that services with the same rules share selections.
    /// The key is the address of the setting in the configuration, which outlives it.
    rules: Mutex<HashMap<(usize, usize, TagOrder), Arc<SelectionRules>>>,
}

impl ServiceRules for Services {
    fn of(&self, service: &ServiceName) -> ServiceSettings {
        let settings = self.config.service(service);
        let (versions, pattern, order) = (settings.versions(), settings.tag_pattern(), settings.order());
        let are_explicit = matches!(versions, Setting::Override(_))
            || matches!(pattern, Some(Setting::Override(_)))
            || matches!(order, Setting::Override(_));
        let (versions, pattern, order) = (versions.value(), pattern.map(Setting::value), order.value());
        let place = (
            std::ptr::from_ref(versions) as usize,
            pattern.map_or(0, |pattern| std::ptr::from_ref(pattern) as usize),
            order,
        );
        let mut cache = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = cache.entry(place).or_insert_with(|| {
            let pattern = pattern.map(|pattern| pattern.value.clone());
            Arc::new(SelectionRules { order, ..SelectionRules::new(versions.value.clone(), pattern) })
        });
        ServiceSettings { ignored: settings.is_ignored(), rules: Arc::clone(rules), are_explicit }
    }

    fn soak(&self, service: &ServiceName, environment: &EnvironmentName) -> Duration {
        let environment = self.config.environment(environment);
        environment.map_or(Duration::ZERO, |environment| self.config.soak(service, environment))
    }

    fn minimum_age(&self, service: &ServiceName, environment: &EnvironmentName) -> Duration {
        let environment = self.config.environment(environment);
        environment
            .map_or(Duration::ZERO, |environment| self.config.service(service).minimum_age(environment))
    }

    fn charts(&self, service: &ServiceName) -> Option<Arc<SelectionRules>> {
        let versions = self.config.service(service).charts()?;
        let place = (std::ptr::from_ref(versions) as usize, 0, TagOrder::Semver);
        let mut cache = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let rules =
            cache.entry(place).or_insert_with(|| Arc::new(SelectionRules::new(versions.value.clone(), None)));
        Some(Arc::clone(rules))
    }

    fn manages(&self, service: &ServiceName, image: &ImageName) -> bool {
        self.config.service(service).manages(image)
    }
}
