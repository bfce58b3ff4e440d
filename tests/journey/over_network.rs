//! The same over a network: what a person configures, and what they read when it does not work.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::forge;
use crate::support::git_http::{GitServer, Rules};
use crate::support::relay::{Fault, Relay};
use crate::support::sshd::Sshd;

use super::daemon::Daemon;
use super::world::{World, wait_until};

pub(super) fn over_ssh(sshd: &Sshd, port: u16, key: &Path, repository: &Path) -> String {
    format!(
        "{{url: \"{}\", auth: {{sshKey: {{file: {}, knownHosts: {}}}}}}}",
        Sshd::url_at(port, repository),
        key.display(),
        sshd.known_hosts_at(port, "host_ed25519").display()
    )
}

#[tokio::test]
async fn a_promotion_goes_over_ssh() {
    let sshd = Sshd::start();
    let world = World::new("0s").await;
    let git = over_ssh(&sshd, sshd.port(), &sshd.new_key("id", "ed25519", ""), &world.origin.path());
    let world = world.through(&git);
    let doctor = world.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);
    assert!(doctor.out.contains("a dry-run push succeeds"), "{}", doctor.out);
    for _ in 0..2 {
        let ran = world.run(&["sync"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    assert_eq!(world.running(), ("v1.0.1".to_owned(), "v1.0.1".to_owned()));
    assert_eq!((world.promotions("non-prod", "v1.0.1"), world.promotions("prod", "v1.0.1")), (1, 1));
}

#[tokio::test]
async fn an_unknown_host_stops_everything_with_what_to_do() {
    let sshd = Sshd::start();
    let world = World::new("0s").await;
    let git = over_ssh(&sshd, sshd.port(), &sshd.new_key("id", "ed25519", ""), &world.origin.path());
    fs::write(sshd.known_hosts_at(sshd.port(), "host_ed25519"), "").unwrap();
    let world = world.through(&git);
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("its host key is unknown; the server presents ED25519 SHA256:"), "{}", ran.err);
    assert!(ran.err.contains("add this line to "), "{}", ran.err);
}

#[tokio::test]
async fn a_daemon_outlives_a_server_that_breaks_off_and_doubles_nothing() {
    let sshd = Sshd::start();
    let relay = Relay::to(sshd.port());
    let world = World::new("0s").await;
    let git = over_ssh(&sshd, relay.port(), &sshd.new_key("id", "ed25519", ""), &world.origin.path());
    let world = world.through(&git).with("schedule: \"* * * * * *\"");
    // Somewhere in the middle of the handshake.
    relay.set(Fault::CutAfter(600));
    let mut daemon = Daemon::start(&world);
    wait_until("a failed pass", || daemon.says("pass failed"));
    relay.set(Fault::None);
    wait_until("the promotion to prod", || world.running().1 == "v1.0.1");
    assert_eq!((world.promotions("non-prod", "v1.0.1"), world.promotions("prod", "v1.0.1")), (1, 1));
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test]
async fn a_command_that_is_interrupted_at_a_mute_server_ends_and_leaves_no_program_behind() {
    let sshd = Sshd::start();
    let relay = Relay::to(sshd.port());
    let world = World::new("0s").await;
    let git = over_ssh(&sshd, relay.port(), &sshd.new_key("id", "ed25519", ""), &world.origin.path());
    let world = world.through(&git);
    relay.set(Fault::MuteAfter(600));
    let child = world.command(&["sync"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let has_ssh = || {
        let found = Command::new("pgrep").args(["-f", &relay.port().to_string()]).output().unwrap();
        String::from_utf8(found.stdout).unwrap().lines().count() > 0
    };
    wait_until("ssh", has_ssh);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("Tidegate is stopping"), "{said}");
    wait_until("the end of ssh", || !has_ssh());
}

#[tokio::test]
async fn a_promotion_goes_over_https_with_a_token_that_nothing_shows() {
    let world = World::new("0s").await;
    let login = Some("x-access-token:s3cret-t0ken".to_owned());
    let server = GitServer::start(&world.origin.beside(""), Rules { login, ..Rules::default() });
    let token = world.origin.beside("token");
    fs::write(&token, "s3cret-t0ken\n").unwrap();
    let git = format!(
        "{{url: \"{}\", auth: {{token: {{file: {}}}}}, caFile: {}}}",
        server.url("origin.git"),
        token.display(),
        GitServer::authority().display()
    );
    let world = world.through(&git);
    for command in ["doctor", "sync", "sync"] {
        let ran = world.run(&["-vv", command]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(!ran.err.contains("s3cret") && !ran.out.contains("s3cret"));
    }
    assert_eq!(world.running(), ("v1.0.1".to_owned(), "v1.0.1".to_owned()));
    fs::write(&token, "old-t0ken\n").unwrap();
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("it rejected the login") && !ran.err.contains("t0ken"), "{}", ran.err);
}

#[tokio::test]
async fn a_github_app_promotes_by_a_token_that_it_minted() {
    let world = World::new("0s").await;
    let api = wiremock::MockServer::start().await;
    let ends_at = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    forge::mints(&api, "ghs_minted", ends_at).await;
    let login = Some("x-access-token:ghs_minted".to_owned());
    let server = GitServer::start(&world.origin.beside(""), Rules { login, ..Rules::default() });
    let key = forge::app_key(&world.origin.beside(""));
    let app =
        format!("{{appId: 1, installationId: 2, privateKeyFile: {}, api: \"{}\"}}", key.display(), api.uri());
    let git = format!(
        "{{url: \"{}\", auth: {{githubApp: {app}}}, caFile: {}, message: {{suffix: \"[skip ci]\"}}}}",
        server.url("origin.git"),
        GitServer::authority().display()
    );
    let world = world.through(&git);
    let doctor = world.run(&["doctor"]);
    let expected =
        format!("with a token that is renewed before it expires at {}", ends_at.format("%F %T UTC"));
    assert!(doctor.code == 0 && doctor.out.contains(&expected), "{}{}", doctor.out, doctor.err);
    for _ in 0..2 {
        let ran = world.run(&["-vv", "sync"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(!ran.err.contains("ghs_minted"), "{}", ran.err);
    }
    assert_eq!(world.running(), ("v1.0.1".to_owned(), "v1.0.1".to_owned()));
    let subject = world.origin.git(&["log", "-1", "--format=%s", "main"]);
    assert_eq!(subject, "chore(graphql-server): update to v1.0.1 [skip ci]");
    let minted = api.received_requests().await.unwrap().len();
    assert_eq!(minted, 3, "one a command");
}
