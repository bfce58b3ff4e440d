//! What the daemon tells: each promotion and rollback once, what lasts when it begins and ends, Flux after a push; and
//! nothing is lost when it is killed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::time::Duration;

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::deployments::DeploymentServer;
use crate::support::github_api::TOKEN;

use super::daemon::Daemon;
use super::world::{PROD, World, release, wait_until};

/// A receiver of webhooks, and the lines of a configuration with a channel to it.
pub(super) struct Receiver {
    server: MockServer,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        Self { server }
    }

    /// Writes the secrets beside the world's repository, and returns the channel.
    pub(super) fn channel(&self, world: &World, more: &str) -> String {
        let (url, secret) = (world.origin.beside("url"), world.origin.beside("secret"));
        fs::write(&url, self.server.uri()).unwrap();
        fs::write(&secret, "0123456789abcdef").unwrap();
        format!(
            "notifications: [{{name: all, webhook: {{urlFile: {}, secretFile: {}}}{more}}}]",
            url.display(),
            secret.display()
        )
    }

    /// Each notification received, as kind, phase, environment and tag.
    pub(super) async fn lines(&self) -> Vec<String> {
        let events = self.events().await;
        let field = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let shown = |event: &Value| {
            let fields = ["kind", "phase", "environment", "to"].map(|name| field(event, name));
            fields.join(" ").trim().to_owned()
        };
        events.iter().map(shown).collect()
    }

    async fn events(&self) -> Vec<Value> {
        let requests = self.server.received_requests().await.unwrap();
        let body = |request: &wiremock::Request| serde_json::from_slice::<Value>(&request.body).unwrap();
        requests.iter().flat_map(|request| body(request)["events"].as_array().unwrap().clone()).collect()
    }

    pub(super) async fn wait_for(&self, line: &str) {
        for _ in 0..1_200 {
            if self.lines().await.iter().any(|one| one == line) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("`{line}` was not sent, but {:?}", self.lines().await);
    }
}

const EACH_SECOND: &str = "schedule: \"* * * * * *\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_move_is_notified_once_across_restarts() {
    let receiver = Receiver::start().await;
    let world = World::new("1s").await;
    let channel = receiver.channel(&world, "");
    let world = world.with(&format!("{EACH_SECOND}\n{channel}"));
    // What was there before is no news.
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut daemon = Daemon::start(&world);
    receiver.wait_for("promoted happened prod v1.0.1").await;
    let first = receiver.events().await.into_iter().find(|event| event["kind"] == "promoted").unwrap();
    assert_eq!(
        (&first["service"], &first["from"], &first["by"]),
        (&"common/graphql-server".into(), &"v1.0.0".into(), &"schedule".into()),
        "{first}"
    );
    assert!(first["notes"].as_str().unwrap().starts_with("prod: v1.0.0 -> v1.0.1"), "{first}");
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
    // A person goes back while nobody looks.
    let host = world.registry.host();
    world.person("Revert to v1.0.0", PROD, &release(&host, "v1.0.0"));
    let mut daemon = Daemon::start(&world);
    receiver.wait_for("rolledBack happened prod v1.0.0").await;
    world.release("v1.0.2").await;
    receiver.wait_for("promoted happened prod v1.0.2").await;
    let moves: Vec<String> =
        receiver.lines().await.into_iter().filter(|line| line.contains("happened")).collect();
    assert_eq!(
        moves,
        [
            "promoted happened prod v1.0.1",
            "rolledBack happened prod v1.0.0",
            "promoted happened non-prod v1.0.2",
            "promoted happened prod v1.0.2",
        ]
    );
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lasting_condition_is_notified_at_its_begin_and_its_end() {
    let receiver = Receiver::start().await;
    let world = World::new("24h").await;
    let channel = receiver.channel(&world, ", blockedAfter: 2s");
    let world = world.with(&format!(
        "{EACH_SECOND}\n{channel}\nservices: {{overrides: [{{match: comon/api, versions: \"1.x\"}}]}}"
    ));
    let mut daemon = Daemon::start(&world);
    receiver.wait_for("blocked began prod v1.0.1").await;
    receiver.wait_for("namesUnmatched began").await;
    // Another image under the tag that soaks is refused, until a person takes the newer version out.
    world.release_again("v1.0.1").await;
    receiver.wait_for("refused began prod v1.0.1").await;
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
    let before = receiver.lines().await;
    let mut daemon = Daemon::start(&world);
    // The repository goes away for a while.
    let (here, away) = (world.origin.path(), world.origin.beside("away.git"));
    wait_until("a pass", || daemon.says("started"));
    fs::rename(&here, &away).unwrap();
    receiver.wait_for("passesFailing began").await;
    fs::rename(&away, &here).unwrap();
    receiver.wait_for("passesFailing ended").await;
    let after = receiver.lines().await;
    for line in &before {
        let count = |list: &[String]| list.iter().filter(|one| *one == line).count();
        assert_eq!(count(&after), count(&before), "{line} was sent again: {after:?}");
    }
    world.person("Take it out", PROD, &release(&world.registry.host(), "v1.0.1"));
    receiver.wait_for("refused ended prod v1.0.1").await;
    receiver.wait_for("blocked ended prod v1.0.1").await;
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_daemon_takes_over_when_the_one_that_sends_ends() {
    let receiver = Receiver::start().await;
    let world = World::new("24h").await;
    let channel = receiver.channel(&world, ", events: [promoted]");
    let world = world.with(&format!("{EACH_SECOND}\n{channel}"));
    let mut sender = Daemon::start(&world);
    receiver.wait_for("promoted happened non-prod v1.0.1").await;
    let mut second = Daemon::start_logging(&world, "second-log");
    wait_until("the warning", || second.says("only that one sends notifications"));
    world.release("v1.0.2").await;
    receiver.wait_for("promoted happened non-prod v1.0.2").await;
    sender.signal("KILL");
    sender.end();
    world.release("v1.0.3").await;
    receiver.wait_for("promoted happened non-prod v1.0.3").await;
    wait_until("the takeover", || second.says("sending notifications from now on"));
    second.signal("TERM");
    assert_eq!(second.end(), 0);
    let times = |tag: &str, told: &[String]| told.iter().filter(|line| line.ends_with(tag)).count();
    let told = receiver.lines().await;
    // A message that was taken and not yet settled when its sender was killed comes again.
    let [first, killed, last] = ["v1.0.1", "v1.0.2", "v1.0.3"].map(|tag| times(tag, &told));
    assert!(first == 1 && (1..=2).contains(&killed) && last == 1, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_comes_by_its_schedule_with_what_was_promoted() {
    let receiver = Receiver::start().await;
    let world = World::new("0s").await;
    let channel =
        receiver.channel(&world, ", events: [passesFailing], report: {schedule: \"* * * * * *\", since: 7d}");
    // No pass but those of the report and of the end of the soak.
    let world = world.with(&format!("schedule: \"0 0 29 2 *\"\n{channel}"));
    let mut daemon = Daemon::start(&world);
    wait_until("the promotion", || world.running().1 == "v1.0.1");
    let line = "common/graphql-server v1.0.0 → v1.0.1 in prod";
    let mut reports = Vec::new();
    for _ in 0..600 {
        reports = receiver.events().await;
        if reports.iter().any(|report| report["notes"].as_str().unwrap().contains(line)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
    let last = reports.last().unwrap();
    assert_eq!((&last["kind"], &last["phase"]), (&"report".into(), &"happened".into()));
    let notes = last["notes"].as_str().unwrap();
    // The last environment alone: what it runs came through the others.
    assert!(notes.starts_with(line) && !notes.contains("in non-prod"), "{notes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_reaches_channels_and_sends_them_nothing() {
    let receiver = Receiver::start().await;
    let world = World::new("24h").await;
    let channel = receiver.channel(&world, "");
    let world = world.with(&channel);
    let address = receiver.server.address();
    let doctor = world.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);
    assert!(
        doctor.out.contains(&format!("ok    notifications all (webhook): {address} answers\n")),
        "{}",
        doctor.out
    );
    let requests = receiver.server.received_requests().await.unwrap();
    let seen: Vec<_> =
        requests.iter().map(|one| (one.method.as_str(), one.url.path(), one.body.len())).collect();
    assert_eq!(seen, [("HEAD", "/", 0)]);
    fs::write(world.origin.beside("url"), "http://127.0.0.1:1/services/verysecret").unwrap();
    let doctor = world.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{}{}", doctor.out, doctor.err);
    let failed = "FAIL  notifications all (webhook): cannot reach 127.0.0.1:1: ";
    assert!(doctor.out.contains(failed), "{}", doctor.out);
    assert!(!doctor.out.contains("verysecret"), "{}", doctor.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn github_shows_each_promotion_on_its_commit() {
    let github = DeploymentServer::start().await;
    let world = World::new("24h").await;
    let token = world.origin.beside("github-token");
    fs::write(&token, TOKEN).unwrap();
    let world = world.with(&format!(
        "{EACH_SECOND}\nnotifications: [{{name: hub, github: {{repository: vtr/gitops, api: \"{}\", token: {{file: {}}}}}}}]",
        github.url(),
        token.display()
    ));
    let mut daemon = Daemon::start(&world);
    wait_until("the first pass", || world.running().0 == "v1.0.1");
    world.release("v1.0.2").await;
    wait_until("the second promotion", || world.running().0 == "v1.0.2");
    let head = world.origin.git(&["rev-parse", "main"]);
    wait_until("the deployment", || {
        github
            .deployments()
            .iter()
            .any(|(deployment, states)| deployment["sha"] == head.as_str() && !states.is_empty())
    });
    let status = github.statuses().into_iter().find(|status| status["sha"] == head.as_str()).unwrap();
    assert_eq!(status["context"], "tidegate/non-prod/common/graphql-server");
    assert_eq!(status["description"], "common/graphql-server is now v1.0.2 in non-prod");
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_loses_no_promotion() {
    let receiver = Receiver::start().await;
    let world = World::new("0s").await;
    let channel = receiver.channel(&world, ", events: [promoted]");
    let world = world.with(&format!("{EACH_SECOND}\n{channel}"));
    let mut daemon = Daemon::start(&world);
    wait_until("the first pass", || world.running().1 == "v1.0.1");
    let mut random = 7_u64;
    for version in 2..12 {
        world.release(&format!("v1.0.{version}")).await;
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        tokio::time::sleep(Duration::from_millis(200 + (random >> 33) % 1_500)).await;
        daemon.signal("KILL");
        daemon.end();
        daemon = Daemon::start(&world);
    }
    receiver.wait_for("promoted happened prod v1.0.11").await;
    daemon.signal("TERM");
    daemon.end();
    let sent = receiver.lines().await;
    for environment in ["non-prod", "prod"] {
        for version in 2..12 {
            let made = world.promotions(environment, &format!("v1.0.{version}"));
            let line = format!("promoted happened {environment} v1.0.{version}");
            let times = sent.iter().filter(|one| **one == line).count();
            assert!(times >= made && times <= made + 1, "{line}: promoted {made}, sent {times}: {sent:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_is_called_after_a_push_and_its_silence_stops_nothing() {
    let flux = Receiver::start().await;
    let world = World::new("0s").await;
    let (url, gone) = (world.origin.beside("flux-url"), world.origin.beside("gone-url"));
    fs::write(&url, format!("{}/hook/0123", flux.server.uri())).unwrap();
    fs::write(&gone, "http://127.0.0.1:1/hook/verysecret").unwrap();
    let receivers = format!(
        "[{{name: prod, urlFile: {}, environments: [prod]}}, {{name: gone, urlFile: {}}}]",
        url.display(),
        gone.display()
    );
    let git = format!("{{url: {}, fluxReceivers: {receivers}}}", world.origin.url());
    let world = world.through(&git).with(EACH_SECOND);
    let mut daemon = Daemon::start(&world);
    wait_until("the promotion", || world.running().1 == "v1.0.1");
    for _ in 0..200 {
        if !flux.server.received_requests().await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let calls = flux.server.received_requests().await.unwrap();
    // The push to non-prod is none of its business.
    assert_eq!(calls.len(), 1);
    let head = world.origin.git(&["rev-parse", "main"]);
    assert!(String::from_utf8_lossy(&calls[0].body).contains(&head));
    wait_until("the complaint", || daemon.says("cannot call the Flux Receiver"));
    assert!(!daemon.says("verysecret"));
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
    // A command calls it too, before it ends.
    let back =
        world.run(&["rollback", "common/graphql-server", "--env", "prod", "--reason", "slow", "--yes"]);
    assert_eq!(back.code, 0, "{}{}", back.out, back.err);
    assert_eq!(flux.server.received_requests().await.unwrap().len(), 2);
}
