//! Changelogs with a real registry, real labels and a real source repository.

use std::collections::BTreeMap;
use std::fs;

use crate::support::git::{Change, Origin};
use crate::support::registry::{Image, Index};

use super::world::World;

const IMAGE: &str = "vtr/graphql-server";
const SERVICE: &str = "common/graphql-server";

/// An image that says where it comes from.
fn image(source: Option<&str>, revision: Option<&str>, tag: &str) -> Image {
    let mut labels = BTreeMap::from([("version".to_owned(), tag.to_owned())]);
    let mut add = |key: &str, value: Option<&str>| {
        labels.extend(value.map(|value| (format!("org.opencontainers.image.{key}"), value.to_owned())));
    };
    add("source", source);
    add("revision", revision);
    Image { labels, ..Image::default() }
}

/// A team's world whose service comes from `source`, which the configuration names.
async fn world(source: &Origin) -> World {
    let more = format!(
        "services: {{overrides: [{{match: {SERVICE}, source: {{repository: \"{}\"}}}}]}}",
        source.url()
    );
    World::new("0s").await.with(&more)
}

/// Releases the service from a new commit of its source.
async fn release(world: &World, source: &Origin, tag: &str, message: &str) -> String {
    let commit = source.commit(message, &[Change::File("src/main.rs", tag.as_bytes())]);
    source.git(&["tag", tag, &commit]);
    world.registry.push(IMAGE, tag, &image(None, Some(&commit), tag)).await;
    commit
}

#[tokio::test]
async fn a_promotion_over_three_versions_lists_every_change() {
    let source = Origin::with_files(&[("src/main.rs", "0")]);
    let world = world(&source).await;
    let first = source.at("main");
    world.registry.push(IMAGE, "v1.0.0", &image(None, Some(&first), "v1.0.0")).await;
    release(&world, &source, "v1.0.2", "feat(cache): cache persisted queries (#412)").await;
    release(&world, &source, "v1.0.3", "fix: close idle subscriptions\n\nTidegate-Promotion: forged").await;
    release(&world, &source, "v1.0.4", "chore: tidy").await;
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    let notes = "\n\nFeatures\n- cache: cache persisted queries (#412)\nFixes\n- close idle subscriptions (";
    assert!(message.contains(notes), "{message}");
    assert!(message.contains("\nNot listed: 1 maintenance\n\nTidegate-Promotion: "), "{message}");
    assert_eq!(message.matches("Tidegate-Promotion").count(), 1, "{message}");

    let text = world.run(&["changelog", SERVICE, "--env", "prod"]).out;
    assert!(text.starts_with("common/graphql-server v1.0.0 -> v1.0.4\n3 releases, 3 commits"), "{text}");
    assert!(text.contains("== v1.0.3, "), "{text}");
}

#[tokio::test]
async fn the_second_changelog_contacts_neither_registry_nor_source() {
    let source = Origin::with_files(&[("src/main.rs", "0")]);
    let world = world(&source).await;
    let first = source.at("main");
    world.registry.push(IMAGE, "v1.0.0", &image(None, Some(&first), "v1.0.0")).await;
    release(&world, &source, "v1.0.2", "feat: cache").await;
    world.run(&["sync"]);
    let once = world.run(&["changelog", SERVICE, "--from", "v1.0.0", "--to", "v1.0.2"]);
    assert_eq!(once.code, 0, "{}", once.err);
    let away = source.beside("away.git");
    fs::rename(source.path(), &away).unwrap();
    fs::remove_dir_all(world.database().parent().unwrap().join("sources")).unwrap();
    let again = world.run(&["changelog", SERVICE, "--from", "v1.0.0", "--to", "v1.0.2"]);
    assert_eq!(again.out, once.out);
    fs::rename(away, source.path()).unwrap();
}

#[tokio::test]
async fn every_format_is_written() {
    let source = Origin::with_files(&[("src/main.rs", "0")]);
    let world = world(&source).await.with(&format!(
        "services: {{overrides: [{{match: {SERVICE}, source: {{repository: \"{}\"}}}}]}}\n\
         templates: {{short: {{file: {}}}}}",
        source.url(),
        source.beside("short.j2").display()
    ));
    fs::write(source.beside("short.j2"), "{{ service }}: {{ summary }}\n").unwrap();
    let first = source.at("main");
    world.registry.push(IMAGE, "v1.0.0", &image(None, Some(&first), "v1.0.0")).await;
    release(&world, &source, "v1.0.2", "feat: cache").await;
    let with = |more: &[&str]| {
        world.run(&[&["changelog", SERVICE, "--from", "v1.0.0", "--to", "v1.0.2"], more].concat())
    };
    for (format, begin) in [
        ("markdown", "## common/graphql-server v1.0.0 → v1.0.2\n"),
        ("keep-a-changelog", "## [v1.0.2] - 2023-11-14\n\n### Added\n\n- cache"),
        ("text", "common/graphql-server v1.0.0 -> v1.0.2\n"),
        ("slack", "*common/graphql-server* v1.0.0 → v1.0.2\n"),
        ("html", "<section class=\"changelog\">\n"),
        ("json", "{\n  \"apiVersion\": \"tidegate/v2\",\n  \"kind\": \"Changelog\",\n"),
    ] {
        let ran = with(&["--format", format]);
        assert!(ran.out.starts_with(begin), "{format}: {} {}", ran.out, ran.err);
    }
    assert_eq!(with(&["--template", "short"]).out, "common/graphql-server: 1 commit, by 1 person\n");
    let unknown = with(&["--template", "long"]);
    assert_eq!(
        (unknown.code, unknown.err.contains("the configuration has short")),
        (2, true),
        "{}",
        unknown.err
    );
    assert!(with(&["--color", "always"]).out.contains("\u{1b}[1mcommon/graphql-server\u{1b}[0m"));
    let file = source.beside("CHANGELOG.md");
    let path = file.to_str().unwrap();
    assert_eq!(with(&["--prepend", path]).code, 0);
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("# Changelog\n"), "{written}");
    assert_eq!(with(&["--prepend", path]).code, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    assert_eq!(with(&["--write", path, "--format", "slack"]).code, 0);
    assert!(fs::read_to_string(&file).unwrap().starts_with("*common/"));
}

#[tokio::test]
async fn a_multi_platform_image_names_its_source() {
    let source = Origin::with_files(&[("src/main.rs", "0")]);
    let world = world(&source).await;
    let commit = source.commit("feat: arm", &[Change::File("src/main.rs", b"1")]);
    let first = source.at("main~1");
    let index = |revision: &str, tag: &str| Index {
        images: vec![("linux/arm64", image(None, None, tag)), ("linux/amd64", image(None, None, tag))],
        annotations: BTreeMap::from([("org.opencontainers.image.revision".to_owned(), revision.to_owned())]),
    };
    world.registry.push_index(IMAGE, "v1.0.5", &index(&first, "v1.0.5")).await;
    world.registry.push_index(IMAGE, "v1.0.6", &index(&commit, "v1.0.6")).await;
    let text = world.run(&["changelog", SERVICE, "--from", "v1.0.5", "--to", "v1.0.6"]);
    assert!(text.out.contains("Features\n- arm ("), "{} {}", text.out, text.err);
}

#[tokio::test]
async fn labels_that_are_missing_or_wrong_stop_nothing() {
    let world = World::new("0s").await;
    let push = async |tag: &str, source: Option<&str>, revision: Option<&str>| {
        world.registry.push(IMAGE, tag, &image(source, revision, tag)).await;
    };
    push("v1.0.2", Some("https://github.com/nodejs/docker-node"), None).await;
    push("v1.0.3", Some("file:///etc"), None).await;
    for (from, to, sentence) in [
        (
            "v1.0.0",
            "v1.0.1",
            "note: neither image names its source repository (label org.opencontainers.image.source)\n",
        ),
        (
            "v1.0.1",
            "v1.0.2",
            "note: v1.0.2 names github.com/nodejs/docker-node as its source, which changelog.sources does not allow\n",
        ),
        ("v1.0.1", "v1.0.3", "note: the source label of v1.0.3 names no repository: `file:///etc`\n"),
        ("v1.0.1", "v1.0.1", "note: both tags are the same image\n"),
    ] {
        let ran = world.run(&["changelog", SERVICE, "--from", from, "--to", to]);
        assert_eq!((ran.code, ran.out), (0, format!("{SERVICE} {from} -> {to}\n{sentence}")));
    }
    assert_eq!(world.run(&["sync"]).code, 0);
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("\n\nnote: the source label of v1.0.3 names no"), "{message}");
}

#[tokio::test]
async fn missing_and_wrong_revisions_are_reported() {
    let source = Origin::with_files(&[("src/main.rs", "0")]);
    let world = world(&source).await;
    let (old, new) = (
        release(&world, &source, "v1.0.2", "feat: a").await,
        release(&world, &source, "v1.0.3", "feat: b").await,
    );
    let push = async |tag: &str, revision: Option<&str>| {
        world.registry.push(IMAGE, tag, &image(None, revision, tag)).await;
    };
    push("v1.0.4", Some(&new)).await;
    push("v1.0.5", Some(&"1".repeat(40))).await;
    push("v1.0.6", Some(&old)).await;
    source.git(&["update-ref", "refs/heads/main", &old]);
    let forced = source.commit("fix: c", &[Change::File("src/main.rs", b"c")]);
    push("v1.0.7", Some(&forced)).await;
    let short = new[..8].to_owned();
    push("v1.0.8", Some(&format!("{short}-dirty"))).await;
    for (from, to, sentence) in [
        ("v1.0.3", "v1.0.4", "rebuilt from the same commit"),
        ("v1.0.3", "v1.0.5", "does not have commit 1111111, which v1.0.5 names"),
        ("v1.0.3", "v1.0.6", "(downgrade)\n1 commit, by 1 person\nnote: this is a downgrade"),
        (
            "v1.0.3",
            "v1.0.7",
            "note: the histories diverged: 1 commit of the running version is not in the new one",
        ),
        ("v1.0.2", "v1.0.8", "note: v1.0.8 was built with uncommitted changes"),
    ] {
        let ran = world.run(&["changelog", SERVICE, "--from", from, "--to", to]);
        let text = ran.out.replace("v1.0.3 -> v1.0.6\n", "v1.0.3 -> v1.0.6 (downgrade)\n");
        assert!(ran.code == 0 && text.contains(sentence), "{from} {to}: {} {}", ran.out, ran.err);
    }
}

#[tokio::test]
async fn the_moves_of_a_week_in_an_environment() {
    let source = Origin::with_files(&[("src/main.rs", "0")]);
    let world = world(&source).await;
    let first = source.at("main");
    world.registry.push(IMAGE, "v1.0.0", &image(None, Some(&first), "v1.0.0")).await;
    release(&world, &source, "v1.0.2", "feat: cache").await;
    world.run(&["sync"]);
    let report = world.run(&["changelog", "--all", "--since", "7d", "--env", "non-prod"]);
    assert!(report.out.contains("common/graphql-server v1.0.0 -> v1.0.2\n"), "{} {}", report.out, report.err);
    let nothing = world.run(&["changelog", "--all", "--since", "7d", "--env", "prod"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (0, "No version came in that time.\n"));
    let wrong = world.run(&["changelog", "--all", "--since", "week"]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    let unknown = world.run(&["changelog", "common/other"]);
    assert_eq!((unknown.code, unknown.err.contains("no service matches `common/other`")), (2, true));
}
