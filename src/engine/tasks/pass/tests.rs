//! A pass as a whole, over the fakes.

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::engine::fake::{Push, Settings, World, digest, image, release};
use crate::engine::history::moves::HistoryQuery;
use crate::model::{Class, Outcome};
use crate::policy::{Decision, GateName};

const DAY: u64 = 24 * 60;

/// Non-prod runs v1.0.1 by Tidegate.
async fn soaking() -> World {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world
}

fn closed(report: &PassReport) -> Vec<GateName> {
    let waiting = report.evaluation.decisions.iter().flatten().filter_map(|decision| match decision {
        Decision::Wait(evaluation) => Some(evaluation),
        _ => None,
    });
    waiting.flat_map(|evaluation| evaluation.closed().map(|report| report.gate)).collect()
}

#[tokio::test]
async fn a_version_goes_to_non_prod_soaks_and_reaches_prod_once() {
    let mut world = soaking().await;
    world.wait(DAY - 1);
    let waiting = world.try_pass().await.unwrap();
    assert_eq!(closed(&waiting), [GateName::Soak]);
    let opens_at = waiting.next_opening.unwrap();
    assert_eq!(opens_at - world.now(), TimeDelta::minutes(1));
    world.wait(1);
    assert_eq!(world.now(), opens_at);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    for _ in 0..3 {
        world.wait(DAY);
        assert!(world.pass().await.is_empty());
    }
    assert_eq!(world.branch.messages().len(), 3);
}

#[tokio::test]
async fn a_soaked_version_is_promoted_in_the_pass_that_ends_its_soak() {
    let mut world = soaking().await;
    world.wait(DAY);
    world.push("v1.0.2", '2');
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1", "app non-prod v1.0.1 v1.0.2"]);
    assert_eq!((world.tag("np/app.yaml"), world.tag("p/app.yaml")), ("v1.0.2".into(), "v1.0.1".into()));
}

#[tokio::test]
async fn a_pass_in_which_nothing_changed_asks_for_the_tags_and_no_more() {
    let mut world = World::new();
    world.edit("np/other.yaml", &release("app", "v1.0.0").replace("name: app", "name: other"));
    world.pass().await;
    for calls in [&world.branch.calls, &world.registry.calls, &world.store.calls] {
        calls.take();
    }
    world.wait(DAY);
    world.pass().await;
    let calls = (world.branch.calls.take(), world.registry.calls.take(), world.store.calls.take());
    assert_eq!(calls.0, BTreeMap::from([("fetch", 1)]), "no tree, no blob, no history, no push");
    assert_eq!(calls.1, BTreeMap::from([("tags", 1)]), "one image of three tracks");
    assert_eq!(calls.2, BTreeMap::new(), "nothing is written");
}

#[tokio::test]
async fn a_new_process_on_an_unmoved_branch_reads_each_file_once_and_writes_nothing() {
    let mut world = World::new();
    world.pass().await;
    world.restart();
    world.branch.calls.take();
    world.store.calls.take();
    world.pass().await;
    let asked = world.branch.calls.take();
    assert_eq!((asked["files"], asked["read"]), (1, 2));
    assert_eq!(world.store.calls.take(), BTreeMap::new());
}

#[tokio::test]
async fn a_moved_branch_costs_the_files_that_moved() {
    let mut world = soaking().await;
    world.pass().await;
    world.branch.calls.take();
    world.edit("np/other.yaml", &release("app", "v1.0.1").replace("name: app", "name: other"));
    world.pass().await;
    let asked = world.branch.calls.take();
    assert_eq!((asked.get("files"), asked["changed_files"], asked["read"]), (None, 1, 1));
}

#[tokio::test]
async fn a_registry_that_is_dead_for_one_image_stops_no_other() {
    let mut world = soaking().await;
    world.edit("np/web.yaml", &release("web", "v1.0.0"));
    world.registry.kill(&image("web"));
    world.push("v1.0.2", '2');
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.promoted.len(), 1);
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert_eq!(report.problems[0].class, Class::TryAgain);
}

#[tokio::test]
async fn no_digest_no_promotion() {
    let mut world = soaking().await;
    world.wait(DAY);
    world.registry.hide_digests(true);
    let report = world.try_pass().await.unwrap();
    assert_eq!(closed(&report), [GateName::Digest], "a digest that was seen once is not a fresh answer");
    assert!(report.promoted.is_empty());
    world.registry.hide_digests(false);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn a_tag_that_moved_since_it_soaked_does_not_pass() {
    let mut world = soaking().await;
    world.push("v1.0.1", 'f');
    world.wait(DAY);
    assert_eq!(closed(&world.try_pass().await.unwrap()), [GateName::Soak, GateName::Digest]);
    world.push("v1.0.1", '1');
    assert!(world.pass().await.is_empty(), "it came back just now");
    world.wait(DAY);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn a_branch_that_moved_is_decided_on_anew() {
    let mut world = soaking().await;
    world.wait(DAY);
    let now = world.now();
    world.branch.next_push(Push::After(Box::new(move |branch| {
        branch.commit("Ana", "not this one", now, &[("np/app.yaml", Some(release("app", "v1.0.0")))]);
    })));
    assert!(world.pass().await.is_empty(), "non-prod has just been moved back from it");
    assert_eq!((world.tag("np/app.yaml"), world.tag("p/app.yaml")), ("v1.0.0".into(), "v1.0.0".into()));
    assert_eq!(world.store.outcomes().last(), Some(&Some(Outcome::Abandoned)));
    assert_eq!(world.registry.calls.take()["tags"], 2, "the second look asked for no list again");
}

#[tokio::test]
async fn an_unrelated_commit_in_between_delays_nothing() {
    let mut world = soaking().await;
    world.wait(DAY);
    let now = world.now();
    world.branch.next_push(Push::After(Box::new(move |branch| {
        branch.commit("Ana", "words", now, &[("README.md", Some("words".into()))]);
    })));
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn six_times_overtaken_is_enough() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    let now = world.now();
    for _ in 0..6 {
        world.branch.next_push(Push::After(Box::new(move |branch| {
            branch.commit("Ana", "words", now, &[("README.md", Some("words".into()))]);
        })));
    }
    let fault = world.try_pass().await.unwrap_err();
    assert_eq!(fault.class(), Class::TryAgain);
    assert_eq!(world.branch.calls.take()["publish"], 6);
    assert!(world.store.outcomes().iter().all(|outcome| *outcome == Some(Outcome::Abandoned)));
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn a_declined_push_is_reported_and_tried_again() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.branch.next_push(Push::Declined);
    let report = world.try_pass().await.unwrap();
    let [problem] = report.problems.as_slice() else { panic!("{:?}", report.problems) };
    assert_eq!((problem.class, problem.is_error), (Class::Failed, true));
    let text = problem.to_string();
    assert!(text.starts_with("common/app in non-prod: the server declined the push: protected"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert_eq!(world.store.outcomes(), [Some(Outcome::Abandoned)]);
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    assert!(world.try_pass().await.unwrap().problems.is_empty());
}

/// One service is due in non-prod and another one in prod; the server declines a path.
#[rstest]
#[case::an_environment(
    "p/",
    "api non-prod v1.0.0 v1.0.1",
    "common/app in prod: the server declined the push: p/ is protected"
)]
#[case::a_service(
    "np/api",
    "app prod v1.0.0 v1.0.1",
    "common/api in non-prod: the server declined the push: np/api is protected"
)]
#[tokio::test]
async fn a_declined_push_blocks_nothing_else(
    #[case] path: &'static str,
    #[case] promoted: &str,
    #[case] expected: &str,
) {
    let mut world = World::new();
    world.edit("np/api.yaml", &release("api", "v1.0.0"));
    world.registry.push(&image("api"), "v1.0.0", digest('5'));
    world.push("v1.0.1", '1');
    world.pass().await;
    world.wait(DAY);
    world.registry.push(&image("api"), "v1.0.1", digest('6'));
    *world.branch.declined_path.lock().unwrap() = Some(path);
    let report = world.try_pass().await.unwrap();
    let told_of = |report: &PassReport| report.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let moved = |report: &PassReport| {
        let one =
            |one: &Promoted| format!("{} {} {} {}", one.service.name(), one.environment, one.from, one.to);
        report.promoted.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!((moved(&report), told_of(&report)), (vec![promoted.to_owned()], vec![expected.to_owned()]));
    // It is tried again alone, then with growing pauses.
    world.branch.calls.take();
    for _ in 0..20 {
        assert_eq!(told_of(&world.try_pass().await.unwrap()), [expected]);
    }
    assert_eq!(world.branch.calls.take()["publish"], 1);
    world.wait(10);
    assert_eq!(told_of(&world.try_pass().await.unwrap()), [expected]);
    assert_eq!(world.branch.calls.take()["publish"], 1);
    *world.branch.declined_path.lock().unwrap() = None;
    world.wait(10);
    let report = world.try_pass().await.unwrap();
    assert_eq!((moved(&report).len(), told_of(&report)), (1, Vec::new()));
}

#[tokio::test]
async fn a_push_that_arrived_unanswered_is_found_and_not_doubled() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.branch.next_push(Push::ArrivesUnanswered);
    assert_eq!(world.try_pass().await.unwrap_err().class(), Class::TryAgain);
    assert_eq!(world.store.outcomes(), [None]);
    let report = world.try_pass().await.unwrap();
    let landed = Outcome::Landed(world.branch.head());
    assert_eq!(report.recovered.iter().map(|(_, outcome)| *outcome).collect::<Vec<_>>(), [landed]);
    assert!(report.promoted.is_empty());
    assert_eq!((world.branch.messages().len(), world.store.outcomes()), (2, vec![Some(landed)]));
}

#[tokio::test]
async fn a_push_that_was_lost_is_done_again_once() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.branch.next_push(Push::Lost);
    world.try_pass().await.unwrap_err();
    world.restart();
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    let outcomes = [Some(Outcome::Abandoned), Some(Outcome::Landed(world.branch.head()))];
    assert_eq!((world.branch.messages().len(), world.store.outcomes()), (2, outcomes.to_vec()));
}

#[tokio::test]
async fn a_dry_run_plans_what_the_next_pass_does_and_pushes_nothing() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    let plan = world.engine.pass(&PassOptions::plan()).await.unwrap();
    assert_eq!((plan.planned.len(), plan.promoted.len(), world.branch.messages().len()), (1, 0, 1));
    assert_eq!(world.store.outcomes(), []);
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn losing_the_store_loses_no_clock_and_no_verdict() {
    let mut world = soaking().await;
    world.wait(DAY - 10);
    world.pass().await;
    world.store.lose();
    world.restart();
    assert!(world.pass().await.is_empty());
    world.wait(10);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    world.person("p/app.yaml", "v1.0.0");
    world.store.lose();
    world.restart();
    world.wait(DAY);
    assert!(world.pass().await.is_empty(), "a person's rollback stands");
}

#[tokio::test]
async fn a_store_lost_under_a_running_daemon_restarts_no_clock() {
    let mut world = soaking().await;
    world.wait(DAY - 10);
    world.pass().await;
    world.store.lose();
    world.edit("np/words.yaml", "words: true\n");
    world.wait(10);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn a_new_image_policy_restarts_no_clock() {
    for is_new_process in [false, true] {
        let mut world = soaking().await;
        world.wait(DAY - 10);
        world.pass().await;
        let policy = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: web, namespace: flux-system}\n\
                      spec: {imageRepositoryRef: {name: web}, policy: {semver: {range: '*'}}}\n---\n\
                      apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: web, namespace: flux-system}\n\
                      spec: {image: ghcr.io/vtr/web}\n";
        world.edit("np/flux.yaml", policy);
        if is_new_process {
            world.restart();
        }
        world.wait(10);
        assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"], "new process: {is_new_process}");
    }
}

#[tokio::test]
async fn a_folder_that_joins_late_soaks_from_then() {
    let mut settings = Settings::default();
    settings.environments[0].1 = vec!["np", "np2"];
    let mut world = World::with(settings);
    world.branch.commit("Ana", "not yet", world.now(), &[("np2/app.yaml", None)]);
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.wait(DAY - 10);
    world.pass().await;
    world.person("np2/app.yaml", "v1.0.1");
    world.wait(10);
    assert!(world.pass().await.is_empty(), "one of its folders has had it for ten minutes");
    world.wait(DAY);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn folders_that_pin_different_images_are_not_one_that_soaked() {
    let mut settings = Settings::default();
    settings.environments[0].1 = vec!["np", "np2"];
    let mut world = World::with(settings);
    world.push("v1.0.1", '1');
    world.person("np/app.yaml", &format!("v1.0.1@{}", digest('1')));
    world.person("np2/app.yaml", &format!("v1.0.1@{}", digest('f')));
    world.pass().await;
    world.wait(2 * DAY);
    assert!(world.pass().await.is_empty());
}

#[tokio::test]
async fn a_backdated_commit_counts_from_the_fetch_that_did_not_have_it() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.wait(DAY);
    let by_hand = (world.now() - TimeDelta::days(1), release("app", "v1.0.1"));
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.push("v1.0.2", '2');
    world.registry.hide_digests(true);
    world.pass().await;
    world.wait(5);
    let text = by_hand.1.replace("v1.0.1", "v1.0.2");
    world.branch.commit("Ana", "long ago", by_hand.0, &[("np/app.yaml", Some(text))]);
    world.registry.hide_digests(false);
    world.wait(5);
    assert!(world.pass().await.is_empty(), "its own word for its age is not enough");
    world.wait(DAY);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.2"]);
}

#[tokio::test]
async fn a_rollback_stands_with_any_message() {
    let mut world = soaking().await;
    let copied = world.branch.messages().pop().unwrap();
    let back = [("np/app.yaml", Some(release("app", "v1.0.0")))];
    world.branch.commit("Ana", &copied, world.now(), &back);
    assert!(world.pass().await.is_empty());
    assert_eq!(world.tag("np/app.yaml"), "v1.0.0");
    world.push("v1.0.2", '2');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.2"], "a higher one goes on");
}

#[tokio::test]
async fn a_rollback_by_way_of_a_moved_file_stands() {
    let mut world = soaking().await;
    let moved = [("np/app.yaml", None), ("np/other.yaml", Some(release("app", "v1.0.0")))];
    world.branch.commit("Ana", "tidy up, and back", world.now(), &moved);
    assert!(world.pass().await.is_empty());
}

/// A release without a namespace of its own.
fn unplaced(tag: &str) -> String {
    release("app", tag).replace(", namespace: common", "")
}

#[tokio::test]
async fn history_knows_services_by_the_namespace_that_other_files_give_now() {
    let mut world = World::new();
    let files: Vec<(&str, Option<String>)> = vec![
        ("np/app.yaml", None),
        ("p/app.yaml", None),
        ("np/shop/app.yaml", Some(unplaced("v1.0.0"))),
        ("p/shop/app.yaml", Some(unplaced("v1.0.0"))),
        ("p/blog/app.yaml", Some(unplaced("v1.0.1"))),
        ("np/shop/kustomization.yaml", Some("namespace: shop\nresources: [app.yaml]\n".to_owned())),
        ("p/shop/kustomization.yaml", Some("namespace: shop\nresources: [app.yaml]\n".to_owned())),
    ];
    world.branch.commit("Ana", "move", world.now(), &files);
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    let message = world.branch.messages().pop().unwrap();
    assert!(message.contains("Tidegate-Service: shop/app"), "{message}");
    world.wait(DAY / 2);
    // The namespace is another one now; what happened before is known by it.
    let shop = "namespace: store\nresources: [app.yaml]\n".to_owned();
    let renamed =
        [("np/shop/kustomization.yaml", Some(shop.clone())), ("p/shop/kustomization.yaml", Some(shop))];
    world.branch.commit("Ana", "rename", world.now(), &renamed);
    world.restart();
    assert!(world.pass().await.is_empty());
    world.wait(DAY / 2);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    assert_eq!(world.tag("p/shop/app.yaml"), "v1.0.1");
    let services = vec!["store/app".parse().unwrap()];
    let query = HistoryQuery { services, environments: Vec::new(), since: None, until: None, most: 9 };
    let moves = world.engine.history(&query).await.unwrap();
    assert_eq!(moves.len(), 4, "{moves:?}");
}

#[tokio::test]
async fn a_patch_is_promoted_by_the_image_of_its_base() {
    let mut world = World::new();
    let base = release("app", "x").replace("      tag: x\n", "");
    let tag = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app, namespace: common}\n\
        spec:\n  values:\n    image:\n      tag: v1.0.0\n";
    let overlay = "resources: [../base]\npatches: [{path: app.yaml}]\n";
    let files: Vec<(&str, Option<String>)> = vec![
        ("base/app.yaml", Some(base)),
        ("base/kustomization.yaml", Some("resources: [app.yaml]\n".to_owned())),
        ("np/app.yaml", Some(tag.to_owned())),
        ("np/kustomization.yaml", Some(overlay.to_owned())),
        ("p/app.yaml", Some(tag.to_owned())),
        ("p/kustomization.yaml", Some(overlay.to_owned())),
    ];
    world.branch.commit("Ana", "overlays", world.now(), &files);
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.restart();
    world.wait(DAY);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    assert_eq!(world.branch.text("p/app.yaml"), tag.replace("v1.0.0", "v1.0.1"));
}

#[tokio::test]
async fn nothing_is_promoted_while_the_clock_is_behind_the_branch() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    let right = world.now();
    *world.clock.0.lock().unwrap() = "2020-01-01T00:00:00Z".parse().unwrap();
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty());
    let problem = report.problems.iter().find(|problem| problem.message.contains("clock")).unwrap();
    assert_eq!(
        problem.message,
        "nothing is promoted: the clock of this machine says 2020-01-01 00:00 UTC, before every commit on the branch (the \
         earliest is of 2026-03-02 09:00 UTC)"
    );
    *world.clock.0.lock().unwrap() = right;
    assert_eq!(world.pass().await.len(), 1);
}

#[tokio::test]
async fn a_commit_from_the_future_is_a_warning_and_holds_back_nothing_else() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    let text = world.branch.text("np/app.yaml");
    let tomorrow = world.now() + TimeDelta::days(1);
    world.branch.commit(
        "Ana",
        "by hand",
        tomorrow,
        &[("np/app.yaml", Some(text.replace("v1.0.0", "v0.9.0")))],
    );
    world.branch.commit("Ana", "back", tomorrow, &[("np/app.yaml", Some(text))]);
    let report = world.try_pass().await.unwrap();
    let told = report.problems.iter().find(|problem| problem.message.contains("clock")).unwrap();
    assert!(!told.is_error && told.message.contains("one of the two clocks is wrong"), "{told}");
    assert_eq!(report.promoted.len(), 1);
}
