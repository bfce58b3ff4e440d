//! Signals: stop and reload.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::git::Stop;
use crate::model::{Class, Fault};

/// How long the current pass may keep using Git after a signal to stop. Kubernetes kills after 30 s.
const GRACE: Duration = Duration::from_secs(20);

/// How long a command may take to exit after its run of Git was stopped.
const EXIT_TIMEOUT: Duration = Duration::from_secs(3);

/// A listener for signals.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// The meaning of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignalRequest {
    /// Stop, with the name of the signal.
    Stop(&'static str),
    /// Reload the configuration.
    Reload,
}

impl Signals {
    /// Starts to listen. Before that, each of these signals ends the process.
    pub(crate) fn listen() -> Result<Self, Fault> {
        let listen = |kind: SignalKind| {
            signal(kind)
                .map_err(|error| Fault::new(Class::Failed, "cannot listen for signals").with_source(error))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// The next signal. Cancel-safe.
    pub(crate) async fn next(&mut self) -> SignalRequest {
        tokio::select! {
            _ = self.terminate.recv() => SignalRequest::Stop("SIGTERM"),
            _ = self.interrupt.recv() => SignalRequest::Stop("SIGINT"),
            _ = self.hang_up.recv() => SignalRequest::Reload,
        }
    }
}

/// Stops the daemon's run of Git once the grace period after a signal is over.
pub(crate) fn end_slow_git(stop: Stop) -> Result<(), Fault> {
    let mut signals = Signals::listen()?;
    tokio::spawn(async move {
        while signals.next().await == SignalRequest::Reload {}
        tokio::time::sleep(GRACE).await;
        stop.ask();
    });
    Ok(())
}

/// Ends a command on any signal, SIGHUP included, and with it its `git` process, which Ctrl-C does not reach.
pub(crate) fn end_command(stop: Stop) -> Result<(), Fault> {
    let mut signals = Signals::listen()?;
    tokio::spawn(async move {
        signals.next().await;
        if stop.ask() {
            tokio::time::sleep(EXIT_TIMEOUT).await;
        }
        std::process::exit(i32::from(Class::TryAgain.exit_code()));
    });
    Ok(())
}
