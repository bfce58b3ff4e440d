//! Reports to systemd (`sd_notify(3)`): ready, a status line, stopping, and the watchdog.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use crate::model::Printable;
use crate::server::Health;

/// systemd shows longer ones cut.
const MAX_STATUS_CHARS: usize = 200;

/// The service manager, if there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Systemd(Option<Arc<(UnixDatagram, SocketAddr)>>);

impl Systemd {
    /// The manager that `NOTIFY_SOCKET` names.
    pub(super) fn from_environment() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        match connect(&name) {
            Ok(connected) => Self(Some(Arc::new(connected))),
            Err(error) => {
                tracing::warn!(%error, "cannot notify systemd");
                Self::default()
            }
        }
    }

    pub(super) fn ready(&self) {
        self.send("READY=1\nSTATUS=the first pass is under way");
    }

    pub(super) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    pub(super) fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", Printable::bounded(status, MAX_STATUS_CHARS)));
    }

    /// Keeps the watchdog quiet for as long as passes end, if there is one.
    pub(super) fn watch(&self, health: Arc<Health>) {
        let Some(interval) = watchdog_interval().filter(|_| self.0.is_some()) else { return };
        let manager = self.clone();
        tokio::spawn(async move {
            loop {
                let check = health.liveness();
                if check.is_ok {
                    manager.send("WATCHDOG=1");
                } else {
                    tracing::error!(reason = %check.reason, "not alive: systemd will restart this process");
                }
                tokio::time::sleep(interval / 2).await;
            }
        });
    }

    fn send(&self, message: &str) {
        let Some((socket, manager)) = self.0.as_deref() else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), manager) {
            tracing::debug!(%error, "cannot notify systemd");
        }
    }
}

fn connect(name: &OsString) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold up a pass.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// The watchdog interval of systemd.
fn watchdog_interval() -> Option<Duration> {
    let process = env::var("WATCHDOG_PID").ok();
    if process.is_some_and(|process| process != std::process::id().to_string()) {
        return None;
    }
    let micros = env::var("WATCHDOG_USEC").ok()?.parse().ok().filter(|micros| *micros > 0)?;
    Some(Duration::from_micros(micros))
}
