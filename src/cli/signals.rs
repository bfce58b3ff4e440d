//! What the operating system asks of a program that goes on until it is told to stop.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::git::Stop;
use crate::model::{Class, Fault};

/// How long a pass in hand may go on with Git after a signal to stop. Kubernetes kills after 30 s.
const GRACE: Duration = Duration::from_secs(20);

/// How long a command may take to end after its connection was ended.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The signals that are listened for, from when this is made.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// To stop, by the signal of this name.
    Stop(&'static str),
    /// To read the configuration again.
    Reload,
}

impl Signals {
    /// Begins to listen. Without that, each of these signals ends the process.
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

    /// The next signal. Nothing is lost when this is dropped and asked for again.
    pub(crate) async fn next(&mut self) -> Call {
        tokio::select! {
            _ = self.terminate.recv() => Call::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Call::Stop("SIGINT"),
            _ = self.hang_up.recv() => Call::Reload,
        }
    }
}

/// Sees that a daemon which was told to stop does not wait for a mute Git server.
pub(crate) fn end_slow_git(stop: Stop) -> Result<(), Fault> {
    let mut signals = Signals::listen()?;
    tokio::spawn(async move {
        while signals.next().await == Call::Reload {}
        tokio::time::sleep(GRACE).await;
        stop.ask();
    });
    Ok(())
}

/// Sees that a command which is told to stop takes the `git` below it along, which Ctrl-C does not reach. A hang-up ends
/// a command too.
pub(crate) fn end_command(stop: Stop) -> Result<(), Fault> {
    let mut signals = Signals::listen()?;
    tokio::spawn(async move {
        signals.next().await;
        if stop.ask() {
            tokio::time::sleep(LAST_WORDS).await;
        }
        std::process::exit(i32::from(Class::TryAgain.exit_code()));
    });
    Ok(())
}
