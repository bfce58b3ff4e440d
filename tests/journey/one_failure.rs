//! One failure stays one: a silent registry and a declined path hold up nothing else, least of all people.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use super::daemon::Daemon;
use super::world::{Ran, World, wait_until};

const QUIET: &str = "clusters/non-prod-digital-eks/quiet.yaml";

/// No request to a registry gives up before this.
const TIMEOUTS_OF_REGISTRIES: Duration = Duration::from_secs(20);

/// A release of another service, from a registry that accepts connections and never answers.
fn silent_release(listener: &TcpListener) -> String {
    let host = listener.local_addr().unwrap();
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: quiet\n  namespace: common\n\
         spec:\n  values:\n    image:\n      repository: {host}/vtr/quiet\n      tag: v1.0.0\n"
    )
}

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = what();
    (result, began.elapsed())
}

/// How many connections a registry got, of which it answers none.
fn connections(listener: &TcpListener) -> usize {
    listener.set_nonblocking(true).unwrap();
    std::iter::from_fn(|| listener.accept().ok()).count()
}

#[tokio::test]
async fn a_silent_registry_holds_up_nothing_else() {
    let world = World::new("24h").await.with("schedule: \"* * * * * *\"");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    world.person("quiet", QUIET, &silent_release(&listener));
    let mut daemon = Daemon::start(&world);
    wait_until("the promotion of the other service", || world.running().0 == "v1.0.1");
    let host = listener.local_addr().unwrap();
    wait_until("the report of the silent registry", || daemon.says(&format!("{host} has not answered yet")));
    // The registry never answers: whoever waited for it would be ended by its timeouts, far beyond these.
    let (status, took) = timed(|| world.run(&["status"]));
    assert!(status.out.contains("quiet"), "{}", status.out);
    assert!(took < TIMEOUTS_OF_REGISTRIES, "{took:?}");
    let (code, took) = timed(|| {
        daemon.signal("TERM");
        daemon.end()
    });
    assert!(code == 0 && took < TIMEOUTS_OF_REGISTRIES, "stopping took {took:?}");
    let log = fs::read_to_string(&daemon.log).unwrap();
    assert_eq!(log.matches("has not answered yet").count(), 1, "{log}");

    // What people order does not ask it at all, but a rollback of its own image.
    connections(&listener);
    for command in [
        &["hold", "common/quiet", "--reason", "incident", "--yes"][..],
        &["release", "common/quiet", "--yes"],
        &["rollback", "common/graphql-server", "--env", "non-prod", "--reason", "broken", "--yes"],
        &["history"],
    ] {
        let ran = world.run(command);
        assert_eq!(ran.code, 0, "{command:?}: {}", ran.err);
        assert_eq!(connections(&listener), 0, "{command:?}");
    }
    assert_eq!(world.running().0, "v1.0.0");
}

/// Passes every connection on to a local port, those that wait for it too.
fn answer(listener: TcpListener, port: u16) {
    listener.set_nonblocking(false).unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) =
                (client.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
            let (mut back_from, mut back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut client, &mut server));
            thread::spawn(move || io::copy(&mut back_from, &mut back_to));
        }
    });
}

#[tokio::test]
async fn sync_pushes_healthy_images_before_it_waits_for_a_silent_registry() {
    let world = World::new("24h").await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    world.person("quiet", QUIET, &silent_release(&listener).replace("vtr/quiet", "vtr/graphql-server"));
    let config = fs::read_to_string(world.config()).unwrap();
    let both = format!("plainHttp: true}}, {{host: \"{host}\", plainHttp: true}}]");
    fs::write(world.config(), config.replace("plainHttp: true}]", &both)).unwrap();
    let mut sync = world.command(&["sync"]).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    wait_until("the promotion of the healthy one", || world.running().0 == "v1.0.1");
    assert!(sync.try_wait().unwrap().is_none(), "it waits for the silent one");
    answer(listener, world.registry.port());
    let ran = Ran::of(sync.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains(&format!("waiting up to 20 s for {host}")), "{}", ran.err);
    assert!(ran.out.contains("common/graphql-server") && ran.out.contains("common/quiet"), "{}", ran.out);
    assert!(world.origin.file(QUIET).contains("v1.0.1"));
}

#[tokio::test]
async fn a_path_that_the_server_declines_holds_up_no_other() {
    let world = World::new("0s").await;
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.running(), ("v1.0.1".into(), "v1.0.0".into()));
    let hook = "while read old new name; do\n\
                git diff --name-only $old $new | grep -q clusters/prod && { echo 'prod is protected' >&2; exit 1; }\n\
                done; exit 0";
    world.origin.hook("pre-receive", hook);
    let other = world.run(&["sync"]);
    assert_eq!(other.code, 1, "{}", other.err);
    let expected = "common/graphql-server in prod: the server declined the push: pre-receive hook declined: prod is protected";
    assert!(other.out.contains(expected), "{}", other.out);
    let service =
        super::world::release(&world.registry.host(), "v1.0.0").replace("name: graphql-server", "name: web");
    world.person("web", "clusters/non-prod-digital-eks/web.yaml", &service);
    let both = world.run(&["sync"]);
    assert_eq!(both.code, 1, "{}", both.err);
    assert!(both.out.contains(expected), "{}", both.out);
    assert!(world.origin.file("clusters/non-prod-digital-eks/web.yaml").contains("v1.0.1"), "{}", both.out);
    assert_eq!(world.running().1, "v1.0.0");
    fs::remove_file(world.origin.path().join("hooks/pre-receive")).unwrap();
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.running().1, "v1.0.1");
}
