//! Notes reach the commit, and never hold a promotion back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::MOST_PER_COMMIT;
use crate::changelog::BodyLimits;
use crate::engine::fake::{Settings, World, digest, image, release};
use crate::engine::{Batch, NotesPolicy};

fn world(time_limit: Duration) -> World {
    let notes = Some(NotesPolicy { time_limit, limits: Some(BodyLimits::default()) });
    World::with(Settings { notes, ..Settings::default() })
}

#[tokio::test]
async fn a_commit_carries_its_release_notes() {
    let mut world = world(Duration::from_mins(1));
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    let message = world.branch.messages().pop().unwrap();
    let notes = "(1 release)\n\nnote: v1.0.1 was built with uncommitted changes\n\n\
                Tidegate-Promotion: ";
    assert!(message.contains(notes), "{message}");
}

#[tokio::test]
async fn a_promotion_does_not_wait_longer_than_the_limit() {
    let mut world = world(Duration::ZERO);
    world.push("v9.9.9", '9');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v9.9.9"]);
    let message = world.branch.messages().pop().unwrap();
    assert!(
        message.contains("note: the commits could not be read within 0s; the promotion did not wait\n"),
        "{message}"
    );
}

#[tokio::test]
async fn without_a_policy_a_commit_has_no_notes() {
    let mut world = World::new();
    world.push("v9.9.9", '9');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v9.9.9"]);
    assert!(!world.branch.messages().pop().unwrap().contains("note:"));
}

#[tokio::test]
async fn a_large_commit_has_the_notes_of_its_first_promotions_and_counts_the_rest() {
    let notes = Some(NotesPolicy { time_limit: Duration::from_mins(1), limits: Some(BodyLimits::default()) });
    let environments = vec![("all", vec!["e"], None)];
    let mut world = World::with(Settings { environments, batch: Batch::All, notes, ..Settings::default() });
    let names: Vec<String> = (0..MOST_PER_COMMIT + 3).map(|number| format!("app{number:03}")).collect();
    for name in &names {
        world.edit(&format!("e/{name}.yaml"), &release(name, "v1.0.0"));
        world.registry.push(&image(name), "v1.0.0", digest('0'));
        world.registry.push(&image(name), "v1.0.1", digest('1'));
    }
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.promoted.len(), names.len());
    let asked_count = world.engine.ports.changelog.asked_count.load(Ordering::Relaxed);
    assert_eq!(
        asked_count, MOST_PER_COMMIT,
        "no notes are fetched for promotions that the commit leaves out"
    );
    let message = world.branch.messages().pop().unwrap();
    assert!(message.contains("\n\nRelease notes of 3 more: `tidegate changelog`.\n\nTidegate-Promotion: "));
    assert_eq!(message.matches("note: v1.0.1 was built with uncommitted changes").count(), 1, "{message}");
}
