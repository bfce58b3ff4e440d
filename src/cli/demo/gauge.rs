//! The soak as one watches it: a bar on a terminal, a line now and then elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::YELLOW;
use crate::model::{Fault, Timestamp};

use super::screen::Screen;

/// How far apart the lines are.
const BETWEEN_LINES: Duration = Duration::from_secs(2);

/// The bar, with colours. indicatif leaves them out by itself when it is told so, not when we are.
const COLOURED: &str = "         {prefix:<9.yellow} soaking {bar:32.yellow/dim} {msg}";
const PLAIN: &str = "         {prefix:<9} soaking [{bar:32}] {msg}";

/// One soak.
#[derive(Debug)]
pub(super) struct Gauge {
    soak: Duration,
    place: &'static str,
    ends_at: Timestamp,
    bar: Option<ProgressBar>,
    next_line: Option<Timestamp>,
}

impl Gauge {
    /// A soak that just began in the environment `place`.
    pub(super) fn new(screen: &Screen<'_>, place: &'static str, soak: Duration) -> Self {
        let bar = screen.is_terminal().then(|| bar(place, soak, screen.has_colours()));
        Self { soak, place, ends_at: chrono::Utc::now() + soak, bar, next_line: None }
    }

    /// Takes down when the soak ends by the daemon's reckoning: whole seconds of the commit, not of the gauge.
    pub(super) fn set_end(&mut self, ends_at: Timestamp) {
        self.ends_at = ends_at;
    }

    /// Shows how far it is.
    pub(super) fn show(&mut self, screen: &Screen<'_>, now: Timestamp) -> Result<(), Fault> {
        let left = (self.ends_at - now).to_std().unwrap_or_default();
        let done = self.soak.saturating_sub(left);
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{:.1}s left", left.as_secs_f64()));
            bar.set_position(millis(done));
            return Ok(());
        }
        if self.next_line.is_some_and(|at| now < at) || left.is_zero() {
            return Ok(());
        }
        self.next_line = Some(now + BETWEEN_LINES);
        let told = format!("soaking, {:.0}s left of {}s", left.as_secs_f64().ceil(), self.soak.as_secs());
        screen.moment(self.place, YELLOW, &told)
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(place: &'static str, soak: Duration, has_colours: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(millis(soak)), ProgressDrawTarget::stdout());
    if let Ok(style) = ProgressStyle::with_template(if has_colours { COLOURED } else { PLAIN }) {
        bar.set_style(style.progress_chars(if has_colours { "━━─" } else { "=> " }));
    }
    bar.set_prefix(place);
    bar
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
