//! Notes reach the commit, and never hold a promotion back.

use std::time::Duration;

use super::NotesPolicy;
use crate::changelog::BodyLimits;
use crate::engine::fake::{Settings, World};

fn world(time_limit: Duration) -> World {
    let notes = Some(NotesPolicy { time_limit, limits: BodyLimits::default() });
    World::with(Settings { notes, ..Settings::default() })
}

#[tokio::test]
async fn a_commit_tells_what_changed() {
    let mut world = world(Duration::from_mins(1));
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    let message = world.branch.messages().pop().unwrap();
    let told = "(1 release)\n\nnote: v1.0.1 was built with changes that were not committed\n\n\
                Tidegate-Promotion: ";
    assert!(message.contains(told), "{message}");
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
async fn without_a_policy_nothing_is_told() {
    let mut world = World::new();
    world.push("v9.9.9", '9');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v9.9.9"]);
    assert!(!world.branch.messages().pop().unwrap().contains("note:"));
}
