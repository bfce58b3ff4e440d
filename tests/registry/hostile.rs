//! Servers that break off, never end, or stay silent, below what an HTTP library can do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tidegate::model::{Class, Secrets};
use tidegate::port::Registry as _;
use tidegate::registry::{Client, Credentials, HostSettings, Limits, RequestError};

use super::{image, in_full, quick};

/// Treats each connection in the same way. Its threads end with the test process.
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

    async fn failure(&self, limits: Limits) -> (String, Class, RequestError) {
        let error = self.client(limits).tags(&image(&self.host, "vtr/app")).await.unwrap_err();
        let (text, class) = (in_full(&error), error.class());
        let tidegate::registry::RegistryError::Failed { source, .. } = error else { panic!("{text}") };
        (text, class, *source)
    }
}

/// Reads a request and writes `head`.
fn response(stream: &mut TcpStream, head: &str) {
    let request = BufReader::new(stream.try_clone().unwrap());
    let _ = request.lines().map_while(Result::ok).find(String::is_empty);
    let _ = stream.write_all(head.as_bytes());
}

/// Holds the connection until the client closes it.
fn say_nothing_more(mut stream: TcpStream) {
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

#[tokio::test]
async fn half_a_body_is_retried_and_then_reported() {
    let server = Server::start(|mut stream| {
        response(&mut stream, &format!("{JSON}content-length: 1000\r\n\r\n{{\"tags\":[\"v1\""));
    });
    let (text, class, error) = server.failure(quick()).await;
    assert!(matches!(error, RequestError::Truncated { .. }), "{text}");
    assert_eq!((class, server.connections.load(Ordering::Relaxed)), (Class::TryAgain, 4));
}

#[tokio::test]
async fn an_endless_body_stops_at_the_bound() {
    let server = Server::start(|mut stream| {
        response(&mut stream, &format!("{JSON}transfer-encoding: chunked\r\n\r\n"));
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
        while stream.write_all(chunk.as_bytes()).is_ok() {}
    });
    let (text, class, error) = server.failure(quick()).await;
    assert!(matches!(error, RequestError::TooLarge { max_bytes: 8_388_608, .. }), "{text}");
    assert_eq!((class, server.connections.load(Ordering::Relaxed)), (Class::Failed, 1));
}

#[tokio::test]
async fn a_body_of_two_gigabytes_is_refused_by_its_content_length() {
    let server = Server::start(|mut stream| {
        response(&mut stream, &format!("{JSON}content-length: 2000000000\r\n\r\n"));
        say_nothing_more(stream);
    });
    let (text, _, error) = server.failure(quick()).await;
    assert!(matches!(error, RequestError::TooLarge { .. }), "{text}");
}

#[tokio::test]
async fn an_endless_explanation_is_cut() {
    let server = Server::start(|mut stream| {
        response(&mut stream, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
        while stream.write_all(&[b'x'; 0x1000]).is_ok() {}
    });
    let (text, _, error) = server.failure(quick()).await;
    assert!(matches!(error, RequestError::UnexpectedStatus { .. }), "{text}");
    assert!(text.len() < 1_000, "{}", text.len());
}

#[tokio::test]
async fn a_silent_server_times_out_with_the_operation() {
    let server = Server::start(say_nothing_more);
    let limits = Limits {
        request_timeout: Duration::from_millis(100),
        operation_timeout: Duration::from_millis(250),
        ..quick()
    };
    let started = Instant::now();
    let (text, class, error) = server.failure(limits).await;
    assert!(matches!(error, RequestError::Timeout { .. }), "{text}");
    assert_eq!(class, Class::TryAgain);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_trickling_body_times_out_with_the_request() {
    let server = Server::start(|mut stream| {
        response(&mut stream, &format!("{JSON}content-length: 100000\r\n\r\n"));
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let limits = Limits { request_timeout: Duration::from_millis(100), retries: 0, ..quick() };
    let (text, _, error) = server.failure(limits).await;
    assert!(matches!(error, RequestError::Timeout { .. }), "{text}");
}

#[tokio::test]
async fn a_protocol_other_than_http_is_reported() {
    let server = Server::start(|mut stream| {
        response(&mut stream, "SSH-2.0-OpenSSH_9.2\r\n");
    });
    let (text, class, error) = server.failure(quick()).await;
    assert!(matches!(error, RequestError::Unreachable { .. }), "{text}");
    assert_eq!(class, Class::TryAgain);
}

#[tokio::test]
async fn a_registry_without_settings_is_contacted_over_https_only() {
    let first_bytes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&first_bytes);
    let server = Server::start(move |mut stream| {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        seen.lock().unwrap().push(byte[0]);
    });
    let client = Client::new(Vec::new(), quick()).unwrap();
    let error = client.tags(&image(&server.host, "vtr/app")).await.unwrap_err();
    assert!(in_full(&error).contains(&format!(": {}: ", server.host)), "{}", in_full(&error));
    let seen = first_bytes.lock().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|byte| *byte == 0x16), "TLS handshakes alone: {seen:?}");
}

#[tokio::test]
async fn credentials_that_an_error_page_reflects_are_masked() {
    let server = Server::start(|stream| {
        let mut request = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let header = request.by_ref().take_while(|line| !line.is_empty());
        let sent = header.filter(|line| line.to_ascii_lowercase().starts_with("authorization:")).last();
        let mut stream = stream;
        let (status, body) = match sent {
            Some(sent) => ("403 Forbidden", format!("rejected `{sent}`, password reflect-me%21pass")),
            None => ("401 Unauthorized\r\nwww-authenticate: Basic realm=x", String::new()),
        };
        let head =
            format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let _ = stream.write_all(head.as_bytes());
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "reflect-me!pass").unwrap();
    let credentials = Credentials::Basic {
        username: "bot".to_owned(),
        password: tidegate::registry::SecretSource::File(file),
    };
    let settings = HostSettings { plain_http: true, credentials, ..HostSettings::new(server.host.clone()) };
    let client = Client::new(vec![settings], quick()).unwrap();
    let error = client.tags(&image(&server.host, "vtr/app")).await.unwrap_err();
    let text = in_full(&error);
    assert!(text.contains("Basic Ym90OnJlZmxlY3QtbWUhcGFzcw=="), "{text}");
    let masked = Secrets::mask(&text);
    assert!(
        masked.ends_with("returned 403 Forbidden: rejected `authorization: Basic ***`, password ***"),
        "{masked}"
    );
}
