//! `tidegate status`: the board.

mod watch;

use std::process::ExitCode;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::cli::args::{Format, Global, Status};
use crate::cli::output::Output;
use crate::cli::render::{
    self,
    status::{Filter, StatusTable},
};
use crate::cli::wiring::Session;
use crate::engine::{PassOptions, RepositoryPolicy};
use crate::model::{Class, EnvironmentName, Fault};

use super::{activity, exit_code_of_pass};

pub(super) async fn run(global: &Global, args: &Status, output: &Output) -> Result<ExitCode, Fault> {
    if args.watch {
        return Box::pin(watch::watch(global, args, output)).await;
    }
    let mut session = Session::open(global, output).await?;
    let filter = filter(args, session.engine.repository_policy())?;
    let _turn = session.turn(output).await?;
    let report = activity::during("Looking", session.engine.pass(&PassOptions::plan())).await?;
    let deployed = StatusTable::of(session.engine.repository_policy(), &report, &filter);
    if deployed.rows.is_empty() && !args.services.is_empty() && !args.blocked {
        let message = format!("no service is called {}", args.services.join(" or "));
        return Err(Fault::new(Class::Usage, message).with_hint("`tidegate status` lists all of them"));
    }
    // Since when something runs is told even where nothing newer is there.
    session.engine.learn(&report.evaluation.state, deployed.targets()).await?;
    match output.format {
        Format::Text => output.text(&deployed.render(report.evaluation.now, output.width()))?,
        Format::Json => output.json("Status", &render::json::status(&deployed))?,
    }
    Ok(exit_code_of_pass(session.engine.repository_policy(), &report))
}

fn filter(args: &Status, repository_policy: &RepositoryPolicy) -> Result<Filter, Fault> {
    let place = |name: &EnvironmentName| {
        repository_policy.find(name).ok_or_else(|| {
            let environments = repository_policy.environments.iter();
            let names: Vec<&str> = environments.map(|environment| environment.policy.name.as_str()).collect();
            Fault::new(Class::Usage, format!("there is no environment {name}"))
                .with_hint(format!("the configuration has {}", names.join(", ")))
        })
    };
    let mut environments = args.environments.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    environments.sort_unstable();
    environments.dedup();
    Ok(Filter { services: globs(&args.services)?, environments, only_blocked: args.blocked })
}

/// The services that are asked for; every one, when none is named.
fn globs(services: &[String]) -> Result<GlobSet, Fault> {
    let wrong = |error: globset::Error| {
        Fault::new(Class::Usage, "cannot read the pattern of services")
            .with_source(error)
            .with_hint("write for example 'common/*'")
    };
    let mut set = GlobSetBuilder::new();
    for service in services {
        set.add(Glob::new(service).map_err(wrong)?);
    }
    if services.is_empty() {
        set.add(Glob::new("**").map_err(wrong)?);
    }
    set.build().map_err(wrong)
}
