//! `tidegate plan`: what would be promoted now, and why the rest waits. Changes nothing.

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
    let report = activity::during("Planning", session.engine.pass(&Request::plan())).await?;
    let rulebook = session.engine.rulebook();
    match output.format {
        Format::Text => output.text(&render::plan::render(rulebook, &report))?,
        Format::Json => output.json("Plan", &render::json::pass(rulebook, &report))?,
    }
    Ok(exit_code(&report.problems))
}
