//! The changelog file of an environment whose promotions go by one pull request.

use std::time::Duration;

use super::adds_to;
use crate::engine::fake::{Settings, World, digest, image, path, release};
use crate::engine::reconcile::tests::{DAY, settings, states};
use crate::engine::{Grouping, NotesPolicy, PullRequestPolicy};
use crate::model::{EnvironmentId, Id, PullRequestBranch};

const FILE: &str = "p/CHANGELOG.md";

/// v1.0.1 of `app` is proposed for prod, which has these changelog files.
async fn proposed(grouping: Grouping, files: &[(usize, &str)]) -> World {
    let rules = PullRequestPolicy { grouping, ..PullRequestPolicy::default() };
    let mut world = World::with(Settings {
        notes: Some(NotesPolicy { time_limit: Duration::from_mins(1), limits: None }),
        changelog_files: files.iter().map(|(at, file)| (EnvironmentId::at(*at), path(file))).collect(),
        ..settings(rules)
    });
    for file in ["np/web.yaml", "p/web.yaml"] {
        world.edit(file, &release("web", "v1.0.0"));
    }
    for (tag, letter) in [("v1.0.0", '0'), ("v1.0.1", '1')] {
        world.registry.push(&image("web"), tag, digest(letter));
    }
    world.edit(FILE, "# Ours\n\n## [Unreleased]\n\n## 2026-01-01\n\n- older\n");
    world.push("v1.0.1", '1');
    world.pass().await;
    world.wait(DAY);
    world.try_pass().await.unwrap();
    world
}

fn on(world: &World, branch: &str) -> Option<String> {
    let branch: PullRequestBranch = branch.parse().unwrap();
    world.branch.text_at(world.branch.tip_of(&branch).unwrap(), FILE)
}

async fn looked(world: &mut World) -> Vec<String> {
    states(&world.try_pass().await.unwrap())
}

#[tokio::test]
async fn its_commit_adds_what_it_brings_and_is_made_anew_when_the_file_changes() {
    let mut world = proposed(Grouping::Environment, &[(1, FILE)]).await;
    let text = on(&world, "tidegate/prod/_all").unwrap();
    assert!(text.contains("common/app") && text.contains("common/web") && text.contains("- older"), "{text}");
    assert!(world.forge.pulls()[0].body.contains("p/CHANGELOG.md | what changed"));
    world.wait(DAY);
    world.restart();
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1+v1.0.1"], "another day is no other text");
    world.edit(FILE, "# Ours\n\n## [Unreleased]\n\n- soon\n\n## 2026-01-01\n\n- older\n");
    assert_eq!(looked(&mut world).await, ["updates #1 v1.0.1+v1.0.1"]);
    let text = on(&world, "tidegate/prod/_all").unwrap();
    assert!(text.contains("- soon") && text.contains("common/web") && text.contains("- older"), "{text}");
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1+v1.0.1"]);
    world.forge.merge(1, world.now());
    assert!(looked(&mut world).await.is_empty());
    assert_eq!(world.branch.text(FILE), text);
}

#[tokio::test]
async fn a_file_to_which_others_add_is_left_out() {
    let world = proposed(Grouping::Environment, &[(0, FILE), (1, FILE)]).await;
    assert!(!on(&world, "tidegate/prod/_all").unwrap().contains("v1.0.1 in prod"));
    let mut world = proposed(Grouping::Service, &[(1, FILE)]).await;
    assert_eq!(on(&world, "tidegate/prod/common/app").unwrap(), world.branch.text(FILE));
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1", "waits #2 v1.0.1"]);
}

#[test]
fn a_text_that_has_more_in_one_place_is_on_top() {
    for (text, more, expected) in [
        ("a\nb\n", "a\nx\nb\n", true),
        ("a\nb\n", "x\na\nb\n", true),
        ("a\nb\n", "a\nb\nx\n", true),
        ("a\nb\n", "a\nb\n", true),
        ("", "x\n", true),
        ("a\na\n", "a\na\na\n", true),
        ("a\nb\n", "a\n", false),
        ("a\nb\n", "a\nx\n", false),
        ("a\nc\nb\n", "a\nx\nb\n", false),
    ] {
        assert_eq!(adds_to(text.as_bytes(), more.as_bytes()), expected, "{text:?} {more:?}");
    }
}
