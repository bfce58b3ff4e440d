//! `tidegate completions`.

use std::process::ExitCode;

use clap_complete::Shell;
use clap_complete::env::Shells;

use crate::cli::completion::VARIABLE;
use crate::cli::output::Output;
use crate::model::{Class, Fault};

pub(super) fn run(shell: Shell) -> Result<ExitCode, Fault> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let failed = || Fault::new(Class::Failed, format!("cannot write completions for {shell}"));
    let completer = shells.completer(&shell.to_string()).ok_or_else(failed)?;
    completer
        .write_registration(VARIABLE, "tidegate", "tidegate", "tidegate", &mut script)
        .map_err(|error| failed().with_source(error))?;
    Output::raw(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
