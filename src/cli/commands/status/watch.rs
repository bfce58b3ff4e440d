//! `tidegate status --watch`: redraws the table. Polls the head of the branch every few seconds, and the registries only
//! if the branch moved, a gate opened or the schedule says so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::args::{Global, Status};
use crate::cli::output::{DIM, Output, RED};
use crate::cli::render;
use crate::cli::render::status::Filter;
use crate::cli::screen::Screen;
use crate::cli::signals::Signals;
use crate::cli::wiring::{Session, load};
use crate::engine::{PassOptions, PassReport};
use crate::model::{Class, Fault, Printable, Timestamp};
use crate::view::{self, StatusTable, time};

const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The table shows ages, so it is redrawn without news too.
const DRAW_INTERVAL: Duration = Duration::from_secs(1);

/// Watches until a key or a signal ends it.
pub(in crate::cli::commands) async fn watch(
    global: &Global,
    args: &Status,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut signals = Signals::listen()?;
    let mut session = Session::of(load(global, output)?).await?;
    let filter = super::filter(&mut session, args).await?;
    let stop = session.stop.clone();
    let ended = if output.is_terminal() {
        on_terminal(&mut session, &filter, output, &mut signals).await
    } else {
        tokio::select! {
            ended = on_pipe(&mut session, &filter, output) => ended,
            _ = signals.next() => Ok(()),
        }
    };
    // A run of Git may be in progress.
    stop.ask();
    ended.map(|()| ExitCode::SUCCESS)
}

/// The last poll.
#[derive(Default)]
struct Polled {
    report: Option<PassReport>,
    /// When the result may change although the branch does not move.
    again_at: Option<Timestamp>,
    /// Why the last poll failed.
    failure: Option<String>,
}

impl Polled {
    /// Polls, and returns whether anything changed. A transient failure is recorded, not returned.
    async fn poll(&mut self, session: &mut Session) -> Result<bool, Fault> {
        match self.try_poll(session).await {
            Ok(is_new) => Ok(self.failure.take().is_some() || is_new),
            Err(fault) if fault.class() == Class::TryAgain => {
                let failure = fault.in_one_line();
                let is_new = self.failure.as_ref() != Some(&failure);
                self.failure = Some(failure);
                Ok(is_new)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn try_poll(&mut self, session: &mut Session) -> Result<bool, Fault> {
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
    let mut polled = Polled::default();
    screen.draw(b"", &output.shown(&format!("{DIM}loading ...{DIM:#}"))?);
    loop {
        {
            let mut polling = std::pin::pin!(polled.poll(session));
            loop {
                tokio::select! {
                    result = &mut polling => { result?; break }
                    key = screen.key() => if is_end(key) { return Ok(()) },
                    _ = signals.next() => return Ok(()),
                }
            }
        }
        let polled_at = tokio::time::Instant::now();
        while polled_at.elapsed() < POLL_INTERVAL {
            draw(&screen, session, filter, &polled, output)?;
            tokio::select! {
                () = tokio::time::sleep(DRAW_INTERVAL) => {}
                _ = resized.recv() => {}
                key = screen.key() => if is_end(key) { return Ok(()) },
                _ = signals.next() => return Ok(()),
            }
        }
    }
}

fn is_end(key: u8) -> bool {
    matches!(key, b'q' | b'Q' | 0x1b)
}

fn draw(
    screen: &Screen,
    session: &Session,
    filter: &Filter,
    polled: &Polled,
    output: &Output,
) -> Result<(), Fault> {
    let now = chrono::Utc::now();
    let (width, _) = screen.size();
    let text = match &polled.report {
        Some(report) => StatusTable::filtered(session.engine.repository_policy(), report, filter).render(
            now,
            Some(width),
            output.is_wide(),
        ),
        None => String::new(),
    };
    let mut last = format!("{DIM}{}, q to quit{DIM:#}", time::local(now, session.config.timezone));
    if let Some(failure) = &polled.failure {
        last = format!("{RED}{}{RED:#}  {last}", Printable::bounded(failure, 200));
    }
    screen.draw(&output.shown(&render::fit(&text, width))?, &output.shown(&last)?);
    Ok(())
}

/// Prints the table once, and then one line per change.
async fn on_pipe(session: &mut Session, filter: &Filter, output: &Output) -> Result<(), Fault> {
    let mut polled = Polled::default();
    let mut printed: Option<BTreeMap<String, String>> = None;
    loop {
        let is_new = polled.poll(session).await?;
        if let Some(failure) = polled.failure.as_ref().filter(|_| is_new) {
            output.complain(&format!("retrying: {}\n", Printable::bounded(failure, 300)));
        } else if let Some(report) = polled.report.as_ref().filter(|_| is_new) {
            let deployed = StatusTable::filtered(session.engine.repository_policy(), report, filter);
            let states = deployed.states(report.evaluation.now);
            if printed.as_ref() != Some(&states) {
                print_changes(&deployed, printed.as_ref(), &states, session, output)?;
                printed = Some(states);
            }
        }
        if output.is_unread() {
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn print_changes(
    deployed: &StatusTable<'_>,
    before: Option<&BTreeMap<String, String>>,
    after: &BTreeMap<String, String>,
    session: &Session,
    output: &Output,
) -> Result<(), Fault> {
    let now = deployed.report.evaluation.now;
    match before {
        _ if !output.is_text() => output.document_in_stream("Status", &view::status(deployed)),
        None => output.text(&deployed.render(now, None, output.is_wide())),
        Some(before) => {
            let changed = after.iter().filter(|(what, state)| before.get(*what) != Some(state));
            let changed = changed.map(|(what, state)| format!("{what}: {state}"));
            let gone = before.keys().filter(|what| !after.contains_key(*what));
            let at = time::local(now, session.config.timezone);
            let mut text = String::new();
            for line in changed.chain(gone.map(|what| format!("{what}: removed"))) {
                let _ = writeln!(text, "{DIM}{at}{DIM:#} {line}");
            }
            output.text(&text)
        }
    }
}
