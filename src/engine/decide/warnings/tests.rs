//! Warnings about running versions, over the fakes.

use crate::engine::fake::{World, release};
use crate::engine::{PassReport, Problem};
use crate::model::ByTarget;
use crate::policy::Decision;

fn warnings(report: &PassReport) -> Vec<String> {
    let warnings = report.problems.iter().filter(|problem: &&Problem| !problem.is_error);
    warnings.map(ToString::to_string).collect()
}

fn is_up_to_date(decisions: &ByTarget<Option<Decision>>) -> Vec<bool> {
    let is = |decision: &Option<Decision>| matches!(decision, Some(Decision::Current { why }) if why.is_up_to_date());
    decisions.iter().map(is).collect()
}

#[tokio::test]
async fn a_usual_state_has_no_warnings() {
    let mut world = World::new();
    let report = world.try_pass().await.unwrap();
    assert_eq!(warnings(&report), [""; 0]);
    assert!(is_up_to_date(&report.evaluation.decisions).iter().all(|is| *is));
}

#[tokio::test]
async fn production_ahead_of_the_environment_before_is_a_warning() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.edit("np/app.yaml", &release("app", "v1.0.0"));
    world.edit("p/app.yaml", &release("app", "v1.0.1"));
    world.registry.kill(&crate::engine::fake::image("app"));
    let report = world.try_pass().await.unwrap();
    let messages = warnings(&report);
    assert!(
        messages.iter().any(|one| one.contains("runs v1.0.1, ahead of non-prod, which runs v1.0.0")),
        "{messages:?}"
    );
}

#[tokio::test]
async fn an_image_other_than_before_is_reported_once() {
    let mut world = World::new();
    world.edit("p/app.yaml", &release("app", "v1.0.0").replace("vtr/app", "other/app"));
    let report = world.try_pass().await.unwrap();
    let messages = warnings(&report);
    let text = "runs ghcr.io/other/app, but non-prod runs ghcr.io/vtr/app";
    assert_eq!(messages.iter().filter(|one| one.contains(text)).count(), 1, "{messages:?}");
}

#[tokio::test]
async fn a_tag_missing_from_the_registry_is_not_up_to_date() {
    let mut world = World::new();
    world.edit("np/app.yaml", &release("app", "v1.0.9"));
    world.edit("p/app.yaml", &release("app", "v1.0.9"));
    let report = world.try_pass().await.unwrap();
    assert!(warnings(&report).iter().any(|one| one.contains("v1.0.9 runs, but is not among")));
    assert!(is_up_to_date(&report.evaluation.decisions).iter().all(|is| !is));
}
