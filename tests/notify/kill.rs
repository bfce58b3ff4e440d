//! A kill -9 at any moment: nothing that was stored is lost, the order stays, and at most the last message comes twice.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use serde_json::Value;
use tidegate::notify::deliver;
use tokio::sync::Notify;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::outbox::{StoreOutbox, change, message, open, webhook};

const FILE: &str = "TIDEGATE_TEST_OUTBOX_FILE";
const URL: &str = "TIDEGATE_TEST_OUTBOX_URL";
const FIRST: &str = "TIDEGATE_TEST_OUTBOX_FIRST";

const KILLS: u32 = 200;

/// Stores messages and delivers them; by itself a few, in a process that is to be killed without end.
#[tokio::test]
async fn the_process_that_stores_and_delivers() {
    let Some(file) = std::env::var_os(FILE).map(PathBuf::from) else { return };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let store = open(&file).await;
    let wake = Arc::new(Notify::new());
    let outbox = Arc::new(StoreOutbox(Arc::clone(&store)));
    tokio::spawn(deliver(outbox, webhook("a", &std::env::var(URL).unwrap()), Arc::clone(&wake)));
    // Straight to the pipe, past the test harness.
    let mut listener = std::io::stdout();
    for number in first.. {
        let now = Utc::now();
        store.save_notifications(&change(vec![message("a", number, now)]), now).await.unwrap();
        wake.notify_one();
        writeln!(listener, "stored {number}").unwrap();
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Starts the process above, kills it after so long, and returns the numbers that it said it stored.
fn run_and_kill(file: &std::path::Path, url: &str, first: u64, after: Duration) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "notify::kill::the_process_that_stores_and_delivers"])
        .env(FILE, file)
        .env(URL, url)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    // The harness writes its own words without a line break first.
    let number = |line: String| line.rsplit_once("stored ")?.1.parse().ok();
    let stored = lines.map_while(Result::ok).filter_map(number).collect();
    killer.join().unwrap();
    stored
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_at_most_the_last_message_comes_twice() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MockServer::start().await);
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let (file, url) = (folder.path().join("t.db"), server.uri());
    let mut stored: Vec<u64> = Vec::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let after = Duration::from_millis(20 + (random >> 33) % 130);
        // A message that was stored but not reported keeps its number.
        let last = last_number(&file).await.max(stored.last().copied().unwrap_or(0));
        let (file, url) = (file.clone(), url.clone());
        let run = tokio::task::spawn_blocking(move || run_and_kill(&file, &url, last + 1, after));
        stored.extend(run.await.unwrap());
    }
    assert!(stored.len() > 200, "the process came to store only {} messages", stored.len());
    // The rest is delivered without a kill.
    let store = open(&file).await;
    let outbox = Arc::new(StoreOutbox(Arc::clone(&store)));
    let task = tokio::spawn(deliver(outbox, webhook("a", &url), Arc::default()));
    for _ in 0..3_000 {
        if store.next_message_due("a").await.unwrap().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    task.abort();
    let received: Vec<u64> = server.received_requests().await.unwrap().iter().map(number_of).collect();
    let unique: BTreeSet<u64> = received.iter().copied().collect();
    let lost: Vec<u64> = stored.iter().copied().filter(|number| !unique.contains(number)).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    assert!(received.is_sorted(), "out of order");
    let doubled = received.len() - unique.len();
    assert!(doubled <= KILLS as usize, "{doubled} messages came twice in {KILLS} kills");
}

/// The number in the newest row of the outbox.
async fn last_number(file: &std::path::Path) -> u64 {
    if !file.exists() {
        return 0;
    }
    let store = open(file).await;
    let due = store.due_messages("a", Utc::now(), 10_000).await.unwrap();
    due.last().and_then(|message| message.id.strip_prefix("id-")?.parse().ok()).unwrap_or(0)
}

fn number_of(request: &wiremock::Request) -> u64 {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    body["events"][0]["to"].as_str().unwrap()[1..].parse().unwrap()
}
