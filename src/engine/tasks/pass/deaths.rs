//! The program killed between any two of its effects, from the fetch over the intent and the push to the record, and
//! started again: each promotion is done once, and what is left behind says so.

use rstest::rstest;

use crate::engine::Batch;
use crate::engine::fake::{Settings, World, digest, image, release};
use crate::model::Outcome;

/// Non-prod and prod with two services, one release ahead in the registry.
fn world(batch: Batch) -> World {
    let world = World::with(Settings { batch, ..Settings::default() });
    for file in ["np/web.yaml", "p/web.yaml"] {
        world.edit(file, &release("web", "v1.0.0"));
    }
    for name in ["app", "web"] {
        world.registry.push(&image(name), "v1.0.0", digest('0'));
        world.registry.push(&image(name), "v1.0.1", digest('1'));
    }
    world
}

/// One pass, by a program that is started again when it dies. Whether it died.
async fn pass(world: World, loses_store: bool) -> (World, bool) {
    let mut running = world.again();
    let ended = tokio::spawn(async move { running.try_pass().await.map(drop) }).await;
    if !world.fuse.is_burnt() {
        ended.unwrap().unwrap();
        return (world, false);
    }
    world.fuse.set(None);
    if loses_store {
        world.store.lose();
    }
    world.again().try_pass().await.unwrap();
    (world, true)
}

/// Two releases reach non-prod, soak, and reach prod, while the program dies once after so many steps. Whether it did.
async fn live(world: World, steps: Option<usize>, loses_store: bool) -> (World, bool) {
    world.fuse.set(steps);
    let (world, first) = pass(world, loses_store).await;
    world.wait(25 * 60);
    let (world, second) = pass(world, loses_store).await;
    let (world, third) = pass(world, loses_store).await;
    world.fuse.set(None);
    (world, first || second || third)
}

/// The promotions that the branch tells of: their messages without what differs each time.
fn messages(world: &World) -> Vec<String> {
    let messages = world.branch.messages();
    let without_id = |message: &String| {
        let lines = message.lines().filter(|line| !line.starts_with("Tidegate-Promotion: "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut texts: Vec<String> = messages.iter().map(without_id).collect();
    texts.sort();
    texts
}

#[rstest]
#[case::a_commit_a_service(Batch::Service, false)]
#[case::one_commit(Batch::All, false)]
#[case::with_its_store_lost(Batch::Service, true)]
#[tokio::test]
async fn dying_between_any_two_effects_neither_loses_nor_doubles(
    #[case] batch: Batch,
    #[case] loses_store: bool,
) {
    let (undisturbed, _) = live(world(batch), None, false).await;
    let expected = messages(&undisturbed);
    assert!(expected.iter().any(|message| message.contains("prod: v1.0.0 -> v1.0.1")), "{expected:#?}");
    let mut steps = 0;
    loop {
        let (world, died) = live(world(batch), Some(steps), loses_store).await;
        assert_eq!(messages(&world), expected, "dead after {steps} steps");
        for file in ["np/app.yaml", "np/web.yaml", "p/app.yaml", "p/web.yaml"] {
            assert_eq!(world.tag(file), "v1.0.1", "{file}, dead after {steps} steps");
        }
        let outcomes = world.store.outcomes();
        assert!(outcomes.iter().all(Option::is_some), "an intent is left, dead after {steps} steps");
        let landed = outcomes.iter().filter(|outcome| matches!(outcome, Some(Outcome::Landed(_))));
        assert!(landed.count() == 4 || loses_store, "dead after {steps} steps: {outcomes:?}");
        if !died {
            break;
        }
        steps += 1;
    }
    assert!(steps > 20, "it only died {steps} times");
}
