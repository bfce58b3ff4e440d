//! Asking: what is folded into one problem, and what is kept from one pass to the next.

use super::*;
use std::time::Duration;

use crate::engine::PassOptions;
use crate::engine::fake::{FakeRegistry, World, digest, image, release};
use crate::history::TagsByFile;
use crate::model::{EnvironmentId, Id, TagsSeen};
use crate::port::SeenTags as _;

fn rules(range: &str) -> Arc<SelectionRules> {
    Arc::new(SelectionRules::new(range.parse().unwrap(), None))
}

#[tokio::test]
async fn a_registry_that_is_down_is_one_problem() {
    let registry = Arc::new(FakeRegistry::default());
    registry.push(&image("app"), "v1.0.0", digest('a'));
    let polled = poll(
        &registry,
        &mut TagRequests::default(),
        ["app", "b", "c", "d"].map(image).into(),
        Duration::from_secs(5),
    )
    .await;
    assert_eq!(polled.tags.len(), 1);
    let messages: Vec<&str> = polled.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, ["cannot reach ghcr.io/vtr/b (and 2 more images of ghcr.io)"]);
    assert!(["app", "b", "d"].into_iter().all(|name| polled.was_asked(&image(name))));
    assert!(!polled.was_asked(&image("e")));
}

#[tokio::test]
async fn a_silent_registry_delays_its_own_images_only() {
    let mut world = World::new();
    world.edit("np/web.yaml", &release("web", "v1.0.0"));
    world.registry.push(&image("web"), "v1.0.0", digest('7'));
    world.registry.push(&image("web"), "v1.0.1", digest('8'));
    world.push("v1.0.1", '1');
    world.registry.silence(&image("web"));
    let options = PassOptions { registry_wait: Duration::from_millis(30), ..PassOptions::schedule() };
    let pass = async |world: &mut World| {
        let report = world.engine.pass(&options).await.unwrap();
        let promoted: Vec<String> = report.promoted.iter().map(|one| one.service.name().to_owned()).collect();
        let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        let targets = &report.evaluation.state.deployed.targets;
        let undecided = targets.iter().zip(&report.evaluation.decisions).filter(|(_, one)| one.is_none());
        let undecided = undecided.map(|(target, _)| target.service().name().to_owned()).collect::<Vec<_>>();
        (promoted, problems, undecided)
    };
    let silent = || vec!["ghcr.io has not answered yet; its images are not known".to_owned()];
    let web = || vec!["web".to_owned()];
    assert_eq!(pass(&mut world).await, (vec!["app".to_owned()], silent(), web()));
    assert_eq!(pass(&mut world).await, (Vec::new(), silent(), web()));
    let asked_count = world.registry.calls.take()["tags"];
    assert_eq!(asked_count, 3, "what is being asked is not asked again");
    world.registry.wake(&image("web"));
    world.engine.late_answer().await;
    assert_eq!(pass(&mut world).await, (web(), Vec::new(), Vec::new()));
    let asked = world.registry.calls.take();
    assert_eq!(asked["tags"], 1, "the late answer serves this pass");
    // A registry that was quick a moment ago is known for a while.
    world.registry.silence(&image("web"));
    assert_eq!(pass(&mut world).await, (Vec::new(), Vec::new(), Vec::new()));
}

fn target(rules: &Arc<SelectionRules>) -> Target {
    Target {
        environment: EnvironmentId::at(0),
        subject: ("common/app".parse().unwrap(), image("app")),
        held: TagsByFile::new(),
        inactive: None,
        running: Vec::new(),
        rules: Arc::clone(rules),
        soak: Duration::ZERO,
        minimum_age: Duration::ZERO,
    }
}

fn polled(tags: &Arc<TagList>) -> Polled {
    Polled { tags: HashMap::from([(image("app"), Arc::clone(tags))]), ..Polled::default() }
}

#[test]
fn a_selection_is_reused_while_list_and_rules_stay_the_same() {
    let list = |tag: &str| Arc::new(TagList { tags: vec![tag.parse().unwrap()], ignored: 0 });
    let mut selections = Selections::default();
    let (one, other) = (list("v1.0.0"), list("v1.0.1"));
    let mut select = |list: &Arc<TagList>, range: &str| {
        let targets = [target(&rules(range)), target(&rules(range))].into_iter().collect();
        let mut selected = selections.select(&targets, &polled(list)).into_iter().map(Option::unwrap);
        let (first, second) = (selected.next().unwrap(), selected.next().unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        (first, selections.0[&image("app")].len())
    };
    let first = select(&one, "*").0;
    assert!(Arc::ptr_eq(&first, &select(&one, "*").0), "the same rules in another allocation");
    let (new_list, cached_count) = select(&other, "*");
    assert!(!Arc::ptr_eq(&first, &new_list));
    assert_eq!(cached_count, 1, "what is not selected any more is dropped");
    assert_eq!(select(&other, "~1.0").1, 1);
    let targets = [target(&rules("~1.0"))].into_iter().collect();
    let selected = selections.select(&targets, &Polled::default());
    assert_eq!(selected.into_iter().collect::<Vec<_>>(), [None]);
    assert_eq!(selections.0[&image("app")].len(), 1, "an image that was not asked about keeps its own");
    selections.select(&std::iter::empty().collect(), &Polled::default());
    assert!(selections.0.is_empty(), "an image that is gone has none");
}

async fn noted(world: &World) -> Vec<String> {
    let mut seen = world.store.tags_seen(&[image("app")]).await.unwrap();
    let render = |seen: TagsSeen| {
        let tags: Vec<&str> = seen.tags.iter().map(Tag::as_str).collect();
        format!("{}{} {}", if seen.is_first { "by " } else { "" }, seen.at.format("%H:%M"), tags.join(" "))
    };
    seen.remove(&image("app")).unwrap_or_default().into_iter().map(render).collect()
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
