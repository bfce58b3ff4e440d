//! A changelog file in the GitOps repository grows in the promotions' own commits.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use crate::support::git::Change;

use super::world::{NON_PROD, World, release};

const FILE: &str = "clusters/prod-digital-eks/CHANGELOG.md";

async fn world(file: &str) -> World {
    World::new("0s").await.with(&format!("changelog: {{file: \"{file}\", inCommits: false}}"))
}

fn headings(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|line| line.split(" - ").next().unwrap())
        .collect()
}

#[tokio::test]
async fn a_file_in_an_environments_folder_is_of_that_environment_and_in_the_same_commit() {
    let world = world(FILE).await;
    for tag in ["v1.0.2", "v1.0.3"] {
        world.release(tag).await;
        for _ in 0..2 {
            let ran = world.run(&["sync"]);
            assert_eq!(ran.code, 0, "{}", ran.err);
        }
    }
    let text = world.origin.file(FILE);
    assert!(text.starts_with("# Changelog\n\nThe format is that of [Keep a Changelog]"), "{text}");
    assert_eq!(headings(&text), ["[common/graphql-server v1.0.3]", "[common/graphql-server v1.0.2]"]);
    assert!(text.contains("> neither image names its source repository"), "{text}");
    let changed = world.origin.git(&["show", "--name-only", "--format=%s", "main"]);
    let expected = format!(
        "chore(graphql-server): update to v1.0.3\n\n{FILE}\nclusters/prod-digital-eks/common/graphql-server.yaml"
    );
    assert_eq!(changed, expected);
    let before = world.origin.git(&["show", "--name-only", "--format=", "main~1"]);
    assert_eq!(before, NON_PROD, "non-prod has none");
    let head = world.origin.at("main");
    world.run(&["sync"]);
    assert_eq!(world.origin.at("main"), head);
}

#[tokio::test]
async fn what_people_wrote_stays() {
    let world = world("docs/{environment}.md").await;
    let begun = "Our changes\r\n\r\n## [Unreleased]\r\n\r\n- soon  \r\n\r\n## older\r\n\r\n\r\n- x";
    world.person("words", "docs/non-prod.md", begun);
    assert_eq!(world.run(&["sync"]).code, 0);
    let text = world.origin.file("docs/non-prod.md");
    let (above, below) = begun.split_at(begun.find("## older").unwrap());
    assert!(text.starts_with(above) && text.ends_with(below), "{text:?}");
    assert_eq!(headings(&text), ["[Unreleased]", "[common/graphql-server v1.0.1]", "older"]);
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
}

#[tokio::test]
async fn a_changelog_that_is_no_file_blocks_no_promotion() {
    let world = world("docs/non-prod.md").await;
    let secret = "../clusters/non-prod-digital-eks/common/graphql-server.yaml";
    for (change, why) in [
        (Change::Link("docs/non-prod.md", secret), "it is a symbolic link"),
        (Change::File("docs/non-prod.md/README", b"x"), "it is a folder"),
        (Change::Link("docs", "clusters"), "a parent of the path is a file"),
        (Change::File("docs/non-prod.md", b"\xff\xfe"), "it is not UTF-8"),
    ] {
        world.origin.commit(
            "begin anew",
            &[
                Change::Gone("docs"),
                Change::File(NON_PROD, release(&world.registry.host(), "v1.0.0").as_bytes()),
            ],
        );
        let head = world.origin.commit("strange", &[change]);
        let ran = world.run(&[
            "promote",
            "common/graphql-server",
            "--env",
            "non-prod",
            "--tag",
            "v1.0.1",
            "--yes",
            "--override",
            "order",
            "--reason",
            "again",
        ]);
        let expected = format!("the changelog was not written: {why}");
        assert!(ran.out.contains(&expected) || ran.err.contains(&expected), "{} {}", ran.out, ran.err);
        let changed = world.origin.git(&["diff", "--name-only", &head, "main"]);
        assert_eq!(changed, NON_PROD, "{} {}", ran.out, ran.err);
    }
}

#[tokio::test]
async fn a_path_that_can_be_no_changelog_is_refused_at_once() {
    for file in ["../CHANGELOG.md", "/etc/CHANGELOG.md", ".tidegate/hold.md", "clusters/x.yaml"] {
        let world = world(file).await;
        let ran = world.run(&["plan"]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains("cannot be the path of a changelog"), "{}", ran.err);
    }
}
