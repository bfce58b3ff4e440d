//! `tidegate explain --wait`: looks again and again, and asks little: at the branch, by one question, and at the registries
//! when the branch moved, a gate opened or the schedule says so.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::args::Explain;
use crate::cli::output::Output;
use crate::cli::render::Waited;
use crate::cli::wiring::Session;
use crate::engine::{Explained, Question};
use crate::model::{Class, CommitId, Fault, Printable, Timestamp};

use super::goal::{Goals, Progress, pause};

/// How long to wait after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// What the waiting came to: what was seen last, and how it ended.
pub(super) struct End {
    pub(super) explained: Explained,
    pub(super) waited: Waited,
}

/// Waits.
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
    let mut teller = Teller::new(output);
    let mut last: Option<Last> = None;
    loop {
        let pause = match look(session, questions, last.take()).await {
            Ok((seen, is_new)) => {
                let progress =
                    if is_new { goals.check(&seen.explained, args.wait_for) } else { Progress::Waiting };
                let outcome = match progress {
                    Progress::Reached => Some("reached"),
                    Progress::Lost(_) => Some("lost"),
                    Progress::Waiting if is_late() => Some("timeout"),
                    Progress::Waiting => None,
                };
                if let Some(outcome) = outcome {
                    teller.end();
                    let waited = Waited { outcome, seconds: began.elapsed().as_secs() };
                    return Ok(End { explained: seen.explained, waited });
                }
                teller.tell(&goals.told(&seen.explained));
                let now = chrono::Utc::now();
                let pause = pause(&seen.explained, now, session.config.schedule.value.next_after(now));
                last = Some(seen);
                pause
            }
            // What is wrong with the question stays wrong.
            Err(fault) if fault.class() != Class::TryAgain || is_late() => {
                teller.end();
                return Err(fault);
            }
            Err(fault) => {
                teller.tell(&format!("looking again soon: {}", Printable::new(&fault.in_one_line())));
                AFTER_FAILURE
            }
        };
        tokio::time::sleep(left().map_or(pause, |left| pause.min(left))).await;
    }
}

/// What was seen last.
struct Last {
    explained: Explained,
    commit: CommitId,
    /// When something may come out differently although the branch does not move.
    again_at: Option<Timestamp>,
}

/// Looks at the branch, and explains anew if that may come out differently. Tells whether it did.
async fn look(
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

/// Tells on standard error what is waited for: by a line that turns on a terminal, else when that changes.
struct Teller<'a> {
    output: &'a Output,
    spinner: Option<ProgressBar>,
    told: String,
}

impl<'a> Teller<'a> {
    fn new(output: &'a Output) -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {elapsed:.dim} {wide_msg}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Self { output, spinner, told: String::new() }
    }

    fn tell(&mut self, what: &str) {
        if self.told == what {
            return;
        }
        what.clone_into(&mut self.told);
        match &self.spinner {
            Some(spinner) => spinner.set_message(format!("waiting for {what}")),
            None => self.output.complain(&format!("waiting for {what}\n")),
        }
    }

    fn end(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

impl Drop for Teller<'_> {
    /// The terminal is left as it was, however the waiting ends.
    fn drop(&mut self) {
        self.end();
    }
}
