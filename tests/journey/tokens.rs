//! Tokens by the binary: made, used against a running daemon over HTTP and HTTPS, revoked, and seen in the audit log.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::world::{World, wait_until};
use crate::support::browser::Browser;

/// A daemon that asks for tokens.
async fn closed() -> (World, Daemon) {
    let world = World::new("24h").await;
    let world = world.with("schedule: \"0 0 29 2 *\"\nserver: {listen: \"127.0.0.1:0\", access: token}");
    let daemon = Daemon::start(&world);
    wait_until("the first pass", || daemon.is_ready());
    (world, daemon)
}

fn create(world: &World, name: &str) -> String {
    world.json(&["token", "create", name, "--by", "Bruno"])["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_reads_the_api_until_it_is_revoked() {
    let (world, daemon) = closed().await;
    assert!(daemon.get("/api/v1/status").starts_with("HTTP/1.1 401"));
    let token = create(&world, "Ana Silva");
    wait_until("the status", || daemon.get_with("/api/v1/status", &token).starts_with("HTTP/1.1 200"));
    assert!(daemon.get_with("/api/v1/status", &token).contains("common/graphql-server"));
    let listed = world.json(&["token", "list"])["tokens"].clone();
    assert_eq!((&listed[0]["name"], &listed[0]["isValid"]), (&json!("Ana Silva"), &json!(true)));
    assert!(!listed.to_string().contains(&token), "{listed}");

    let unknown = world.run(&["token", "revoke", "Nobody"]);
    assert_eq!(unknown.code, 2, "{}", unknown.err);
    let revoked = world.run(&["token", "revoke", "Ana Silva", "--by", "Carla"]);
    assert_eq!(revoked.code, 0, "{}", revoked.err);
    assert!(daemon.get_with("/api/v1/status", &token).starts_with("HTTP/1.1 401"));
    let entries = world.json(&["audit"])["entries"].clone();
    let told: Vec<String> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| format!("{} {}", entry["actor"].as_str().unwrap(), entry["action"].as_str().unwrap()))
        .collect();
    assert_eq!(told, ["Carla token.revoke", "Bruno token.create"]);
    assert!(!daemon.says(&token));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_reads_the_api_over_tls() {
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/registry/tls");
    let world = World::new("24h").await;
    let world = world.with(&format!(
        "schedule: \"0 0 29 2 *\"\nserver: {{listen: \"127.0.0.1:0\", access: token, \
         tls: {{certificateFile: {0}/server.pem, keyFile: {0}/server.key}}}}",
        tls.display()
    ));
    let daemon = Daemon::start(&world);
    let authority =
        reqwest::Certificate::from_pem(&std::fs::read(tls.join("authority.pem")).unwrap()).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    let get = |path: &str, token: &str| {
        http.get(format!("https://{}{path}", daemon.address())).bearer_auth(token).send()
    };
    assert_eq!(get("/livez", "").await.unwrap().status(), 200);
    assert_eq!(get("/api/v1/status", "wrong").await.unwrap().status(), 401);
    let token = create(&world, "ci");
    assert_eq!(get("/api/v1/audit", &token).await.unwrap().status(), 200);
    // Whoever speaks plain HTTP gets no answer in plain text.
    let plain = http.get(format!("http://{}/livez", daemon.address())).send().await;
    assert!(plain.is_err(), "{plain:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_logs_in_and_out() {
    let (world, daemon) = closed().await;
    let token = create(&world, "Ana Silva");
    let address = format!("http://{}", daemon.address());
    let browser = Browser::start().await;
    browser.goto(&format!("{address}/history")).await;
    browser.wait_until("the login page", "location.pathname === '/login'").await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    browser.evaluate("document.querySelector('#token').value = 'wrong'").await;
    browser.evaluate("document.querySelector('form.login').submit()").await;
    browser.wait_until("the refusal", "document.querySelector('[role=alert]')").await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    // The refusal is an error of the console, and the only one.
    let complaints = browser.complaints().await;
    assert!(complaints.len() == 1 && complaints[0].contains("401"), "{complaints:?}");
    browser.evaluate(&format!("document.querySelector('#token').value = {}", json!(token))).await;
    browser.evaluate("document.querySelector('form.login').submit()").await;
    browser.wait_until("the page that was asked for", "location.pathname === '/history'").await;
    browser.wait_until("live", "document.querySelector('#connection').textContent === 'live'").await;
    assert_eq!(browser.evaluate("return document.cookie").await, json!(""), "no script reads the session");
    browser.goto(&format!("{address}/login")).await;
    browser.wait_until("the session", "document.body.innerText.includes('Ana Silva')").await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    browser.evaluate("document.querySelector('form.login button').click()").await;
    browser.wait_until("the end", "document.querySelector('#token')").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    let actions: Vec<Value> = world.json(&["audit"])["entries"].as_array().unwrap().clone();
    let actions: Vec<&str> = actions.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["logout", "login", "token.create"]);
}
