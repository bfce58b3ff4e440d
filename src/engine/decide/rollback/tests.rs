//! Ways back: where to, as which image, and that nothing comes back by itself.

use super::*;
use crate::engine::Group;
use crate::engine::fake::{Push, Settings, World, digest, image, release, service};
use crate::engine::{PassMode, PassOptions, PassReport};
use crate::policy::{GateName, Override};

async fn back(world: &mut World, environment: &str, to: &str) -> Result<PassReport, Fault> {
    back_overriding(world, environment, to, None).await
}

async fn back_overriding(
    world: &mut World,
    environment: &str,
    to: &str,
    order_override: Option<Override>,
) -> Result<PassReport, Fault> {
    let back = RollbackRequest {
        service: service("app"),
        environment: environment.parse().unwrap(),
        to: (!to.is_empty()).then(|| to.parse().unwrap()),
        image: None,
        reason: "it loses orders".into(),
        quarantines: true,
        accept_digest: None,
        order_override,
        decided_on: None,
    };
    let request = PassOptions {
        mode: PassMode::Rollback(back),
        requested_by: "ana".into(),
        dry_run: false,
        ..PassOptions::schedule()
    };
    world.engine.pass(&request).await
}

/// What the gates say of v1.0.2 in non-prod.
async fn ask_what_holds(world: &mut World) -> String {
    let by_hand = ManualPromotion {
        services: vec![service("app").into()],
        to: "non-prod".parse().ok(),
        tag: "v1.0.2".parse().ok(),
        image: None,
        overrides: Overrides::default(),
    };
    let request = PassOptions {
        mode: PassMode::Manual(by_hand),
        requested_by: "ben".into(),
        dry_run: true,
        ..PassOptions::schedule()
    };
    let report = world.engine.pass(&request).await.unwrap();
    let Some(Decision::Wait(evaluation)) = report.evaluation.decisions.iter().flatten().next() else {
        return String::new();
    };
    evaluation.closed().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Non-prod ran v1.0.0 and v1.0.1, and runs v1.0.2.
async fn world() -> World {
    let mut world = World::new();
    for (tag, letter) in [("v1.0.1", '1'), ("v1.0.2", '2')] {
        world.push(tag, letter);
        world.pass().await;
        world.wait(60);
    }
    world
}

#[tokio::test]
async fn a_rollback_restores_the_last_version_that_ran_and_stays() {
    let mut world = world().await;
    let commits = world.branch.messages().len();
    let report = back(&mut world, "non-prod", "").await.unwrap();
    assert_eq!(report.promoted[0].to.as_str(), "v1.0.1");
    assert_eq!(report.promoted[0].digest, digest('1'));
    assert_eq!(world.tag("np/app.yaml"), "v1.0.1");
    assert_eq!(world.branch.messages().len(), commits + 1, "one commit does both");
    let quarantine = world.branch.text(".tidegate/quarantine/common/app/v1.0.2.yaml");
    assert!(quarantine.contains("reason: it loses orders\nby: ana\n"), "{quarantine}");
    let message = world.branch.messages().pop().unwrap();
    assert!(
        message.starts_with(
            "revert(app): roll back to v1.0.1\n\nnon-prod: v1.0.2 -> v1.0.1, rolled back: it loses orders\n"
        ),
        "{message}"
    );
    assert!(message.contains("Tidegate-Rollback: v1.0.2 (it loses orders)\n"), "{message}");
    let asked = ask_what_holds(&mut world).await;
    assert!(asked.contains("ana rolled back from v1.0.2"), "who asked for it, not who committed: {asked}");
    world.wait(48 * 60);
    assert!(world.pass().await.iter().all(|moved| !moved.contains("v1.0.2")), "it does not come again");
    world.push("v1.0.3", '3');
    assert_eq!(world.pass().await[0], "app non-prod v1.0.1 v1.0.3");
}

#[tokio::test]
async fn a_second_way_back_goes_further() {
    let mut world = world().await;
    back(&mut world, "non-prod", "").await.unwrap();
    world.wait(60);
    let report = back(&mut world, "non-prod", "").await.unwrap();
    assert_eq!(report.promoted[0].to.as_str(), "v1.0.0");
    world.wait(60);
    let fault = back(&mut world, "non-prod", "").await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "Nothing to roll back to: common/app never ran a lower version in non-prod"
    );
}

#[tokio::test]
async fn one_that_is_given_again_because_its_answer_was_lost_goes_no_further() {
    let mut world = world().await;
    back(&mut world, "non-prod", "").await.unwrap();
    world.wait(9);
    let commits = world.branch.messages().len();
    let fault = back(&mut world, "non-prod", "").await.unwrap_err();
    assert_eq!(fault.class(), Class::Refused, "{fault}");
    let commit = world.branch.head().short();
    let expected = format!(
        "common/app in non-prod was already rolled back: ana went back from v1.0.2 to v1.0.1 in commit {commit} at "
    );
    assert!(fault.to_string().starts_with(&expected), "{fault}");
    let named = back(&mut world, "non-prod", "v1.0.1").await.unwrap_err();
    let since = format!(
        "common/app in non-prod runs v1.0.1 already since ana went back from v1.0.2 to v1.0.1 in commit {commit} at "
    );
    assert!(named.to_string().starts_with(&since), "{named}");
    assert!(fault.hint().unwrap().ends_with("name the tag with --to; it ran v1.0.0 before"), "{fault:?}");
    assert_eq!((world.tag("np/app.yaml").as_str(), world.branch.messages().len()), ("v1.0.1", commits));
    let report = back(&mut world, "non-prod", "v1.0.0").await.unwrap();
    assert_eq!(report.promoted[0].to.as_str(), "v1.0.0");
}

#[tokio::test]
async fn a_tag_that_means_something_else_is_refused() {
    let mut world = world().await;
    world.push("v1.0.1", '9');
    let fault = back(&mut world, "non-prod", "").await.unwrap_err();
    assert_eq!(fault.class(), Class::Refused);
    assert!(fault.hint().unwrap().contains(&format!("--accept-digest {}", digest('9'))));
}

#[tokio::test]
async fn a_registry_outage_does_not_stop_a_rollback_to_a_known_image() {
    let mut world = world().await;
    world.registry.kill(&image("app"));
    let report = back(&mut world, "non-prod", "v1.0.1").await.unwrap();
    assert_eq!((report.promoted[0].to.as_str(), &report.promoted[0].digest), ("v1.0.1", &digest('1')));
}

#[tokio::test]
async fn an_impossible_rollback_is_refused() {
    let mut world = world().await;
    let fault = back(&mut world, "non-prod", "v1.0.2").await.unwrap_err();
    assert_eq!(fault.to_string(), "common/app in non-prod runs v1.0.2 already");
    let fault = back(&mut world, "staging", "").await.unwrap_err();
    assert_eq!(fault.to_string(), "there is no environment staging");
}

#[tokio::test]
async fn a_confirmed_plan_is_done_exactly_or_not_at_all() {
    let mut world = world().await;
    let back = RollbackRequest {
        service: service("app"),
        environment: "non-prod".parse().unwrap(),
        to: None,
        image: None,
        reason: "it loses orders".into(),
        quarantines: false,
        accept_digest: None,
        order_override: None,
        decided_on: None,
    };
    let request = PassOptions {
        mode: PassMode::Rollback(back),
        requested_by: "ana".into(),
        dry_run: false,
        ..PassOptions::schedule()
    };
    let tried = world.engine.pass(&PassOptions { dry_run: true, ..request.clone() }).await.unwrap();
    let agreed = crate::engine::ConfirmedPlan::of(tried.plans());
    // Somebody else was asked the same, and was first.
    world.person("np/app.yaml", "v1.0.1");
    let commits = world.branch.messages().len();
    let fault = world.engine.pass_confirmed(&request, &agreed).await.unwrap_err();
    assert_eq!(fault.class(), Class::TryAgain);
    assert!(
        fault.to_string().starts_with("something changed meanwhile: it would now move common/app"),
        "{fault}"
    );
    assert_eq!(world.branch.messages().len(), commits);
    world.person("np/app.yaml", "v1.0.2");
    let report = world.engine.pass_confirmed(&request, &agreed).await.unwrap();
    assert_eq!(report.promoted[0].to.as_str(), "v1.0.1");
}

#[tokio::test]
async fn a_higher_version_and_one_that_is_nowhere_are_no_way_back() {
    let mut world = world().await;
    world.push("v1.0.3", '3');
    let higher = back(&mut world, "non-prod", "v1.0.3").await.unwrap_err();
    assert_eq!(
        (higher.class(), higher.to_string().contains("is not lower than v1.0.2")),
        (Class::Usage, true)
    );
    let nowhere = back(&mut world, "non-prod", "v1.0.0-rc.1").await.unwrap_err();
    assert!(nowhere.to_string().contains("it never ran in non-prod"), "{nowhere}");
    assert_eq!(nowhere.hint(), Some("it ran v1.0.1, v1.0.0 before"));
}

#[tokio::test]
async fn somebody_elses_way_back_in_between_is_not_gone_further_from() {
    let mut world = world().await;
    let (at, text) = (world.now(), release("app", "v1.0.1"));
    world.branch.next_push(Push::After(Box::new(move |branch| {
        branch.commit("Ben", "back", at, &[("np/app.yaml", Some(text))]);
    })));
    let fault = back(&mut world, "non-prod", "").await.unwrap_err();
    assert_eq!(fault.class(), Class::TryAgain, "{fault}");
    assert_eq!(world.tag("np/app.yaml"), "v1.0.1");
}

#[tokio::test]
async fn only_the_named_member_of_a_set_rolls_back() {
    let services = vec![service("app").into(), service("solo").into()];
    let groups = vec![Group { name: "shop".into(), services }];
    let mut world = World::with(Settings { groups, ..Settings::default() });
    world.edit("np/solo.yaml", &release("solo", "v1.0.0"));
    for (name, environment, named) in [("solo", "prod", None), ("app", "non-prod", Some(image("other")))] {
        let back = RollbackRequest {
            service: service(name),
            environment: environment.parse().unwrap(),
            to: None,
            image: named,
            reason: "it loses orders".into(),
            quarantines: true,
            accept_digest: None,
            order_override: None,
            decided_on: None,
        };
        let request = PassOptions {
            mode: PassMode::Rollback(back),
            requested_by: "ana".into(),
            dry_run: false,
            ..PassOptions::schedule()
        };
        let fault = world.engine.pass(&request).await.unwrap_err();
        assert!(fault.to_string().contains("has no image to promote"), "{fault}");
    }
}

#[tokio::test]
async fn a_tag_that_never_ran_there_needs_an_override() {
    let mut world = world().await;
    world.push("v1.0.3", '3');
    world.push("v1.0.4", '4');
    assert_eq!(world.pass().await[0], "app non-prod v1.0.2 v1.0.4");
    let fault = back(&mut world, "non-prod", "v1.0.3").await.unwrap_err();
    assert_eq!(
        (fault.class(), fault.to_string().as_str()),
        (Class::Refused, "common/app never ran v1.0.3 in non-prod")
    );
    let hint = fault.hint().unwrap();
    assert_eq!(
        hint,
        "it ran v1.0.2, v1.0.1, v1.0.0 before; to go to v1.0.3 all the same, pass --override order"
    );
    assert_eq!(world.tag("np/app.yaml"), "v1.0.4");
    let allowed = Override::new(GateName::Order, "it loses orders").unwrap();
    back_overriding(&mut world, "non-prod", "v1.0.3", Some(allowed)).await.unwrap();
    assert_eq!(world.tag("np/app.yaml"), "v1.0.3");
    let message = world.branch.messages().pop().unwrap();
    assert!(message.contains("Tidegate-Override: order (it loses orders)\n"), "{message}");
}

#[tokio::test]
async fn a_tag_that_ran_claims_no_override() {
    let mut world = world().await;
    let allowed = Override::new(GateName::Order, "it loses orders").unwrap();
    back_overriding(&mut world, "non-prod", "v1.0.1", Some(allowed)).await.unwrap();
    assert!(!world.branch.messages().pop().unwrap().contains("Tidegate-Override"));
}

#[tokio::test]
async fn a_folder_that_holds_a_lower_version_stays() {
    let mut world = world().await;
    world.edit("np/b/app.yaml", &release("app", "v1.0.0"));
    back(&mut world, "non-prod", "v1.0.1").await.unwrap();
    assert_eq!(
        (world.tag("np/app.yaml").as_str(), world.tag("np/b/app.yaml").as_str()),
        ("v1.0.1", "v1.0.0")
    );
    let message = world.branch.messages().pop().unwrap();
    assert!(message.contains("v1.0.2 -> v1.0.1"), "{message}");
}
