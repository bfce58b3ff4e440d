//! Over ssh, against Debian's openssh-server and git-shell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use secrecy::SecretString;
use tidegate::git::{GitError, Limits, Login, Mirror, PushAccess, Reach, RemoteError, Secret, Settings};
use tidegate::model::{Class, Fault, Publication};
use tidegate::port::{Publisher as _, Repository as _};

use super::{APP, commit, draft, noon, settings};
use crate::support::git::{Change, Origin};
use crate::support::sshd::{Sshd, fingerprint, make_key};

/// A passphrase or a token that a test chose.
#[derive(Debug)]
pub(super) struct Fixed(pub(super) &'static str);

impl Secret for Fixed {
    fn read(&self) -> Result<SecretString, Fault> {
        Ok(SecretString::from(self.0))
    }
}

fn origin() -> Origin {
    Origin::with_files(&[(APP, "tag: v1.0.0\n")])
}

fn key(file: PathBuf, known_hosts: PathBuf) -> Login {
    Login::SshKey { file, passphrase: None, known_hosts: Some(known_hosts) }
}

pub(super) fn mirror(origin: &Origin, url: String, login: Login, limits: Limits) -> Mirror {
    let reach = Reach { login, limits, ..Reach::default() };
    Mirror::open(Settings { url, reach, ..settings(origin, "mirror") }).unwrap()
}

fn over(sshd: &Sshd, origin: &Origin, login: Login) -> Mirror {
    mirror(origin, sshd.url(&origin.path()), login, Limits::default())
}

/// Fetches, pushes, and sees that both arrived.
pub(super) fn works(origin: &Origin, mirror: &Mirror) {
    let head = mirror.fetch().unwrap().head;
    assert_eq!(head, commit(&origin.at("main")));
    let text = format!("tag: {}\n", head.short());
    let publication = mirror.publish(head, &[draft("mine", APP, &text)], noon()).unwrap();
    assert_eq!(publication, Publication::Pushed(vec![commit(&origin.at("main"))]));
    assert_eq!(origin.file(APP), text);
    assert!(!mirror.fetch().unwrap().moved);
}

#[test]
fn every_kind_of_key_opens_the_door() {
    let sshd = Sshd::start();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let origin = origin();
        let login = key(sshd.new_key(kind, kind, ""), sshd.known_hosts());
        let mirror = over(&sshd, &origin, login);
        works(&origin, &mirror);
        assert_eq!(mirror.check().unwrap().push, PushAccess::Likely, "{kind}");
    }
}

#[test]
fn an_encrypted_key_is_opened_by_its_passphrase_and_by_no_other() {
    let sshd = Sshd::start();
    let origin = origin();
    let file = sshd.new_key("locked", "ed25519", "open sesame '$HOME");
    let with = |passphrase: Option<&'static str>| Login::SshKey {
        file: file.clone(),
        passphrase: passphrase.map(|text| Arc::new(Fixed(text)) as Arc<dyn Secret>),
        known_hosts: Some(sshd.known_hosts()),
    };
    works(&origin, &over(&sshd, &origin, with(Some("open sesame '$HOME"))));
    for (passphrase, expected) in [
        (Some("wrong"), "the passphrase is wrong"),
        (None, "it is encrypted; set git.auth.sshKey.passphrase"),
    ] {
        let fault = Fault::from(over(&sshd, &origin, with(passphrase)).fetch().unwrap_err());
        assert!(fault.in_one_line().ends_with(expected), "{}", fault.in_one_line());
        assert_eq!(fault.class(), Class::Failed);
    }
}

#[test]
fn an_unknown_host_is_refused_with_its_fingerprint_and_the_line_that_would_admit_it() {
    let sshd = Sshd::start();
    let origin = origin();
    let known_hosts = sshd.beside("nobody");
    fs::write(&known_hosts, "").unwrap();
    let mirror = over(&sshd, &origin, key(sshd.new_key("id", "ed25519", ""), known_hosts.clone()));
    let fault = Fault::from(mirror.fetch().unwrap_err());
    assert_eq!(fault.class(), Class::Refused);
    let print = fingerprint(&sshd.beside("host_ed25519.pub"));
    assert!(
        fault.in_one_line().ends_with(&format!("the server presents ED25519 {print}")),
        "{}",
        fault.in_one_line()
    );
    let (_, line) = fault.hint().unwrap().split_once(&format!("{}: ", known_hosts.display())).unwrap();
    fs::write(&known_hosts, format!("{line}\n")).unwrap();
    works(&origin, &mirror);
}

#[test]
fn a_changed_host_is_refused_with_both_places() {
    let sshd = Sshd::start();
    let origin = origin();
    make_key(&sshd.beside("host_other"), "ed25519", "");
    let known_hosts = sshd.known_hosts_at(sshd.port(), "host_other");
    let mirror = over(&sshd, &origin, key(sshd.new_key("id", "ed25519", ""), known_hosts.clone()));
    let error = mirror.fetch().unwrap_err();
    let print = fingerprint(&sshd.beside("host_ed25519.pub"));
    let GitError::Remote { ref source, .. } = error else { panic!("{error:?}") };
    let known_at = Some(format!("{}:1", known_hosts.display()));
    assert_eq!(**source, RemoteError::ChangedHost { fingerprint: Some(print), known_at });
    assert_eq!(error.class(), Class::Refused);
}

#[test]
fn hashed_names_and_authorities_are_known_and_revoked_keys_are_not() {
    let sshd = Sshd::start();
    let origin = origin();
    let id = sshd.new_key("id", "ed25519", "");
    let keygen = |arguments: &[&str]| {
        let made = Command::new("ssh-keygen").args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    let hashed = sshd.known_hosts();
    keygen(&["-q", "-H", "-f", hashed.to_str().unwrap()]);
    assert!(fs::read_to_string(&hashed).unwrap().starts_with("|1|"));
    works(&origin, &over(&sshd, &origin, key(id.clone(), hashed)));

    let host_key = fs::read_to_string(sshd.beside("host_ed25519.pub")).unwrap();
    let revoked = sshd.beside("revoked");
    fs::write(&revoked, format!("@revoked * {host_key}{}", fs::read_to_string(sshd.known_hosts()).unwrap()))
        .unwrap();
    let error = over(&sshd, &origin, key(id.clone(), revoked)).fetch().unwrap_err();
    assert!(
        matches!(error, GitError::Remote { ref source, .. } if **source == RemoteError::RevokedHost),
        "{error:?}"
    );

    make_key(&sshd.beside("authority"), "ed25519", "");
    let (authority, signed) = (sshd.beside("authority"), sshd.beside("host_ed25519.pub"));
    keygen(&[
        "-q",
        "-s",
        authority.to_str().unwrap(),
        "-I",
        "host",
        "-h",
        "-n",
        "127.0.0.1",
        signed.to_str().unwrap(),
    ]);
    let certificate = format!("HostCertificate {}", sshd.beside("host_ed25519-cert.pub").display());
    sshd.configure(&["host_ed25519"], &certificate);
    let trusted = sshd.beside("trusted");
    let public = fs::read_to_string(authority.with_extension("pub")).unwrap();
    fs::write(&trusted, format!("@cert-authority [127.0.0.1]:{} {public}", sshd.port())).unwrap();
    works(&origin, &over(&sshd, &origin, key(id, trusted)));
}

#[test]
fn a_rejected_key_is_reported_with_its_fingerprint() {
    let sshd = Sshd::start();
    let origin = origin();
    let stranger = sshd.beside("stranger");
    make_key(&stranger, "ed25519", "");
    let fault =
        Fault::from(over(&sshd, &origin, key(stranger.clone(), sshd.known_hosts())).fetch().unwrap_err());
    let print = fingerprint(&stranger.with_extension("pub"));
    assert!(fault.in_one_line().ends_with(&format!("with key {print}")), "{}", fault.in_one_line());
}

#[test]
fn an_unusable_key_file_is_reported_as_such() {
    use std::os::unix::fs::PermissionsExt;
    let sshd = Sshd::start();
    let origin = origin();
    let message = |file: &Path| {
        let mirror = over(&sshd, &origin, key(file.to_owned(), sshd.known_hosts()));
        Fault::from(mirror.fetch().unwrap_err()).in_one_line()
    };
    assert!(message(&sshd.beside("missing")).ends_with("the file cannot be read"));
    let open = sshd.new_key("open", "ed25519", "");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(message(&open).ends_with("other users can read it, so ssh refuses it"));
    let garbage = sshd.beside("garbage");
    fs::write(&garbage, "no key\n").unwrap();
    fs::set_permissions(&garbage, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(message(&garbage).ends_with("it contains no private key that ssh can read"));
}

#[test]
fn an_agents_key_opens_the_door_and_a_dead_agents_does_not() {
    let sshd = Sshd::start();
    let origin = origin();
    let id = sshd.new_key("id", "ed25519", "");
    let socket = sshd.beside("agent");
    let mut agent =
        Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let added = Command::new("ssh-add").arg("-q").arg(&id).env("SSH_AUTH_SOCK", &socket).status().unwrap();
    assert!(added.success());
    let login = Login::SshAgent { socket, known_hosts: Some(sshd.known_hosts()) };
    let mirror = over(&sshd, &origin, login);
    works(&origin, &mirror);
    agent.kill().unwrap();
    agent.wait().unwrap();
    let error = mirror.fetch().unwrap_err();
    assert!(
        matches!(error, GitError::Remote { ref source, .. } if matches!(**source, RemoteError::LoginRefused { .. }))
    );
}

#[test]
fn a_missing_repository_and_a_missing_server_are_distinguished() {
    let sshd = Sshd::start();
    let origin = origin();
    let login = || key(sshd.new_key("id", "ed25519", ""), sshd.known_hosts());
    let login = login();
    let nowhere = mirror(&origin, sshd.url(&origin.beside("nowhere.git")), login.clone(), Limits::default());
    let error = nowhere.fetch().unwrap_err();
    assert!(
        matches!(error, GitError::Remote { ref source, .. } if **source == RemoteError::NotFound),
        "{error:?}"
    );
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let fault = Fault::from(
        mirror(&origin, Sshd::url_at(port, &origin.path()), login, Limits::default()).fetch().unwrap_err(),
    );
    assert_eq!(fault.class(), Class::TryAgain);
    assert!(fault.in_one_line().contains("Connection refused"), "{}", fault.in_one_line());
}

#[test]
fn the_lease_and_the_hooks_words_come_through() {
    let sshd = Sshd::start();
    let origin = origin();
    let mirror = over(&sshd, &origin, key(sshd.new_key("id", "ed25519", ""), sshd.known_hosts()));
    let head = mirror.fetch().unwrap().head;
    let theirs = commit(&origin.commit("theirs", &[Change::File("readme.md", b"theirs")]));
    let publication = mirror.publish(head, &[draft("mine", APP, "mine")], noon()).unwrap();
    assert_eq!(publication, Publication::Moved { head: Some(theirs) });
    mirror.fetch().unwrap();
    origin.hook("pre-receive", "echo 'frozen until Monday' >&2; exit 1");
    let publication = mirror.publish(theirs, &[draft("mine", APP, "mine")], noon()).unwrap();
    let Publication::Declined { reason } = publication else { panic!("{publication:?}") };
    assert!(reason.ends_with("frozen until Monday"), "{reason}");
    assert_eq!(mirror.check().unwrap().head, theirs, "a rehearsal runs no hook and changes nothing");
    assert_eq!(commit(&origin.at("main")), theirs);
}

#[test]
fn doctor_sees_that_a_key_may_only_read() {
    let sshd = Sshd::start();
    let origin = origin();
    let id = sshd.new_key("id", "ed25519", "");
    // What a deploy key without write access comes to: the server answers `git-receive-pack` with a refusal.
    let only_read = "case \"$SSH_ORIGINAL_COMMAND\" in git-receive-pack*) echo 'ERROR: The key you are authenticating \
                     with has been marked as read only.' >&2; exit 1;; *) exec git-shell -c \"$SSH_ORIGINAL_COMMAND\";; esac";
    let script = sshd.beside("read-only");
    fs::write(&script, format!("#!/bin/sh\n{only_read}\n")).unwrap();
    let config = fs::read_to_string(sshd.beside("sshd_config")).unwrap();
    let forced = format!("ForceCommand /bin/sh {}\n{config}", script.display());
    fs::write(sshd.beside("sshd_config"), forced).unwrap();
    let mirror = over(&sshd, &origin, key(id, sshd.known_hosts()));
    let access = mirror.check().unwrap();
    let PushAccess::Denied { reason, .. } = access.push else { panic!("it may not push") };
    assert!(reason.contains("marked as read only"), "{reason}");
}

#[test]
fn a_wish_to_stop_ends_a_connection_at_once() {
    let origin = origin();
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let sshd = Sshd::start();
    let login = key(sshd.new_key("id", "ed25519", ""), sshd.known_hosts());
    let reach = Reach { login, ..Reach::default() };
    let stop = reach.stop.clone();
    let url = Sshd::url_at(mute.local_addr().unwrap().port(), &origin.path());
    let mirror = Mirror::open(Settings { url, reach, ..settings(&origin, "mirror") }).unwrap();
    let began = Instant::now();
    let error = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| mirror.fetch().unwrap_err());
        // The connection is there, so the program runs.
        let _held = mute.accept().unwrap();
        stop.ask();
        fetching.join().unwrap()
    });
    assert!(began.elapsed().as_secs() < 15);
    assert_eq!(Fault::from(error).in_one_line().split(": ").last(), Some("Tidegate is stopping"));
}
