//! Edits: only lower fields move, pins move with them, and promotions in one file are put on top of one another.

use crate::engine::fake::{World, digest, image, release};

/// A world in which v1.0.1 of `app` and of `web` is new.
fn world() -> World {
    let world = World::new();
    world.push("v1.0.1", '1');
    world.registry.push(&image("web"), "v1.0.0", digest('0'));
    world.registry.push(&image("web"), "v1.0.1", digest('1'));
    world
}

#[tokio::test]
async fn two_services_in_a_file_move_by_a_commit_each() {
    let mut world = world();
    let both = |tag: &str| format!("{}---\n{}", release("app", tag), release("web", tag));
    world.edit("np/app.yaml", &both("v1.0.0"));
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1", "web non-prod v1.0.0 v1.0.1"]);
    assert_eq!(world.branch.text("np/app.yaml"), both("v1.0.1"));
    assert_eq!(world.branch.messages().len(), 4);
    assert!(world.pass().await.is_empty());
}

#[tokio::test]
async fn a_field_that_is_ahead_stays() {
    let mut world = world();
    let fields = |one: &str, other: &str| {
        format!("{}    job: {{image: 'ghcr.io/vtr/app:{other}'}}\n", release("app", one))
    };
    world.edit("np/app.yaml", &fields("v1.0.0", "v2.0.0"));
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    assert_eq!(world.branch.text("np/app.yaml"), fields("v1.0.1", "v2.0.0"));
}

#[tokio::test]
async fn a_pin_moves_with_its_tag_and_none_is_made() {
    let mut world = world();
    world.person("np/app.yaml", &format!("v1.0.0@{}", digest('0')));
    world.person("np/copy.yaml", "v1.0.0");
    world.pass().await;
    assert_eq!(world.tag("np/app.yaml"), format!("v1.0.1@{}", digest('1')));
    assert_eq!(world.tag("np/copy.yaml"), "v1.0.1");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_stops_no_other() {
    let mut world = world();
    world.edit("np/broken.yaml", "kind: HelmRelease\nspec: [\n");
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.promoted.len(), 1);
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert!(report.problems[0].place.is_some());
}

/// Two images of one release whose tags are one anchored value.
fn anchored(tag: &str) -> String {
    format!(
        "{}    web: {{image: {{repository: ghcr.io/vtr/web, tag: *tag}}}}\n",
        release("app", &format!("&tag {tag}"))
    )
}

#[tokio::test]
async fn two_images_on_one_anchored_value_move_together_when_both_may() {
    let mut world = world();
    world.edit("np/app.yaml", &anchored("v1.0.0"));
    let commits = world.branch.messages().len();
    let promoted = world.pass().await;
    assert_eq!(promoted.len(), 2, "{promoted:?}");
    assert_eq!(world.branch.text("np/app.yaml"), anchored("v1.0.1"));
    assert_eq!(world.branch.messages().len(), commits + 1);
    assert!(world.pass().await.is_empty());
}

#[tokio::test]
async fn an_anchored_value_stays_when_only_one_image_may_move() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.registry.push(&image("web"), "v1.0.0", digest('0'));
    world.edit("np/app.yaml", &anchored("v1.0.0"));
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty());
    assert!(report.problems.iter().any(|problem| problem.to_string().contains("shares its anchored value")));
    assert_eq!(world.branch.text("np/app.yaml"), anchored("v1.0.0"));
}
