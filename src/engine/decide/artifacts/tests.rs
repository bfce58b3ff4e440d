//! What is no image is no candidate.

use crate::engine::fake::{World, digest, image, service};
use crate::engine::{
    Explanation, ManualPromotion, PassMode, PassOptions, PassReport, Question, TargetStatus,
};
use crate::model::{Artifact, Class};
use crate::policy::{Override, Overrides};

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
    for reason in ["v1.1.0 is skipped: it is application/vnd.cncf", "its index is empty"] {
        assert!(warnings.iter().any(|warning| warning.contains(reason)), "{warnings:?}");
    }
    world.registry.calls.take();
    let again = world.try_pass().await.unwrap();
    assert!(again.promoted.is_empty());
    assert!(again.problems.iter().any(|problem| problem.message.contains("v1.2.0 is skipped")));
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

fn lacks_arm() -> Artifact {
    Artifact::Incomplete("its index has no image for linux/arm64".to_owned())
}

async fn explain(world: &mut World, environment: &str, tag: &str) -> Explanation {
    let question = Question {
        service: service("app"),
        environment: environment.parse().ok(),
        image: None,
        tag: tag.parse().ok(),
    };
    world.engine.explain(&question).await.unwrap().explanations.remove(0)
}

#[tokio::test]
async fn explain_names_what_an_image_lacks() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.push("v1.1.0", '2');
    world.registry.describe(&digest('2'), lacks_arm());
    let explanation = explain(&mut world, "non-prod", "").await;
    assert_eq!(explanation.candidate_status().unwrap().tag.as_str(), "v1.0.1");
    let fates: Vec<String> =
        explanation.versions.iter().map(|one| format!("{} {}", one.tag, one.fate)).collect();
    assert_eq!(fates, ["v1.0.1 comes next", "v1.1.0 skipped: its index has no image for linux/arm64"]);
    let asked = explain(&mut world, "non-prod", "v1.1.0").await;
    assert!(matches!(&asked.outlook, TargetStatus::NoImage(why) if why.contains("linux/arm64")), "{asked:?}");
    world.pass().await;
    let explanation = explain(&mut world, "non-prod", "").await;
    let TargetStatus::Current(why) = &explanation.outlook else { panic!("{explanation:?}") };
    assert!(!why.is_up_to_date(), "something newer is there, and somebody has to push it again");
    assert!(why.to_string().contains("v1.1.0 is newer and is skipped: its index"), "{why}");
}

#[tokio::test]
async fn a_chart_beside_the_images_leaves_them_up_to_date() {
    let mut world = World::new();
    world.push("v5.0.0", '2');
    world.registry.describe(&digest('2'), chart());
    let explanation = explain(&mut world, "non-prod", "").await;
    let TargetStatus::Current(why) = &explanation.outlook else { panic!("{explanation:?}") };
    assert!(why.is_up_to_date(), "{why}");
}

#[tokio::test]
async fn an_image_that_cannot_run_is_not_promoted_by_hand() {
    let mut world = World::new();
    for (tag, letter) in [("v1.0.1", '1'), ("v1.1.0", '2'), ("v1.2.0", '3')] {
        world.push(tag, letter);
    }
    world.registry.describe(&digest('1'), chart());
    world.registry.describe(&digest('3'), lacks_arm());
    for (environment, tag, reason) in [
        ("non-prod", "v1.2.0", "its index has no image for linux/arm64"),
        ("non-prod", "v1.0.1", "it is application/vnd.cncf.helm.config.v1+json, not an image"),
        ("prod", "v1.2.0", "its index has no image for linux/arm64"),
    ] {
        let soak = Override::new(crate::policy::GateName::Soak, "an outage").unwrap();
        let by_hand = ManualPromotion {
            services: vec![service("app").into()],
            to: environment.parse().ok(),
            tag: tag.parse().ok(),
            image: None,
            overrides: Overrides { overrides: vec![soak], ..Overrides::default() },
        };
        let request = PassOptions { mode: PassMode::Manual(by_hand), ..PassOptions::schedule() };
        let fault = world.engine.pass(&request).await.unwrap_err();
        assert_eq!(fault.class(), Class::Refused, "{environment} {tag}");
        assert!(fault.to_string().ends_with(&format!("{tag} is not promoted: {reason}")), "{fault}");
    }
}
