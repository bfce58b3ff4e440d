//! `tidegate simulate`: replays the past under a policy. Works offline.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::args::{Global, Simulate};
use crate::cli::output::Output;
use crate::cli::render::simulation::{self as rendered, Comparison, Run};
use crate::cli::wiring::{Session, config_file, load, repository_policy};
use crate::config::Config;
use crate::engine::RepositoryPolicy;
use crate::model::{Class, EnvironmentName, Fault, ServiceName};
use crate::policy::ApprovalPolicy;
use crate::simulation::{self, MOST_BYTES, Timeline};

use super::activity;
use super::record::{period, timeline};
use super::resolve::Typed;

pub(super) async fn run(global: &Global, args: &Simulate, output: &Output) -> Result<ExitCode, Fault> {
    let (config, timeline) = if let Some(file) = &args.recording {
        let config = load(global, output)?;
        let timeline = recorded(file)?;
        let period = period(args.during, config.timezone, timeline.to)?;
        let from = period.from.unwrap_or(timeline.from);
        (config, timeline.between(from, period.to))
    } else {
        let mut session = Session::open(global, output).await?;
        let timeline = timeline(&mut session, args.during).await?;
        (session.config, timeline)
    };
    let against = args.against.as_ref().map(|path| {
        let global = Global { config: Some(path.clone()), ..global.clone() };
        load(&global, output).map(|config| (path.clone(), config))
    });
    let policies =
        Policies { current: (config_file(global), Arc::clone(&config)), against: against.transpose()? };
    let typed = Typed::from(&args.services);
    let known = timeline.tag_changes.iter().map(|tag_change| &tag_change.service).collect();
    let services = typed.resolve(&known, false)?;
    let is_wanted = move |service: &ServiceName| {
        services.is_empty() || services.iter().any(|pattern| pattern.matches(service))
    };
    let replayed = tokio::task::spawn_blocking(move || policies.replay(&timeline, is_wanted));
    let outcome = match activity::during("Replaying", replayed).await {
        Ok(outcome) => outcome?,
        Err(error) => return Err(Fault::new(Class::Failed, "the replay stopped").with_source(error)),
    };
    let limit = if global.verbose > 0 { usize::MAX } else { args.limit };
    output.result(
        "Simulation",
        || rendered::json(&outcome),
        || rendered::render(&outcome, config.timezone, limit),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The timeline to replay.
struct Policies {
    current: (PathBuf, Arc<Config>),
    against: Option<(PathBuf, Arc<Config>)>,
}

impl Policies {
    fn replay(
        self,
        timeline: &Timeline,
        is_wanted: impl Fn(&ServiceName) -> bool,
    ) -> Result<Comparison, Fault> {
        let (path, config) = &self.current;
        let book = repository_policy(config);
        covered(timeline, &book, path)?;
        let policy = book.replayed(&config.schedule.value);
        let actual = simulation::as_it_was(timeline, policy).only(&is_wanted);
        let mut runs = vec![
            Run { name: "actual".to_owned(), report: actual },
            Run { name: name_of(path), report: simulation::replay(timeline, policy).only(&is_wanted) },
        ];
        let (mut merged_at_once, mut reviewed_at_once) = (merged_in(&book), reviewed_in(&book));
        if let Some((path, config)) = &self.against {
            let book = repository_policy(config);
            merged_at_once.extend(merged_in(&book));
            reviewed_at_once.extend(reviewed_in(&book));
            covered(timeline, &book, path)?;
            let policy = book.replayed(&config.schedule.value);
            let mut name = name_of(path);
            if runs.iter().any(|run| run.name == name) {
                name = path.display().to_string();
            }
            runs.push(Run { name, report: simulation::replay(timeline, policy).only(&is_wanted) });
        }
        let environments = book.environments.iter().map(|environment| environment.policy.name.clone());
        Ok(Comparison {
            environments: environments.collect(),
            watched_since: timeline.watched_since(),
            merged_at_once: merged_at_once.into_iter().collect(),
            reviewed_at_once: reviewed_at_once.into_iter().collect(),
            runs,
        })
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Where people merge.
fn merged_in(repository_policy: &RepositoryPolicy) -> BTreeSet<EnvironmentName> {
    repository_policy
        .requests
        .keys()
        .map(|at| repository_policy.environments[*at].policy.name.clone())
        .collect()
}

/// Where a review is an approval.
fn reviewed_in(repository_policy: &RepositoryPolicy) -> BTreeSet<EnvironmentName> {
    let policies = repository_policy.environments.iter().map(|environment| &environment.policy);
    policies
        .filter(|policy| policy.approval == ApprovalPolicy::ByReview)
        .map(|policy| policy.name.clone())
        .collect()
}

/// A data folder without observations cannot be replayed.
fn covered(timeline: &Timeline, repository_policy: &RepositoryPolicy, config: &Path) -> Result<(), Fault> {
    let Some(folder) = simulation::uncovered(timeline, &repository_policy.environments) else {
        return Ok(());
    };
    let message = format!("{} names the folder {folder}, of which nothing is recorded", config.display());
    Err(Fault::new(Class::Usage, message).with_hint("replay configurations with the same folders"))
}

fn recorded(path: &Path) -> Result<Timeline, Fault> {
    let failed = |error: std::io::Error| {
        Fault::new(Class::Usage, format!("cannot read {}", path.display())).with_source(error)
    };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MOST_BYTES as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    Ok(simulation::read(&text)?)
}
