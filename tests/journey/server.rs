//! The server of the daemon: health, metrics, and webhooks of a real registry.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use super::daemon::Daemon;
use super::world::{World, wait_until};

const SECRET: &str = "a-secret-of-sixteen-or-more";

/// Metrics that have a series only when there is something to count.
const CONDITIONAL: [&str; 4] = [
    "tidegate_credential_expiry_timestamp_seconds",
    "tidegate_github_rate_limit",
    "tidegate_github_rate_limit_remaining",
    "tidegate_registry_retries_total",
];

/// Runs Prometheus' own tool, which must be content.
fn promtool(arguments: &[&str], input: &str) {
    let child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run promtool ({error}): apt-get install prometheus"));
    child.stdin.as_ref().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

#[test]
fn alert_rules_pass_their_tests() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/monitoring");
    promtool(&["check", "rules", &format!("{folder}/alerts.yaml")], "");
    promtool(&["test", "rules", &format!("{folder}/alerts_test.yaml")], "");
}

/// Configures a server on any free port, with webhooks of pipelines, and a schedule far away.
fn with_server(world: World) -> World {
    let secret = world.origin.beside("webhook-secret");
    fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let server = format!(
        "schedule: \"0 0 29 2 *\"\nserver: {{listen: \"127.0.0.1:0\", webhooks: {{generic: {{secretFile: {}}}}}}}",
        secret.display()
    );
    world.with(&server)
}

/// Where the daemon's log says that it listens.
fn address(daemon: &Daemon) -> SocketAddr {
    let find = || {
        let log = fs::read_to_string(&daemon.log).unwrap();
        let line = log.lines().find(|line| line.contains("\"listening\""))?;
        let record: serde_json::Value = serde_json::from_str(line).ok()?;
        record["address"].as_str()?.parse::<SocketAddr>().ok()
    };
    wait_until("the server", || find().is_some());
    find().unwrap()
}

fn send(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> String {
    send(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
}

#[tokio::test]
async fn a_webhook_promotes_a_new_version_within_two_seconds() {
    let world = with_server(World::new("24h").await);
    let mut daemon = Daemon::start(&world);
    let address = address(&daemon);
    wait_until("the first pass", || get(address, "/readyz").starts_with("HTTP/1.1 200"));
    assert_eq!(world.running().0, "v1.0.1");
    world.release("v1.0.2").await;
    let body = format!("{{\"image\":\"{}/vtr/graphql-server:v1.0.2\"}}", world.registry.host());
    let answer = send(
        address,
        &format!(
            "POST /webhooks/generic HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             authorization: Bearer {SECRET}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    wait_until("the promotion", || world.running().0 == "v1.0.2");
    let metrics = get(address, "/metrics");
    for line in [
        "tidegate_webhooks_total{sender=\"generic\",result=\"accepted\"} 1",
        "tidegate_passes_total{scope=\"images\",result=\"succeeded\"}",
        "tidegate_pushes_total{result=\"pushed\"} 2",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains(SECRET) && !daemon.says(SECRET));
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_metric_exists() {
    let world = with_server(World::new("24h").await);
    let daemon = Daemon::start(&world);
    let address = address(&daemon);
    wait_until("the first pass", || get(address, "/readyz").starts_with("HTTP/1.1 200"));
    let scraped = get(address, "/metrics");
    let families = scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let mut exists: Vec<&str> = families.collect();
    exists.sort_unstable();
    let body = scraped.split_once("\r\n\r\n").unwrap().1;
    promtool(&["check", "metrics"], body);
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut documented: Vec<&str> =
        rows.filter(|name| name.starts_with("tidegate_") || name.starts_with("process_")).collect();
    documented.sort_unstable();
    for name in &exists {
        assert!(documented.contains(name), "docs/metrics.md has no line for {name}");
    }
    for name in documented.iter().filter(|name| !exists.contains(name)) {
        assert!(CONDITIONAL.contains(name), "docs/metrics.md has {name}, which does not exist");
    }
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/monitoring/alerts.yaml");
    let named = regex::Regex::new(r"tidegate_[a-z_]+").unwrap();
    let rules = fs::read_to_string(rules).unwrap();
    for found in named.find_iter(&rules) {
        let name = found.as_str();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(
            documented.contains(&name) || family.is_some_and(|family| documented.contains(&family)),
            "{name}"
        );
    }
}
