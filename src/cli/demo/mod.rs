//! The demonstration: the real daemon on a real repository and a loopback registry, with a short soak. Everything is in
//! one temporary folder; nobody's configuration is read.

mod events;
mod finale;
mod gauge;
mod git;
mod layout;
mod overture;
mod registry;
mod screen;
mod stage;
mod story;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::Config;
use crate::model::{Class, Fault};

use super::args::Demo;
use super::daemon::Daemon;
use super::output::{BOLD, Output};
use super::signals::{Call, Signals};
use super::wiring::Session;

use screen::Screen;
use stage::Stage;
use story::Story;

/// The exit code of a program that Ctrl-C ended, as shells have it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// How it came to an end.
enum End {
    Told,
    Stopped,
}

/// Gives the demonstration.
pub(crate) async fn run(args: &Demo, output: &Output) -> Result<ExitCode, Fault> {
    if !output.is_text() {
        return Err(
            Fault::new(Class::Usage, "the demonstration has no JSON form").with_hint("leave out -o json")
        );
    }
    let mut signals = Signals::listen()?;
    let folder = stage::folder()?;
    let screen = Screen::new(output);
    match give(args, output, &screen, folder.path(), &mut signals).await {
        Ok(End::Told) if args.keep => {
            finale::farewell(&screen, Some(&folder.keep()))?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(End::Told) => {
            finale::farewell(&screen, None)?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(End::Stopped) => {
            screen.text("\nStopped; the temporary folder is gone.\n")?;
            Ok(ExitCode::from(INTERRUPTED))
        }
        Err(fault) => Err(kept(fault, &folder.keep())),
    }
}

async fn give(
    args: &Demo,
    output: &Output,
    screen: &Screen<'_>,
    folder: &Path,
    signals: &mut Signals,
) -> Result<End, Fault> {
    screen.text(&format!(
        "{BOLD}Tidegate{BOLD:#}: an image tag from the registry to production, through Git alone\n"
    ))?;
    let stage = Stage::set(folder, args.soak).await?;
    overture::introduce(screen, &stage)?;
    let mut session = Session::of(Arc::new(Config::load(&stage.config_file)?.config), output).await?;
    overture::board(screen, &mut session).await?;
    let (mut reporter, events) = events::reporter();
    let story = Story::new(screen, &stage.registry, events, args.soak);
    let over = async {
        tokio::select! {
            biased;
            // A terminal that is closed ends it as Ctrl-C does.
            Call::Stop(_) | Call::Reload = signals.next() => Ok(End::Stopped),
            told = story.tell() => told.map(|()| End::Told),
        }
    };
    let end = Daemon::new(session).work_until(over, &mut reporter, output).await?;
    if let End::Told = end {
        finale::show(screen, &stage)?;
    }
    Ok(end)
}

/// The fault, with the folder in which one can look for the reason.
fn kept(fault: Fault, folder: &Path) -> Fault {
    let kept = format!("the folder of the demonstration is kept: {}", folder.display());
    let hint = fault.hint().map_or_else(|| kept.clone(), |hint| format!("{hint}; {kept}"));
    fault.with_hint(hint)
}
