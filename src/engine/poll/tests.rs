//! Asking: what is folded into one problem, and what is kept from one pass to the next.

use super::*;
use crate::engine::fake::{FakeRegistry, digest, image};

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
