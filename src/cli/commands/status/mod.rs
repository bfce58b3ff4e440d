//! `tidegate status`: the board.

pub(super) mod watch;

use std::process::ExitCode;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::cli::args::Status;
use crate::cli::output::Output;
use crate::cli::render::status::Filter;
use crate::cli::wiring::Session;
use crate::engine::PassOptions;
use crate::model::{Class, Fault, ServicePattern};
use crate::view::{self, StatusTable};

use super::resolve::{self, Typed};
use super::{activity, exit_code_of_pass};

pub(super) async fn run(session: &mut Session, args: &Status, output: &Output) -> Result<ExitCode, Fault> {
    let filter = filter(session, args).await?;
    let report = activity::during("Evaluating", session.pass(&PassOptions::status())).await?;
    Typed::from(&args.services).resolve(&report.evaluation.state.services(), false)?;
    let table = StatusTable::filtered(session.engine.repository_policy(), &report, &filter);
    // `since` is shown even where nothing newer exists.
    session.engine.read_histories(&report.evaluation.state, table.targets()).await?;
    output.result(
        "Status",
        || view::status(&table),
        || table.render(report.evaluation.now, output.width(), output.is_wide()),
    )?;
    Ok(exit_code_of_pass(session.engine.repository_policy(), &report))
}

async fn filter(session: &mut Session, args: &Status) -> Result<Filter, Fault> {
    let environments =
        resolve::environments(session.engine.repository_policy(), &args.environments.environments)?;
    let services = Typed::from(&args.services).resolve_unchecked(session).await?;
    Ok(Filter { services: globs(&services)?, environments, only_blocked: args.blocked, sort: args.sort })
}

/// The services as one matcher; every service when none is named.
fn globs(services: &[ServicePattern]) -> Result<GlobSet, Fault> {
    let wrong = |error: globset::Error| {
        Fault::new(Class::Usage, "cannot read the pattern of services").with_source(error)
    };
    let mut set = GlobSetBuilder::new();
    for service in services {
        set.add(Glob::new(service.as_str()).map_err(wrong)?);
    }
    if services.is_empty() {
        set.add(Glob::new("**").map_err(wrong)?);
    }
    set.build().map_err(wrong)
}
