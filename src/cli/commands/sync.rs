//! `tidegate sync`: one pass, then exit.

use std::process::ExitCode;

use crate::cli::args::{Format, Global};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::PassOptions;
use crate::model::Fault;

use super::{activity, exit_code_of_pass};

pub(super) async fn run(global: &Global, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let _turn = session.turn(output).await?;
    let report = activity::during("Synchronising", session.engine.pass(&PassOptions::schedule())).await?;
    let due = session.due_releases(&report).await;
    if let Some(releases) = session.releases.as_ref().filter(|_| !due.is_empty()) {
        Box::pin(activity::during("Releasing", releases.publish(due))).await;
    }
    let repository_policy = session.engine.repository_policy();
    match output.format {
        Format::Text if global.quiet > 0 => output.text(&render::problems::render(&report.problems))?,
        Format::Text => output.text(&render::plan::done(repository_policy, &report, global.verbose > 0))?,
        Format::Json => output.json("Sync", &render::json::pass(repository_policy, &report))?,
    }
    Ok(exit_code_of_pass(session.engine.repository_policy(), &report))
}
