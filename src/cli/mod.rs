//! The command line: arguments, wiring, rendering, exit codes.

mod args;
mod commands;
mod completion;
mod daemon;
mod demo;
mod deployments;
mod logging;
mod moment;
mod notifications;
mod output;
mod person;
mod render;
mod screen;
mod signals;
mod wiring;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::env::CompleteEnv;
use tracing::level_filters::LevelFilter;

use crate::model::{Class, Fault};

use args::{Cli, Command};
use output::Output;

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    // A shell that asks for completions gets them, and the process ends.
    CompleteEnv::with_factory(Cli::command).var(completion::VARIABLE).complete();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let output = Output::new(&cli.global);
    let level = match cli.command {
        Command::Run => LevelFilter::INFO,
        _ => LevelFilter::WARN,
    };
    logging::start(&cli.global, level);
    match run(cli, &output) {
        Ok(code) => code,
        Err(fault) => {
            output.fault(&fault);
            ExitCode::from(fault.class().exit_code())
        }
    }
}

/// Prints help, or an error in the arguments; also as a document where `-o` asks for one.
fn usage(error: &clap::Error) -> ExitCode {
    let is_help = error.exit_code() == 0;
    if let Some(format) = args::output_format(std::env::args_os()).filter(|_| !is_help) {
        let text = error.render().to_string();
        let message = text.strip_prefix("error: ").unwrap_or(&text).split("\n\n").next().unwrap_or_default();
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let fault = Fault::new(Class::Usage, message).with_hint("`tidegate help` lists commands and options");
        // Nothing is left to try if this fails.
        let _ = output::error_document(format, &fault);
    }
    let _ = error.print();
    ExitCode::from(if is_help { 0 } else { Class::Usage.exit_code() })
}

fn run(cli: Cli, output: &Output) -> Result<ExitCode, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Class::Failed, "cannot start the runtime").with_source(error))?;
    runtime.block_on(commands::run(cli, output))
}
