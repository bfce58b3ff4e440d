//! Servers that break off, stop answering or slow down during a fetch or a push: the failure is reported and tried again,
//! and nothing is lost or doubled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate::git::{GitError, Limits, Login, Mirror, Reach, Settings};
use tidegate::model::{Class, CommitId, Fault, Publication};
use tidegate::port::{Publisher as _, Repository as _};

use super::ssh::Fixed;
use super::{APP, commit, draft, noon, settings};
use crate::support::git::{self, Change, Origin};
use crate::support::git_http::{GitServer, Rules};
use crate::support::inetd::Inetd;
use crate::support::relay::{self, Relay};
use crate::support::sshd::Sshd;

/// Long enough for a busy machine, where nothing is to run into them.
const LONG: Duration = Duration::from_mins(2);

/// Where connections break: in the greeting, the handshake, the listing, the pack, and the last answer.
const CUTS: [usize; 10] = [1, 50, 700, 1_500, 2_500, 3_500, 5_000, 8_000, 60_000, 200_000];

/// A server of one kind, and the relay before it.
struct Served {
    origin: Origin,
    relay: Relay,
    url: String,
    login: Login,
    _server: Box<dyn std::any::Any>,
}

impl Served {
    fn over_ssh() -> Self {
        let (origin, sshd) = (origin(), Sshd::start());
        let relay = Relay::to(sshd.port());
        let login = Login::SshKey {
            file: sshd.new_key("id", "ed25519", ""),
            passphrase: None,
            known_hosts: Some(sshd.known_hosts_at(relay.port(), "host_ed25519")),
        };
        let url = Sshd::url_at(relay.port(), &origin.path());
        Self { origin, relay, url, login, _server: Box::new(sshd) }
    }

    fn over_https() -> Self {
        let origin = origin();
        let server = GitServer::start(&origin.beside(""), Rules::default());
        let relay = Relay::to(server.port());
        let login = Login::Token { username: "bot".into(), token: Arc::new(Fixed("s3cret")) };
        let url = format!("https://127.0.0.1:{}/origin.git", relay.port());
        Self { origin, relay, url, login, _server: Box::new(server) }
    }

    fn over_git() -> Self {
        let origin = origin();
        let root = origin.beside("");
        let daemon = Inetd::start(move || {
            let mut command = git::command(&root);
            command
                .args(["daemon", "--inetd", "--export-all"])
                .arg(format!("--base-path={}", root.display()));
            command
        });
        let relay = Relay::to(daemon.port());
        let url = format!("git://127.0.0.1:{}/origin.git", relay.port());
        Self { origin, relay, url, login: Login::None, _server: Box::new(daemon) }
    }

    fn mirror(&self, name: &str, limits: Limits) -> Mirror {
        let ca_file = Some(GitServer::authority());
        let reach = Reach { login: self.login.clone(), ca_file, limits, ..Reach::default() };
        Mirror::open(Settings { url: self.url.clone(), reach, ..settings(&self.origin, name) }).unwrap()
    }
}

/// A repository whose pack does not fit into one packet.
fn origin() -> Origin {
    let origin = Origin::with_files(&[(APP, "tag: v1.0.0\n")]);
    let mut noise = Vec::new();
    let mut state = 1_u64;
    while noise.len() < 300_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        noise.extend_from_slice(&state.to_le_bytes()[4..]);
    }
    origin.commit("noise", &[Change::File("noise", &noise)]);
    origin
}

fn patient() -> Limits {
    Limits { question: LONG, silence: LONG, fetch: LONG, push: LONG }
}

fn short() -> Limits {
    let second = Duration::from_secs(1);
    Limits { question: 2 * second, silence: 2 * second, fetch: LONG, push: 2 * second }
}

/// Sees that an error is one that the next pass may mend.
fn is_passing(error: GitError, place: &str) {
    let fault = Fault::from(error);
    assert_eq!(fault.class(), Class::TryAgain, "{place}: {}", fault.in_one_line());
}

/// Fetches through a fault and again without it. Whether the fault was met.
fn fetches_in_the_end(served: &Served, name: &str, fault: relay::Fault, limits: Limits) -> bool {
    let mirror = served.mirror(name, limits);
    served.relay.set(fault);
    let first = mirror.fetch();
    served.relay.set(relay::Fault::None);
    let head = served.mirror(name, patient()).fetch().unwrap().head;
    assert_eq!(head, commit(&served.origin.at("main")));
    git::git(&served.origin.beside(name), &["fsck", "--strict", "refs/heads/fetched"]);
    let failed = first.is_err();
    match first {
        Ok(fetched) => assert_eq!(fetched.head, head),
        Err(error) => is_passing(error, name),
    }
    failed
}

/// Pushes through a fault, finds out what became of it as a pass does, and sees that it landed once. Whether the fault was
/// met.
fn lands_once(served: &Served, limits: Limits, id: &str, fault: relay::Fault) -> bool {
    let mirror = served.mirror("mirror", patient());
    let head = mirror.fetch().unwrap().head;
    let change = draft(id, APP, &format!("tag: {id}\n"));
    let tried = served.mirror("mirror", limits);
    served.relay.set(fault);
    let first = tried.publish(head, std::slice::from_ref(&change), noon());
    served.relay.set(relay::Fault::None);
    let failed = first.is_err();
    if let Err(error) = first {
        is_passing(error, id);
    }
    let tip = mirror.fetch().unwrap().head;
    if !landed(&mirror, tip, head, id) {
        let again = mirror.publish(tip, &[change], noon()).unwrap();
        assert!(matches!(again, Publication::Pushed(_)), "{id}: {again:?}");
    }
    let subjects = served.origin.git(&["log", "--format=%s", "main"]);
    assert_eq!(subjects.lines().filter(|subject| *subject == id).count(), 1, "{id}: {subjects}");
    failed
}

fn landed(mirror: &Mirror, tip: CommitId, base: CommitId, id: &str) -> bool {
    !mirror.find_in_messages(tip, Some(base), &[id.to_owned()]).unwrap().is_empty()
}

#[test]
fn a_fetch_that_breaks_off_anywhere_is_made_good() {
    for served in [Served::over_ssh(), Served::over_https(), Served::over_git()] {
        let failed = CUTS.iter().filter(|cut| {
            fetches_in_the_end(&served, &format!("mirror-{cut}"), relay::Fault::CutAfter(**cut), patient())
        });
        assert!(failed.count() >= 5, "{}", served.url);
    }
}

#[test]
fn a_push_that_breaks_off_anywhere_lands_once() {
    for served in [Served::over_ssh(), Served::over_https()] {
        let failed = CUTS.iter().filter(|cut| {
            lands_once(&served, patient(), &format!("cut-{cut}"), relay::Fault::CutAfter(**cut))
        });
        assert!(failed.count() >= 3, "{}", served.url);
    }
}

#[test]
fn a_silent_server_times_out_and_is_tried_again() {
    for served in [Served::over_ssh(), Served::over_https(), Served::over_git()] {
        let began = Instant::now();
        for quiet in [0, 100_000] {
            let name = format!("mirror-{quiet}");
            let failed = fetches_in_the_end(&served, &name, relay::Fault::MuteAfter(quiet), short());
            assert!(failed, "{} {quiet}", served.url);
        }
        if !matches!(served.login, Login::None) {
            assert!(lands_once(&served, short(), "quiet", relay::Fault::MuteAfter(1_000)), "{}", served.url);
        }
        assert!(began.elapsed() < LONG, "{}", served.url);
    }
}

#[test]
fn a_slow_server_is_waited_for() {
    for served in [Served::over_ssh(), Served::over_https(), Served::over_git()] {
        let origin_head = commit(&served.origin.at("main"));
        let limits = Limits { silence: Duration::from_secs(10), ..patient() };
        let mirror = served.mirror("mirror", limits);
        assert_eq!(mirror.fetch().unwrap().head, origin_head);
        served.relay.set(relay::Fault::Slow);
        let next = commit(&served.origin.commit("next", &[Change::File(APP, b"tag: v2\n")]));
        assert_eq!(mirror.fetch().unwrap().head, next);
        if !matches!(served.login, Login::None) {
            lands_once(&served, limits, "slow", relay::Fault::Slow);
        }
    }
}

#[test]
fn a_git_daemon_is_read_and_reported_as_read_only() {
    let served = Served::over_git();
    let mirror = served.mirror("mirror", patient());
    let head = mirror.fetch().unwrap().head;
    let fault = Fault::from(mirror.publish(head, &[draft("mine", APP, "mine")], noon()).unwrap_err());
    assert_eq!(fault.class(), Class::Failed);
    assert!(fault.in_one_line().contains("permission denied"), "{}", fault.in_one_line());
    assert_eq!(commit(&served.origin.at("main")), head);
}
