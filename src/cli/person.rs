//! The person at the command line: who it is, and whether they say yes.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::model::{Class, Fault, Printable};

use super::output::Output;

/// The longest name that is taken, in characters.
const LONGEST_NAME_CHARS: usize = 100;

/// Who asks, as it will stand in commits and in control files.
pub(super) fn name() -> String {
    let names = ["SUDO_USER", "USER", "LOGNAME"].iter().filter_map(|name| std::env::var(name).ok());
    let name = names.map(|name| Printable::bounded(name.trim(), LONGEST_NAME_CHARS).to_string());
    name.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "somebody by hand".to_owned())
}

/// Shows what is about to be done and asks, when results go to a terminal and nobody said yes beforehand.
///
/// # Errors
/// When the answer is no, or nobody can answer.
pub(super) fn confirm(output: &Output, is_yes: bool, shown: &str, question: &str) -> Result<(), Fault> {
    if is_yes || !output.is_terminal() {
        return Ok(());
    }
    output.text(&format!("{}\n", shown.trim_end()))?;
    if !io::stdin().is_terminal() {
        return Err(Fault::new(Class::Usage, "nobody can be asked, since the input is not a terminal")
            .with_hint("say --yes"));
    }
    let failed = |error| Fault::new(Class::Failed, "cannot ask").with_source(error);
    let mut asking = io::stderr();
    write!(asking, "\n{question} [y/N] ").and_then(|()| asking.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Fault::new(Class::Failed, "not confirmed; nothing was changed"))
}
