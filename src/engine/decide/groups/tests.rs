//! Sets, trains, soaks that outlast a newer version, trees of environments, and branches that were rewritten.

use rstest::rstest;

use crate::engine::fake::{Push, Settings, World, digest, image, release};
use crate::engine::{Group, Question};
use crate::model::Id;
use crate::policy::SoakMode;

fn world(settings: Settings) -> World {
    World::with(settings)
}

fn mode(soak_mode: SoakMode) -> World {
    world(Settings { soak_mode, ..Settings::default() })
}

/// `app` and `web` ship together; `web` has its own releases.
fn set() -> World {
    let services = vec!["common/app".parse().unwrap(), "common/web".parse().unwrap()];
    let groups = vec![Group { name: "shop".into(), services }];
    let world = world(Settings { groups, ..Settings::default() });
    world.registry.push(&image("web"), "v1.0.0", digest('a'));
    for file in ["np/web.yaml", "p/web.yaml"] {
        world.edit(file, &release("web", "v1.0.0"));
    }
    world
}

const DAY_MINUTES: u64 = 24 * 60;

#[tokio::test]
async fn a_set_goes_as_it_soaked_by_one_commit() {
    let mut world = set();
    world.push("v1.0.1", '1');
    assert_eq!(
        world.pass().await,
        ["app non-prod v1.0.0 v1.0.1"],
        "in the first environment each comes by itself"
    );
    world.wait(60);
    world.registry.push(&image("web"), "v1.0.1", digest('b'));
    assert_eq!(world.pass().await, ["web non-prod v1.0.0 v1.0.1"]);
    world.wait(DAY_MINUTES - 60);
    assert!(world.pass().await.is_empty(), "app has soaked, but not with this web");
    world.wait(60);
    let commits = world.branch.messages().len();
    let both = ["app prod v1.0.0 v1.0.1", "web prod v1.0.0 v1.0.1"];
    assert_eq!(world.pass().await, both);
    let messages = world.branch.messages();
    assert_eq!(messages.len(), commits + 1);
    assert!(messages[commits].starts_with("chore(shop): update 2 images\n"), "{}", messages[commits]);
}

#[tokio::test]
async fn the_past_is_read_of_what_it_matters_to_and_of_its_set() {
    let mut world = set();
    let known = async |world: &mut World| {
        let state = world.engine.refresh().await.unwrap();
        let known = state.deployed.targets.entries().filter(|(at, _)| state.history_of(*at).is_some());
        known
            .map(|(_, target)| format!("{}@{}", target.service().name(), target.environment.place()))
            .collect::<Vec<_>>()
    };
    world.pass().await;
    assert_eq!(known(&mut world).await, [""; 0], "nothing newer is there for anybody");
    let question = Question {
        service: "common/app".parse().unwrap(),
        environment: "prod".parse().ok(),
        image: None,
        tag: "v0.9.0".parse().ok(),
    };
    world.engine.explain(&question).await.unwrap();
    let all = ["app@0", "web@0", "app@1", "web@1"];
    assert_eq!(known(&mut world).await, all, "its set answers for it");
    world.restart();
    world.push("v1.0.1", '1');
    world.branch.next_push(Push::Declined);
    assert!(world.pass().await.is_empty());
    assert_eq!(known(&mut world).await, all);
}

#[tokio::test]
async fn a_member_that_is_held_holds_its_set() {
    let mut world = set();
    world.push("v1.0.1", '1');
    world.pass().await;
    let hold = "kind: Hold\nservice: common/web\nenvironments: [prod]\nreason: x\nby: Ana\nat: 2026-03-02T09:00:00Z\n";
    world.edit(".tidegate/hold.yaml", hold);
    world.wait(2 * DAY_MINUTES);
    // Web runs the same in both: nothing of it would go, so that a hold of it holds nobody up.
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    world.registry.push(&image("web"), "v1.0.1", digest('b'));
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(2 * DAY_MINUTES);
    assert!(world.pass().await.is_empty(), "web is held, and app does not go without it");
    world.branch.commit("Ana", "release", world.now(), &[(".tidegate/hold.yaml", None)]);
    assert_eq!(world.pass().await, ["app prod v1.0.1 v1.0.2", "web prod v1.0.0 v1.0.1"]);
}

#[rstest]
#[case::its_registry_is_down(true, false)]
#[case::it_is_ahead_in_prod(false, true)]
#[tokio::test]
async fn no_part_of_a_set_ships(#[case] dead: bool, #[case] ahead: bool) {
    let mut world = set();
    world.push("v1.0.1", '1');
    world.pass().await;
    world.registry.push(&image("web"), "v1.0.1", digest('b'));
    if ahead {
        world.edit("p/web.yaml", &release("web", "v1.0.9"));
    } else {
        world.pass().await;
    }
    world.wait(2 * DAY_MINUTES);
    if dead {
        world.registry.kill(&image("web"));
    }
    assert!(world.pass().await.iter().all(|moved| !moved.contains(" prod ")), "app does not go alone");
}

#[tokio::test]
async fn a_file_that_cannot_be_edited_keeps_its_set_back() {
    let mut world = set();
    world.push("v1.0.1", '1');
    world.registry.push(&image("web"), "v1.0.1", digest('b'));
    world.pass().await;
    world.wait(2 * DAY_MINUTES);
    let template = release("web", "v1.0.0").replace("tag: v1.0.0", "tag: \"{{ .Values.tag }}\"");
    for text in [template.as_str(), "kind: HelmRelease\nspec: [\n"] {
        world.edit("p/web.yaml", text);
        assert!(world.pass().await.is_empty(), "app does not go without web: {text}");
    }
    world.branch.commit("Ana", "no web in prod", world.now(), &[("p/web.yaml", None)]);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"], "a set is what is there of it");
}

#[tokio::test]
async fn a_train_keeps_the_earlier_environment_until_the_version_is_through() {
    let mut world = mode(SoakMode::Train);
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.wait(60);
    world.push("v1.0.2", '2');
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty(), "v1.0.1 soaks");
    world.wait(DAY_MINUTES - 60);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1", "app non-prod v1.0.1 v1.0.2"], "in one pass");
}

#[tokio::test]
async fn a_train_does_not_wait_for_a_refused_version() {
    let mut world = mode(SoakMode::Train);
    world.push("v1.0.1", '1');
    world.pass().await;
    world.push("v1.0.2", '2');
    assert!(world.pass().await.is_empty());
    let bad = "kind: Quarantine\nservice: common/app\nversion: v1.0.1\nreason: x\nby: Ana\nat: 2026-03-02T09:00:00Z\n";
    world.edit(".tidegate/bad.yaml", bad);
    assert_eq!(world.pass().await, ["app non-prod v1.0.1 v1.0.2"]);
}

#[tokio::test]
async fn elapsed_soaks_outlast_a_newer_version() {
    let mut world = mode(SoakMode::Elapsed);
    for (tag, letter) in [("v1.0.1", '1'), ("v1.0.2", '2'), ("v1.0.3", '3')] {
        world.push(tag, letter);
        world.pass().await;
        world.wait(10 * 60);
    }
    // Thirty hours after v1.0.1 came, twenty after v1.0.2.
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    world.store.lose();
    world.restart();
    world.wait(4 * 60);
    assert_eq!(world.pass().await, ["app prod v1.0.1 v1.0.2"], "the store knew nothing that Git does not");
}

#[tokio::test]
async fn an_elapsed_soak_ends_when_a_person_goes_back() {
    let mut world = mode(SoakMode::Elapsed);
    for (tag, letter) in [("v1.0.1", '1'), ("v1.0.2", '2')] {
        world.push(tag, letter);
        world.pass().await;
        world.wait(60);
    }
    world.person("np/app.yaml", "v1.0.1");
    world.wait(3 * DAY_MINUTES);
    world.pass().await;
    assert_eq!(world.tag("p/app.yaml"), "v1.0.1", "v1.0.2 was left");
}

#[tokio::test]
async fn frequent_releases_starve_an_unbroken_soak_and_are_reported() {
    let mut world = mode(SoakMode::Continuous);
    for patch in 1..6 {
        world.push(&format!("v1.0.{patch}"), char::from_digit(patch, 10).unwrap());
        world.pass().await;
        world.wait(10 * 60);
    }
    let report = world.try_pass().await.unwrap();
    let starving = report.evaluation.decisions.iter().flatten().find_map(|decision| match decision {
        crate::policy::Decision::Wait(evaluation) => evaluation.starvation().cloned(),
        _ => None,
    });
    assert_eq!(starving.unwrap().superseded_count, 4);
}

#[tokio::test]
async fn a_tree_feeds_every_branch_and_waves_follow_one_another() {
    let environments = vec![
        ("non-prod", vec!["np"], None),
        ("prod-canary", vec!["pc"], Some(0)),
        ("prod-eu", vec!["eu-a", "eu-b"], Some(1)),
        ("prod-us", vec!["us"], Some(1)),
    ];
    let mut world = world(Settings { environments, ..Settings::default() });
    world.branch.commit("Ana", "not in the US", world.now(), &[("us/app.yaml", None)]);
    world.edit("us/web.yaml", &release("web", "v1.0.0"));
    world.push("v1.0.1", '1');
    let mut moved = Vec::new();
    for _ in 0..3 {
        moved.extend(world.pass().await);
        world.wait(DAY_MINUTES);
    }
    let expected = ["non-prod", "prod-canary", "prod-eu"].map(|name| format!("app {name} v1.0.0 v1.0.1"));
    assert_eq!(moved, expected);
    assert_eq!([world.tag("eu-a/app.yaml"), world.tag("eu-b/app.yaml")], ["v1.0.1", "v1.0.1"]);
}

#[tokio::test]
async fn a_way_back_in_one_environment_is_one_for_those_after_it() {
    let environments =
        vec![("dev", vec!["d"], None), ("np", vec!["np"], Some(0)), ("prod", vec!["p"], Some(1))];
    let mut world = world(Settings { environments, ..Settings::default() });
    world.push("v1.0.1", '1');
    world.pass().await;
    world.wait(DAY_MINUTES);
    world.pass().await;
    world.person("d/app.yaml", "v1.0.0");
    world.wait(5 * DAY_MINUTES);
    world.pass().await;
    assert_eq!(world.tag("p/app.yaml"), "v1.0.0", "dev went back from it while np ran it");
}

#[tokio::test]
async fn a_version_removed_by_a_force_push_counts_as_rolled_back() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.pass().await;
    world.wait(DAY_MINUTES);
    let before = world.branch.head();
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    assert!(world.pass().await.is_empty());
    world.branch.rewind(before);
    world.wait(10 * DAY_MINUTES);
    assert!(world.pass().await.is_empty(), "somebody took it off prod");
    world.restart();
    assert!(world.pass().await.is_empty());
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(DAY_MINUTES);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.2"]);
}

#[tokio::test]
async fn a_rewritten_commit_counts_from_its_own_time() {
    let mut world = World::new();
    let root = world.branch.head();
    world.push("v1.0.1", '1');
    world.pass().await;
    let text = world.branch.text("np/app.yaml");
    world.wait(60);
    world.branch.rewind(root);
    world.branch.commit("Ana", "squashed", world.now(), &[("np/app.yaml", Some(text))]);
    world.pass().await;
    world.wait(DAY_MINUTES - 1);
    assert!(world.pass().await.is_empty());
    world.wait(1);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}
