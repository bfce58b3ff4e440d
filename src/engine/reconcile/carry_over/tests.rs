//! What a person proposed by hand, and what was proposed beside it.

use std::collections::BTreeMap;

use crate::engine::base::pass_options::{PassMode, PassOptions};
use crate::engine::fake::{Settings, World, digest, image, release};
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::reconcile::tests::{BRANCH, DAY, by_ana, closed, proposed, settings, soaked, states};
use crate::engine::{Group, Grouping, PullRequestPolicy};
use crate::model::PullRequestBranch;
use crate::policy::{GateName, SoakMode};

const ALL: &str = "tidegate/prod/_all";

/// Non-prod has just come to run v1.0.1, and Ana proposed it for prod all the same.
async fn insisted() -> World {
    let mut world = World::with(settings(PullRequestPolicy::default()));
    world.push("v1.0.1", '1');
    world.pass().await;
    assert_eq!(asked(&mut world, by_ana(None, &[GateName::Soak])).await, ["opens #1 v1.0.1"]);
    world
}

async fn asked(world: &mut World, request: PassOptions) -> Vec<String> {
    states(&world.engine.pass(&request).await.unwrap())
}

async fn looked(world: &mut World) -> Vec<String> {
    states(&world.try_pass().await.unwrap())
}

fn trailers(world: &World, branch: &str) -> Vec<Trailers> {
    let branch: PullRequestBranch = branch.parse().unwrap();
    read_trailers(&world.branch.message_of(world.branch.tip_of(&branch).unwrap()))
}

/// Each promotion of a branch with who asked for it, as `app v1.0.1 ana soak`.
fn requested(world: &World, branch: &str) -> Vec<String> {
    let one = |promotion: Trailers| {
        let gates = promotion.overrides.iter().map(|one| format!(" {}", one.gate()));
        let gates: String = gates.collect();
        let tag = promotion.image.tag.unwrap();
        format!("{} {tag} {}{gates}", promotion.service.name(), promotion.mark.requested_by)
    };
    trailers(world, branch).into_iter().map(one).collect()
}

/// `app` and `web` in a file each, with what is pushed of `web`.
fn both(grouping: Grouping, sets: Vec<Group>) -> World {
    let rules = PullRequestPolicy { grouping, ..PullRequestPolicy::default() };
    let world = World::with(Settings { groups: sets, ..settings(rules) });
    for file in ["np/web.yaml", "p/web.yaml"] {
        world.edit(file, &release("web", "v1.0.0"));
    }
    push_web(&world, "v1.0.0", '0');
    world
}

fn push_web(world: &World, tag: &str, letter: char) {
    world.registry.push(&image("web"), tag, digest(letter));
}

fn hold(world: &World, service: &str, file: &str) {
    let at = world.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let text = format!(
        "kind: Hold\nservice: common/{service}\nenvironments: [prod]\nreason: audit\nby: Ben\nat: {at}\n"
    );
    world.edit(file, &text);
}

#[tokio::test]
async fn a_manual_proposal_stays_unchanged_until_it_is_merged() {
    let mut world = insisted().await;
    let body = world.forge.pulls()[0].body.clone();
    for _ in 0..2 {
        world.forge.calls.take();
        world.branch.calls.take();
        assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1"]);
        assert_eq!(world.forge.calls.take(), BTreeMap::from([("open_requests", 1)]));
        assert!(!world.branch.calls.take().contains_key("propose"));
        world.wait(DAY);
        world.restart();
    }
    assert_eq!(requested(&world, BRANCH), ["app v1.0.1 ana soak"]);
    assert_eq!(world.forge.pulls()[0].body, body);
    world.forge.merge(1, world.now());
    assert_eq!(looked(&mut world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_lower_version_does_not_take_its_place_and_a_higher_one_does() {
    let mut world = soaked(PullRequestPolicy::default()).await;
    world.push("v1.0.2", '2');
    world.push("v1.0.3", '3');
    // Non-prod stays at v1.0.1, which soaked; v1.0.3 never ran there.
    let pin = "kind: Pin\nenvironments: [non-prod]\nversions: \"=1.0.1\"\nreason: x\nby: Ana\nat: 2026-03-02T09:00:00Z\n";
    world.edit(".tidegate/pin.yaml", pin);
    assert_eq!(asked(&mut world, by_ana(Some("v1.0.3"), &[GateName::Soak])).await, ["opens #1 v1.0.3"]);
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.3"]);
    world.push("v1.0.4", '4');
    world.branch.commit("Ana", "go on", world.now(), &[(".tidegate/pin.yaml", None)]);
    assert_eq!(world.pass().await, ["app non-prod v1.0.1 v1.0.4"]);
    world.wait(DAY);
    assert_eq!(looked(&mut world).await, ["updates #1 v1.0.4"]);
    assert_eq!(requested(&world, BRANCH), ["app v1.0.4 schedule"]);
}

#[tokio::test]
async fn a_person_takes_the_place_of_what_was_proposed() {
    let mut world = proposed().await;
    world.push("v1.0.2", '2');
    world.pass().await;
    assert_eq!(asked(&mut world, by_ana(None, &[GateName::Soak])).await, ["updates #1 v1.0.2"]);
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.2"]);
    assert_eq!(asked(&mut world, by_ana(Some("v1.0.1"), &[GateName::Soak])).await, ["updates #1 v1.0.1"]);
    world.wait(DAY);
    assert_eq!(looked(&mut world).await, ["updates #1 v1.0.2"], "which is higher, and has soaked");
}

#[tokio::test]
async fn an_overridden_gate_does_not_close_it_and_a_later_control_does() {
    let mut world = soaked(PullRequestPolicy::default()).await;
    hold(&world, "app", ".tidegate/one.yaml");
    assert_eq!(looked(&mut world).await, Vec::<String>::new());
    world.wait(1);
    assert_eq!(asked(&mut world, by_ana(None, &[GateName::Hold])).await, ["opens #1 v1.0.1"]);
    for _ in 0..2 {
        assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1"]);
        world.wait(DAY);
    }
    hold(&world, "app", ".tidegate/two.yaml");
    assert_eq!(looked(&mut world).await, ["closes #1 v1.0.1"]);
    assert_eq!(looked(&mut world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_repeated_override_is_reported_again() {
    let mut world = insisted().await;
    for file in [".tidegate/one.yaml", ".tidegate/two.yaml"] {
        world.wait(1);
        hold(&world, "app", file);
        world.wait(1);
        let again = by_ana(None, &[GateName::Soak, GateName::Hold]);
        assert_eq!(asked(&mut world, again).await, ["updates #1 v1.0.1"]);
        assert_eq!(requested(&world, BRANCH), ["app v1.0.1 ana hold soak"]);
        assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1"]);
    }
}

#[tokio::test]
async fn a_branch_left_by_a_merged_pull_request_is_no_proposal() {
    let mut world = proposed().await;
    world.forge.merge(1, world.now());
    world.pass().await;
    world.wait(1);
    world.person("p/app.yaml", "v1.0.0");
    world.wait(1);
    assert_eq!(asked(&mut world, by_ana(None, &[GateName::Order])).await, ["opens #2 v1.0.1"]);
    assert_eq!(requested(&world, BRANCH), ["app v1.0.1 ana order"]);
    assert_eq!(looked(&mut world).await, ["waits #2 v1.0.1"]);
}

#[tokio::test]
async fn a_branch_left_by_a_closed_pull_request_is_not_reused_by_a_new_override() {
    let mut world = insisted().await;
    let first = trailers(&world, BRANCH);
    world.forge.close_by_hand(1, world.now());
    world.wait(60);
    world.person("np/app.yaml", "v1.0.0");
    world.wait(1);
    let again = by_ana(Some("v1.0.1"), &[GateName::Soak, GateName::Order]);
    assert_eq!(asked(&mut world, again.clone()).await, ["opens #2 v1.0.1"]);
    assert_eq!(looked(&mut world).await, ["waits #2 v1.0.1"]);
    world.forge.close_by_hand(2, world.now());
    world.wait(60);
    world.person("np/app.yaml", "v1.0.1");
    world.wait(1);
    world.person("np/app.yaml", "v1.0.0");
    world.wait(1);
    assert_eq!(asked(&mut world, again).await, ["opens #3 v1.0.1"]);
    assert_eq!(looked(&mut world).await, ["waits #3 v1.0.1"]);
    assert_ne!(trailers(&world, BRANCH)[0].mark.id, first[0].mark.id);
}

#[tokio::test]
async fn it_is_made_anew_on_a_branch_that_moved_as_the_same_promotion() {
    let mut world = insisted().await;
    let before = trailers(&world, BRANCH);
    world.edit("p/app.yaml", &format!("# Owned by Ana.\n{}", release("app", "v1.0.0")));
    assert_eq!(looked(&mut world).await, ["updates #1 v1.0.1"]);
    assert_eq!(trailers(&world, BRANCH), before, "who asked, for what, and under which identity");
    let body = &world.forge.pulls()[0].body;
    assert!(body.contains("asked for by ana, let through at 2026-03-02 09:00 UTC; now:"), "{body}");
    assert!(body.contains("soak       overridden: "), "{body}");
    assert_eq!(world.forge.pulls()[0].comments, Vec::<String>::new());
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1"]);
}

#[tokio::test]
async fn another_image_under_its_tag_closes_it() {
    let mut world = insisted().await;
    world.push("v1.0.1", '9');
    assert_eq!(looked(&mut world).await, ["closes #1 v1.0.1"]);
}

#[tokio::test]
async fn a_registry_that_is_away_changes_nothing() {
    let mut world = insisted().await;
    world.registry.kill(&image("app"));
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1"]);
}

#[tokio::test]
async fn manual_and_soaked_promotions_share_the_pull_request_of_the_environment() {
    let mut world = both(Grouping::Environment, Vec::new());
    push_web(&world, "v1.0.1", '1');
    world.pass().await;
    world.wait(DAY - 60);
    world.push("v1.0.1", '1');
    world.pass().await;
    assert_eq!(asked(&mut world, by_ana(None, &[GateName::Soak])).await, ["opens #1 v1.0.1"]);
    world.wait(60);
    assert_eq!(looked(&mut world).await, ["updates #1 v1.0.1+v1.0.1"]);
    assert_eq!(requested(&world, ALL), ["app v1.0.1 ana soak", "web v1.0.1 schedule"]);
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1+v1.0.1"]);
    // Something newer of the other soaks: what was let through stays.
    push_web(&world, "v1.0.2", '2');
    world.pass().await;
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1+v1.0.1"]);
    world.push("v1.0.2", '2');
    world.pass().await;
    assert_eq!(asked(&mut world, by_ana(None, &[GateName::Soak])).await, ["updates #1 v1.0.2+v1.0.1"]);
    assert_eq!(requested(&world, ALL), ["app v1.0.2 ana soak", "web v1.0.1 schedule"]);
    hold(&world, "web", ".tidegate/hold.yaml");
    assert_eq!(looked(&mut world).await, ["updates #1 v1.0.2"]);
    let comments = &world.forge.pulls()[0].comments;
    let last = comments.last().unwrap();
    assert!(
        last.starts_with("- **common/web**: `v1.0.1` is no longer proposed\n\n```text\ncommon/web: hold: held by Ben: audit"),
        "{last}"
    );
    hold(&world, "app", ".tidegate/more.yaml");
    assert_eq!(looked(&mut world).await, ["closes #1 v1.0.2"]);
}

#[tokio::test]
async fn a_set_stays_whole() {
    let set = Group { name: "shop".into(), services: vec!["common/*".parse().unwrap()] };
    for grouping in [Grouping::Service, Grouping::Environment] {
        let mut world = both(grouping, vec![set.clone()]);
        world.push("v1.0.1", '1');
        push_web(&world, "v1.0.1", '1');
        world.pass().await;
        assert_eq!(
            asked(&mut world, by_ana(None, &[GateName::Soak])).await,
            ["opens #1 v1.0.1+v1.0.1"],
            "{grouping:?}"
        );
        assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1+v1.0.1"]);
        push_web(&world, "v1.0.2", '2');
        world.pass().await;
        assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1+v1.0.1"]);
        world.wait(DAY);
        assert_eq!(looked(&mut world).await, ["updates #1 v1.0.1+v1.0.2"]);
        world.wait(1);
        hold(&world, "web", ".tidegate/hold.yaml");
        assert_eq!(looked(&mut world).await, ["closes #1 v1.0.1+v1.0.2"]);
    }
}

#[tokio::test]
async fn a_train_leaves_when_it_is_proposed() {
    let rules = PullRequestPolicy::default();
    let mut world = World::with(Settings { soak_mode: SoakMode::Train, ..settings(rules) });
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.push("v1.0.2", '2');
    assert_eq!(world.pass().await, Vec::<String>::new(), "v1.0.1 soaks");
    world.wait(DAY);
    assert_eq!(looked(&mut world).await, ["opens #1 v1.0.1"]);
    assert_eq!(world.tag("np/app.yaml"), "v1.0.2", "and non-prod goes on, whenever people merge");
    assert_eq!(looked(&mut world).await, ["waits #1 v1.0.1"]);
    world.push("v1.0.3", '3');
    assert_eq!(world.pass().await, Vec::<String>::new(), "v1.0.2 soaks");
    world.wait(DAY);
    assert_eq!(looked(&mut world).await, ["updates #1 v1.0.2"]);
}

#[tokio::test]
async fn a_way_down_that_a_person_proposed_waits_too() {
    let mut world = proposed().await;
    world.forge.merge(1, world.now());
    world.pass().await;
    let mut request = by_ana(Some("v1.0.0"), &[GateName::Order, GateName::Soak]);
    if let PassMode::Manual(by_hand) = &mut request.mode {
        by_hand.overrides.allow_downgrade = true;
    }
    assert_eq!(asked(&mut world, request).await, ["opens #2 v1.0.0"]);
    assert_eq!(looked(&mut world).await, ["waits #2 v1.0.0"]);
    world.forge.merge(2, world.now());
    assert_eq!(looked(&mut world).await, Vec::<String>::new());
    assert_eq!(world.tag("p/app.yaml"), "v1.0.0");
}

#[tokio::test]
async fn a_lower_version_may_come_by_hand_while_a_higher_one_stays_refused() {
    let mut world = proposed().await;
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(DAY);
    assert_eq!(looked(&mut world).await, ["updates #1 v1.0.2"]);
    world.forge.close_by_hand(1, world.now());
    assert_eq!(looked(&mut world).await, Vec::<String>::new());
    let request = by_ana(Some("v1.0.1"), &[GateName::Soak]);
    let report = world.engine.pass(&request).await.unwrap();
    let order = closed(&report).into_iter().find(|report| report.starts_with("order")).unwrap();
    assert!(order.starts_with("order: pull request #1 with 1.0.2 was closed unmerged by ana at "), "{order}");
    let request = by_ana(Some("v1.0.1"), &[GateName::Soak, GateName::Order]);
    assert_eq!(asked(&mut world, request).await, ["opens #2 v1.0.1"]);
    for _ in 0..2 {
        let report = world.try_pass().await.unwrap();
        assert_eq!(states(&report), ["waits #2 v1.0.1"]);
        let order = closed(&report).into_iter().find(|report| report.starts_with("order")).unwrap();
        assert!(
            order.starts_with("order: pull request #1 with v1.0.2 was closed unmerged by ana at "),
            "{order}"
        );
        world.restart();
    }
    world.forge.merge(2, world.now());
    assert_eq!(looked(&mut world).await, Vec::<String>::new(), "v1.0.2 stays refused");
    world.push("v1.0.3", '3');
    world.pass().await;
    world.wait(DAY);
    assert_eq!(looked(&mut world).await, ["opens #3 v1.0.3"]);
}
