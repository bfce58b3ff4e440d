//! Promotions by hand: what is asked for, and nothing else.

use rstest::rstest;

use super::*;
use crate::engine::fake::{World, release, service};
use crate::engine::{PassMode, PassOptions, PassReport};
use crate::policy::{GateName, Override, Overrides};

/// Asks as `--to ENV [--tag TAG]` would.
async fn ask(
    world: &mut World,
    environment: &str,
    tag: &str,
    overrides: &[GateName],
) -> Result<PassReport, Fault> {
    let overrides = overrides.iter().map(|gate| Override::new(*gate, "an outage").unwrap()).collect();
    let by_hand = ManualPromotion {
        services: vec![service("app").into()],
        to: environment.parse().ok(),
        tag: (!tag.is_empty()).then(|| tag.parse().unwrap()),
        image: None,
        overrides: Overrides { overrides, ..Overrides::default() },
    };
    let request = PassOptions {
        mode: PassMode::Manual(by_hand),
        requested_by: "ana".into(),
        dry_run: false,
        ..PassOptions::schedule()
    };
    world.engine.pass(&request).await
}

fn world() -> World {
    let world = World::new();
    world.push("v1.0.1", '1');
    world.push("v1.0.2", '2');
    world
}

#[rstest]
#[case::what_would_come("non-prod", "", &[], "v1.0.2")]
#[case::a_lower_one_of_several("non-prod", "v1.0.1", &[], "v1.0.1")]
#[case::what_runs_already("non-prod", "v1.0.0", &[], "")]
#[case::nothing_new_before_prod("prod", "", &[], "")]
#[case::not_soaked("prod", "v1.0.1", &[], "")]
#[case::not_soaked_and_overridden("prod", "v1.0.1", &[GateName::Soak], "v1.0.1")]
#[tokio::test]
async fn a_manual_promotion_moves_its_target(
    #[case] environment: &str,
    #[case] tag: &str,
    #[case] overrides: &[GateName],
    #[case] expected: &str,
) {
    let mut world = world();
    world.edit("np/web.yaml", &release("app", "v1.0.0").replace("name: app", "name: web"));
    let report = ask(&mut world, environment, tag, overrides).await.unwrap();
    let moved: Vec<&str> = report.promoted.iter().map(|one| one.to.as_str()).collect();
    assert_eq!(moved.join(" "), expected, "and no other service goes along");
    assert!(report.promoted.iter().all(|one| one.environment.as_str() == environment));
}

#[tokio::test]
async fn an_override_is_in_the_message() {
    let mut world = world();
    ask(&mut world, "prod", "v1.0.1", &[GateName::Soak]).await.unwrap();
    let message = world.branch.messages().pop().unwrap();
    assert!(
        message.contains("Tidegate-Requested-By: ana\nTidegate-Override: soak (an outage)\n"),
        "{message}"
    );
}

#[tokio::test]
async fn a_lower_version_is_refused() {
    let mut world = world();
    world.person("np/app.yaml", "v1.0.2");
    let overrides = [GateName::Soak, GateName::Approval];
    assert!(ask(&mut world, "non-prod", "v1.0.1", &overrides).await.unwrap().promoted.is_empty());
}

#[rstest]
#[case::no_environment("staging", "", "there is no environment staging")]
#[case::no_tag("non-prod", "v9.9.9", "ghcr.io/vtr/app has no tag v9.9.9 that the selection rules admit")]
#[tokio::test]
async fn an_unknown_environment_or_tag_is_a_usage_error(
    #[case] environment: &str,
    #[case] tag: &str,
    #[case] expected: &str,
) {
    let fault = ask(&mut world(), environment, tag, &[]).await.unwrap_err();
    assert_eq!((fault.class(), fault.to_string().as_str()), (Class::Usage, expected));
    assert!(fault.hint().is_some());
}

#[tokio::test]
async fn a_service_missing_here_is_refused_with_where_it_is() {
    let mut world = world();
    world.branch.commit("Ana", "gone", world.now(), &[("p/app.yaml", None)]);
    let fault = ask(&mut world, "prod", "", &[]).await.unwrap_err();
    assert_eq!(fault.hint(), Some("there is common/app in non-prod"));
}

/// Asks as `promote common/app` would.
async fn ask_for_the_next(world: &mut World) -> Vec<String> {
    let by_hand = ManualPromotion {
        services: vec![service("app").into()],
        to: None,
        tag: None,
        image: None,
        overrides: Overrides::default(),
    };
    let request = PassOptions {
        mode: PassMode::Manual(by_hand),
        requested_by: "ana".into(),
        dry_run: false,
        ..PassOptions::schedule()
    };
    let report = world.engine.pass(&request).await.unwrap();
    report.promoted.iter().map(|one| format!("{} {}", one.environment, one.to)).collect()
}

#[tokio::test]
async fn the_next_environment_is_one_that_may_be_reached() {
    let mut world = world();
    assert_eq!(ask_for_the_next(&mut world).await, ["non-prod v1.0.2"]);
    world.wait(25 * 60);
    assert_eq!(ask_for_the_next(&mut world).await, ["prod v1.0.2"]);
    world.person("p/app.yaml", "v1.0.0");
    world.push("v1.0.3", '3');
    assert_eq!(ask_for_the_next(&mut world).await, ["non-prod v1.0.3"], "nobody wants v1.0.2 in prod");
    world.push("v1.0.4", '4');
    assert_eq!(
        ask_for_the_next(&mut world).await,
        Vec::<String>::new(),
        "v1.0.3 soaks for prod, which is next"
    );
}
