//! `tidegate status --watch`: the board, again and again. The branch is asked by one question each few seconds; the
//! registries when it moved, a gate opened or the schedule says so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::args::{Global, Status};
use crate::cli::output::{DIM, Output, RED};
use crate::cli::render::status::{Filter, StatusTable};
use crate::cli::render::{self, time};
use crate::cli::screen::Screen;
use crate::cli::signals::Signals;
use crate::cli::wiring::{Session, load};
use crate::engine::{PassOptions, PassReport};
use crate::model::{Class, Fault, Printable, Timestamp};

/// How long from one look at the branch to the next.
const LOOK: Duration = Duration::from_secs(5);

/// How long from one drawing to the next: ages go on.
const DRAW: Duration = Duration::from_secs(1);

/// Watches until a key or a signal ends it.
pub(super) async fn watch(global: &Global, args: &Status, output: &Output) -> Result<ExitCode, Fault> {
    let mut signals = Signals::listen()?;
    let mut session = Session::of(load(global, output)?).await?;
    let filter = super::filter(&mut session, args, output).await?;
    let stop = session.stop.clone();
    let ended = if output.is_terminal() {
        on_terminal(&mut session, &filter, output, &mut signals).await
    } else {
        tokio::select! {
            ended = on_pipe(&mut session, &filter, output) => ended,
            _ = signals.next() => Ok(()),
        }
    };
    // A question to Git may be under way.
    stop.ask();
    ended.map(|()| ExitCode::SUCCESS)
}

/// What was seen last.
#[derive(Default)]
struct Seen {
    report: Option<PassReport>,
    /// When something may come out differently although the branch does not move.
    again_at: Option<Timestamp>,
    /// Why the last look failed.
    failure: Option<String>,
}

impl Seen {
    /// Looks again. Answers whether there is something new; a failure that may pass is kept.
    async fn look(&mut self, session: &mut Session) -> Result<bool, Fault> {
        match self.try_look(session).await {
            Ok(is_new) => Ok(self.failure.take().is_some() || is_new),
            Err(fault) if fault.class() == Class::TryAgain => {
                let told = fault.in_one_line();
                let is_new = self.failure.as_ref() != Some(&told);
                self.failure = Some(told);
                Ok(is_new)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn try_look(&mut self, session: &mut Session) -> Result<bool, Fault> {
        if let Some(report) = &self.report {
            let head = session.engine.refresh().await?.commit();
            let is_unmoved = head == report.evaluation.state.commit();
            if is_unmoved && self.again_at.is_none_or(|at| chrono::Utc::now() < at) {
                return Ok(false);
            }
        }
        let report = Box::pin(session.pass(&PassOptions::status())).await?;
        let state = &report.evaluation.state;
        session.engine.read_histories(state, state.deployed.targets.ids()).await?;
        let tick = session.config.schedule.value.next_after(report.evaluation.now);
        self.again_at = [tick, report.next_opening].into_iter().flatten().min();
        self.report = Some(report);
        Ok(true)
    }
}

async fn on_terminal(
    session: &mut Session,
    filter: &Filter,
    output: &Output,
    signals: &mut Signals,
) -> Result<(), Fault> {
    let failed = |error| Fault::new(Class::Failed, "cannot listen for signals").with_source(error);
    let mut resized = signal(SignalKind::window_change()).map_err(failed)?;
    let mut screen = Screen::open();
    let mut seen = Seen::default();
    screen.draw(b"", &output.shown(&format!("{DIM}looking ...{DIM:#}"))?);
    loop {
        {
            let mut looking = std::pin::pin!(seen.look(session));
            loop {
                tokio::select! {
                    looked = &mut looking => { looked?; break }
                    key = screen.key() => if is_end(key) { return Ok(()) },
                    _ = signals.next() => return Ok(()),
                }
            }
        }
        let looked_at = tokio::time::Instant::now();
        while looked_at.elapsed() < LOOK {
            draw(&screen, session, filter, &seen, output)?;
            tokio::select! {
                () = tokio::time::sleep(DRAW) => {}
                _ = resized.recv() => {}
                key = screen.key() => if is_end(key) { return Ok(()) },
                _ = signals.next() => return Ok(()),
            }
        }
    }
}

/// `q`, or Escape.
fn is_end(key: u8) -> bool {
    matches!(key, b'q' | b'Q' | 0x1b)
}

fn draw(
    screen: &Screen,
    session: &Session,
    filter: &Filter,
    seen: &Seen,
    output: &Output,
) -> Result<(), Fault> {
    let now = chrono::Utc::now();
    let (width, _) = screen.size();
    let text = match &seen.report {
        Some(report) => {
            StatusTable::of(session.engine.repository_policy(), report, filter).render(now, Some(width))
        }
        None => String::new(),
    };
    let mut last = format!("{DIM}{}, q to quit{DIM:#}", time::local(now, session.config.timezone));
    if let Some(failure) = &seen.failure {
        last = format!("{RED}{}{RED:#}  {last}", Printable::bounded(failure, 200));
    }
    screen.draw(&output.shown(&render::fit(&text, width))?, &output.shown(&last)?);
    Ok(())
}

/// The whole board once, and then what changes.
async fn on_pipe(session: &mut Session, filter: &Filter, output: &Output) -> Result<(), Fault> {
    let mut seen = Seen::default();
    let mut told: Option<BTreeMap<String, String>> = None;
    loop {
        let is_new = seen.look(session).await?;
        if let Some(failure) = seen.failure.as_ref().filter(|_| is_new) {
            output.complain(&format!("looking again soon: {}\n", Printable::bounded(failure, 300)));
        } else if let Some(report) = seen.report.as_ref().filter(|_| is_new) {
            let deployed = StatusTable::of(session.engine.repository_policy(), report, filter);
            let states = deployed.states(report.evaluation.now);
            if told.as_ref() != Some(&states) {
                tell(&deployed, told.as_ref(), &states, session, output)?;
                told = Some(states);
            }
        }
        if output.is_unread() {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn tell(
    deployed: &StatusTable<'_>,
    before: Option<&BTreeMap<String, String>>,
    after: &BTreeMap<String, String>,
    session: &Session,
    output: &Output,
) -> Result<(), Fault> {
    let now = deployed.report.evaluation.now;
    match before {
        _ if !output.is_text() => output.document_in_stream("Status", &render::json::status(deployed)),
        None => output.text(&deployed.render(now, None)),
        Some(before) => {
            let changed = after.iter().filter(|(what, state)| before.get(*what) != Some(state));
            let changed = changed.map(|(what, state)| format!("{what}: {state}"));
            let gone = before.keys().filter(|what| !after.contains_key(*what));
            let at = time::local(now, session.config.timezone);
            let mut text = String::new();
            for line in changed.chain(gone.map(|what| format!("{what}: no more"))) {
                let _ = writeln!(text, "{DIM}{at}{DIM:#} {line}");
            }
            output.text(&text)
        }
    }
}
