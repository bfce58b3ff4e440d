//! Asking: what is folded into one problem, and what is kept from one pass to the next.

use super::*;
use crate::engine::fake::{FakeRegistry, World, digest, image};
use crate::model::TagsSeen;

fn rules(range: &str) -> Arc<SelectionRules> {
    Arc::new(SelectionRules { versions: range.parse().unwrap(), tag_pattern: None })
}

#[tokio::test]
async fn a_registry_that_is_down_is_one_problem() {
    let registry = Arc::new(FakeRegistry::default());
    registry.push(&image("app"), "v1.0.0", digest('a'));
    let polled = poll(&registry, ["app", "b", "c", "d"].map(image).into()).await;
    assert_eq!(polled.tags.len(), 1);
    let told: Vec<&str> = polled.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(told, ["cannot reach ghcr.io/vtr/b (and 2 more images of ghcr.io)"]);
    assert!(["app", "b", "d"].into_iter().all(|name| polled.was_asked(&image(name))));
    assert!(!polled.was_asked(&image("e")));
}

#[test]
fn a_selection_is_made_once_for_a_list_and_rules() {
    let mut selections = Selections::default();
    let (tags, all) = (Arc::new(TagList::default()), rules("*"));
    let first = selections.select(&image("app"), &tags, &all);
    assert!(Arc::ptr_eq(&first, &selections.select(&image("app"), &tags, &all)));
    let other_list = Arc::new(TagList::default());
    assert!(!Arc::ptr_eq(&first, &selections.select(&image("app"), &other_list, &all)));
    selections.retain(|_| false);
    assert!(selections.kept.is_empty());
}

#[test]
fn rules_that_nobody_has_any_more_are_forgotten() {
    let mut selections = Selections::default();
    let (tags, kept) = (Arc::new(TagList::default()), rules("*"));
    for _ in 0..100 {
        selections.select(&image("app"), &tags, &rules("~1.0"));
        selections.select(&image("app"), &tags, &kept);
    }
    assert!(selections.kept[&image("app")].len() <= 2);
}

async fn noted(world: &World) -> Vec<String> {
    let mut seen = world.store.tags_seen(&[image("app")]).await.unwrap();
    let told = |seen: TagsSeen| {
        let tags: Vec<&str> = seen.tags.iter().map(Tag::as_str).collect();
        format!("{}{} {}", if seen.is_first { "by " } else { "" }, seen.at.format("%H:%M"), tags.join(" "))
    };
    seen.remove(&image("app")).unwrap_or_default().into_iter().map(told).collect()
}

#[tokio::test]
async fn a_tag_is_written_down_when_it_is_first_seen_and_never_again() {
    let mut world = World::new();
    world.pass().await;
    world.wait(60);
    world.pass().await;
    world.push("v1.0.1", '1');
    world.push("latest", '1');
    world.pass().await;
    let expected = ["by 09:00 v1.0.0", "10:00 latest v1.0.1"];
    assert_eq!(noted(&world).await, expected);

    world.store.calls.take();
    world.wait(60);
    world.pass().await;
    world.restart();
    world.pass().await;
    world.push("v1.0.1", '9');
    world.pass().await;
    assert!(!world.store.calls.take().contains_key("note_tags"), "another image under a tag is no new tag");
    assert_eq!(noted(&world).await, expected);
}
