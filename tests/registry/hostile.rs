//! Servers that break off, go on for ever, or say nothing at all: below what an HTTP library lets a server do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tidegate::model::Class;
use tidegate::registry::{Client, HostSettings, Limits, Problem};

use super::{image, in_full, quick};

/// A server that treats every connection in the same way. Its threads end with the test's process.
struct Server {
    host: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn start(treat: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (connections, treat) = (Arc::new(AtomicUsize::new(0)), Arc::new(treat));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::Relaxed);
                let treat = Arc::clone(&treat);
                thread::spawn(move || treat(stream));
            }
        });
        Self { host, connections }
    }

    fn client(&self, limits: Limits) -> Client {
        let settings = HostSettings { plain_http: true, ..HostSettings::new(self.host.clone()) };
        Client::new(vec![settings], limits).unwrap()
    }

    async fn problem(&self, limits: Limits) -> (String, Class, Problem) {
        let error = self.client(limits).tags(&image(&self.host, "vtr/app")).await.unwrap_err();
        let (told, class) = (in_full(&error), error.class());
        let tidegate::registry::RegistryError::Failed { source, .. } = error else { panic!("{told}") };
        (told, class, *source)
    }
}

/// Reads a request to its end and answers with `head`.
fn answer(stream: &mut TcpStream, head: &str) {
    let request = BufReader::new(stream.try_clone().unwrap());
    let _ = request.lines().map_while(Result::ok).find(String::is_empty);
    let _ = stream.write_all(head.as_bytes());
}

/// Holds the connection until the client ends it.
fn say_nothing_more(mut stream: TcpStream) {
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

#[tokio::test]
async fn half_a_body_is_asked_for_again_and_then_told() {
    let server = Server::start(|mut stream| {
        answer(&mut stream, &format!("{JSON}content-length: 1000\r\n\r\n{{\"tags\":[\"v1\""));
    });
    let (told, class, problem) = server.problem(quick()).await;
    assert!(matches!(problem, Problem::BrokenOff { .. }), "{told}");
    assert_eq!((class, server.connections.load(Ordering::Relaxed)), (Class::TryAgain, 4));
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_the_bound() {
    let server = Server::start(|mut stream| {
        answer(&mut stream, &format!("{JSON}transfer-encoding: chunked\r\n\r\n"));
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
        while stream.write_all(chunk.as_bytes()).is_ok() {}
    });
    let (told, class, problem) = server.problem(quick()).await;
    assert!(matches!(problem, Problem::TooLarge { most_bytes: 8_388_608, .. }), "{told}");
    assert_eq!((class, server.connections.load(Ordering::Relaxed)), (Class::Failed, 1));
}

#[tokio::test]
async fn a_body_of_two_gigabytes_is_refused_by_its_announcement() {
    let server = Server::start(|mut stream| {
        answer(&mut stream, &format!("{JSON}content-length: 2000000000\r\n\r\n"));
        say_nothing_more(stream);
    });
    let (told, _, problem) = server.problem(quick()).await;
    assert!(matches!(problem, Problem::TooLarge { .. }), "{told}");
}

#[tokio::test]
async fn an_explanation_without_end_is_cut() {
    let server = Server::start(|mut stream| {
        answer(&mut stream, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
        while stream.write_all(&[b'x'; 0x1000]).is_ok() {}
    });
    let (told, _, problem) = server.problem(quick()).await;
    assert!(matches!(problem, Problem::UnexpectedStatus { .. }), "{told}");
    assert!(told.len() < 1_000, "{}", told.len());
}

#[tokio::test]
async fn a_mute_server_is_left_at_the_deadline_of_the_operation() {
    let server = Server::start(say_nothing_more);
    let limits = Limits {
        request_timeout: Duration::from_millis(100),
        operation_timeout: Duration::from_millis(250),
        ..quick()
    };
    let started = Instant::now();
    let (told, class, problem) = server.problem(limits).await;
    assert!(matches!(problem, Problem::Deadline { .. }), "{told}");
    assert_eq!(class, Class::TryAgain);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_body_that_trickles_is_left_at_the_deadline_of_the_request() {
    let server = Server::start(|mut stream| {
        answer(&mut stream, &format!("{JSON}content-length: 100000\r\n\r\n"));
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let limits = Limits { request_timeout: Duration::from_millis(100), retries: 0, ..quick() };
    let (told, _, problem) = server.problem(limits).await;
    assert!(matches!(problem, Problem::Deadline { .. }), "{told}");
}

#[tokio::test]
async fn what_is_no_http_at_all_is_told() {
    let server = Server::start(|mut stream| {
        answer(&mut stream, "SSH-2.0-OpenSSH_9.2\r\n");
    });
    let (told, class, problem) = server.problem(quick()).await;
    assert!(matches!(problem, Problem::Unreachable { .. }), "{told}");
    assert_eq!(class, Class::TryAgain);
}

#[tokio::test]
async fn a_registry_without_settings_is_asked_over_https_and_never_without() {
    let first_bytes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&first_bytes);
    let server = Server::start(move |mut stream| {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        seen.lock().unwrap().push(byte[0]);
    });
    let client = Client::new(Vec::new(), quick()).unwrap();
    let error = client.tags(&image(&server.host, "vtr/app")).await.unwrap_err();
    assert!(in_full(&error).contains("GET https://127.0.0.1:"), "{}", in_full(&error));
    let seen = first_bytes.lock().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|byte| *byte == 0x16), "TLS handshakes alone: {seen:?}");
}
