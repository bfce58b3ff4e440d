//! A refused promotion beside another in one pull request.

use super::*;

/// Both services of one file, and what they run, are proposed together; v1.0.1 of both was closed, and v1.0.2 of one of them
/// is open.
async fn one_of_two_refused() -> World {
    let rules = PullRequestPolicy { grouping: Grouping::Environment, ..PullRequestPolicy::default() };
    let mut world = World::with(settings(rules));
    for (tag, letter) in [("v1.0.0", '0'), ("v1.0.1", '1')] {
        world.registry.push(&image("web"), tag, crate::engine::fake::digest(letter));
    }
    world.push("v1.0.1", '1');
    for file in ["np/app.yaml", "p/app.yaml"] {
        world.edit(file, &format!("{}---\n{}", release("app", "v1.0.0"), release("web", "v1.0.0")));
    }
    assert_eq!(world.pass().await.len(), 2);
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #1 v1.0.1+v1.0.1"]);
    world.forge.close_by_hand(1, world.now());
    assert!(states(&world.try_pass().await.unwrap()).is_empty());
    world.registry.push(&image("web"), "v1.0.2", crate::engine::fake::digest('2'));
    assert_eq!(world.pass().await, ["web non-prod v1.0.1 v1.0.2"]);
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #2 v1.0.2"]);
    world
}

#[tokio::test]
async fn a_refused_promotion_stays_out_of_the_open_pull_request_of_the_environment() {
    let mut world = one_of_two_refused().await;
    for is_new in [false, true, false] {
        if is_new {
            world.store.lose();
            world.restart();
        }
        let report = world.try_pass().await.unwrap();
        assert_eq!(states(&report), ["waits #2 v1.0.2"]);
        assert!(
            closed(&report).iter().any(|reason| reason.starts_with("order: pull request #1 with v1.0.1"))
        );
    }
    world.forge.calls.take();
    world.try_pass().await.unwrap();
    assert_eq!(world.forge.calls.take(), BTreeMap::from([("open_requests", 1)]), "it is asked once");
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["updates #2 v1.0.2+v1.0.2"], "a higher one is new");
}

#[tokio::test]
async fn a_reopened_promotion_stays_in_the_open_pull_request_of_the_environment() {
    let mut world = one_of_two_refused().await;
    world.forge.close_by_hand(2, world.now());
    let request = by_ana(None, &[GateName::Order]);
    assert_eq!(states(&world.engine.pass(&request).await.unwrap()), ["opens #3 v1.0.1"]);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["waits #3 v1.0.1"]);
    world.registry.push(&image("web"), "v1.0.3", crate::engine::fake::digest('3'));
    world.pass().await;
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["updates #3 v1.0.1+v1.0.3"]);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["waits #3 v1.0.1+v1.0.3"]);
}

#[tokio::test]
async fn one_that_people_closed_and_opened_again_is_no_refusal() {
    let mut world = proposed().await;
    world.forge.close_by_hand(1, world.now());
    assert!(states(&world.try_pass().await.unwrap()).is_empty());
    world.forge.reopen(1);
    let report = world.try_pass().await.unwrap();
    assert_eq!((states(&report), closed(&report)), (vec!["waits #1 v1.0.1".to_owned()], vec![]));
}
