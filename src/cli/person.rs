//! The person at the command line: who it is, and whether they agree.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::{Command, Stdio};

use crate::model::{Class, Fault, Printable};

use super::output::Output;

const MAX_NAME_CHARS: usize = 100;

/// The person in commits and control files: `--by`, git's identity, or the system's.
pub(super) fn name(given: Option<&str>) -> String {
    let given = given.map(str::to_owned);
    let system =
        || ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| printable(std::env::var(name).ok()));
    printable(given)
        .or_else(|| printable(std::env::var("GIT_AUTHOR_NAME").ok()))
        .or_else(|| printable(git_user_name()))
        .or_else(system)
        .unwrap_or_else(|| "unknown".to_owned())
}

fn printable(name: Option<String>) -> Option<String> {
    let name = Printable::bounded(name?.trim(), MAX_NAME_CHARS).to_string();
    (!name.is_empty()).then_some(name)
}

fn git_user_name() -> Option<String> {
    let mut command = Command::new("git");
    let output = command
        .args(["config", "--get", "user.name"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Shows what is about to happen and asks, if results go to a terminal.
///
/// # Errors
/// When the answer is no, or there is no terminal.
pub(super) fn confirm(output: &Output, shown: &str, question: &str) -> Result<(), Fault> {
    if !output.is_terminal() {
        return Ok(());
    }
    output.text(&format!("{}\n", shown.trim_end()))?;
    if !io::stdin().is_terminal() {
        return Err(Fault::new(Class::Usage, "cannot ask for confirmation: standard input is no terminal")
            .with_hint("pass --yes"));
    }
    let failed = |error| Fault::new(Class::Failed, "cannot ask for confirmation").with_source(error);
    let mut prompt = io::stderr();
    write!(prompt, "\n{question} [y/N] ").and_then(|()| prompt.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Fault::new(Class::Failed, "not confirmed; nothing changed"))
}
