//! `tidegate demo`: the real daemon on a real repository and a registry of this process, with a short soak. Everything is in
//! one temporary folder; it reads no configuration of the user and contacts no other machine.

mod board;
mod events;
mod git;
mod introduction;
mod layout;
mod registry;
mod results;
mod scenario;
mod screen;
mod setup;
mod soak_progress;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::Config;
use crate::model::{Class, Fault};

use super::args::Demo;
use super::daemon::Daemon;
use super::output::{BOLD, Output};
use super::signals::{SignalRequest, Signals};
use super::wiring::Session;

use board::Board;
use scenario::Scenario;
use screen::Screen;
use setup::Setup;

/// The exit code of a program that Ctrl-C ended, as shells have it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

enum End {
    Complete,
    Stopped,
}

pub(crate) async fn run(args: &Demo, output: &Output) -> Result<ExitCode, Fault> {
    if !output.is_text() {
        return Err(Fault::new(Class::Usage, "the demo prints text only").with_hint("leave out -o json"));
    }
    let mut signals = Signals::listen()?;
    let folder = setup::folder()?;
    let screen = Screen::new(output);
    match play(args, output, &screen, folder.path(), &mut signals).await {
        Ok(End::Complete) => {
            if args.keep {
                results::kept(&screen, &folder.keep())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Ok(End::Stopped) => {
            screen.text("\nStopped; the temporary folder is gone.\n")?;
            Ok(ExitCode::from(INTERRUPTED))
        }
        Err(fault) => Err(with_folder(fault, &folder.keep())),
    }
}

async fn play(
    args: &Demo,
    output: &Output,
    screen: &Screen<'_>,
    folder: &Path,
    signals: &mut Signals,
) -> Result<End, Fault> {
    screen.text(&format!(
        "{BOLD}Tidegate{BOLD:#}: an image tag from the registry to production, through Git alone\n"
    ))?;
    let setup = Setup::create(folder, args.soak).await?;
    introduction::show(screen, &setup)?;
    let mut session = Session::of(Arc::new(Config::load(&setup.config_file)?.config)).await?;
    introduction::status(screen, &mut session).await?;
    let board = Board::start(Arc::clone(&session.store)).await?;
    screen.text(&format!("\n  The same in a browser, live: {BOLD}{}{BOLD:#}\n", board.url))?;
    let (mut reporter, events) = events::reporter(Arc::clone(&board.health));
    let scenario = Scenario::new(screen, &setup, events, args.soak);
    let over = async {
        tokio::select! {
            biased;
            // A terminal that is closed ends it as Ctrl-C does.
            SignalRequest::Stop(_) | SignalRequest::Reload = signals.next() => Ok(End::Stopped),
            played = scenario.play() => played.map(|()| End::Complete),
        }
    };
    let mut daemon = Daemon::new(session);
    daemon.set_snapshots(Some(Arc::clone(&board.snapshots)));
    let end = daemon.work_until(over, |_| false, &mut reporter, output).await?;
    if let End::Complete = end {
        results::show(screen, &setup)?;
        let folder = args.keep.then_some(folder);
        results::farewell(screen, folder, &board)?;
        if args.keep {
            daemon.work_until(signals.next(), |_| true, &mut reporter, output).await;
        }
    }
    Ok(end)
}

/// Adds the folder to the hint, so that one can look for the reason.
fn with_folder(fault: Fault, folder: &Path) -> Fault {
    let kept = format!("the folder of the demo is kept: {}", folder.display());
    let hint = fault.hint().map_or_else(|| kept.clone(), |hint| format!("{hint}; {kept}"));
    fault.with_hint(hint)
}
