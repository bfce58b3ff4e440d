//! Commits: how many, and what is read back of them.

use std::collections::BTreeSet;

use rstest::rstest;

use crate::engine::fake::{Settings, World, digest, image, release};
use crate::engine::{Batch, HistoryQuery, Mover};

/// Two first environments and two services in each, all behind.
fn world(batch: Batch) -> World {
    let environments = vec![("east", vec!["e"], None), ("west", vec!["w"], None)];
    let world = World::with(Settings { environments, batch, ..Settings::default() });
    for file in ["e/web.yaml", "w/web.yaml"] {
        world.edit(file, &release("web", "v1.0.0"));
    }
    for name in ["app", "web"] {
        world.registry.push(&image(name), "v1.0.0", digest('0'));
        world.registry.push(&image(name), "v1.0.1", digest('1'));
    }
    world
}

#[rstest]
#[case::one_a_service_and_environment(Batch::Service, 4)]
#[case::one_an_environment(Batch::Environment, 2)]
#[case::one(Batch::All, 1)]
#[tokio::test]
async fn every_promotion_is_read_back_as_the_one_it_was(#[case] batch: Batch, #[case] commits: usize) {
    let mut world = world(batch);
    let before = world.branch.messages().len();
    let report = world.try_pass().await.unwrap();
    assert_eq!((report.promoted.len(), world.branch.messages().len() - before), (4, commits));
    let query =
        HistoryQuery { services: Vec::new(), environments: Vec::new(), since: None, until: None, most: 4 };
    let moves = world.engine.history(&query).await.unwrap();
    let read: BTreeSet<_> = moves
        .iter()
        .map(|one| {
            let Mover::Tidegate { promotion, .. } = &one.by else { panic!("{one:?} is a person's") };
            (promotion.clone(), one.environment.clone(), one.service.clone(), one.commit)
        })
        .collect();
    let done = report.promoted.into_iter();
    let done = done.map(|one| (one.id.to_string(), one.environment, one.service, one.commit)).collect();
    assert_eq!(read, done);
}
