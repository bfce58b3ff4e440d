//! The command line: arguments, wiring, rendering, exit codes.

mod args;
mod commands;
mod daemon;
mod demo;
mod logging;
mod moment;
mod output;
mod person;
mod render;
mod screen;
mod signals;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;
use tracing::level_filters::LevelFilter;

use crate::model::{Class, Fault};

use args::{Cli, Command};
use output::Output;

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    // clap exits by itself: 0 for help, 2 for usage.
    let cli = Cli::parse();
    let output = Output::new(&cli.global);
    let usual = match cli.command {
        Command::Run => LevelFilter::INFO,
        _ => LevelFilter::WARN,
    };
    logging::begin(&cli.global, usual);
    match run(cli, &output) {
        Ok(code) => code,
        Err(fault) => {
            output.fault(&fault);
            ExitCode::from(fault.class().exit_code())
        }
    }
}

fn run(cli: Cli, output: &Output) -> Result<ExitCode, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Class::Failed, "cannot start the runtime").with_source(error))?;
    runtime.block_on(commands::run(cli, output))
}
