//! The metrics of the daemon: their names, their documents, and what they count.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::daemon::Daemon;
use super::notifications::Receiver;
use super::webhooks::with_server;
use super::world::{PROD, World, release, wait_until};
use crate::deploy::monitoring::{documented, promtool};

/// Metrics that have a series only when there is something to count.
const CONDITIONAL: [&str; 5] = [
    "tidegate_credential_expiry_timestamp_seconds",
    "tidegate_github_rate_limit",
    "tidegate_github_rate_limit_remaining",
    "tidegate_notification_oldest_timestamp_seconds",
    "tidegate_registry_retries_total",
];

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_metric_exists() {
    let receiver = Receiver::start().await;
    let world = World::new("24h").await;
    let channel = receiver.channel(&world, "");
    let world = with_server(world, &channel);
    let daemon = Daemon::start(&world);
    // What came with a pass is counted behind it.
    wait_until("the first pass", || daemon.is_ready() && daemon.get("/metrics").contains("lead_time"));
    let scraped = daemon.get("/metrics");
    let families = scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let mut exists: Vec<&str> = families.collect();
    exists.sort_unstable();
    let body = scraped.split_once("\r\n\r\n").unwrap().1;
    promtool(&["check", "metrics"], body);
    let documented = documented();
    for name in &exists {
        assert!(documented.iter().any(|one| one == name), "docs/metrics.md has no line for {name}");
    }
    for name in documented.iter().filter(|name| !exists.contains(&name.as_str())) {
        assert!(CONDITIONAL.contains(&name.as_str()), "docs/metrics.md has {name}, which does not exist");
    }
}

/// Promotions and rollbacks are counted from the branch, whoever made them.
#[tokio::test]
async fn the_four_figures_are_counted_from_the_branch() {
    let world = World::new("0s").await;
    let world = with_server(world, "");
    let config = fs::read_to_string(world.config()).unwrap().replace("0 0 29 2 *", "* * * * * *");
    fs::write(world.config(), config).unwrap();
    let mut daemon = Daemon::start(&world);
    let has = |line: &str| daemon.get("/metrics").contains(line);
    wait_until("the promotions", || {
        has("tidegate_promotions_total{environment=\"prod\",by=\"tidegate\"} 1")
            && has("tidegate_promotions_total{environment=\"non-prod\",by=\"tidegate\"} 1")
    });
    // Nobody knows how long the tag had been there when it was first seen.
    assert!(has("tidegate_lead_time_seconds_count{environment=\"non-prod\"} 0"));
    assert!(has("tidegate_soak_seconds_count{environment=\"prod\"} 1"));
    assert!(has("tidegate_soak_seconds_count{environment=\"non-prod\"} 0"));
    world.person("Revert to v1.0.0", PROD, &release(&world.registry.host(), "v1.0.0"));
    wait_until("the rollback", || has("tidegate_rollbacks_total{environment=\"prod\",by=\"person\"} 1"));
    assert!(has("tidegate_time_to_restore_seconds_count{environment=\"prod\"} 1"));
    assert!(has("tidegate_promotions_total{environment=\"prod\",by=\"person\"} 0"));
    world.release("v1.0.2").await;
    wait_until("the next promotion", || has("tidegate_lead_time_seconds_count{environment=\"prod\"} 1"));
    assert!(has("tidegate_lead_time_seconds_count{environment=\"non-prod\"} 1"));
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

/// What systemd hears, on a socket such as its own.
#[tokio::test]
async fn systemd_hears_of_the_start_each_pass_and_the_end() {
    let world = World::new("24h").await.with("schedule: \"* * * * * *\"");
    let path = world.origin.beside("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let next = || {
        let mut message = [0; 4_096];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    let mut daemon = Daemon::start_with(&world, |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000000");
    });
    assert_eq!(next(), "READY=1\nSTATUS=the first pass is under way");
    let (mut is_watched, mut has_passed) = (false, false);
    while !(is_watched && has_passed) {
        let message = next();
        is_watched |= message == "WATCHDOG=1";
        has_passed |= message.starts_with("STATUS=last pass at ")
            && message.ends_with(" UTC: 2 images of services, 1 promoted, 0 problems");
    }
    // A pass that fails is no reason to restart.
    let (here, away) = (world.origin.path(), world.origin.beside("away.git"));
    fs::rename(&here, &away).unwrap();
    while !next().starts_with("STATUS=the last pass failed: ") {}
    while next() != "WATCHDOG=1" {}
    daemon.signal("TERM");
    while next() != "STOPPING=1" {}
    assert_eq!(daemon.end(), 0);
}
