//! Changelog files grow with the promotions, and never hold one back.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::deliver::notes::MOST_PER_COMMIT;
use crate::engine::fake::{Push, Settings, World, digest, image, path, release};
use crate::engine::{Batch, NotesPolicy};
use crate::model::{EnvironmentId, Id};

fn settings(files: &[(usize, &str)]) -> Settings {
    Settings {
        notes: Some(NotesPolicy { time_limit: Duration::from_mins(1), limits: None }),
        changelog_files: files.iter().map(|(at, file)| (EnvironmentId::at(*at), path(file))).collect(),
        ..Settings::default()
    }
}

/// A world in which `app` and `api` may move.
fn world(settings: Settings) -> World {
    let world = World::with(settings);
    world.edit("np/api.yaml", &release("api", "v1.0.0"));
    for (name, tag, letter) in [("api", "v1.0.0", '0'), ("api", "v1.0.1", '1'), ("app", "v1.0.1", '1')] {
        world.registry.push(&image(name), tag, digest(letter));
    }
    world
}

fn headings(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("## ")).collect()
}

#[tokio::test]
async fn each_commit_of_a_push_adds_to_what_the_one_before_made() {
    let mut world = world(settings(&[(0, "np/CHANGELOG.md")]));
    let begun = "# Ours\n\n## [Unreleased]\n\n- soon\n";
    world.edit("np/CHANGELOG.md", begun);
    assert_eq!(world.pass().await.len(), 2);
    let text = world.branch.text("np/CHANGELOG.md");
    assert_eq!(
        headings(&text),
        ["[Unreleased]", "[common/app v1.0.1] - 2026-03-02", "[common/api v1.0.1] - 2026-03-02"]
    );
    assert!(
        text.starts_with(begun) && text.contains("> v1.0.1 was built with uncommitted changes"),
        "{text}"
    );
    let before = world.branch.text_before("np/CHANGELOG.md");
    assert_eq!(headings(&before), ["[Unreleased]", "[common/api v1.0.1] - 2026-03-02"]);
    let message = world.branch.messages().pop().unwrap();
    assert!(!message.contains("note:"), "the message has none: {message}");
}

#[tokio::test]
async fn a_commit_per_environment_adds_all_sections_and_a_shared_file_names_the_environment() {
    let both = [(0, "CHANGELOG.md"), (1, "CHANGELOG.md")];
    let mut world = world(Settings { batch: Batch::Environment, ..settings(&both) });
    let commits = world.branch.messages().len();
    assert_eq!(world.pass().await.len(), 2);
    assert_eq!(world.branch.messages().len(), commits + 1);
    world.wait(24 * 60);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    assert_eq!(
        headings(&world.branch.text("CHANGELOG.md")),
        [
            "[common/app v1.0.1 in prod] - 2026-03-03",
            "[common/api v1.0.1 in non-prod] - 2026-03-02",
            "[common/app v1.0.1 in non-prod] - 2026-03-02",
        ]
    );
}

#[tokio::test]
async fn the_second_writer_adds_to_the_changelog_of_the_first() {
    let mut world = world(settings(&[(0, "np/CHANGELOG.md")]));
    let at = world.now();
    world.branch.next_push(Push::After(Box::new(move |branch| {
        branch.commit("Ana", "words", at, &[("np/CHANGELOG.md", Some("# Hers\n".to_owned()))]);
    })));
    assert_eq!(world.pass().await.len(), 2);
    let text = world.branch.text("np/CHANGELOG.md");
    assert!(text.starts_with("# Hers\n\n## [common/app v1.0.1]"), "{text}");
    assert_eq!(headings(&text).len(), 2);
}

#[tokio::test]
async fn a_changelog_file_that_cannot_be_read_is_reported_and_left_alone() {
    let mut world = world(settings(&[(0, "np/CHANGELOG.md")]));
    let large = "x\n".repeat(600_000);
    world.edit("np/CHANGELOG.md", &large);
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.promoted.len(), 2);
    assert_eq!(world.branch.text("np/CHANGELOG.md"), large);
    let messages: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let expected =
        "np/CHANGELOG.md: common/api in non-prod: the changelog was not written: it is larger than 1 MiB";
    assert_eq!(messages, [expected]);
    assert!(!report.problems[0].is_error);
}

#[tokio::test]
async fn a_large_commit_adds_the_first_sections() {
    let files = BTreeMap::from([(EnvironmentId::at(0), path("CHANGELOG.md"))]);
    let environments = vec![("all", vec!["e"], None)];
    let mut world =
        World::with(Settings { environments, batch: Batch::All, changelog_files: files, ..settings(&[]) });
    for number in 0..MOST_PER_COMMIT + 3 {
        let name = format!("app{number:03}");
        world.edit(&format!("e/{name}.yaml"), &release(&name, "v1.0.0"));
        world.registry.push(&image(&name), "v1.0.0", digest('0'));
        world.registry.push(&image(&name), "v1.0.1", digest('1'));
    }
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.promoted.len(), MOST_PER_COMMIT + 3);
    assert_eq!(headings(&world.branch.text("CHANGELOG.md")).len(), MOST_PER_COMMIT);
    let message = report.problems[0].to_string();
    assert!(message.ends_with("a commit adds at most 50 promotions; 3 are left out"), "{message}");
    assert!(!world.branch.messages().pop().unwrap().contains("What changed in"));
}
