//! The board of the real daemon in a real browser.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use serde_json::json;

use super::daemon::Daemon;
use super::webhooks::{SECRET, with_server};
use super::world::{World, wait_until};
use crate::support::browser::{Browser, DESK, PHONE};

const SERVICE: &str = "/services/common/graphql-server";

/// Every page, with a word that it must show.
const PAGES: [(&str, &str); 6] = [
    ("/", "common/graphql-server"),
    (SERVICE, "soak"),
    ("/environments/prod", "Timeline"),
    ("/history", "v1.0.1"),
    ("/controls", "load test"),
    ("/api", "/api/v1/status"),
];

const HOLD: &str = ".tidegate/hold/common/graphql-server/prod.yaml";

fn hold(reason: &str) -> String {
    format!(
        "kind: Hold\nservice: common/graphql-server\nenvironments: [prod]\nreason: {reason}\nby: Ana\n\
         at: 2026-03-03T09:05:00Z\n"
    )
}

/// A daemon whose first pass promoted a version to `non-prod`, which `prod` does not get yet.
async fn board() -> (World, Daemon, String) {
    let world = with_server(World::new("24h").await, "");
    world.person("Hold prod", HOLD, &hold("load test"));
    world.person(
        "Freeze prod",
        ".tidegate/freeze/audit.yaml",
        "kind: Freeze\nname: audit\nenvironments: [prod]\nfrom: 2026-03-01T00:00\nto: 2199-01-01T00:00\n\
         reason: yearly audit\nby: Bruno\nat: 2026-02-28T16:00:00Z\n",
    );
    let daemon = Daemon::start(&world);
    wait_until("the first pass", || daemon.is_ready());
    let address = format!("http://{}", daemon.address());
    (world, daemon, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_can_be_used_in_light_at_a_desk_and_in_dark_on_a_phone() {
    let (_world, _daemon, address) = board().await;
    let browser = Browser::start().await;
    for (scheme, size, screen) in [("light", "desk", DESK), ("dark", "phone", PHONE)] {
        browser.resize(screen).await;
        browser.prefer(scheme).await;
        for (path, word) in PAGES {
            browser.goto(&format!("{address}{path}")).await;
            let place = format!("{path}, {scheme}, {size}");
            let is_shown = format!("document.body.innerText.includes({})", json!(word));
            browser.wait_until(&format!("{word} on {place}"), &is_shown).await;
            let is_live = "document.querySelector('#connection').textContent === 'live'";
            browser.wait_until(&format!("{place} live"), is_live).await;
            assert_eq!(browser.violations().await, Vec::<String>::new(), "{place}");
            assert_eq!(browser.complaints().await, Vec::<String>::new(), "{place}");
            assert!(!browser.is_too_wide().await, "{place} is wider than the screen");
            keep(&browser, path, size).await;
        }
    }
}

/// Writes what docs/board.md shows, when `UPDATE_GENERATED=1` is set.
async fn keep(browser: &Browser, path: &str, size: &str) {
    let name = match (path, size) {
        ("/", "desk") => "board.png",
        ("/", "phone") => "board-phone.png",
        (SERVICE, "desk") => "service.png",
        _ => return,
    };
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), browser.picture().await).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_appears_without_reloading() {
    let (world, daemon, address) = board().await;
    let browser = Browser::start().await;
    browser.goto(&address).await;
    browser.wait_until("the hold", "document.querySelector('#live').innerText.includes('load test')").await;
    browser.evaluate("window.wasReloaded = false").await;
    world.person("Hold longer", HOLD, &hold("disk is full"));
    assert!(daemon.post("/webhooks/generic", SECRET, "").starts_with("HTTP/1.1 202"));
    browser
        .wait_until("the change", "document.querySelector('#live').innerText.includes('disk is full')")
        .await;
    // A look at one image is shown too.
    world.release("v1.0.2").await;
    let image = json!({"image": format!("{}/vtr/graphql-server:v1.0.2", world.registry.host())});
    assert!(daemon.post("/webhooks/generic", SECRET, &image.to_string()).starts_with("HTTP/1.1 202"));
    let runs = "[...document.querySelectorAll('.running')].some(one => one.innerText.includes('v1.0.2'))";
    browser.wait_until("the promotion", runs).await;
    assert_eq!(browser.evaluate("return window.wasReloaded").await, json!(false));
    assert_eq!(browser.violations().await, Vec::<String>::new());
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_move_through_the_board() {
    let (_world, _daemon, address) = board().await;
    let browser = Browser::start().await;
    browser.goto(&address).await;
    browser.wait_until("the board", "document.querySelector('a.row')").await;
    browser.type_key("j").await;
    browser.wait_until("the first service", "document.activeElement.matches('a.row')").await;
    browser.type_key("?").await;
    browser.wait_until("the keys", "document.querySelector('#keys').open").await;
    assert_eq!(browser.violations().await, Vec::<String>::new());
    browser.type_key("\u{e00c}").await;
    browser.wait_until("the keys to go", "!document.querySelector('#keys').open").await;
    browser.type_key("/").await;
    browser.wait_until("the search", "document.activeElement.id === 'search'").await;
    // Letters that are typed there are no commands.
    browser.type_key("j").await;
    browser.wait_until("the letter", "document.querySelector('#search').value === 'j'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_complete_without_javascript() {
    let (_world, _daemon, address) = board().await;
    let browser = Browser::start().await;
    browser.without_javascript().await;
    for (path, word) in PAGES {
        browser.goto(&format!("{address}{path}")).await;
        let text = browser.evaluate("return document.body.innerText").await;
        assert!(text.as_str().unwrap().contains(word), "{path}: {text}");
        assert_eq!(
            browser.evaluate("return document.querySelector('#connection').innerText").await,
            json!("")
        );
    }
    // The form works by itself.
    browser.goto(&format!("{address}/?q=graph")).await;
    browser.evaluate("document.querySelector('#search').value = 'nothing-like-it'").await;
    browser.evaluate("document.querySelector('#filter button').click()").await;
    browser.wait_until("the search", "document.body.innerText.includes('No service matches')").await;
}
