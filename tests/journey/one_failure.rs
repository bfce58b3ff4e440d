//! One failure stays one: a silent registry and a declined path hold up nothing else, least of all people.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::world::{World, wait_until};

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

#[tokio::test]
async fn a_silent_registry_holds_up_nothing_else() {
    let world = World::new("24h").await.with("schedule: \"* * * * * *\"");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    world.person("quiet", "clusters/non-prod-digital-eks/quiet.yaml", &silent_release(&listener));
    let mut daemon = Daemon::start(&world);
    wait_until("the promotion of the other service", || world.running().0 == "v1.0.1");
    let host = listener.local_addr().unwrap();
    wait_until("the report of the silent registry", || daemon.says(&format!("{host} has not answered yet")));
    let hold = ["hold", "common/quiet", "--reason", "incident", "--yes"];
    let (ran, took) = timed(|| world.run(&hold));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(took < Duration::from_secs(5), "a hold took {took:?}");
    let (status, took) = timed(|| world.run(&["status"]));
    assert!(status.out.contains("quiet") && took < Duration::from_secs(6), "{took:?} {}", status.out);
    let (released, took) = timed(|| world.run(&["release", "common/quiet", "--yes"]));
    assert_eq!(released.code, 0, "{}", released.err);
    assert!(took < Duration::from_secs(5), "a release took {took:?}");
    let back = ["rollback", "common/graphql-server", "--env", "non-prod", "--reason", "broken", "--yes"];
    let (rolled_back, took) = timed(|| world.run(&back));
    assert_eq!(rolled_back.code, 0, "{}", rolled_back.err);
    assert!(took < Duration::from_secs(6), "a rollback took {took:?}");
    assert_eq!(world.running().0, "v1.0.0");
    let (code, took) = timed(|| {
        daemon.signal("TERM");
        daemon.end()
    });
    assert!(code == 0 && took < Duration::from_secs(5), "stopping took {took:?}");
    let log = fs::read_to_string(&daemon.log).unwrap();
    assert_eq!(log.matches("has not answered yet").count(), 1, "{log}");
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
