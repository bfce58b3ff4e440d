//! `tidegate simulate`: what a policy would have made of what happened. Asks nobody.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::args::{Format, Global, Simulate};
use crate::cli::output::Output;
use crate::cli::render::simulation::{self as shown, Arm, Outcome};
use crate::cli::wiring::{Session, load, repository_policy};
use crate::config::Config;
use crate::engine::RepositoryPolicy;
use crate::model::{Class, EnvironmentName, Fault, ServiceName};
use crate::policy::Approving;
use crate::simulation::{self, MOST_BYTES, Timeline};

use super::activity;
use super::record::{gather, period};

pub(super) async fn run(global: &Global, args: &Simulate, output: &Output) -> Result<ExitCode, Fault> {
    let (config, timeline) = if let Some(file) = &args.recording {
        let config = load(global, output)?;
        let timeline = recorded(file)?;
        let period = period(args.from, args.to, config.timezone, timeline.to)?;
        let from = period.from.unwrap_or(timeline.from);
        (config, timeline.between(from, period.to))
    } else {
        let mut session = Session::open(global, output).await?;
        let timeline = gather(&mut session, args.from, args.to, output).await?;
        (session.config, timeline)
    };
    let against = args.against.as_ref().map(|path| {
        let global = Global { config: path.clone(), ..global.clone() };
        load(&global, output).map(|config| (path.clone(), config))
    });
    let policies =
        Policies { current: (global.config.clone(), Arc::clone(&config)), against: against.transpose()? };
    let services = args.services.clone();
    let is_wanted = move |service: &ServiceName| {
        services.is_empty() || services.iter().any(|pattern| pattern.matches(service))
    };
    let replayed = tokio::task::spawn_blocking(move || policies.replay(&timeline, is_wanted));
    let outcome = match activity::during("Replaying", replayed).await {
        Ok(outcome) => outcome?,
        Err(error) => {
            return Err(Fault::new(Class::Failed, "the replay stopped in the middle").with_source(error));
        }
    };
    if outcome.is_empty() && !args.services.is_empty() {
        let written: Vec<String> = args.services.iter().map(ToString::to_string).collect();
        let message = format!("no service is called {}", written.join(" or "));
        return Err(Fault::new(Class::Usage, message).with_hint("`tidegate status` lists all of them"));
    }
    match output.format {
        Format::Text => {
            let most = if global.verbose > 0 { usize::MAX } else { args.most };
            output.text(&shown::render(&outcome, config.timezone, most))?;
        }
        Format::Json => output.json("Simulation", &shown::json(&outcome))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What is replayed.
struct Policies {
    current: (PathBuf, Arc<Config>),
    against: Option<(PathBuf, Arc<Config>)>,
}

impl Policies {
    fn replay(self, timeline: &Timeline, is_wanted: impl Fn(&ServiceName) -> bool) -> Result<Outcome, Fault> {
        let (path, config) = &self.current;
        let book = repository_policy(config);
        covered(timeline, &book, path)?;
        let policy = book.replayed(&config.schedule.value);
        let really = simulation::as_it_was(timeline, policy).only(&is_wanted);
        let mut arms = vec![
            Arm { name: "really".to_owned(), story: really },
            Arm { name: name_of(path), story: simulation::replay(timeline, policy).only(&is_wanted) },
        ];
        let (mut merged_at_once, mut reviewed_at_once) = (merged_in(&book), reviewed_in(&book));
        if let Some((path, config)) = &self.against {
            let book = repository_policy(config);
            merged_at_once.extend(merged_in(&book));
            reviewed_at_once.extend(reviewed_in(&book));
            covered(timeline, &book, path)?;
            let policy = book.replayed(&config.schedule.value);
            let mut name = name_of(path);
            if arms.iter().any(|arm| arm.name == name) {
                name = path.display().to_string();
            }
            arms.push(Arm { name, story: simulation::replay(timeline, policy).only(&is_wanted) });
        }
        let environments = book.environments.iter().map(|environment| environment.policy.name.clone());
        Ok(Outcome {
            environments: environments.collect(),
            watched_since: timeline.watched_since(),
            merged_at_once: merged_at_once.into_iter().collect(),
            reviewed_at_once: reviewed_at_once.into_iter().collect(),
            arms,
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
        .filter(|policy| policy.approval == Approving::ByReview)
        .map(|policy| policy.name.clone())
        .collect()
}

/// Of a folder in which nobody looked nothing can be told.
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
