//! Logs: text on a terminal, JSON otherwise, always on standard error.

use std::io::{self, IsTerminal, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::args::{Color, Global};
use super::output::masked;

/// Overrides what is logged, in the language of `tracing_subscriber::EnvFilter`, such as `tidegate::registry=debug`.
const VARIABLE: &str = "TIDEGATE_LOG";

/// Starts to log. `usual` is the level without `-q` and `-v`.
pub(crate) fn start(global: &Global, usual: LevelFilter) {
    let wanted = EnvFilter::try_from_env(VARIABLE)
        .unwrap_or_else(|_| EnvFilter::new(format!("error,tidegate={}", level(global, usual))));
    let builder = fmt().with_env_filter(wanted).with_writer(|| Masked(io::stderr())).with_target(false);
    let colours = match global.color {
        Color::Auto => io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        Color::Always => true,
        Color::Never => false,
    };
    // A second call in one process, as tests make, changes nothing.
    let _ = if io::stderr().is_terminal() {
        builder.with_ansi(colours).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
}

/// Standard error, without the secrets of this process. Each event comes in one piece.
struct Masked(io::Stderr);

impl Write for Masked {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(&masked(event)).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn level(global: &Global, usual: LevelFilter) -> LevelFilter {
    let levels =
        [LevelFilter::OFF, LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG];
    let usual = levels.iter().position(|level| *level == usual).unwrap_or(2);
    let wanted = (usual + usize::from(global.verbose)).saturating_sub(usize::from(global.quiet));
    levels[wanted.min(levels.len() - 1)]
}
