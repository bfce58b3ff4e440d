//! `tidegate plan`: what would be promoted now, and why the rest waits. Changes nothing.

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
    let report = activity::during("Planning", session.engine.pass(&PassOptions::plan())).await?;
    let repository_policy = session.engine.repository_policy();
    match output.format {
        Format::Text => output.text(&render::plan::render(repository_policy, &report, global.verbose > 0))?,
        Format::Json => output.json("Plan", &render::json::pass(repository_policy, &report))?,
    }
    Ok(exit_code_of_pass(session.engine.repository_policy(), &report))
}
