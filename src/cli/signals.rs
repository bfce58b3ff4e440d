//! What the operating system asks of a program that goes on until it is told to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::model::{Class, Fault};

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
