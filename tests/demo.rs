//! `tidegate demo` as a person runs it: the real program, the real git, nobody's configuration.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::git::git;

/// A user configuration that would spoil the demo.
const HOSTILE_CONFIG: &str = "[core]\n\tautocrlf = true\n\thooksPath = /nonexistent\n[commit]\n\tgpgSign = true\n\
                              [init]\n\ttemplateDir = /nonexistent\n\tdefaultBranch = trunk\n";

/// A home and a place for temporary folders.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("tmp")).expect("a folder");
        fs::create_dir(folder.path().join("home")).expect("a folder");
        fs::write(folder.path().join("home/.gitconfig"), HOSTILE_CONFIG).expect("a file");
        Self { folder }
    }

    fn demo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command
            .arg("demo")
            .args(arguments)
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("HOME", self.folder.path().join("home"))
            .env_remove("TIDEGATE_LOG")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// What the program left among the temporary folders.
    fn left(&self) -> Vec<PathBuf> {
        entries(&self.folder.path().join("tmp"))
    }

    fn home(&self) -> Vec<PathBuf> {
        entries(&self.folder.path().join("home"))
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

/// The parts must all be there, in this order.
fn assert_in_order(text: &str, wanted: &[&str]) {
    let mut from = 0;
    for part in wanted {
        let found = text[from..].find(part);
        from += found.unwrap_or_else(|| panic!("{part:?} is not there in its order:\n{text}")) + part.len();
    }
}

#[test]
fn the_demo_does_what_it_shows_and_contacts_no_other_machine() {
    let place = Place::new();
    // Whatever leaves this machine by HTTP would come here.
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy_url = format!("http://{}", proxy.local_addr().expect("an address"));
    let mut child = place
        .demo(&["--soak", "1", "--color", "never", "--keep"])
        .envs(["http_proxy", "https_proxy", "all_proxy"].map(|name| (name, proxy_url.as_str())))
        .env("no_proxy", "127.0.0.1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("\nThe board: http://") {
        if lines.read_line(&mut text).expect("UTF-8") == 0 {
            break;
        }
    }
    the_board_is_up(&text);
    kill_process(Pid::from_child(&child), Signal::INT).expect("the program is there");
    lines.read_to_string(&mut text).expect("UTF-8");
    let output = child.wait_with_output().expect("an end");
    proxy.set_nonblocking(true).expect("a socket");
    assert_eq!(proxy.accept().expect_err("nothing leaves this machine").kind(), ErrorKind::WouldBlock);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{complaints}", output.status);
    assert_eq!(complaints, "");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert_in_order(
        &text,
        &[
            "tidegate status",
            "The same in a browser, live: http://127.0.0.1:",
            "registry  vtr/graphql-server:v1.0.180 is pushed",
            "non-prod  common/graphql-server v1.0.176 -> v1.0.180",
            "prod      common/graphql-server v1.0.176 -> v1.0.180",
            "registry  vtr/payments-api:v2.4.1 is pushed",
            "non-prod  common/payments-api v2.4.0 -> v2.4.1",
            "registry  vtr/payments-api:v2.4.1 is pushed again",
            "prod      REFUSED common/payments-api v2.4.1",
            "non-prod  common/payments-api v2.4.1 -> v2.4.2",
            "prod      common/payments-api v2.4.0 -> v2.4.2",
            "non-prod  mobile-backend/mobile-backend-for-frontend v3.1.2 -> v3.1.3",
            "$ tidegate promote mobile-backend/mobile-backend-for-frontend --env prod --override soak",
            "promoted  mobile-backend/mobile-backend-for-frontend in prod: v3.1.2 -> v3.1.3",
            "- cache: keep persisted queries (#412)",
            "Tidegate-Requested-By: Camila Soto",
            "The folder is kept",
        ],
    );
    let left = place.left();
    let [kept] = left.as_slice() else { panic!("{left:?}") };
    assert!(text.contains(&*kept.to_string_lossy()), "{text}");
    assert_eq!(place.home().len(), 1, "nothing is written to the home");
    the_repository_agrees(&kept.join("gitops.git"));
}

/// Asks the board at the address that the program printed last.
fn the_board_is_up(text: &str) {
    let address = text.rsplit_once("http://").and_then(|(_, rest)| rest.trim_end().strip_suffix('/'));
    let address = address.unwrap_or_else(|| panic!("it has no board:\n{text}"));
    let mut stream = TcpStream::connect(address).expect("the board");
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("UTF-8");
    assert!(page.contains("mobile-backend/mobile-backend-for-frontend") && page.contains("v3.1.3"), "{page}");
}

/// Reads by git what is left, whatever the program printed.
fn the_repository_agrees(repository: &Path) {
    let environment = "%(trailers:key=Tidegate-Environment,valueonly,separator=%x2C)";
    let log = git(
        repository,
        &["log", "--reverse", "--author=tidegate", &format!("--format=%s {environment}"), "main"],
    );
    let expected = [
        "chore(graphql-server): update to v1.0.180 non-prod",
        "chore(graphql-server): update to v1.0.180 prod",
        "chore(payments-api): update to v2.4.1 non-prod",
        "chore(payments-api): update to v2.4.2 non-prod",
        "chore(payments-api): update to v2.4.2 prod",
        "chore(mobile-backend-for-frontend): update to v3.1.3 non-prod",
        "chore(mobile-backend-for-frontend): update to v3.1.3 prod",
    ];
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
    let numbers = git(repository, &["diff", "--numstat", "main~7", "main"]);
    let expected = "1\t1\tclusters/non-prod-digital-eks/common/graphql-server.yaml\n\
                    1\t1\tclusters/non-prod-digital-eks/common/payments-api.yaml\n\
                    1\t1\tclusters/non-prod-digital-eks/mobile-backend/mobile-backend-for-frontend.yaml\n\
                    1\t1\tclusters/prod-digital-eks/common/graphql-server.yaml\n\
                    1\t1\tclusters/prod-digital-eks/common/payments-api.yaml\n\
                    1\t1\tclusters/prod-digital-eks/mobile-backend/mobile-backend-for-frontend.yaml";
    assert_eq!(numbers, expected);
    let payments =
        git(repository, &["cat-file", "blob", "main:clusters/prod-digital-eks/common/payments-api.yaml"]);
    assert!(
        payments.contains("      tag: &version \"v2.4.2\"\t# una sola fuente para la versión\r\n"),
        "{payments}"
    );
    let graphql = git(repository, &["log", "-1", "--grep=update to v1.0.180", "--format=%B", "main"]);
    assert_in_order(
        &graphql,
        &["Features", "keep persisted queries (#412)", "Fixes", "close idle subscriptions (#418)"],
    );
    let by_hand = git(repository, &["log", "-1", "--format=%B", "main"]);
    assert_in_order(
        &by_hand,
        &["refresh expired sessions (#233)", "Tidegate-Requested-By: Camila Soto", "Tidegate-Override: soak"],
    );
    assert_eq!(git(repository, &["fsck", "--strict"]), "");
}

#[test]
fn an_interruption_leaves_nothing() {
    let place = Place::new();
    let mut child = place.demo(&["--soak", "600"]).stdout(Stdio::piped()).spawn().expect("the program");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("soaking") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).expect("UTF-8"), 0, "it ended by itself");
    }
    assert_eq!(place.left().len(), 1);
    kill_process(Pid::from_child(&child), Signal::INT).expect("the program is there");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("UTF-8");
    assert_eq!(child.wait().expect("an end").code(), Some(130), "{rest}");
    assert!(rest.contains("Stopped"), "{rest}");
    assert_eq!(place.left(), Vec::<PathBuf>::new());
}

#[test]
fn a_failure_keeps_the_folder_and_names_it() {
    let place = Place::new();
    let output = place.demo(&["--color", "never"]).env("PATH", "/nonexistent").output().expect("the program");
    let complaints = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{complaints}");
    assert!(complaints.contains("needs the program git"), "{complaints}");
    let left = place.left();
    let [kept] = left.as_slice() else { panic!("{left:?}") };
    assert!(complaints.contains(&*kept.to_string_lossy()), "{complaints}");
}

#[test]
fn there_is_no_json_form() {
    let place = Place::new();
    let output = place.demo(&["-o", "json"]).output().expect("the program");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"class\": \"usage\""));
    assert_eq!(place.left(), Vec::<PathBuf>::new());
}
