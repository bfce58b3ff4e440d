//! What scoped passes say, beside what an earlier pass said about the rest.

use std::collections::BTreeSet;

use super::PassReport;
use crate::engine::PassOptions;
use crate::engine::fake::{World, digest, image, release};
use crate::model::{Digest, ImageName};
use crate::policy::Decision;

/// Two services at `v1.0.0` in both environments.
fn world() -> World {
    let world = World::new();
    for name in ["api", "app"] {
        world.registry.push(&image(name), "v1.0.0", digest('0'));
        world.edit(&format!("np/{name}.yaml"), &release(name, "v1.0.0"));
        world.edit(&format!("p/{name}.yaml"), &release(name, "v1.0.0"));
    }
    world
}

fn push(world: &World, name: &str, letter: char) {
    let digest: Digest = digest(letter);
    world.registry.push(&image(name), "v1.0.1", digest);
}

/// What each target would get: `api non-prod v1.0.1`.
fn coming(report: &PassReport) -> Vec<String> {
    let targets = report.evaluation.state.deployed.targets.iter();
    let decided = targets.zip(&report.evaluation.decisions);
    let line = |(target, decision): (&crate::engine::Target, &Option<Decision>)| {
        let candidate = match decision.as_ref()? {
            Decision::Promote(approved) => approved.candidate(),
            Decision::Wait(evaluation) => evaluation.candidate(),
            Decision::Current { .. } => return Some(format!("{} stays", target.service().name())),
        };
        Some(format!("{} gets {}", target.service().name(), candidate.tag))
    };
    decided.filter_map(line).collect()
}

async fn look(world: &mut World, name: &str) -> PassReport {
    let images: BTreeSet<ImageName> = [image(name)].into_iter().collect();
    let options = PassOptions { dry_run: true, recovers: false, ..PassOptions::images(images) };
    world.engine.pass(&options).await.unwrap()
}

#[tokio::test]
async fn a_look_at_one_image_is_completed_by_what_is_known_of_the_others() {
    let mut world = world();
    push(&world, "api", '1');
    let everything = world.engine.pass(&PassOptions::plan()).await.unwrap();
    assert_eq!(coming(&everything), ["api gets v1.0.1", "app stays", "api stays", "app stays"]);
    push(&world, "app", '1');
    let look = look(&mut world, "app").await;
    assert_eq!(coming(&look), ["app gets v1.0.1", "app stays"]);
    let completed = look.completed_by(&everything).unwrap();
    assert_eq!(coming(&completed), ["api gets v1.0.1", "app gets v1.0.1", "api stays", "app stays"]);
    assert_eq!(completed.planned.len(), 2);
    assert_eq!(completed.scope, None);
}

#[tokio::test]
async fn what_was_promoted_waits_in_the_next_environment_in_the_look_after_it() {
    let mut world = world();
    push(&world, "app", '1');
    let promoted = world.engine.pass(&PassOptions::schedule()).await.unwrap();
    assert_eq!(promoted.promoted.len(), 1);
    let look = look(&mut world, "app").await;
    let completed = look.completed_by(&promoted).unwrap();
    assert_eq!(coming(&completed), ["api stays", "app stays", "api stays", "app gets v1.0.1"]);
    assert_eq!((completed.promoted.len(), completed.head()), (1, promoted.head()));
}

#[tokio::test]
async fn a_look_after_a_persons_commit_says_nothing_about_the_others() {
    let mut world = world();
    let everything = world.engine.pass(&PassOptions::plan()).await.unwrap();
    world.edit("np/api.yaml", &release("api", "v0.9.0"));
    assert!(look(&mut world, "app").await.completed_by(&everything).is_none());
}
