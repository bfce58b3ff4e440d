//! Commands that a running daemon runs, with `--server`: same output, same exit code. This side only asks for confirmation.

use std::process::ExitCode;

use crate::cli::args::{Cli, Color, Command, Consent};
use crate::cli::output::Output;
use crate::cli::person;
use crate::model::Fault;
use crate::remote::RemoteServer;

use super::activity;

/// Whether a daemon runs this command for others.
pub(super) fn is_served(command: &Command) -> bool {
    consent(command).is_some()
        || matches!(
            command,
            Command::Status(_) | Command::Explain(_) | Command::History(_) | Command::Changelog(_)
        )
}

fn consent(command: &Command) -> Option<&Consent> {
    Some(match command {
        Command::Hold(args) => &args.note.consent,
        Command::Pin(args) => &args.note.consent,
        Command::Quarantine(args) => &args.note.consent,
        Command::Freeze(args) => &args.note.consent,
        Command::Approve(args) => &args.consent,
        Command::Release(args) => &args.consent,
        Command::Promote(args) => &args.consent,
        Command::Rollback(args) => &args.consent,
        _ => return None,
    })
}

pub(super) async fn run(address: &str, cli: &Cli, output: &Output) -> Result<ExitCode, Fault> {
    let server = RemoteServer::new(address, std::env::var("TIDEGATE_TOKEN").ok())?;
    let mut arguments = arguments(std::env::args().skip(1));
    if cli.global.color == Color::Auto {
        let choice = if output.has_colours() { "--color=always" } else { "--color=never" };
        arguments.insert(0, choice.to_owned());
    }
    let asks = consent(&cli.command).is_some_and(|consent| !consent.yes && !consent.dry_run);
    if asks && output.is_terminal() {
        let tried = with_option(&arguments, "--dry-run");
        let tried = activity::during("Asking the server", server.run(&tried, output.width())).await?;
        if tried.exit_code != 0 {
            Output::raw(&tried.output)?;
            output.complain(&tried.errors);
            return Ok(ExitCode::from(tried.exit_code));
        }
        person::confirm(output, &tried.output, "Do it?")?;
        arguments = with_option(&arguments, "--yes");
    }
    let run = activity::during("Asking the server", server.run(&arguments, output.width())).await?;
    Output::raw(&run.output)?;
    output.complain(&run.errors);
    Ok(ExitCode::from(run.exit_code))
}

/// The arguments as they were typed, without what is about this side.
fn arguments(typed: impl Iterator<Item = String>) -> Vec<String> {
    let (mut arguments, mut is_value, mut is_word) = (Vec::new(), false, false);
    for word in typed {
        is_word |= word == "--";
        let is_ours = !is_word
            && (is_value
                || matches!(word.as_str(), "--server" | "--config" | "-c")
                || word.starts_with("--server=")
                || word.starts_with("--config="));
        is_value = !is_word && !is_value && matches!(word.as_str(), "--server" | "--config" | "-c");
        if !is_ours {
            arguments.push(word);
        }
    }
    arguments
}

/// The same with an option of the command.
fn with_option(arguments: &[String], option: &str) -> Vec<String> {
    let mut arguments = arguments.to_vec();
    let at = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    arguments.insert(at, option.to_owned());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Vec<String> {
        arguments(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn what_is_about_this_side_is_not_sent() {
        let sent = ["status", "--env", "prod"];
        for line in [
            "--server http://x status --env prod",
            "status --server=http://x --env prod",
            "-c tidegate.yaml status --env prod --server http://x",
        ] {
            assert_eq!(typed(line), sent, "{line}");
        }
        assert_eq!(typed("hold --reason x -- --server"), ["hold", "--reason", "x", "--", "--server"]);
        let hold = typed("hold --reason x -- a/b");
        assert_eq!(with_option(&hold, "--yes"), ["hold", "--reason", "x", "--yes", "--", "a/b"]);
    }
}
