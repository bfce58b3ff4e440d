//! `tidegate sync`: one pass, then exit.

use std::process::ExitCode;

use crate::cli::args::{Format, Global};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::Request;
use crate::model::Fault;

use super::{activity, exit_code};

pub(super) async fn run(global: &Global, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let _turn = session.turn(output).await?;
    let report = activity::during("Synchronising", session.engine.pass(&Request::schedule())).await?;
    let due = session.due_releases(&report).await;
    if let Some(releases) = session.releases.as_ref().filter(|_| !due.is_empty()) {
        Box::pin(activity::during("Releasing", releases.publish(due))).await;
    }
    let rulebook = session.engine.rulebook();
    match output.format {
        Format::Text if global.quiet > 0 => output.text(&render::problems::render(&report.problems))?,
        Format::Text => output.text(&render::plan::done(rulebook, &report))?,
        Format::Json => output.json("Sync", &render::json::pass(rulebook, &report))?,
    }
    Ok(exit_code(&report.problems))
}
