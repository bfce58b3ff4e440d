//! Ways back by hand: one commit that moves the service back and quarantines what is left.

use super::daemon::Daemon;
use super::world::{PROD, World, wait_until};

const SERVICE: &str = "common/graphql-server";

/// Both environments have run v1.0.0, v1.0.1 and run v1.0.2.
async fn world() -> World {
    let world = World::new("0s").await;
    for tag in ["v1.0.1", "v1.0.2"] {
        world.release(tag).await;
        for _ in 0..2 {
            assert_eq!(world.run(&["sync"]).code, 0);
        }
    }
    assert_eq!(world.running(), ("v1.0.2".into(), "v1.0.2".into()));
    world
}

#[tokio::test]
async fn a_rollback_is_one_commit_and_stays() {
    let world = world().await;
    let commits = world.commits();
    let words = &["rollback", SERVICE, "--env", "prod", "--reason", "loses orders"][..];
    let tried = world.run(&[words, &["--dry-run"]].concat());
    assert_eq!((tried.code, world.commits()), (0, commits), "{}", tried.err);
    for shown in
        ["v1.0.2 -> v1.0.1 (goes back)", "+      tag: v1.0.1", "+kind: Quarantine", "+reason: loses orders"]
    {
        assert!(tried.out.contains(shown), "{shown}: {}", tried.out);
    }
    let ran = world.run(words);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("rolled back  common/graphql-server in prod: v1.0.2 -> v1.0.1"), "{}", ran.out);
    assert!(ran.out.contains("non-prod still runs v1.0.2"), "{}", ran.out);
    assert_eq!(world.commits(), commits + 1);
    let changed = world.origin.git(&["show", "--format=", "--name-only", "main"]);
    assert_eq!(changed, format!(".tidegate/quarantine/common/graphql-server/v1.0.2.yaml\n{PROD}"));
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.starts_with("revert(graphql-server): roll back to v1.0.1\n"), "{message}");
    assert!(message.contains("Tidegate-Rollback: v1.0.2 (loses orders)"), "{message}");

    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.running().1, "v1.0.1", "it does not come again");
    let again = world.run(&[words, &["--yes"]].concat());
    assert_eq!((again.code, world.running().1.as_str()), (4, "v1.0.1"), "{}", again.err);
    assert!(
        again.err.contains("was already rolled back")
            && again.err.contains("went back from v1.0.2 to v1.0.1 in commit ")
            && again.err.contains("it ran v1.0.0 before"),
        "{}",
        again.err
    );
    let named =
        world.run(&["rollback", SERVICE, "--env", "prod", "--to", "v1.0.0", "--reason", "x", "-o", "json"]);
    assert_eq!(named.code, 0, "{}", named.err);
    let named: serde_json::Value = serde_json::from_str(&named.out).unwrap();
    assert_eq!(named["promoted"][0]["to"], "v1.0.0", "{named}");
    assert_eq!(
        named["promoted"][0]["quarantineFile"],
        ".tidegate/quarantine/common/graphql-server/v1.0.1.yaml"
    );
    world.release("v1.0.3").await;
    wait_until("the next version", || {
        world.run(&["sync"]);
        world.running().1 == "v1.0.3"
    });
}

#[tokio::test]
async fn a_rollback_works_while_a_daemon_runs() {
    let world = world().await.with("schedule: \"* * * * * *\"");
    let mut daemon = Daemon::start(&world);
    wait_until("the daemon", || daemon.says("started"));
    let ran = world.run(&["rollback", SERVICE, "--env", "prod", "--reason", "loses orders"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let commits = world.commits();
    world.release("v1.0.3").await;
    wait_until("the next version in non-prod", || world.running().0 == "v1.0.3");
    wait_until("the next version in prod", || world.running().1 == "v1.0.3");
    assert_eq!(world.commits(), commits + 2, "nothing else was written meanwhile");
    assert_eq!(world.promotions("prod", "v1.0.2"), 1, "what was left did not come again");
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test]
async fn an_impossible_rollback_is_refused() {
    let world = world().await;
    let commits = world.commits();
    world.release("v1.0.9").await;
    for (arguments, expected) in [
        (&["rollback", SERVICE, "--env", "prod"][..], "--reason"),
        (
            &["rollback", "graphql-srver", "--env", "prod", "--reason", "x"],
            "did you mean common/graphql-server?",
        ),
        (&["rollback", SERVICE, "--env", "prd", "--reason", "x"], "the configuration has non-prod, prod"),
        (&["rollback", SERVICE, "--env", "prod", "--to", "v1.0.2", "--reason", "x"], "runs v1.0.2 already"),
        (&["rollback", SERVICE, "--env", "prod", "--to", "v1.0.9", "--reason", "x"], "tidegate promote"),
        (
            &["rollback", SERVICE, "--env", "prod", "--to", "v0.9.9", "--reason", "x"],
            "it ran v1.0.1, v1.0.0 before",
        ),
        (&["rollback", SERVICE, "--env", "prod", "--reason", "a\nb"], "`reason` must be one line"),
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.err);
    }
    let now = world.release_again("v1.0.1").await;
    let moved = world.run(&["rollback", SERVICE, "--env", "prod", "--reason", "x"]);
    assert_eq!(moved.code, 4, "{}", moved.err);
    assert!(moved.err.contains(&format!("--accept-digest {now}")), "{}", moved.err);
    assert_eq!(world.commits(), commits, "nothing was written");
    let accepted =
        world.run(&["rollback", SERVICE, "--env", "prod", "--reason", "x", "--accept-digest", &now]);
    assert_eq!((accepted.code, world.running().1.as_str()), (0, "v1.0.1"), "{}", accepted.err);
}

#[tokio::test]
async fn a_tag_that_never_ran_there_needs_an_explicit_override() {
    let world = World::new("0s").await;
    for tag in ["v1.0.1", "v1.0.2"] {
        world.release(tag).await;
    }
    for _ in 0..2 {
        assert_eq!(world.run(&["sync"]).code, 0);
    }
    assert_eq!(world.running(), ("v1.0.2".into(), "v1.0.2".into()));
    let never = ["rollback", SERVICE, "--env", "prod", "--to", "v1.0.1", "--reason", "loses orders"];
    let refused = world.run(&never);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(refused.err.contains("never ran v1.0.1 in prod"), "{}", refused.err);
    assert!(refused.err.contains("pass --override order"), "{}", refused.err);
    let other = world.run(&[&never[..], &["--override", "soak"]].concat());
    assert!(other.code == 2 && other.err.contains("does not ask the soak gate"), "{}", other.err);
    let ran = world.run(&[&never[..], &["--override", "order"]].concat());
    assert_eq!((ran.code, world.running().1.as_str()), (0, "v1.0.1"), "{}", ran.err);
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("Tidegate-Override: order (loses orders)"), "{message}");
}
