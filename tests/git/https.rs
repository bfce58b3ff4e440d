//! Over https, against `git http-backend` behind TLS and basic authentication.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use secrecy::SecretString;
use tidegate::git::{GitError, Login, Mirror, PushAccess, Reach, RemoteError, Secret, Settings};
use tidegate::model::{Class, Fault, Publication};
use tidegate::port::{Publisher as _, Repository as _};

use super::ssh::works;
use super::{APP, commit, draft, noon, settings};
use crate::support::git::{Change, Origin};
use crate::support::git_http::{GitServer, Rules};
use crate::support::relay::{self, Relay};

/// A token in a file.
#[derive(Debug)]
struct InFile(PathBuf);

impl Secret for InFile {
    fn read(&self) -> Result<SecretString, Fault> {
        Ok(SecretString::from(fs::read_to_string(&self.0).unwrap()))
    }
}

fn origin() -> Origin {
    Origin::with_files(&[(APP, "tag: v1.0.0\n")])
}

fn rules(token: &str) -> Rules {
    Rules { login: Some(format!("x-access-token:{token}")), ..Rules::default() }
}

fn reach(origin: &Origin, token: &str) -> Reach {
    let file = origin.beside("token");
    fs::write(&file, token).unwrap();
    let login = Login::Token { username: "x-access-token".into(), token: Arc::new(InFile(file)) };
    Reach { login, ca_file: Some(GitServer::authority()), ..Reach::default() }
}

fn mirror(origin: &Origin, url: String, reach: Reach) -> Mirror {
    Mirror::open(Settings { url, reach, ..settings(origin, "mirror") }).unwrap()
}

fn served(token: &str) -> (Origin, GitServer, Mirror) {
    let origin = origin();
    let server = GitServer::start(&origin.beside(""), rules("s3cret"));
    let mirror = mirror(&origin, server.url("origin.git"), reach(&origin, token));
    (origin, server, mirror)
}

fn trouble(error: GitError) -> RemoteError {
    let GitError::Remote { source, .. } = error else { panic!("{error:?}") };
    *source
}

#[test]
fn a_token_opens_the_door_and_no_request_is_wasted() {
    let (origin, server, mirror) = served("s3cret");
    works(&origin, &mirror);
    assert!(server.take_requests().iter().all(|request| request.ends_with(" 200")));
    mirror.fetch().unwrap();
    // A branch that did not move: the advertisement, and the listing of references.
    assert_eq!(
        server.take_requests(),
        ["GET /origin.git/info/refs?service=git-upload-pack 200", "POST /origin.git/git-upload-pack 200"]
    );
    assert_eq!(mirror.check().unwrap().push, PushAccess::Likely);
}

#[test]
fn a_wrong_token_is_refused_and_a_rotated_one_is_read() {
    let (origin, server, mirror) = served("wrong");
    let fault = Fault::from(mirror.fetch().unwrap_err());
    assert_eq!(fault.class(), Class::Failed);
    assert!(fault.in_one_line().ends_with("it rejected the login"), "{}", fault.in_one_line());
    assert!(fault.hint().unwrap().contains("the token may have expired"));
    fs::write(origin.beside("token"), "s3cret").unwrap();
    works(&origin, &mirror);
    server.set(rules("n3xt"));
    mirror.fetch().unwrap_err();
    fs::write(origin.beside("token"), "n3xt").unwrap();
    works(&origin, &mirror);
}

#[test]
fn doctor_sees_that_a_token_may_only_read() {
    let (origin, server, mirror) = served("s3cret");
    server.set(Rules { is_read_only: true, ..rules("s3cret") });
    let access = mirror.check().unwrap();
    assert!(matches!(access.push, PushAccess::Denied { .. }), "{access:?}");
    let error = mirror.publish(access.head, &[draft("mine", APP, "mine")], noon()).unwrap_err();
    assert!(matches!(trouble(error), RemoteError::NotAllowed { .. }));
    assert_eq!(commit(&origin.at("main")), access.head);
}

#[test]
fn refusals_are_distinguished() {
    let (_origin, server, mirror) = served("s3cret");
    for (status, class, expected) in [
        (401, Class::Failed, "it rejected the login"),
        (403, Class::Failed, "permission denied"),
        (404, Class::Failed, "the repository does not exist"),
        (301, Class::Failed, "redirects are not followed"),
        (429, Class::TryAgain, "server error"),
        (503, Class::TryAgain, "server error"),
    ] {
        server.set(Rules { answer: Some(status), ..Rules::default() });
        let fault = Fault::from(mirror.fetch().unwrap_err());
        assert!(fault.in_one_line().contains(expected), "{status}: {}", fault.in_one_line());
        assert_eq!(fault.class(), class, "{status}");
    }
}

#[test]
fn a_certificate_of_an_untrusted_authority_is_refused() {
    let origin = origin();
    let server = GitServer::start(&origin.beside(""), rules("s3cret"));
    let reach = Reach { ca_file: None, ..reach(&origin, "s3cret") };
    let error = mirror(&origin, server.url("origin.git"), reach).fetch().unwrap_err();
    let hint = Fault::from(error).hint().unwrap().to_owned();
    assert!(hint.contains("git.caFile"), "{hint}");
    assert_eq!(server.take_requests(), Vec::<String>::new(), "the token went nowhere");
}

#[test]
fn the_lease_and_the_hooks_words_come_through() {
    let (origin, _server, mirror) = served("s3cret");
    let head = mirror.fetch().unwrap().head;
    let theirs = commit(&origin.commit("theirs", &[Change::File("readme.md", b"theirs")]));
    let publication = mirror.publish(head, &[draft("mine", APP, "mine")], noon()).unwrap();
    assert_eq!(publication, Publication::Moved { head: Some(theirs) });
    mirror.fetch().unwrap();
    origin.hook("pre-receive", "echo 'frozen until Monday' >&2; exit 1");
    let publication = mirror.publish(theirs, &[draft("mine", APP, "mine")], noon()).unwrap();
    let Publication::Declined { reason } = publication else { panic!("{publication:?}") };
    assert!(reason.ends_with("frozen until Monday"), "{reason}");
}

#[test]
fn a_shallow_repository_is_refused_since_soaks_need_history() {
    let origin = origin();
    origin.commit("second", &[Change::File(APP, b"tag: v2\n")]);
    let url = format!("file://{}", origin.url());
    crate::support::git::git(
        &origin.beside(""),
        &["clone", "--quiet", "--bare", "--depth=1", &url, "shallow.git"],
    );
    let server = GitServer::start(&origin.beside(""), rules("s3cret"));
    let mirror = mirror(&origin, server.url("shallow.git"), reach(&origin, "s3cret"));
    for _ in 0..2 {
        let error = mirror.fetch().unwrap_err();
        assert!(matches!(error, GitError::Shallow { .. }), "{error:?}");
        assert_eq!(mirror.head().unwrap(), None);
    }
}

#[test]
fn a_proxy_is_gone_through() {
    let origin = origin();
    let server = GitServer::start(&origin.beside(""), rules("s3cret"));
    let (port, tunnels) = proxy();
    let proxy = Some(format!("http://127.0.0.1:{port}"));
    let mirror = mirror(&origin, server.url("origin.git"), Reach { proxy, ..reach(&origin, "s3cret") });
    works(&origin, &mirror);
    assert!(tunnels.load(Ordering::Relaxed) >= 3);
}

/// A proxy that knows CONNECT, and how many tunnels it made.
fn proxy() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let tunnels = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&tunnels);
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let head = String::from_utf8(head).unwrap();
            let target = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
            let server = TcpStream::connect(target).unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
            {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    (port, tunnels)
}

#[test]
fn the_token_is_not_in_the_process_list() {
    let origin = origin();
    let server = GitServer::start(&origin.beside(""), rules("s3cret"));
    let relay = Relay::to(server.port());
    relay.set(relay::Fault::MuteAfter(10));
    let url = format!("https://127.0.0.1:{}/origin.git", relay.port());
    let reach = reach(&origin, "s3cret");
    let stop = reach.stop.clone();
    let mirror = mirror(&origin, url, reach);
    let error = thread::scope(|scope| {
        let fetching = scope.spawn(|| mirror.fetch().unwrap_err());
        let lines = lines_with(&format!(":{}/", relay.port()));
        let encoded =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "x-access-token:s3cret");
        for line in &lines {
            assert!(!line.contains("s3cret") && !line.contains(&encoded), "{line}");
        }
        stop.ask();
        fetching.join().unwrap()
    });
    let shown = format!("{error:?}");
    let shown = format!("{shown} {}", Fault::from(error).in_one_line());
    assert!(!shown.contains("s3cret"), "{shown}");
}

/// The command lines of this machine that name something, once there are some.
fn lines_with(name: &str) -> Vec<String> {
    loop {
        let files = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
        let lines = files.map(|line| String::from_utf8_lossy(&line).into_owned());
        let found: Vec<String> = lines.filter(|line| line.contains(name)).collect();
        // `git` and the `git-remote-https` below it.
        if found.len() >= 2 {
            return found;
        }
        thread::sleep(std::time::Duration::from_millis(10));
    }
}
