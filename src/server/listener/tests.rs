//! The server over real connections: answers, limits and the end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use chrono::Utc;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::metrics::Metrics;
use crate::model::WebhookSender;
use crate::server::{Due, Health, KnownImages, Triggers, Webhook};

const SECRET: &str = "0123456789abcdef";

struct Running {
    address: SocketAddr,
    triggers: Arc<Triggers>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn start(limits: ServerLimits) -> Running {
    let metrics = Arc::new(Metrics::new("test"));
    let health = Arc::new(Health::new(Utc::now));
    let triggers = Arc::new(Triggers::default());
    triggers.set_known(Arc::new(KnownImages::new(["ghcr.io/vtr/app".parse().unwrap()])));
    let webhook = |sender| Webhook { sender, secret: Arc::new(|| Ok(SecretString::from(SECRET))) };
    let parts = Parts {
        metrics: Arc::clone(&metrics),
        health: Arc::clone(&health),
        triggers: Arc::clone(&triggers),
        site: None,
        webhooks: [WebhookSender::Generic, WebhookSender::Quay, WebhookSender::GitHub].map(webhook).into(),
        repository: Some("vtr/gitops".to_owned()),
        branch: "main".to_owned(),
        tls: None,
    };
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), parts, limits).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(server.run(async move { drop(stopped.await) }));
    Running { address, triggers, health, metrics, stop, ended }
}

/// Sends bytes, and reads until the server closes the connection.
async fn send(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes early may reset the connection.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(address: SocketAddr, path: &str) -> String {
    send(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
}

async fn post(address: SocketAddr, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n");
    send(address, &format!("{head}{headers}\r\n{body}")).await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn probes_and_metrics_answer() {
    let running = start(ServerLimits::default()).await;
    let address = running.address;
    assert_eq!(status(&get(address, "/livez").await), "200");
    assert_eq!(status(&get(address, "/readyz").await), "503");
    assert_eq!(status(&get(address, "/startupz").await), "503");
    running.health.pass_ended(true, None);
    for path in ["/livez", "/readyz", "/startupz"] {
        let answer = get(address, path).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\r\n\r\nok: "), "{answer}");
    }
    let metrics = get(address, "/metrics").await;
    assert!(metrics.contains("text/plain; version=0.0.4") && metrics.contains("tidegate_build_info{"));
    let accept = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept: application/openmetrics-text\r\n\r\n";
    assert!(send(address, accept).await.ends_with("# EOF\n"));
    assert_eq!(status(&get(address, "/nothing").await), "404");
    assert_eq!(status(&post(address, "/metrics", "", "").await), "405");
    running.stop.send(()).unwrap();
    running.ended.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "it no longer listens");
}

#[tokio::test]
async fn a_webhook_needs_its_secret_and_starts_a_look() {
    let running = start(ServerLimits::default()).await;
    let address = running.address;
    let body = r#"{"image":"ghcr.io/vtr/app"}"#;
    let bearer = format!("authorization: Bearer {SECRET}\r\n");
    for headers in ["", "authorization: Bearer 0123456789abcdeg\r\n", "authorization: Basic eDp5\r\n"] {
        assert_eq!(status(&post(address, "/webhooks/generic", headers, body).await), "401");
    }
    assert_eq!(status(&post(address, "/webhooks/github", &bearer, body).await), "401");
    assert_eq!(status(&post(address, "/webhooks/harbor", &bearer, body).await), "404");
    assert_eq!(status(&post(address, "/webhooks/quay", &bearer, body).await), "401");
    assert_eq!(status(&post(address, "/webhooks/generic", &bearer, "{").await), "400");
    let unknown = r#"{"image":"ghcr.io/vtr/unknown"}"#;
    assert_eq!(status(&post(address, "/webhooks/generic", &bearer, unknown).await), "200");
    let nothing = timeout(Duration::from_millis(300), running.triggers.due()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    let quay = r#"{"repository":"vtr/app","docker_url":"quay.io/vtr/app","updated_tags":["v1"]}"#;
    let in_path = format!("/webhooks/quay/{SECRET}");
    assert_eq!(status(&post(address, &in_path, "", quay).await), "202");
    let due = timeout(Duration::from_secs(5), running.triggers.due()).await.unwrap();
    assert_eq!(due, Due { images: ["ghcr.io/vtr/app".parse().unwrap()].into(), ..Due::default() });
    let rendered = running.metrics.render(crate::metrics::Format::Prometheus);
    assert!(rendered.contains("tidegate_webhooks_total{sender=\"generic\",result=\"unauthorized\"} 3"));
    assert!(rendered.contains("tidegate_webhooks_total{sender=\"quay\",result=\"accepted\"} 1"));
    assert!(!rendered.contains(SECRET));
}

#[tokio::test]
async fn a_flood_costs_one_look() {
    let limits = ServerLimits { connection: Duration::from_mins(10), ..ServerLimits::default() };
    let running = start(limits).await;
    let address = running.address;
    let sent = Arc::new(AtomicUsize::new(0));
    let bearer = format!("authorization: Bearer {SECRET}\r\n");
    let body = r#"{"image":"ghcr.io/vtr/app"}"#;
    let head = format!("POST /webhooks/generic HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
    let request = format!("{head}{bearer}\r\n{body}");
    let mut senders = JoinSet::new();
    for _ in 0..8 {
        let (request, sent) = (request.clone(), Arc::clone(&sent));
        senders.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let mut answer = [0; 1024];
            for _ in 0..250 {
                stream.write_all(request.as_bytes()).await.unwrap();
                assert!(stream.read(&mut answer).await.unwrap() > 0);
                sent.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let began = Instant::now();
    let mut looks = 0;
    let flood = async { while senders.join_next().await.is_some() {} };
    let mut flood = pin!(flood);
    loop {
        tokio::select! {
            _ = running.triggers.due() => looks += 1,
            () = &mut flood => break,
        }
    }
    let flood_seconds = began.elapsed().as_secs_f64();
    while timeout(Duration::from_secs(3), running.triggers.due()).await.is_ok() {
        looks += 1;
    }
    assert_eq!(sent.load(Ordering::Relaxed), 2_000);
    // The rests double from a second on, so that looks come at 0.8, 1.8, 3.8, 7.8 s … of a flood, and once after it.
    let most = 2.0 + (1.0 + flood_seconds).log2().max(0.0);
    assert!(looks >= 1 && f64::from(looks) <= most, "{looks} looks in {flood_seconds:.1} s");
}

#[tokio::test]
async fn a_request_that_is_too_large_or_too_slow_is_ended() {
    let limits = ServerLimits {
        headers: Duration::from_millis(300),
        request: Duration::from_millis(300),
        connection: Duration::from_secs(2),
        ..ServerLimits::default()
    };
    let running = start(limits).await;
    let address = running.address;
    let large = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(40_000));
    // A connection that is closed with unread bytes may lose the answer.
    let is_refused = |answer: &str| matches!(status(answer), "431" | "none");
    assert!(is_refused(&send(address, &large).await));
    let many = "a: b\r\n".repeat(200);
    assert!(is_refused(&send(address, &format!("GET /livez HTTP/1.1\r\n{many}\r\n")).await));
    let announced = "POST /webhooks/generic HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000\r\n\r\n";
    assert_eq!(status(&send(address, announced).await), "413");
    let began = Instant::now();
    send(address, "GET /livez HTTP/1.1\r\nhost: x\r\n").await;
    let slow_body = "POST /webhooks/generic HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc";
    assert_eq!(status(&send(address, slow_body).await), "408");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let limits =
        ServerLimits { connections: 2, headers: Duration::from_millis(300), ..ServerLimits::default() };
    let running = start(limits).await;
    let address = running.address;
    let mut idle = Vec::new();
    for _ in 0..6 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let answer = timeout(Duration::from_secs(20), get(address, "/livez")).await.unwrap();
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let running = start(ServerLimits::default()).await;
    let parts = Parts {
        metrics: Arc::clone(&running.metrics),
        health: Arc::clone(&running.health),
        triggers: Arc::clone(&running.triggers),
        site: None,
        webhooks: Vec::new(),
        repository: None,
        branch: "main".to_owned(),
        tls: None,
    };
    let fault = Server::bind(running.address, parts, ServerLimits::default()).await.unwrap_err();
    assert!(fault.in_one_line().starts_with(&format!("cannot listen on {}", running.address)), "{fault}");
    assert!(fault.hint().is_some());
}
