//! A tag goes to non-prod, soaks there, and reaches prod.

use std::fs;

use super::world::{NON_PROD, PROD, World, release, wait_until};

#[tokio::test]
async fn a_tag_goes_to_non_prod_soaks_there_and_reaches_prod() {
    let world = World::new("2s").await;
    let before = (world.origin.file(NON_PROD), world.commits());

    let plan = world.run(&["plan"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert!(plan.out.contains("+      tag: v1.0.1  # Semver, never 'latest'"), "{}", plan.out);
    assert_eq!((world.origin.file(NON_PROD), world.commits()), before, "a plan changes nothing");

    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.running(), ("v1.0.1".into(), "v1.0.0".into()));
    assert_eq!(world.origin.file(NON_PROD), before.0.replace("v1.0.0", "v1.0.1"), "one word differs");

    let waiting = world.json(&["sync"]);
    let gates = waiting["waiting"][0]["gates"].as_array().unwrap();
    let soak = gates.iter().find(|gate| gate["gate"] == "soak").unwrap();
    assert_eq!(soak["answer"], "closedUntil", "{waiting}");
    assert_eq!(world.running().1, "v1.0.0", "it has not soaked yet");

    wait_until("the soak", || {
        world.run(&["sync"]);
        world.running().1 == "v1.0.1"
    });
    let head = world.origin.at("main");
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.origin.at("main"), head, "nothing to do, nothing done");
    assert_eq!(world.commits(), before.1 + 2);
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(
        message.starts_with(
            "chore(graphql-server): update to v1.0.1\n\nprod: v1.0.0 -> v1.0.1 (1 release), soaked "
        ),
        "{message}"
    );
    let revert = world.origin.git(&["show", "--stat", "--format=", "main"]);
    assert!(revert.contains("1 insertion(+), 1 deletion(-)"), "{revert}");
}

#[tokio::test]
async fn a_tag_that_means_another_image_since_it_soaked_is_refused() {
    let world = World::new("1s").await;
    world.run(&["sync"]);
    world.release_again("v1.0.1").await;
    wait_until("the refusal", || {
        let status: serde_json::Value =
            serde_json::from_str(&world.run(&["status", "-o", "json"]).out).unwrap();
        let gates = status["services"][0]["environments"][1]["gates"].as_array().unwrap().clone();
        gates.iter().any(|gate| gate["gate"] == "digest" && gate["answer"] == "refused")
    });
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(world.run(&["sync"]).code, 4);
    assert_eq!(world.running().1, "v1.0.0", "what soaked is what ships");
    let by_hand = world.run(&[
        "promote",
        "common/graphql-server",
        "--env",
        "prod",
        "--override",
        "soak",
        "--reason",
        "x",
    ]);
    assert_eq!(by_hand.code, 4, "{}", by_hand.out);
    assert!(by_hand.out.contains("REFUSED"), "{}", by_hand.out);
}

#[tokio::test]
async fn without_its_database_the_same_is_decided() {
    let world = World::new("2s").await;
    world.run(&["sync"]);
    let ends_at = |world: &World| world.json(&["plan"])["waiting"][0]["earliest"].clone();
    let before = ends_at(&world);
    fs::remove_dir_all(world.database().parent().unwrap()).unwrap();
    assert_eq!(ends_at(&world), before, "the soak clock is read from Git");
    // A write-ahead log that outlived its process would heal the database.
    let _ = fs::remove_file(world.database().with_extension("db-wal"));
    fs::write(world.database(), "this is no database").unwrap();
    let ran = world.run(&["plan", "-o", "json"]);
    assert!(ran.err.contains("rebuilt from Git"), "{}", ran.err);
    assert!(world.database().with_extension("db.corrupt-1").exists());
    assert_eq!(ends_at(&world), before);
}

#[tokio::test]
async fn a_rollback_by_a_person_is_not_fought() {
    let world = World::new("0s").await;
    world.run(&["sync"]);
    world.run(&["sync"]);
    assert_eq!(world.running(), ("v1.0.1".into(), "v1.0.1".into()));
    let old = release(&world.registry.host(), "v1.0.0");
    world.person("Revert \"chore(graphql-server): update to v1.0.1\"", PROD, &old);
    for _ in 0..2 {
        assert_eq!(world.run(&["sync"]).code, 0);
    }
    assert_eq!(world.running().1, "v1.0.0", "the person wins");
    let plan = world.run(&["plan"]);
    assert!(plan.out.contains("Person rolled back from v1.0.1"), "{}", plan.out);
    world.release("v1.0.2").await;
    world.run(&["sync"]);
    world.run(&["sync"]);
    assert_eq!(world.running(), ("v1.0.2".into(), "v1.0.2".into()), "a higher version goes on");
}

#[tokio::test]
async fn a_version_that_a_person_put_into_non_prod_soaks_from_when_its_image_was_seen() {
    let world = World::new("1s").await;
    world.run(&["plan"]);
    let text = release(&world.registry.host(), "v1.0.1");
    // The commit is from 2023, but the branch was just seen without it.
    world.person("try v1.0.1", NON_PROD, &text);
    let first = world.json(&["sync"]);
    assert_eq!(first["waiting"][0]["to"], "v1.0.1", "{first}");
    assert_eq!(world.running().1, "v1.0.0", "a commit's own word for its age is not enough");
    wait_until("the soak", || {
        world.run(&["sync"]);
        world.running().1 == "v1.0.1"
    });
}

#[tokio::test]
async fn history_lists_promotions_and_people() {
    let world = World::new("1h").await;
    world.run(&["sync"]);
    let changes = world.json(&["history"])["changes"].as_array().unwrap().clone();
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert_eq!((&changes[0]["to"][0], &changes[0]["requestedBy"]), (&"v1.0.1".into(), &"schedule".into()));
    assert_eq!(changes[0]["reason"], serde_json::Value::Null, "no gate was overridden");
    assert_eq!(changes[1]["author"], "Person");
    assert!(changes[1]["reason"].as_str().is_some_and(|subject| !subject.is_empty()), "{changes:?}");
    assert_eq!(world.running(), ("v1.0.1".into(), "v1.0.0".into()));
    let promote = ["promote", "common/graphql-server", "--env", "prod", "--yes"];
    world.run(&[&promote[..], &["--override", "soak", "--reason", "an outage"]].concat());
    let changes = world.json(&["history", "--env", "prod", "--limit", "1"])["changes"].clone();
    assert_eq!(changes[0]["reason"], "soak overridden: an outage", "{changes}");
}
