//! A relay between a client and a server that can go quiet, slow down or break off in the middle.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of the bytes that the server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They are passed on.
    None,
    /// After so many of them, nothing comes any more, and the connection stays.
    MuteAfter(usize),
    /// After so many of them, the connection is cut.
    CutAfter(usize),
    /// They come a few at a time.
    Slow,
}

/// The relay. It ends when it is dropped.
pub(crate) struct Relay {
    port: u16,
    fault: Arc<Mutex<Fault>>,
    is_over: Arc<AtomicBool>,
}

impl Relay {
    /// A relay to a port of this machine.
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let relay = Self { port, fault: Arc::new(Mutex::new(Fault::None)), is_over: Arc::default() };
        let (fault, is_over) = (Arc::clone(&relay.fault), Arc::clone(&relay.is_over));
        thread::spawn(move || {
            for client in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let fault = *fault.lock().unwrap();
                connect(client.unwrap(), target, fault, &is_over);
            }
        });
        relay
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What becomes of the connections from now on.
    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread up, which looks and ends.
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
        // Holds the connection until the client goes, or the test is over.
        client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        while !is_over.load(Ordering::Relaxed) && !is_gone(&client) {}
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Looks once, for as long as the timeout of the connection.
fn is_gone(client: &TcpStream) -> bool {
    match client.peek(&mut [0]) {
        Ok(0) => true,
        // The other thread reads what comes; to spin while there is something unread would be a waste.
        Ok(_) => {
            thread::sleep(Duration::from_millis(10));
            false
        }
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}
