//! Merging by itself stops while a gate is closed, goes on after, and is never taken from people.

use std::collections::BTreeMap;

use crate::engine::PassReport;
use crate::engine::fake::{Ask, World};
use crate::engine::reconcile::tests::{BRANCH, DAY, by_ana, soaked, states};
use crate::engine::{PullRequestPolicy, PullRequestReport};
use crate::model::{AutoMerge, MergeMethod, PullRequestOptions};
use crate::policy::GateName;

const FREEZE: &str = ".tidegate/freeze.yaml";

fn rules() -> PullRequestPolicy {
    let extras =
        PullRequestOptions { auto_merge: Some(MergeMethod::Squash), ..PullRequestOptions::default() };
    PullRequestPolicy { extras, ..PullRequestPolicy::default() }
}

/// v1.0.1 is proposed for prod, and merges by itself.
async fn proposed() -> World {
    let mut world = soaked(rules()).await;
    assert_eq!(states(&looked(&mut world).await), ["opens #1 v1.0.1"]);
    assert_eq!(on(&world), Some(AutoMerge::ByOpener));
    world
}

/// The same, and a freeze has begun, for a week.
async fn frozen() -> World {
    let mut world = proposed().await;
    freeze(&world);
    assert_eq!(looked(&mut world).await.requests[0].pause().unwrap(), REASON);
    world
}

const REASON: &str =
    "common/app: freeze: frozen (fair) until 2026-03-10 00:00 UTC, by Ben: the fair (.tidegate/freeze.yaml)";

fn freeze(world: &World) {
    let text = "kind: Freeze\nname: fair\nfrom: 2026-03-03T00:00\nto: 2026-03-10T00:00\nreason: the fair\nby: Ben\nat: 2026-03-03T08:00:00Z\n";
    world.edit(FREEZE, text);
}

fn thaw(world: &World) {
    world.branch.commit("Ben", "go on", world.now(), &[(FREEZE, None)]);
}

async fn looked(world: &mut World) -> PassReport {
    world.try_pass().await.unwrap()
}

fn on(world: &World) -> Option<AutoMerge> {
    world.forge.pulls()[0].auto_merge
}

fn says(world: &World) -> bool {
    let body = &world.forge.pulls()[0].body;
    assert_eq!(body.contains("tidegate:paused"), body.contains("**Auto-merge is off**"), "{body}");
    body.contains("tidegate:paused")
}

/// A pass in which nothing is to be done.
async fn quiet(world: &mut World) {
    world.forge.calls.take();
    let report = looked(world).await;
    assert!(!report.requests.iter().any(PullRequestReport::has_work), "{:?}", report.requests);
    assert_eq!(world.forge.calls.take(), BTreeMap::from([("open_requests", 1)]));
}

#[tokio::test]
async fn a_freeze_turns_it_off_and_its_end_on_again() {
    let mut world = frozen().await;
    assert_eq!((on(&world), says(&world)), (None, true));
    assert!(world.forge.pulls()[0].body.contains(REASON));
    for _ in 0..3 {
        quiet(&mut world).await;
        world.restart();
    }
    thaw(&world);
    assert!(looked(&mut world).await.requests[0].turns_on());
    assert_eq!((on(&world), says(&world)), (Some(AutoMerge::ByOpener), false));
    quiet(&mut world).await;
    world.forge.pass_checks(1, world.now());
    looked(&mut world).await;
    assert_eq!(world.tag("p/app.yaml"), "v1.0.1");
}

#[tokio::test]
async fn a_pull_request_that_became_ready_is_merged_once_its_gates_open() {
    let mut world = frozen().await;
    world.forge.pass_checks(1, world.now());
    quiet(&mut world).await;
    assert_eq!(world.tag("p/app.yaml"), "v1.0.0");
    thaw(&world);
    looked(&mut world).await;
    looked(&mut world).await;
    assert_eq!((world.tag("p/app.yaml"), world.forge.open()), ("v1.0.1".to_owned(), Vec::new()));
}

#[tokio::test]
async fn it_stays_off_while_something_newer_takes_its_place() {
    let mut world = proposed().await;
    world.push("v1.0.2", '2');
    world.pass().await;
    quiet(&mut world).await;
    assert_eq!(on(&world), Some(AutoMerge::ByOpener), "that something newer soaks keeps nothing back");
    freeze(&world);
    looked(&mut world).await;
    assert_eq!(on(&world), None);
    world.edit("p/app.yaml", &format!("# Owned by Ana.\n{}", crate::engine::fake::release("app", "v1.0.0")));
    assert_eq!(states(&looked(&mut world).await), ["updates #1 v1.0.1"]);
    assert_eq!((on(&world), says(&world)), (None, true));
    world.wait(DAY);
    thaw(&world);
    assert_eq!(states(&looked(&mut world).await), ["updates #1 v1.0.2"]);
    assert_eq!((on(&world), says(&world)), (None, true), "its branch first");
    looked(&mut world).await;
    assert_eq!((on(&world), says(&world)), (Some(AutoMerge::ByOpener), false));
    quiet(&mut world).await;
}

#[tokio::test]
async fn auto_merge_set_by_a_person_stays() {
    // On, by somebody else, in a freeze.
    let mut world = frozen().await;
    world.forge.turn(1, Some(AutoMerge::ByAnother));
    looked(&mut world).await;
    assert_eq!((on(&world), says(&world)), (Some(AutoMerge::ByAnother), false));
    quiet(&mut world).await;
    // It goes where something else takes the place of what they let merge.
    world.edit("p/app.yaml", &format!("# Owned by Ana.\n{}", crate::engine::fake::release("app", "v1.0.0")));
    assert_eq!(states(&looked(&mut world).await), ["updates #1 v1.0.1"]);
    assert_eq!((on(&world), says(&world)), (None, true));
    // Off, when it was on.
    let mut world = proposed().await;
    world.forge.turn(1, None);
    quiet(&mut world).await;
    freeze(&world);
    quiet(&mut world).await;
    thaw(&world);
    quiet(&mut world).await;
    assert_eq!((on(&world), says(&world)), (None, false));
}

#[tokio::test]
async fn a_gate_that_was_passed_by_does_not_turn_it_off() {
    let mut world = soaked(rules()).await;
    freeze(&world);
    let report = world.engine.pass(&by_ana(None, &[GateName::Freeze])).await.unwrap();
    assert_eq!(states(&report), ["opens #1 v1.0.1"]);
    assert_eq!(on(&world), Some(AutoMerge::ByOpener));
    quiet(&mut world).await;
}

#[tokio::test]
async fn it_is_turned_off_though_the_registry_is_away() {
    let mut world = proposed().await;
    world.registry.kill(&crate::engine::fake::image("app"));
    freeze(&world);
    looked(&mut world).await;
    assert_eq!((on(&world), says(&world)), (None, true));
    quiet(&mut world).await;
}

#[tokio::test]
async fn a_pass_that_was_cut_short_is_carried_on() {
    for asks in [&[Ask::Lost][..], &[Ask::Unanswered], &[Ask::Done, Ask::Lost], &[Ask::Done, Ask::Unanswered]]
    {
        let mut world = proposed().await;
        for is_frozen in [true, false] {
            if is_frozen {
                freeze(&world);
            } else {
                thaw(&world);
            }
            for ask in asks {
                world.forge.next(*ask);
            }
            for _ in 0..3 {
                looked(&mut world).await;
            }
            world.forge.mend();
            let expected = if is_frozen { (None, true) } else { (Some(AutoMerge::ByOpener), false) };
            assert_eq!((on(&world), says(&world)), expected, "{asks:?}");
            quiet(&mut world).await;
        }
        assert_eq!(world.forge.open(), [(1, BRANCH.to_owned())]);
    }
}
