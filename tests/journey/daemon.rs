//! The daemon: wakes when a soak ends, obeys signals, keeps a good configuration.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::cell::OnceCell;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::world::{World, wait_until};

/// A daemon with its log in a file. It is killed when it is dropped.
pub(super) struct Daemon {
    child: Child,
    pub(super) log: PathBuf,
    address: OnceCell<SocketAddr>,
}

impl Daemon {
    pub(super) fn start(world: &World) -> Self {
        Self::spawn(world.command(&["run"]), world.origin.beside("log"))
    }

    /// Starts one whose log is in a file of this name.
    pub(super) fn start_logging(world: &World, name: &str) -> Self {
        Self::spawn(world.command(&["run"]), world.origin.beside(name))
    }

    /// Starts one in another environment.
    pub(super) fn start_with(world: &World, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = world.command(&["run"]);
        change(&mut command);
        Self::spawn(command, world.origin.beside("log"))
    }

    fn spawn(mut command: Command, log: PathBuf) -> Self {
        let file = fs::File::create(&log).unwrap();
        let child = command.stderr(file).stdout(Stdio::null()).spawn().unwrap();
        Self { child, log, address: OnceCell::new() }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn says(&self, word: &str) -> bool {
        fs::read_to_string(&self.log).unwrap().contains(word)
    }

    pub(super) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Where its log says that it listens.
    pub(super) fn address(&self) -> SocketAddr {
        let find = || {
            let log = fs::read_to_string(&self.log).unwrap();
            let line = log.lines().find(|line| line.contains("\"listening\""))?;
            let told: serde_json::Value = serde_json::from_str(line).ok()?;
            told["address"].as_str()?.parse::<SocketAddr>().ok()
        };
        *self.address.get_or_init(|| {
            wait_until("the server", || find().is_some());
            find().unwrap()
        })
    }

    /// Whether a pass succeeded, as its probe says.
    pub(super) fn is_ready(&self) -> bool {
        self.get("/readyz").starts_with("HTTP/1.1 200")
    }

    /// What it answers to a GET.
    pub(super) fn get(&self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    }

    /// What it answers to a GET with a bearer token.
    pub(super) fn get_with(&self, path: &str, token: &str) -> String {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
        ))
    }

    /// What it answers to a POST with a bearer token.
    pub(super) fn post(&self, path: &str, token: &str, body: &str) -> String {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// What it answers to a POST of JSON with a bearer token and these headers.
    pub(super) fn act(&self, path: &str, token: &str, headers: &str, body: &str) -> (u16, serde_json::Value) {
        let answer = self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             authorization: Bearer {token}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        ));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let body = serde_json::from_str(body).unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }

    fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(super) fn end(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_wakes_when_the_soak_ends_and_ends_when_asked() {
    // The schedule's next time is far away: only the end of the soak can wake it.
    let world = World::new("2s").await.with("schedule: \"0 0 29 2 *\"");
    let mut daemon = Daemon::start(&world);
    wait_until("the promotion to prod", || world.running().1 == "v1.0.1");
    assert_eq!(world.promotions("prod", "v1.0.1"), 1);
    let log = fs::read_to_string(&daemon.log).unwrap();
    let line = log.lines().find(|line| line.contains("\"promoted\"")).unwrap();
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&record["service"], &record["tag"]),
        (&"common/graphql-server".into(), &"v1.0.1".into()),
        "{line}"
    );
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
    assert!(daemon.says("stopped"));
}

#[tokio::test]
async fn an_invalid_new_configuration_changes_nothing_and_a_valid_one_applies() {
    let world = World::new("24h").await.with("schedule: \"0 0 29 2 *\"");
    let mut daemon = Daemon::start(&world);
    wait_until("the first pass", || world.running().0 == "v1.0.1");
    let world = world.with("schedule: nonsense");
    daemon.signal("HUP");
    wait_until("the complaint", || daemon.says("keeping the old one"));
    world.release("v1.0.2").await;
    let world = world.with("schedule: \"* * * * * *\"");
    daemon.signal("HUP");
    wait_until("the next pass", || world.running().0 == "v1.0.2");
    daemon.signal("INT");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test]
async fn a_promotion_by_hand_beside_the_daemon_lands_once() {
    let world = World::new("24h").await.with("schedule: \"* * * * * *\"");
    let mut daemon = Daemon::start(&world);
    wait_until("the first pass", || world.running().0 == "v1.0.1");
    let by_hand = world.run(&[
        "promote",
        "common/graphql-server",
        "--env",
        "prod",
        "--override",
        "soak",
        "--reason",
        "urgent",
    ]);
    assert_eq!(by_hand.code, 0, "{}", by_hand.err);
    wait_until("two passes more", || fs::read_to_string(&daemon.log).unwrap().lines().count() > 1);
    assert_eq!(world.promotions("prod", "v1.0.1"), 1);
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}
