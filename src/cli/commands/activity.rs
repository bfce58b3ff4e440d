//! A sign of life while something takes long.

use std::borrow::Cow;
use std::future::Future;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Runs `work`, with a spinner on standard error if that is a terminal and the work takes longer than a blink.
pub(super) async fn during<T>(what: impl Into<Cow<'static, str>>, work: impl Future<Output = T>) -> T {
    if !is_shown() {
        return work.await;
    }
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(Duration::from_millis(300)) => {}
    }
    let spinner = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    let done = work.await;
    spinner.finish_and_clear();
    done
}

/// Whether [`during`] shows anything.
pub(super) fn is_shown() -> bool {
    io::stderr().is_terminal()
}
