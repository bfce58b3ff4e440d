//! Progress of a soak: a bar on a terminal, a line every two seconds elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::YELLOW;
use crate::model::{Fault, Timestamp};

use super::screen::Screen;

const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// indicatif does not know our `--color`, so that each has a template.
const COLOURED: &str = "         {prefix:<9.yellow} soaking {bar:32.yellow/dim} {msg}";
const PLAIN: &str = "         {prefix:<9} soaking [{bar:32}] {msg}";

#[derive(Debug)]
pub(super) struct SoakProgress {
    soak: Duration,
    place: &'static str,
    ends_at: Timestamp,
    bar: Option<ProgressBar>,
    next_line: Option<Timestamp>,
}

impl SoakProgress {
    /// A soak that just began in the environment `place`.
    pub(super) fn new(screen: &Screen<'_>, place: &'static str, soak: Duration) -> Self {
        let bar = screen.is_terminal().then(|| bar(place, soak, screen.has_colours()));
        Self { soak, place, ends_at: chrono::Utc::now() + soak, bar, next_line: None }
    }

    /// The daemon counts from whole seconds of the commit.
    pub(super) fn set_end(&mut self, ends_at: Timestamp) {
        self.ends_at = ends_at;
    }

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
        self.next_line = Some(now + LINE_INTERVAL);
        let text = format!("soaking, {:.0}s left of {}s", left.as_secs_f64().ceil(), self.soak.as_secs());
        screen.event(self.place, YELLOW, &text)
    }
}

impl Drop for SoakProgress {
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
