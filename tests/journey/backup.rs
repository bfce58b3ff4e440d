//! Backup and restore by the binary: beside a running daemon, checked, and refused where it would do harm.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use serde_json::Value;

use super::daemon::Daemon;
use super::world::{World, wait_until};

/// When the service can go to prod, at the earliest.
fn earliest(world: &World) -> Value {
    let ran = world.run(&["explain", "graphql-server", "--env", "prod", "-o", "json"]);
    let explained: Value = serde_json::from_str(&ran.out).unwrap();
    let earliest = explained["explanations"][0]["earliest"].clone();
    assert!(earliest.is_string(), "{explained:#}");
    earliest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_the_daemon_comes_back() {
    let world = World::new("24h").await.with("schedule: \"* * * * * *\"");
    let mut daemon = Daemon::start(&world);
    wait_until("the first pass", || world.running().0 == "v1.0.1");
    let file = world.origin.beside("backup.db");
    let name = file.to_str().unwrap();
    let ran = world.run(&["backup", name]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("Wrote "), "{}", ran.out);
    let again = world.run(&["backup", name]);
    assert_eq!(again.code, 2, "{}", again.err);
    assert_eq!(world.json(&["backup", name, "--force"])["kind"], "Backup");

    let refused = world.run(&["restore", name]);
    assert_eq!(refused.code, 75, "{}", refused.err);
    assert!(refused.err.contains("uses the store"), "{}", refused.err);
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);

    // The store is lost. What was observed comes back with the backup: the soak goes on where it was.
    let soaked = earliest(&world);
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", world.database().display()));
    }
    let restored = world.json(&["restore", name]);
    assert_eq!(restored["keptAside"], Value::Null);
    assert_eq!(earliest(&world), soaked);

    // A second restore keeps what is there.
    let ran = world.run(&["restore", name]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("tidegate.db.replaced-1"), "{}", ran.out);
    assert_eq!(world.run(&["status"]).code, 0);
}

#[tokio::test]
async fn a_wrong_file_is_refused_and_changes_nothing() {
    let world = World::new("24h").await;
    assert_eq!(world.run(&["sync"]).code, 0);
    let good = world.origin.beside("backup.db");
    assert_eq!(world.run(&["backup", good.to_str().unwrap()]).code, 0);
    let before = fs::read(world.database()).unwrap();
    let bad = world.origin.beside("bad.db");
    let mut bytes = fs::read(&good).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xa5);
    for (content, word) in [
        (b"not a database".to_vec(), "another program's database"),
        (Vec::new(), "another program's database"),
        (bytes, "cannot check the pages"),
    ] {
        fs::write(&bad, content).unwrap();
        let ran = world.run(&["restore", bad.to_str().unwrap()]);
        assert_eq!(ran.code, if word.starts_with("cannot check") { 75 } else { 1 }, "{}", ran.err);
        assert!(ran.err.contains(word) && ran.err.contains("bad.db"), "{}", ran.err);
    }
    let missing = world.run(&["restore", "/nowhere/backup.db"]);
    assert_eq!(missing.code, 1, "{}", missing.err);
    // The same store, of another branch.
    world.origin.git(&["branch", "other", "main"]);
    let git = format!("{{url: {}, branch: other}}", world.origin.url());
    let world = world.through(&git);
    let foreign = world.run(&["restore", good.to_str().unwrap()]);
    assert_eq!(foreign.code, 1, "{}", foreign.err);
    assert!(foreign.err.contains("another repository or branch"), "{}", foreign.err);
    assert_eq!(fs::read(world.database()).unwrap(), before);
}
