//! `tidegate man-pages`, hidden: what `scripts/release.sh` packs.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::args::Cli;
use crate::model::{Class, Fault};

pub(super) fn run(folder: &Path) -> Result<ExitCode, Fault> {
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder).map_err(|error| {
        Fault::new(Class::Failed, format!("cannot write manual pages into {}", folder.display()))
            .with_source(error)
    })?;
    Ok(ExitCode::SUCCESS)
}
