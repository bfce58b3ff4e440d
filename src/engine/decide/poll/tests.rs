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
    assert!(world.engine.late_answer().await);
    assert_eq!(pass(&mut world).await, (web(), Vec::new(), Vec::new()));
    let asked = world.registry.calls.take();
    assert_eq!(asked["tags"], 1, "the late answer serves this pass");
    // A registry that was quick a moment ago is known for a while.
    world.registry.silence(&image("web"));
    assert_eq!(pass(&mut world).await, (Vec::new(), Vec::new(), Vec::new()));
}

/// A world with a new version of `app`, and 40 other images with new versions, behind a registry of their own.
fn many(call: &'static str, delay: impl Fn(u64) -> Duration) -> World {
    let world = World::new();
    let others: Vec<ImageName> =
        (0..40).map(|number| format!("slow.example/vtr/other{number}").parse().unwrap()).collect();
    for (number, other) in (1..).zip(&others) {
        let text = release("other", "v1.0.0").replace("name: other", &format!("name: other{number}"));
        let text = text.replace("ghcr.io/vtr/other", &other.to_string());
        world.edit(&format!("np/other{number}.yaml"), &text);
        world.registry.push(other, "v1.0.0", digest('7'));
        world.registry.push(other, "v1.0.1", digest('8'));
        world.registry.delay(other, call, delay(number));
    }
    world.push("v1.0.1", '1');
    world
}

async fn promoted_count(world: &mut World, registry_wait: Duration) -> usize {
    let options = PassOptions { registry_wait, ..PassOptions::schedule() };
    world.engine.pass(&options).await.unwrap().promoted.len()
}

const DAY: Duration = Duration::from_hours(24);

/// A pass waits for silent registries three times: for lists, digests and manifests.
const _: () = assert!(PassOptions::PASS_WAIT.as_millis() * 2 < 3000);
const _: () = assert!(PassOptions::SHORT_WAIT.as_millis() * 2 < 1500);

#[tokio::test]
async fn forty_silent_images_delay_a_healthy_one_by_the_wait_for_one() {
    for call in ["tags", "digest", "artifact"] {
        let mut world = many(call, |_| DAY);
        assert_eq!(promoted_count(&mut world, Duration::from_millis(100)).await, 1, "{call}");
        if call != "artifact" {
            world.push("v1.0.2", '2');
            assert_eq!(promoted_count(&mut world, DAY).await, 1, "{call}: nobody is waited for twice");
        }
    }
}

#[tokio::test]
async fn forty_images_that_answer_one_after_the_other_are_not_waited_for() {
    for call in ["tags", "digest"] {
        let mut world = many(call, Duration::from_secs);
        let promoted = promoted_count(&mut world, Duration::from_millis(1100)).await;
        assert!((1..41).contains(&promoted), "{call}: {promoted}");
    }
}

#[tokio::test]
async fn a_slow_registry_is_served_by_later_passes() {
    let mut world = many("tags", |number| Duration::from_millis(number * 20));
    let mut promoted = promoted_count(&mut world, Duration::from_millis(50)).await;
    while world.engine.late_answer().await {
        promoted += promoted_count(&mut world, Duration::from_millis(50)).await;
    }
    assert_eq!(promoted, 41);
}

#[tokio::test]
async fn a_late_answer_that_says_nothing_new_leads_to_no_pass() {
    let mut world = World::new();
    assert_eq!(world.pass().await, Vec::<String>::new());
    world.registry.delay(&image("app"), "tags", Duration::from_millis(300));
    promoted_count(&mut world, Duration::from_millis(10)).await;
    assert!(!world.engine.late_answer().await, "the list is the one that the pass used");
    world.push("v1.0.1", '1');
    // The first pass uses that list, the second one asks again.
    for _ in 0..2 {
        promoted_count(&mut world, Duration::from_millis(10)).await;
    }
    assert!(world.engine.late_answer().await);
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
}

fn target(rules: &Arc<SelectionRules>) -> Target {
    Target {
        environment: EnvironmentId::at(0),
        subject: ("common/app".parse().unwrap(), image("app")),
        held: TagsByFile::new(),
        inactive: None,
        image_policy: None,
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
