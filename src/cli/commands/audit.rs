//! `tidegate audit`: who used a token for what.

use std::process::ExitCode;

use crate::cli::args::{Audit, Global};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::{load, open_store};
use crate::model::{Class, Fault};
use crate::view::audit_body;

pub(super) async fn run(global: &Global, args: &Audit, output: &Output) -> Result<ExitCode, Fault> {
    let config = load(global, output)?;
    let now = chrono::Utc::now();
    let too_far = || Fault::new(Class::Usage, "the time is beyond the end of the calendar");
    let since = match args.since {
        Some(moment) => Some(moment.before(config.timezone, now).ok_or_else(too_far)?),
        None => None,
    };
    let entries = open_store(&config).await?.audit(since, args.limit).await?;
    output.result("Audit", || audit_body(&entries), || render::token::audit(&entries, config.timezone))?;
    Ok(ExitCode::SUCCESS)
}
