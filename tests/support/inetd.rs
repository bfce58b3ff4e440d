//! Listens on a free local port and starts a program per connection, like inetd: no port is guessed and nothing waits
//! for a start.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The listener; dropping stops it.
pub(crate) struct Inetd {
    port: u16,
    is_over: Arc<AtomicBool>,
}

impl Inetd {
    /// Starts `program()` for each connection, as its standard input and output.
    pub(crate) fn start(program: impl Fn() -> Command + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_over = Arc::<AtomicBool>::default();
        let seen = Arc::clone(&is_over);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if seen.load(Ordering::Relaxed) {
                    return;
                }
                serve(program(), stream.unwrap());
            }
        });
        Self { port, is_over }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Inetd {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread, which sees that it should stop.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(mut program: Command, stream: TcpStream) {
    let output = stream.try_clone().unwrap();
    let mut child = program
        .stdin(Stdio::from(OwnedFd::from(stream)))
        .stdout(Stdio::from(OwnedFd::from(output)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::spawn(move || child.wait());
}
