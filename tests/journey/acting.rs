//! Acting through the API of the running daemon: in whose name, what a token allows, once for each key, and one of two people.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::world::{World, wait_until};

const SERVICE: &str = "common/graphql-server";

async fn acting() -> (World, Daemon) {
    let world = World::new("24h").await;
    let world = world.with("schedule: \"0 0 29 2 *\"\nserver: {listen: \"127.0.0.1:0\"}");
    let daemon = Daemon::start(&world);
    wait_until("the first pass", || daemon.is_ready());
    (world, daemon)
}

fn token(world: &World, name: &str, more: &[&str]) -> String {
    let arguments = [&["token", "create", name, "--by", "Bruno"], more].concat();
    world.json(&arguments)["token"].as_str().unwrap().to_owned()
}

fn hold() -> String {
    json!({ "services": [SERVICE], "environments": ["prod"], "reason": "load test" }).to_string()
}

fn audit(world: &World) -> Vec<String> {
    let entries = world.json(&["audit"])["entries"].clone();
    let said = |entry: &Value| {
        let field = |name: &str| entry[name].as_str().unwrap().to_owned();
        format!("{} {} {}", field("actor"), field("action"), field("subject"))
    };
    entries.as_array().unwrap().iter().map(said).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_a_commit_in_the_name_of_the_tokens_owner() {
    let (world, daemon) = acting().await;
    let ana = token(&world, "Ana Silva", &["--scope", "act"]);
    let (status, done) = daemon.act("/api/v1/hold", &ana, "", &hold());
    assert_eq!((status, &done["kind"]), (200, &json!("Hold")), "{done:#}");
    let who = world.origin.git(&[
        "log",
        "-1",
        "--format=%an|%cn|%(trailers:key=Tidegate-Requested-By,valueonly)",
        "main",
    ]);
    assert_eq!(who.trim(), "Ana Silva|tidegate|Ana Silva");
    // The board shows it without waiting for the schedule.
    wait_until("the hold on the board", || daemon.get_with("/api/v1/controls", &ana).contains("load test"));

    let release = json!({ "services": [SERVICE], "environments": ["prod"], "reason": "test is over" });
    let (status, done) = daemon.act("/api/v1/release", &ana, "", &release.to_string());
    assert_eq!(status, 200, "{done:#}");
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("Tidegate-Reason: test is over"), "{message}");
    let told = audit(&world);
    assert_eq!(told[0], format!("Ana Silva release --env=prod {SERVICE} (test is over)"));
    assert_eq!(told[1], format!("Ana Silva hold --env=prod --reason=load test {SERVICE}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_does_only_what_it_allows() {
    let (world, daemon) = acting().await;
    let before = world.commits();
    let (status, problem) = daemon.act("/api/v1/hold", "", "", &hold());
    assert_eq!(status, 401, "{problem:#}");
    let reader = token(&world, "Reader", &[]);
    let (status, problem) = daemon.act("/api/v1/hold", &reader, "", &hold());
    assert_eq!((status, &problem["detail"]), (403, &json!("The token lacks the scope `act`")));
    let limited = token(&world, "ci", &["--scope", "act", "--env", "non-prod"]);
    let (status, problem) = daemon.act("/api/v1/hold", &limited, "", &hold());
    assert_eq!((status, &problem["detail"]), (403, &json!("The token does not act in prod")));
    let approval = json!({ "services": [SERVICE], "environments": ["non-prod"], "reason": "looks good" });
    let (status, problem) = daemon.act("/api/v1/approve", &limited, "", &approval.to_string());
    assert_eq!((status, &problem["detail"]), (403, &json!("The token lacks the scope `approve`")));
    assert_eq!(world.commits(), before);
    assert!(audit(&world)[0].starts_with("ci approve.denied"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_again_acts_once() {
    let (world, daemon) = acting().await;
    let ana = token(&world, "Ana", &["--scope", "act"]);
    let key = "idempotency-key: 7f1c\r\n";
    let first = daemon.act("/api/v1/hold", &ana, key, &hold());
    let commits = world.commits();
    assert_eq!(daemon.act("/api/v1/hold", &ana, key, &hold()), first);
    assert_eq!(world.commits(), commits);
    let another = hold().replace("load test", "disk is full");
    let (status, problem) = daemon.act("/api/v1/hold", &ana, key, &another);
    assert_eq!(status, 422, "{problem:#}");
    assert_eq!(world.commits(), commits);
    // Without a key, it says that there is nothing to do.
    let (status, done) = daemon.act("/api/v1/hold", &ana, "", &hold());
    assert_eq!((status, world.commits()), (200, commits), "{done:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_people_the_second_is_told_what_changed() {
    let (world, daemon) = acting().await;
    let ana = token(&world, "Ana", &["--scope", "act"]);
    let bruno = token(&world, "Bruno", &["--scope", "act"]);
    let seen = world.origin.git(&["rev-parse", "main"]);
    let seen = format!("if-match: \"{}\"\r\n", seen.trim());
    let (status, done) = daemon.act("/api/v1/hold", &ana, &seen, &hold());
    assert_eq!(status, 200, "{done:#}");
    let commits = world.commits();
    let rollback =
        json!({ "service": SERVICE, "environment": "non-prod", "reason": "loses orders" }).to_string();
    let (status, problem) = daemon.act("/api/v1/rollback", &bruno, &seen, &rollback);
    assert_eq!(status, 409, "{problem:#}");
    let changes = problem["result"]["changes"].as_array().unwrap();
    assert!(changes.len() == 1 && changes[0].as_str().unwrap().contains("hold"), "{problem:#}");
    assert_eq!(world.commits(), commits);
    let now = format!("if-match: \"{}\"\r\n", problem["result"]["commit"].as_str().unwrap());
    let (status, done) = daemon.act("/api/v1/rollback", &bruno, &now, &rollback);
    assert_eq!(status, 200, "{done:#}");
    assert_eq!(world.origin.git(&["log", "-1", "--format=%an", "main"]).trim(), "Bruno");
    assert_eq!(world.running().0, "v1.0.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_gate_is_a_conflict_and_bad_input_a_problem() {
    let (world, daemon) = acting().await;
    let ana = token(&world, "Ana", &["--scope", "act"]);
    let promote = |more: Value| {
        let mut body = json!({ "services": [SERVICE], "environment": "prod", "reason": "urgent" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        daemon.act("/api/v1/promote", &ana, "", &body.to_string())
    };
    let (status, problem) = promote(json!({}));
    assert_eq!((status, &problem["result"]["kind"]), (409, &json!("Promote")), "{problem:#}");
    assert_eq!(promote(json!({ "environment": "moon" })).0, 400);
    assert_eq!(promote(json!({ "by": "Eve" })).0, 400);
    assert_eq!(promote(json!({ "services": ["--by=Eve"] })).0, 400);
    assert_eq!(daemon.act("/api/v1/promote", &ana, "", "[]").0, 400);
    assert_eq!(daemon.act("/api/v1/promote", &ana, "", &" ".repeat(70_000)).0, 413);
    let (status, done) = promote(json!({ "overrides": ["soak"] }));
    assert_eq!(status, 200, "{done:#}");
    assert_eq!(world.running().1, "v1.0.1");
    assert!(daemon.is_ready());
}
