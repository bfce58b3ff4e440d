//! Explanations, over the fakes: where a service stands, in one line, in many situations on a fixed clock.

use super::*;
use crate::engine::base::repository_policy::PullRequestPolicy;
use crate::engine::fake::{Settings, World, image, release, service};
use crate::model::{Class, Opinion};
use crate::policy::{ApprovalPolicy, GateName};

const DAY: u64 = 24 * 60;

fn about(environment: &str, tag: &str) -> Question {
    Question {
        service: service("app"),
        environment: environment.parse().ok(),
        image: None,
        tag: tag.parse().ok(),
    }
}

/// What comes of one explanation: the outlook, the version, its closed gates and the time, as far as there are any.
fn summary(explanation: &Explanation) -> String {
    let outlook = match &explanation.outlook {
        TargetStatus::Runs => "runs".to_owned(),
        TargetStatus::Current(why) => format!("nothing: {why}"),
        TargetStatus::NoImage(reason) => format!("no image: {reason}"),
        TargetStatus::NoVersion => "no version".to_owned(),
        TargetStatus::Open(candidate_status) => format!("open {}", candidate_status.tag),
        TargetStatus::InReview(candidate_status) => format!("in review {}", candidate_status.tag),
        TargetStatus::Stuck(candidate_status) => format!("stuck {}", candidate_status.tag),
        TargetStatus::Waits(candidate_status) => format!("waits {}", candidate_status.tag),
        TargetStatus::Unknown => "unknown".to_owned(),
        TargetStatus::Unreadable => "unreadable".to_owned(),
    };
    let closed = explanation.candidate_status().into_iter().flat_map(CandidateStatus::closed);
    let closed: Vec<&str> = closed.map(|gate| gate.report.gate.as_str()).collect();
    let at = explanation.opens_at().map(|at| at.format("%a %H:%M").to_string()).unwrap_or_default();
    [explanation.environment.to_string(), outlook, closed.join(","), at].join(" ").trim_end().to_owned()
}

async fn explain(world: &mut World, question: &Question) -> (Vec<String>, Verdict) {
    let explained = world.engine.explain(question).await.unwrap();
    (explained.explanations.iter().map(summary).collect(), explained.verdict())
}

/// Non-prod runs v1.0.1 by Tidegate since Monday 09:00.
async fn soaking() -> World {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world
}

#[tokio::test]
async fn every_environment_is_explained_in_order_and_the_worst_counts() {
    let mut world = soaking().await;
    world.wait(120);
    let (lines, verdict) = explain(&mut world, &about("", "")).await;
    let nothing = "runs v1.0.1; the registry has nothing newer that the rules admit";
    assert_eq!(lines, [&format!("non-prod nothing: {nothing}"), "prod waits v1.0.1 soak Tue 09:00"]);
    assert_eq!((verdict, verdict.class()), (Verdict::Closed, Some(Class::GateClosed)));
    world.wait(DAY);
    let (lines, verdict) = explain(&mut world, &about("prod", "")).await;
    assert_eq!((lines[0].as_str(), verdict), ("prod open v1.0.1  Tue 11:00", Verdict::Open));
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"], "the pass does what explain announced");
    let (lines, verdict) = explain(&mut world, &about("prod", "")).await;
    assert_eq!(lines, ["prod nothing: runs v1.0.1; non-prod runs nothing newer (v1.0.1)"]);
    assert_eq!(verdict.class(), None);
}

#[tokio::test]
async fn a_version_that_is_named_is_explained() {
    let mut world = soaking().await;
    world.push("v1.0.2", '2');
    for (environment, tag, expected, verdict) in [
        ("non-prod", "v1.0.1", "non-prod runs", Verdict::Nothing),
        ("non-prod", "v1.0.2", "non-prod open v1.0.2  Mon 09:00", Verdict::Open),
        ("non-prod", "v1.0.0", "non-prod waits v1.0.0 order", Verdict::Closed),
        ("prod", "v1.0.1", "prod waits v1.0.1 soak Tue 09:00", Verdict::Closed),
        ("prod", "v1.0.2", "prod waits v1.0.2 soak", Verdict::Closed),
        ("prod", "v1.0.9", "prod waits v1.0.9 order,soak", Verdict::Closed),
        ("prod", "feature-x", "prod no version", Verdict::Closed),
    ] {
        let (lines, found) = explain(&mut world, &about(environment, tag)).await;
        assert_eq!((lines.as_slice(), found), ([expected.to_owned()].as_slice(), verdict), "{tag}");
    }
}

#[tokio::test]
async fn lost_versions_are_distinct_from_waiting_ones() {
    let mut world = soaking().await;
    let is_lost = |explained: &Explained| {
        explained.explanations[0].candidate_status().map(|candidate_status| candidate_status.is_lost)
    };
    let explained = world.engine.explain(&about("prod", "v1.0.9")).await.unwrap();
    assert_eq!(is_lost(&explained), Some(false), "it may be pushed yet");
    world.wait(DAY);
    world.pass().await;
    let commit = world.person("p/app.yaml", "v1.0.0");
    let explained = world.engine.explain(&about("prod", "v1.0.1")).await.unwrap();
    assert_eq!(is_lost(&explained), Some(true), "somebody went back from it");
    let explanation = &explained.explanations[0];
    let [moved] = explanation.rolled_back.as_slice() else { panic!("{explanation:?}") };
    assert_eq!((moved.commit, moved.author.as_str()), (commit, "Ana"));
    let arrival = explanation.arrival.as_ref().unwrap();
    assert_eq!(
        (arrival.commit, &arrival.by),
        (commit, &crate::engine::Mover::Person { author: "Ana".into() })
    );
    assert_eq!(explanation.versions[0].fate.to_string().split(" at ").next(), Some("Ana rolled back prod"));
}

#[tokio::test]
async fn a_silent_registry_is_reported_as_not_known() {
    let mut world = soaking().await;
    world.registry.kill(&image("app"));
    let explained = world.engine.explain(&about("prod", "")).await.unwrap();
    assert_eq!(summary(&explained.explanations[0]), "prod unknown");
    assert_eq!(explained.explanations[0].problems.len(), 1);
    assert_eq!(explained.verdict().class(), Some(Class::TryAgain));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_nothing_else_of_the_service_is_hidden() {
    let mut world = soaking().await;
    world.edit("p/app.yaml", &release("app", "{{ .Values.tag }}"));
    let (lines, verdict) = explain(&mut world, &about("", "")).await;
    assert_eq!(lines.last().map(String::as_str), Some("prod unreadable"), "{lines:?}");
    assert_eq!((lines.len(), verdict.class()), (2, Some(Class::Refused)));
}

#[tokio::test]
async fn only_the_service_and_its_set_are_asked_about() {
    let mut world = soaking().await;
    world.edit("np/web.yaml", &release("web", "v1.0.0"));
    world.engine.refresh().await.unwrap();
    world.registry.calls.take();
    world.engine.explain(&about("prod", "")).await.unwrap();
    let asked = world.registry.calls.take();
    assert_eq!((asked["tags"], asked["digest"]), (1, 1));
}

#[tokio::test]
async fn a_member_of_a_set_waits_for_the_other() {
    let group = crate::engine::Group { name: "pair".into(), services: vec!["common/*".parse().unwrap()] };
    let mut world = World::with(Settings { groups: vec![group], ..Settings::default() });
    world.edit("np/web.yaml", &release("web", "v1.0.0"));
    world.edit("p/web.yaml", &release("web", "v1.0.0"));
    world.registry.push(&image("web"), "v1.0.0", crate::engine::fake::digest('8'));
    world.push("v1.0.1", '1');
    world.pass().await;
    world.wait(DAY - 60);
    world.registry.push(&image("web"), "v1.0.1", crate::engine::fake::digest('9'));
    world.pass().await;
    world.wait(60);
    for tag in ["", "v1.0.1"] {
        let explained = world.engine.explain(&about("prod", tag)).await.unwrap();
        let candidate_status = explained.explanations[0].candidate_status().unwrap();
        let closed: Vec<GateName> = candidate_status.closed().map(|gate| gate.report.gate).collect();
        assert_eq!(closed, [GateName::Group], "{tag}");
    }
}

#[tokio::test]
async fn an_unknown_service_is_reported() {
    let mut world = World::new();
    let nobody = Question { service: service("nobody"), ..about("prod", "") };
    for question in [nobody, about("staging", "")] {
        assert_eq!(world.engine.explain(&question).await.unwrap_err().class(), Class::Usage);
    }
}

#[tokio::test]
async fn a_candidate_without_its_review_is_not_open() {
    let settings = Settings {
        approval: ApprovalPolicy::ByReview,
        requests: Some(PullRequestPolicy::default()),
        ..Settings::default()
    };
    let mut world = World::with(settings);
    world.push("v1.0.1", '1');
    world.pass().await;
    world.wait(DAY);
    for passed in [false, true] {
        let (lines, verdict) = explain(&mut world, &about("prod", "")).await;
        assert_eq!(
            (lines[0].as_str(), verdict),
            ("prod in review v1.0.1 approval", Verdict::Closed),
            "{passed}"
        );
        world.pass().await;
    }
    world.forge.review(1, "ana", Opinion::Approved);
    let (lines, verdict) = explain(&mut world, &about("prod", "")).await;
    assert_eq!((lines[0].as_str(), verdict), ("prod open v1.0.1  Tue 09:00", Verdict::Open));
}
