//! `status` on the real binary: what blocks, what people say, and what the daemon's log and `doctor` tell of it.

use std::fs;

use super::daemon::Daemon;
use super::world::{NON_PROD, World, release, wait_until};

const HOLD: &str = "kind: Hold\nservice: common/*\nenvironments: [prod]\nreason: the fair\nby: Ana\nat: 2026-01-01T10:00:00Z\n";

#[tokio::test]
async fn the_board_shows_blockers_and_controls() {
    let world = World::new("24h").await;
    world.run(&["sync"]);
    world.person("hold", ".tidegate/hold/fair.yaml", HOLD);
    let all = world.run(&["status"]);
    assert_eq!(all.code, 0, "{}", all.err);
    assert!(all.out.contains("prod v1.0.1 blocked: hold by Ana: the fair"), "{}", all.out);
    let said = "hold of common/* in prod by Ana at 2026-01-01 10:00 UTC: the fair (.tidegate/hold/fair.yaml)";
    assert!(all.out.contains(said), "{}", all.out);

    let non_prod = world.run(&["status", "--env", "non-prod"]);
    assert!(
        !non_prod.out.contains("PROD      SINCE") && !non_prod.out.contains("the fair"),
        "{}",
        non_prod.out
    );
    let nothing = world.run(&["status", "--env", "non-prod", "--blocked"]);
    assert!(!nothing.out.contains("common/graphql-server"), "{}", nothing.out);
    let blocked = world.run(&["status", "--blocked"]);
    assert!(blocked.out.contains("common/graphql-server"), "{}", blocked.out);
    assert_eq!(world.run(&["status", "--env", "staging"]).code, 2);

    let status = world.json(&["status"]);
    assert_eq!(status["controls"][0]["file"], ".tidegate/hold/fair.yaml");
    assert!(status["controls"][0]["releaseCommand"].as_str().unwrap().starts_with("tidegate release"));
    let non_prod = &status["services"][0]["environments"][0];
    assert_eq!((&non_prod["state"], non_prod["reason"].is_string()), (&"upToDate".into(), true), "{status}");
}

#[tokio::test]
async fn refused_targets_are_counted_apart_and_exit_with_4() {
    let world = World::new("24h").await;
    world.run(&["sync"]);
    world.release_again("v1.0.1").await;
    for command in ["plan", "sync"] {
        let ran = world.run(&[command]);
        assert_eq!(ran.code, 4, "{}", ran.out);
        assert!(ran.out.contains("0 wait, 1 refused, 1 up to date at "), "{}", ran.out);
    }
    let status = world.run(&["status"]);
    assert_eq!(status.code, 4, "{}", status.err);
    assert!(status.out.contains("prod v1.0.1 refused: its digest changed since it soaked"), "{}", status.out);
}

#[tokio::test]
async fn a_sync_announces_nothing_that_it_prevented_and_ends_with_the_new_head() {
    let world = World::new("24h").await;
    world.run(&["sync"]);
    let waits = world.good(&["sync"]);
    assert!(waits.out.contains("v1.0.0 -> v1.0.1 in "), "{}", waits.out);
    world.release("v1.0.2").await;
    let moved = world.good(&["sync"]);
    assert!(moved.out.contains("v1.0.1 -> v1.0.2"), "{}", moved.out);
    assert!(!moved.out.contains("v1.0.0 -> v1.0.1"), "{}", moved.out);
    let head = world.origin.git(&["rev-parse", "main"]);
    assert!(moved.out.trim_end().ends_with(&format!(" at {}", &head[..7])), "{}", moved.out);
}

#[tokio::test]
async fn doctor_reports_an_unreadable_control_file_with_its_line() {
    let world = World::new("24h").await;
    world.person("hold", ".tidegate/hold/fair.yaml", &HOLD.replace("2026-01-01T10:00:00Z", "yesterday"));
    let ran = world.run(&["doctor"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("FAIL  control file .tidegate/hold/fair.yaml:6:1: "), "{}", ran.out);
    assert!(ran.out.contains("hint correct or remove the file"), "{}", ran.out);
}

#[tokio::test]
async fn the_log_reports_a_hold_and_a_starvation_once_and_their_ends() {
    let world = World::new("90s").await.with("schedule: \"* * * * * *\"");
    for tag in ["v1.0.1", "v1.0.2", "v1.0.3"] {
        world.release(tag).await;
        // A person's commits are a minute apart.
        world.person(tag, NON_PROD, &release(&world.registry.host(), tag));
    }
    world.person("hold", ".tidegate/hold/fair.yaml", HOLD);
    let daemon = Daemon::start(&world);
    wait_until("the starvation", || daemon.says("starving: versions are replaced"));
    world.origin.commit("release", &[crate::support::git::Change::Gone(".tidegate/hold/fair.yaml")]);
    wait_until("the end of the hold", || daemon.says("control file no longer counts"));
    let promoted = world.run(&[
        "promote",
        "common/graphql-server",
        "--env",
        "prod",
        "--override",
        "soak",
        "--reason",
        "enough",
        "--yes",
    ]);
    assert_eq!(promoted.code, 0, "{}", promoted.err);
    wait_until("the end of the starvation", || daemon.says("no longer starving"));
    let log = fs::read_to_string(&daemon.log).unwrap();
    for once in ["hold of common/* in prod", "starving: versions are replaced", "no longer starving"] {
        assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
    }
}

#[tokio::test]
async fn watching_on_a_pipe_prints_the_board_once_and_then_changes() {
    let world = World::new("24h").await;
    let (out, stop) = (world.origin.beside("out"), "-INT");
    let mut watching =
        world.command(&["status", "--watch"]).stdout(fs::File::create(&out).unwrap()).spawn().unwrap();
    let says = |word: &str| fs::read_to_string(&out).unwrap().contains(word);
    wait_until("the board", || says("non-prod v1.0.1 now"));
    world.run(&["sync"]);
    wait_until("the change", || says("common/graphql-server in prod: v1.0.0, v1.0.1 waits until "));
    assert!(says("common/graphql-server in non-prod: v1.0.1\n"), "{}", fs::read_to_string(&out).unwrap());
    let id = watching.id().to_string();
    assert!(std::process::Command::new("kill").args([stop, &id]).status().unwrap().success());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(&out).unwrap().matches("SERVICE").count(), 1, "the board is printed once");
}

#[tokio::test]
async fn watching_ends_when_the_pipe_is_closed() {
    use std::io::{BufRead as _, BufReader};
    let world = World::new("24h").await;
    let mut watching =
        world.command(&["status", "--watch"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(watching.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("SERVICE"), "{first}");
    wait_until("the end", || watching.try_wait().unwrap().is_some());
}
