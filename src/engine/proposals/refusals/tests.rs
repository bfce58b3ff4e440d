//! A refusal counts for good, and costs little.

use crate::engine::fake::{World, digest, image, release};
use crate::engine::reconcile::tests::{BRANCH, DAY, by_ana, closed, proposed, settings, states};
use crate::engine::{Grouping, PullRequestPolicy};
use crate::policy::GateName;

fn asked(world: &World) -> usize {
    world.forge.calls.take().get("closed_requests").copied().unwrap_or_default()
}

/// `app` v1.0.1 was refused for prod, and since then `web` came to prod so many times, by the same branch.
async fn refused_long_ago(count: u64) -> World {
    let rules = PullRequestPolicy { grouping: Grouping::Environment, ..PullRequestPolicy::default() };
    let mut world = World::with(settings(rules));
    world.registry.push(&image("web"), "v1.0.0", digest('0'));
    for file in ["np/web.yaml", "p/web.yaml"] {
        world.edit(file, &release("web", "v1.0.0"));
    }
    world.push("v1.0.1", '1');
    world.pass().await;
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #1 v1.0.1"]);
    world.forge.close_by_hand(1, world.now());
    for patch in 1..=count {
        world.registry.push(&image("web"), &format!("v1.0.{patch}"), digest('1'));
        world.pass().await;
        world.wait(DAY);
        world.forge.calls.take();
        assert_eq!(states(&world.try_pass().await.unwrap()), [format!("opens #{} v1.0.{patch}", patch + 1)]);
        assert!(asked(&world) <= 1, "one page, while the program runs");
        world.forge.merge(patch + 1, world.now());
        world.pass().await;
    }
    world
}

#[tokio::test]
async fn it_counts_however_much_was_merged_since() {
    let mut world = refused_long_ago(70).await;
    world.store.lose();
    world.restart();
    world.forge.calls.take();
    assert!(states(&world.try_pass().await.unwrap()).is_empty());
    assert_eq!(asked(&world), 3, "until it is found, which is last");
    world.registry.push(&image("web"), "v1.1.0", digest('2'));
    world.pass().await;
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #72 v1.1.0"]);
    assert_eq!(asked(&world), 1);
    world.forge.close_by_hand(72, world.now());
    assert!(states(&world.try_pass().await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_later_proposal_supersedes_earlier_refusals() {
    let mut world = World::with(settings(PullRequestPolicy::default()));
    for patch in 1..=40u64 {
        world.push(&format!("v1.0.{patch}"), '1');
        world.pass().await;
        world.wait(DAY);
        world.restart();
        world.forge.calls.take();
        assert_eq!(states(&world.try_pass().await.unwrap()), [format!("opens #{patch} v1.0.{patch}")]);
        assert_eq!(asked(&world), 1, "one page, even of a program that knows nothing");
        world.forge.merge(patch, world.now());
        world.pass().await;
    }
}

#[tokio::test]
async fn a_proposal_against_a_version_proves_nothing_about_it() {
    let mut world = proposed().await;
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["updates #1 v1.0.2"]);
    world.forge.close_by_hand(1, world.now());
    let by_hand = by_ana(Some("v1.0.1"), &[GateName::Soak, GateName::Order]);
    assert_eq!(states(&world.engine.pass(&by_hand).await.unwrap()), ["opens #2 v1.0.1"]);
    world.forge.merge(2, world.now());
    world.restart();
    assert!(states(&world.try_pass().await.unwrap()).is_empty(), "v1.0.2 stays refused");
}

#[tokio::test]
async fn a_manual_promotion_of_a_refused_version_is_warned() {
    let mut world = proposed().await;
    world.forge.close_by_hand(1, world.now());
    // Non-prod began to run it anew: by the schedule alone, nothing would be asked.
    world.person("np/app.yaml", "v1.0.0");
    world.wait(1);
    world.person("np/app.yaml", "v1.0.1");
    world.restart();
    let report = world.engine.pass(&by_ana(None, &[GateName::Soak])).await.unwrap();
    assert!(states(&report).is_empty(), "{:?}", states(&report));
    world.restart();
    let report = world.engine.pass(&by_ana(None, &[GateName::Soak, GateName::Order])).await.unwrap();
    assert_eq!(states(&report), ["opens #2 v1.0.1"]);
}

#[tokio::test]
async fn a_pull_request_closed_by_a_bot_is_opened_again_a_few_times() {
    let mut world = proposed().await;
    for number in 1..=2 {
        world.forge.close_by_bot(number, world.now());
        world.restart();
        let opens = format!("opens #{} v1.0.1", number + 1);
        assert_eq!(states(&world.try_pass().await.unwrap()), [opens]);
        assert_eq!(states(&world.try_pass().await.unwrap()), [format!("waits #{} v1.0.1", number + 1)]);
    }
    world.forge.close_by_bot(3, world.now());
    world.restart();
    let report = world.try_pass().await.unwrap();
    assert!(states(&report).is_empty(), "{:?}", states(&report));
    let why = closed(&report).join("; ");
    assert!(why.contains("#3 with v1.0.1 was closed unmerged by the bot stale[bot]"), "{why}");
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #4 v1.0.2"]);
}

#[tokio::test]
async fn one_whose_branch_was_deleted_is_proposed_again() {
    let mut world = proposed().await;
    let branch = BRANCH.parse().unwrap();
    world.branch.delete(&branch);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #2 v1.0.1"]);
    world.forge.close_by_hand(2, world.now());
    world.restart();
    world.forge.calls.take();
    assert!(states(&world.try_pass().await.unwrap()).is_empty(), "a person said no");
    assert_eq!(world.forge.calls.take().get("closed_by"), Some(&1));
}
