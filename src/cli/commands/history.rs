//! `tidegate history`: what moved, from Git.

use std::process::ExitCode;

use crate::cli::args::{Format, Global, History};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::HistoryQuery;
use crate::model::Fault;

use super::activity;

pub(super) async fn run(global: &Global, args: &History, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let _turn = session.turn(output).await?;
    let now = chrono::Utc::now();
    let query = HistoryQuery {
        service: args.service.clone(),
        environment: args.env.clone(),
        since: args.since.map(|since| since.resolve(session.config.timezone, now)),
        most: args.most,
    };
    let moves = activity::during("Reading history", session.engine.history(&query)).await?;
    match output.format {
        Format::Text => output.text(&render::history::render(&moves, session.config.timezone))?,
        Format::Json => output.json("History", &render::json::history(&moves))?,
    }
    Ok(ExitCode::SUCCESS)
}
