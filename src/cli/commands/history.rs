//! `tidegate history`: tag changes, from Git.

use std::process::ExitCode;

use crate::cli::args::History;
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::HistoryQuery;
use crate::model::Fault;
use crate::view;

use super::resolve::{self, Typed};
use super::{activity, record};

pub(super) async fn run(session: &mut Session, args: &History, output: &Output) -> Result<ExitCode, Fault> {
    resolve::environments(session.engine.repository_policy(), &args.environments.environments)?;
    let period = record::period(args.during, session.config.timezone, chrono::Utc::now())?;
    let typed = Typed::from(&args.services);
    let services = typed.resolve_unchecked(session).await?;
    let query = HistoryQuery {
        services,
        environments: args.environments.environments.clone(),
        since: period.from,
        until: args.during.until.map(|_| period.to),
        most: args.limit,
    };
    let moves = activity::during("Reading history", session.engine.history(&query)).await?;
    if moves.is_empty() {
        // A service that is gone has a history; one that never was is a mistake.
        typed.resolve(&resolve::refresh(session).await?.services(), false)?;
    }
    output.result(
        "History",
        || view::history(&moves),
        || render::history::render(&moves, session.config.timezone),
    )?;
    Ok(ExitCode::SUCCESS)
}
