//! `tidegate explain --wait`: polls the head of the branch, and the registries only if the branch moved, a gate opened or
//! the schedule says so.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::args::Explain;
use crate::cli::output::Output;
use crate::cli::wiring::Session;
use crate::engine::{Explained, Question};
use crate::model::{Class, CommitId, Fault, Printable, Timestamp};
use crate::view::Waited;

use super::goal::{Goals, Progress, pause};

/// Pause after a failed poll.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// The last explanation, and how the wait ended.
pub(super) struct End {
    pub(super) explained: Explained,
    pub(super) waited: Waited,
}

pub(super) async fn wait(
    session: &mut Session,
    args: &Explain,
    questions: &[Question],
    output: &Output,
) -> Result<End, Fault> {
    let began = Instant::now();
    let is_late = || args.timeout.is_some_and(|timeout| began.elapsed() >= timeout);
    let left = || args.timeout.map(|timeout| timeout.saturating_sub(began.elapsed()));
    let mut goals = Goals::default();
    let mut progress_line = ProgressLine::new(output);
    let mut last: Option<Last> = None;
    loop {
        let pause = match poll(session, questions, last.take()).await {
            Ok((polled, is_new)) => {
                let progress =
                    if is_new { goals.check(&polled.explained, args.wait_for) } else { Progress::Waiting };
                let outcome = match progress {
                    Progress::Reached => Some("reached"),
                    Progress::Lost(_) => Some("lost"),
                    Progress::Waiting if is_late() => Some("timeout"),
                    Progress::Waiting => None,
                };
                if let Some(outcome) = outcome {
                    progress_line.end();
                    let waited = Waited { outcome, seconds: began.elapsed().as_secs() };
                    return Ok(End { explained: polled.explained, waited });
                }
                progress_line.set(&format!("waiting for {}", goals.describe(&polled.explained)));
                let now = chrono::Utc::now();
                let pause = pause(&polled.explained, now, session.config.schedule.value.next_after(now));
                last = Some(polled);
                pause
            }
            // Any other fault is permanent.
            Err(fault) if fault.class() != Class::TryAgain || is_late() => {
                progress_line.end();
                return Err(fault);
            }
            Err(fault) => {
                progress_line.set(&format!("retrying: {}", Printable::new(&fault.in_one_line())));
                AFTER_FAILURE
            }
        };
        tokio::time::sleep(left().map_or(pause, |left| pause.min(left))).await;
    }
}

/// The last poll.
struct Last {
    explained: Explained,
    commit: CommitId,
    /// When the result may change although the branch does not move.
    again_at: Option<Timestamp>,
}

/// Explains again if the result may have changed. Returns whether it did so.
async fn poll(
    session: &mut Session,
    questions: &[Question],
    last: Option<Last>,
) -> Result<(Last, bool), Fault> {
    if let Some(last) = last {
        let head = session.engine.refresh().await?.commit();
        if head == last.commit && last.again_at.is_none_or(|at| chrono::Utc::now() < at) {
            return Ok((last, false));
        }
    }
    let explained = Box::pin(super::explain(session, questions)).await?;
    let tick = session.config.schedule.value.next_after(explained.now);
    let again_at = [tick, explained.next_opening].into_iter().flatten().min();
    Ok((Last { commit: explained.commit, explained, again_at }, true))
}

/// A status line on standard error: a spinner on a terminal, otherwise a line per change.
struct ProgressLine<'a> {
    output: &'a Output,
    spinner: Option<ProgressBar>,
    shown: String,
}

impl<'a> ProgressLine<'a> {
    fn new(output: &'a Output) -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {elapsed:.dim} {wide_msg}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Self { output, spinner, shown: String::new() }
    }

    fn set(&mut self, text: &str) {
        if self.shown == text {
            return;
        }
        text.clone_into(&mut self.shown);
        match &self.spinner {
            Some(spinner) => spinner.set_message(text.to_owned()),
            None => self.output.complain(&format!("{text}\n")),
        }
    }

    fn end(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

impl Drop for ProgressLine<'_> {
    /// Clears the line however the wait ends.
    fn drop(&mut self) {
        self.end();
    }
}
