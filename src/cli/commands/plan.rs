//! `tidegate plan` and `tidegate sync`: one pass, tried or done, over everything or what is named.

use std::process::ExitCode;

use crate::cli::args::{Global, Plan, Sync};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::{PassMode, PassOptions, PassReport, Scope};
use crate::model::{Class, EnvironmentName, Fault};
use crate::view;

use super::moves::remove_unrelated;
use super::promote::members;
use super::resolve::Typed;
use super::{activity, exit_code_of_pass, passes};

pub(super) async fn plan(global: &Global, args: &Plan, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let typed = Typed::from(&args.services);
    let options = PassOptions {
        mode: mode(&mut session, typed, &args.environments.environments).await?,
        ..PassOptions::plan()
    };
    let report = pass(&mut session, &options, "Planning", output).await?;
    let repository_policy = session.engine.repository_policy();
    let text = || {
        if output.is_quiet() && report.is_idle() {
            return render::problems::render(&report.problems);
        }
        render::plan::render(repository_policy, &report, global.verbose > 0)
    };
    output.result("Plan", || view::pass(repository_policy, &report), text)?;
    if args.exit_code && !report.is_idle() && !report.problems.iter().any(|problem| problem.is_error) {
        return Ok(ExitCode::from(Class::GateClosed.exit_code()));
    }
    Ok(exit_code_of_pass(repository_policy, &report))
}

pub(super) async fn sync(global: &Global, args: &Sync, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let typed = Typed::from(&args.services);
    let options = PassOptions {
        mode: mode(&mut session, typed, &args.environments.environments).await?,
        ..PassOptions::schedule()
    };
    let report = pass(&mut session, &options, "Synchronising", output).await?;
    if let Some(releases) = session.releases.clone() {
        let state = session.state_after(&report).await;
        let due = session.due_releases(&state).await;
        if !due.is_empty() {
            Box::pin(activity::during("Releasing", releases.publish(due))).await;
        }
    }
    let repository_policy = session.engine.repository_policy();
    let is_idle = report.promoted.is_empty() && !report.requests.iter().any(|request| request.is_done);
    let text = || {
        if output.is_quiet() && is_idle {
            return render::problems::render(&report.problems);
        }
        render::plan::done(repository_policy, &report, global.verbose > 0)
    };
    output.result("Sync", || view::pass(repository_policy, &report), text)?;
    Ok(exit_code_of_pass(repository_policy, &report))
}

async fn mode(
    session: &mut Session,
    typed: Typed<'_>,
    environments: &[EnvironmentName],
) -> Result<PassMode, Fault> {
    if typed.is_empty() && environments.is_empty() {
        return Ok(PassMode::Scheduled);
    }
    let services = typed.resolve_unchecked(session).await?;
    Ok(PassMode::Scoped(Scope { services, environments: environments.to_vec(), ..Scope::default() }))
}

async fn pass(
    session: &mut Session,
    options: &PassOptions,
    activity: &'static str,
    output: &Output,
) -> Result<PassReport, Fault> {
    let mut report = passes::until_answered(session, output, async |session: &mut Session| {
        let _lock = if options.dry_run { None } else { Some(session.lock(output).await?) };
        activity::during(activity, session.pass(options)).await
    })
    .await?;
    if let PassMode::Scoped(scope) = &options.mode
        && !scope.services.is_empty()
    {
        let members = members(session, &report, &scope.services);
        remove_unrelated(&mut report, |service| members.contains(service));
    }
    Ok(report)
}
