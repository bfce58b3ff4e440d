//! `tidegate status`: the board.

use std::process::ExitCode;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::cli::args::{Format, Global, Status};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::Request;
use crate::model::{Class, Fault};

use super::{activity, exit_code};

pub(super) async fn run(global: &Global, args: &Status, output: &Output) -> Result<ExitCode, Fault> {
    let wanted = globs(&args.services)?;
    let mut session = Session::open(global, output).await?;
    let _turn = session.turn(output).await?;
    let report = activity::during("Looking", session.engine.pass(&Request::plan())).await?;
    let rulebook = session.engine.rulebook();
    let rows = render::status::rows(rulebook, &report, &wanted);
    if rows.is_empty() && !args.services.is_empty() {
        let message = format!("no service is called {}", args.services.join(" or "));
        return Err(Fault::new(Class::Usage, message).with_hint("`tidegate status` lists all of them"));
    }
    match output.format {
        Format::Text => output.text(&render::status::render(rulebook, &report, &rows))?,
        Format::Json => output.json("Status", &render::json::status(rulebook, &report, &rows))?,
    }
    Ok(exit_code(&report.problems))
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
