//! `tidegate demo`: the whole thing on this machine.

use std::process::ExitCode;

use crate::cli::args::Demo;
use crate::cli::demo;
use crate::cli::output::Output;
use crate::model::Fault;

pub(super) async fn run(args: &Demo, output: &Output) -> Result<ExitCode, Fault> {
    demo::run(args, output).await
}
