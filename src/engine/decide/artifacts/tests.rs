//! What is no image is no candidate.

use crate::engine::PassReport;
use crate::engine::fake::{World, digest, image};
use crate::model::Artifact;

const CHART: &str = "application/vnd.cncf.helm.config.v1+json";

fn chart() -> Artifact {
    Artifact::Other(CHART.to_owned())
}

fn warnings(report: &PassReport) -> Vec<String> {
    report.problems.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_next_lower_version_that_is_an_image_goes_instead() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.push("v1.1.0", '2');
    world.push("v1.2.0", '3');
    world.registry.describe(&digest('2'), chart());
    world.registry.describe(&digest('3'), Artifact::Incomplete("its index is empty".to_owned()));
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.promoted.len(), 1);
    assert_eq!(report.promoted[0].to.as_str(), "v1.0.1");
    let warnings = warnings(&report);
    for reason in ["v1.1.0 is no image and is skipped: it is application/vnd.cncf", "its index is empty"] {
        assert!(warnings.iter().any(|warning| warning.contains(reason)), "{warnings:?}");
    }
    world.registry.calls.take();
    let again = world.try_pass().await.unwrap();
    assert!(again.promoted.is_empty());
    assert!(again.problems.iter().any(|problem| problem.message.contains("v1.2.0 is no image")));
    let calls = world.registry.calls.take();
    assert_eq!((calls["digest"], calls["artifact"]), (1, 1), "v1.0.1 alone, which soaks: {calls:?}");
}

#[tokio::test]
async fn an_index_that_is_completed_goes() {
    let mut world = World::new();
    world.push("v1.1.0", '2');
    world.registry.describe(&digest('2'), Artifact::Incomplete("its index is empty".to_owned()));
    assert!(world.pass().await.is_empty());
    world.push("v1.1.0", '3');
    world.wait(11);
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.1.0"]);
}

#[tokio::test]
async fn a_field_that_runs_a_chart_moves_to_charts() {
    let mut world = World::new();
    let running = world.registry.digest_of(&image("app"), "v1.0.0").unwrap();
    world.registry.describe(&running, chart());
    world.push("v1.1.0", '2');
    world.registry.describe(&digest('2'), chart());
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.1.0"]);
}
