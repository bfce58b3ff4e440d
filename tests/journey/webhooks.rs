//! Webhooks: a look at one image, what it promotes, and who hears of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use super::daemon::Daemon;
use super::notifications::Receiver;
use super::over_network::over_ssh;
use super::world::{World, wait_until};
use crate::support::registry::{DockerRegistry, Setup};
use crate::support::relay::Relay;
use crate::support::sshd::Sshd;

/// What the configuration of every daemon here has as its webhooks' secret.
pub(super) const SECRET: &str = "a-secret-of-sixteen-or-more";

/// Configures a server on any free port, with webhooks of pipelines and registries, a schedule far away, and more.
pub(super) fn with_server(world: World, more: &str) -> World {
    let secret = world.origin.beside("webhook-secret");
    fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let secret = format!("{{secretFile: {}}}", secret.display());
    let webhooks = format!("{{generic: {secret}, distribution: {secret}}}");
    world.with(&format!(
        "schedule: \"0 0 29 2 *\"\nserver: {{listen: \"127.0.0.1:0\", webhooks: {webhooks}}}\n{more}"
    ))
}

/// Publishes a version, and says so to the daemon.
async fn release_and_call(world: &World, daemon: &Daemon, tag: &str) {
    world.release(tag).await;
    let body = format!("{{\"image\":\"{}/vtr/graphql-server:{tag}\"}}", world.registry.host());
    let answer = daemon.post("/webhooks/generic", SECRET, &body);
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}

#[tokio::test]
async fn a_webhook_promotes_a_new_version() {
    let world = with_server(World::new("24h").await, "");
    let mut daemon = Daemon::start(&world);
    wait_until("the first pass", || daemon.is_ready());
    assert_eq!(world.running().0, "v1.0.1");
    release_and_call(&world, &daemon, "v1.0.2").await;
    wait_until("the promotion", || world.running().0 == "v1.0.2");
    let accepted = "tidegate_webhooks_total{sender=\"generic\",result=\"accepted\"} 1";
    let pushed = "tidegate_pushes_total{result=\"pushed\"} 2";
    wait_until("the count", || daemon.get("/metrics").contains(pushed));
    let metrics = daemon.get("/metrics");
    assert!(metrics.contains(accepted), "{metrics}");
    assert!(!metrics.contains(SECRET) && !daemon.says(SECRET));
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_webhook_promoted_is_told_and_counted_before_the_next_scheduled_pass() {
    let receiver = Receiver::start().await;
    let world = World::new("24h").await;
    let channel = receiver.channel(&world, "");
    // A condition of another image, which a look at this one must not end.
    let unmatched = "services: {overrides: [{match: comon/api, versions: \"1.x\"}]}";
    let world = with_server(world, &format!("{channel}\n{unmatched}"));
    let mut daemon = Daemon::start(&world);
    receiver.wait_for("promoted happened non-prod v1.0.1").await;
    receiver.wait_for("namesUnmatched began").await;
    release_and_call(&world, &daemon, "v1.0.2").await;
    receiver.wait_for("promoted happened non-prod v1.0.2").await;
    let is_counted = || {
        let metrics = daemon.get("/metrics");
        let host = world.registry.host();
        let running = format!(
            "tidegate_running_info{{environment=\"non-prod\",service=\"common/graphql-server\",\
             image=\"{host}/vtr/graphql-server\",tag=\"v1.0.2\"}} 1"
        );
        [
            "tidegate_passes_total{scope=\"all\",result=\"succeeded\"} 1",
            "tidegate_passes_total{scope=\"images\",result=\"succeeded\"} 1",
            "tidegate_promotions_total{environment=\"non-prod\",by=\"tidegate\"} 2",
            "tidegate_lead_time_seconds_count{environment=\"non-prod\"} 1",
            &running,
        ]
        .iter()
        .all(|line| metrics.contains(line))
    };
    wait_until("the count", is_counted);
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
    let told = receiver.lines().await;
    assert!(!told.iter().any(|line| line.contains("ended")), "{told:?}");
}

/// From the registry's own notification to a commit that is pushed over ssh. docs/performance.md has how long it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registrys_own_notification_becomes_a_commit_over_ssh() {
    let relay = Relay::to_nowhere();
    let url = format!("http://127.0.0.1:{}/webhooks/distribution", relay.port());
    let setup = Setup { webhook: Some((&url, SECRET)), ..Setup::default() };
    let world = World::on(DockerRegistry::start_as(&setup), "24h").await;
    let sshd = Sshd::start();
    let key = sshd.new_key("id", "ed25519", "");
    let git = over_ssh(&sshd, sshd.port(), &key, &world.origin.path());
    let world = with_server(world.through(&git), "");
    let mut daemon = Daemon::start(&world);
    // Webhooks that come before the images are known cost a pass over everything.
    wait_until("the images", || daemon.get("/metrics").contains("tidegate_running_info{"));
    relay.redirect(daemon.address().port());
    world.release("v1.0.2").await;
    wait_until("the promotion", || world.running().0 == "v1.0.2");
    wait_until("the end of the pass", || {
        daemon
            .get("/metrics")
            .contains("tidegate_promotions_total{environment=\"non-prod\",by=\"tidegate\"} 2")
    });
    let metrics = daemon.get("/metrics");
    // No pass over everything found it.
    assert!(metrics.contains("tidegate_passes_total{scope=\"all\",result=\"succeeded\"} 1"), "{metrics}");
    assert!(!metrics.contains("tidegate_webhooks_total{sender=\"distribution\",result=\"accepted\"} 0"));
    for result in ["unauthorized", "malformed", "failed"] {
        let none = format!("tidegate_webhooks_total{{sender=\"distribution\",result=\"{result}\"}} 0");
        assert!(metrics.contains(&none), "{metrics}");
    }
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}
