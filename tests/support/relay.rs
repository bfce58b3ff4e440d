//! A relay between client and server that can go silent, slow down or disconnect in the middle.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to the server's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// All are forwarded.
    None,
    /// After this many bytes, silence; the connection stays open.
    MuteAfter(usize),
    /// After this many bytes, the connection is cut.
    CutAfter(usize),
    /// A few bytes at a time.
    Slow,
}

/// The relay; dropping stops it.
pub(crate) struct Relay {
    port: u16,
    target: Arc<AtomicU16>,
    fault: Arc<Mutex<Fault>>,
    is_over: Arc<AtomicBool>,
}

impl Relay {
    /// A relay to a port that is not known yet.
    pub(crate) fn to_nowhere() -> Self {
        Self::to(0)
    }

    /// A relay to a local port.
    pub(crate) fn to(target: u16) -> Self {
        let target = Arc::new(AtomicU16::new(target));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let relay = Self {
            port,
            target: Arc::clone(&target),
            fault: Arc::new(Mutex::new(Fault::None)),
            is_over: Arc::default(),
        };
        let (fault, is_over) = (Arc::clone(&relay.fault), Arc::clone(&relay.is_over));
        thread::spawn(move || {
            for client in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let fault = *fault.lock().unwrap();
                connect(client.unwrap(), target.load(Ordering::Relaxed), fault, &is_over);
            }
        });
        relay
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Sends new connections elsewhere.
    pub(crate) fn redirect(&self, target: u16) {
        self.target.store(target, Ordering::Relaxed);
    }

    /// Sets the fault of new connections.
    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread, which sees that it should stop.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn connect(client: TcpStream, target: u16, fault: Fault, is_over: &Arc<AtomicBool>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { return };
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let is_over = Arc::clone(is_over);
    thread::spawn(move || pass_on(server, client, fault, &is_over));
}

fn pass_on(mut server: TcpStream, mut client: TcpStream, fault: Fault, is_over: &AtomicBool) {
    let mut passed = 0;
    let mut buffer = [0; 4096];
    loop {
        let room = match fault {
            Fault::None => buffer.len(),
            Fault::Slow => 64,
            Fault::MuteAfter(most) | Fault::CutAfter(most) => buffer.len().min(most - passed),
        };
        if room == 0 {
            break;
        }
        let Ok(read @ 1..) = server.read(&mut buffer[..room]) else { break };
        if fault == Fault::Slow {
            thread::sleep(Duration::from_millis(5));
        }
        passed += read;
        if client.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    if let Fault::MuteAfter(most) = fault
        && passed == most
    {
        // Holds the connection until the client disconnects or the test is over.
        client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        while !is_over.load(Ordering::Relaxed) && !is_gone(&client) {}
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Checks once, within the connection's timeout.
fn is_gone(client: &TcpStream) -> bool {
    match client.peek(&mut [0]) {
        Ok(0) => true,
        // The other thread reads incoming bytes; do not spin while some are unread.
        Ok(_) => {
            thread::sleep(Duration::from_millis(10));
            false
        }
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}
