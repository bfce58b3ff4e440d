//! Acting through the API of the running daemon: in whose name, what a token allows, once for each key, and one of two people.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::world::{Ran, World, wait_until};
use crate::support::browser::Browser;

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

/// Logs a browser in, which then is at `path`.
async fn logged_in(browser: &Browser, address: &str, token: &str, path: &str) {
    browser.goto(&format!("{address}{path}")).await;
    browser.wait_until("the login page", "location.pathname === '/login'").await;
    browser.evaluate(&format!("document.querySelector('#token').value = {}", json!(token))).await;
    browser.evaluate("document.querySelector('form.login').submit()").await;
    browser.wait_until("the form", "location.pathname.startsWith('/act/')").await;
}

/// Gives a reason, and stops at what would change.
async fn review(browser: &Browser, reason: &str) {
    browser.wait_until("the form", "document.querySelector('#reason')").await;
    browser.evaluate(&format!("document.querySelector('#reason').value = {}", json!(reason))).await;
    browser.evaluate("document.querySelector('form.act button').click()").await;
    browser.wait_until("what would change", "document.querySelector('pre.preview')").await;
}

const CONFIRM: &str = "document.querySelector('input[value=confirm]').form.querySelector('button').click()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_approves_and_rolls_back() {
    let world = World::new("0s").await.with_prod(", approval: required");
    let world = world.with("schedule: \"0 0 29 2 *\"\nserver: {listen: \"127.0.0.1:0\"}");
    let daemon = Daemon::start(&world);
    wait_until("the first pass", || daemon.is_ready());
    let address = format!("http://{}", daemon.address());
    let ana = token(&world, "Ana Silva", &["--scope", "act", "--scope", "approve"]);
    let browser = Browser::start().await;
    browser.goto(&format!("{address}/services/{SERVICE}")).await;
    let link = "[...document.querySelectorAll('.actions a')].find(one => one.innerText === 'Approve')";
    browser.wait_until("the link", link).await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    let form = browser.evaluate(&format!("return {link}.getAttribute('href')")).await;
    logged_in(&browser, &address, &ana, form.as_str().unwrap()).await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    review(&browser, "tested by hand").await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    let shown = browser.evaluate("return document.querySelector('#live').innerText").await;
    assert!(shown.as_str().unwrap().contains("v1.0.1"), "{shown}");
    browser.evaluate(CONFIRM).await;
    browser.wait_until("the service", &format!("location.pathname === '/services/{SERVICE}'")).await;
    wait_until("the promotion", || world.running().1 == "v1.0.1");
    let authors = world.origin.git(&["log", "--format=%an: %s", "main"]);
    assert!(authors.contains("Ana Silva: chore(tidegate): approve v1.0.1"), "{authors}");

    let rollback = format!("{address}/act/rollback?service={SERVICE}&environment=prod");
    browser.goto(&rollback).await;
    review(&browser, "loses orders").await;
    // Somebody else is faster.
    world.person("Say hello", "README.md", "hello");
    let commits = world.commits();
    browser.evaluate(CONFIRM).await;
    browser.wait_until("what changed", "document.body.innerText.includes('Say hello')").await;
    assert_eq!((world.commits(), world.running().1.as_str()), (commits, "v1.0.1"));
    assert_eq!(browser.violations().await, Vec::<String>::new());
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|line| line.contains("409")), "{complaints:?}");
    browser.evaluate(CONFIRM).await;
    browser.wait_until("the service", &format!("location.pathname === '/services/{SERVICE}'")).await;
    assert_eq!(world.running().1, "v1.0.0");
    assert_eq!(world.origin.git(&["log", "-1", "--format=%an", "main"]).trim(), "Ana Silva");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_work_without_javascript() {
    let (world, daemon) = acting().await;
    let address = format!("http://{}", daemon.address());
    let ana = token(&world, "Ana", &["--scope", "act"]);
    let browser = Browser::start().await;
    browser.without_javascript().await;
    let form = format!("/act/hold?services={SERVICE}&environments=prod");
    logged_in(&browser, &address, &ana, &form).await;
    review(&browser, "load test").await;
    browser.evaluate(CONFIRM).await;
    browser.wait_until("the service", &format!("location.pathname === '/services/{SERVICE}'")).await;
    assert!(
        world.origin.git(&["log", "-1", "--format=%an %s", "main"]).contains("Ana chore(tidegate): hold")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_asks_a_server_and_says_the_same() {
    let (world, daemon) = acting().await;
    let address = format!("http://{}", daemon.address());
    let ana = token(&world, "Ana", &["--scope", "act"]);
    let elsewhere = world.origin.beside("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    // Without a configuration.
    let ask = |token: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.current_dir(&elsewhere).env_remove("TIDEGATE_CONFIG").env("TIDEGATE_TOKEN", token);
        Ran::of(command.env("TIDEGATE_SERVER", &address).args(arguments).output().unwrap())
    };
    for arguments in [
        &["history", "-o", "json"][..],
        &["history"],
        &["explain", SERVICE, "--env", "non-prod"],
        &["status", "-o", "wide", "--env", "non-prod"],
        &["explain", "nothing/at-all"],
        &["changelog", "nothing/at-all"],
    ] {
        let (here, there) = (world.run(arguments), ask("", arguments));
        // All but ages.
        let is_age = |word: &&str| {
            word.trim_matches(['(', ')', ',']).ends_with('s') && word.contains(char::is_numeric)
        };
        let lasting = |ran: &Ran| {
            let words = format!("{} {}", ran.out, ran.err);
            words.split_whitespace().filter(|word| !is_age(word)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((here.code, lasting(&here)), (there.code, lasting(&there)), "{arguments:?}");
    }
    let hold = ["hold", SERVICE, "--env", "prod", "--reason", "load test"];
    let refused = ask("", &hold);
    assert!(refused.code == 4 && refused.err.contains("scope `act`"), "{refused:?}");
    let done = ask(&ana, &hold);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        world.origin.git(&["log", "-1", "--format=%an %s", "main"]).contains("Ana chore(tidegate): hold")
    );
    assert_eq!(audit(&world)[0], format!("Ana hold {SERVICE} --env prod --reason load test"));
    let promoted = ask(&ana, &["promote", SERVICE, "--env", "prod"]);
    assert_eq!(promoted.code, 3, "{promoted:?}");
    let watched = ask(&ana, &["status", "--watch"]);
    assert!(watched.code == 2 && watched.err.contains("a server does not run this command"), "{watched:?}");
}
