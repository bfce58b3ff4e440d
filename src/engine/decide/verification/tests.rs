//! Promotions into an environment that verifies them, with a cluster that a test drives.

use std::time::Duration;

use crate::engine::PassReport;
use crate::engine::fake::{Settings, World, release};
use crate::model::{CommitId, UnhealthyCause};
use crate::policy::{OnFailure, VerificationPolicy};

/// v1.0.1 was promoted to `non-prod`, where it must be healthy within 15 minutes. Flux applied it, and it fails.
async fn failing(on_failure: OnFailure) -> (World, CommitId) {
    let verification = VerificationPolicy { within: Duration::from_mins(15), on_failure };
    let mut world = World::with(Settings { verification: Some(verification), ..Settings::default() });
    world.clusters.add("non-prod", "np");
    let begin = world.branch.head();
    world.clusters.apply("non-prod", begin);
    world.clusters.release("non-prod", "v1.0.0", Ok(world.now()));
    world.pass().await;
    world.wait(60);
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    let commit = world.branch.head();
    fail(&world);
    world.pass().await;
    (world, commit)
}

fn fail(world: &World) {
    world.clusters.apply("non-prod", world.branch.head());
    let message = "context deadline\u{1b}[31m exceeded".to_owned();
    let cause = UnhealthyCause::NotReady { reason: "UpgradeFailed".to_owned(), message };
    world.clusters.release("non-prod", "v1.0.1", Err(cause));
}

const MESSAGE: &str = "app in non-prod: v1.0.1 did not become healthy within 15m: HelmRelease common/app is not ready \
    (UpgradeFailed): \"context deadline\\u{1b}[31m exceeded\" in cluster np-eks";

fn unhealthy(report: &PassReport) -> Vec<String> {
    let problems = report.problems.iter().map(ToString::to_string);
    problems.filter_map(|text| text.strip_prefix("common/").map(str::to_owned)).collect()
}

fn hints(report: &PassReport) -> Vec<&str> {
    let problems = report.problems.iter().filter(|problem| problem.service.is_some());
    problems.filter_map(|problem| problem.hint.as_deref()).collect()
}

const HOLD: &str = ".tidegate/hold/common/app/non-prod.yaml";

#[tokio::test]
async fn a_failure_is_reported_once_its_time_is_over() {
    let (mut world, _) = failing(OnFailure::Report).await;
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.next_opening, "2026-03-02T10:15:00Z".parse().ok());
    assert!(unhealthy(&report).is_empty());
    world.wait(15);
    let head = world.branch.head();
    assert_eq!(unhealthy(&world.try_pass().await.unwrap()), [MESSAGE]);
    assert_eq!(world.branch.head(), head);
    world.clusters.release("non-prod", "v1.0.1", Ok(world.now()));
    assert!(unhealthy(&world.try_pass().await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_failure_rolls_back_once() {
    let (mut world, failed) = failing(OnFailure::RollBack).await;
    world.wait(14);
    assert!(world.pass().await.is_empty());
    world.wait(1);
    assert_eq!(world.pass().await, ["app non-prod v1.0.1 v1.0.0"]);
    let message = world.branch.message_of(world.branch.head());
    let promotion = world.branch.message_of(failed);
    let id = promotion.lines().find_map(|line| line.strip_prefix("Tidegate-Promotion: ")).unwrap();
    assert!(message.contains(&format!("Tidegate-Failed-Promotion: {id}\n")), "{message}");
    assert!(message.contains("Tidegate-Requested-By: verification\n"), "{message}");
    assert!(message.contains("did not become healthy within 15m: HelmRelease common/app"), "{message}");
    let quarantine = world.branch.text(".tidegate/quarantine/common/app/v1.0.1.yaml");
    assert!(quarantine.contains("UpgradeFailed"), "{quarantine}");
    // The version before fails too, and nothing goes back further.
    world.clusters.apply("non-prod", world.branch.head());
    let cause = UnhealthyCause::NotReady { reason: "RollbackFailed".to_owned(), message: String::new() };
    world.clusters.release("non-prod", "v1.0.0", Err(cause));
    world.pass().await;
    world.wait(60);
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty());
    assert_eq!(hints(&report), ["`onFailure: rollback` does nothing now: verification set this version"]);
}

#[tokio::test]
async fn a_failure_holds_the_service_once() {
    let (mut world, failed) = failing(OnFailure::Hold).await;
    world.wait(15);
    world.pass().await;
    let hold = world.branch.text(HOLD);
    assert!(hold.contains("UpgradeFailed") && hold.contains("by: tidegate (verification)"), "{hold}");
    let head = world.branch.head();
    let message = world.branch.message_of(head);
    let promotion = world.branch.message_of(failed);
    let id = promotion.lines().find_map(|line| line.strip_prefix("Tidegate-Promotion: ")).unwrap();
    assert!(message.contains(&format!("Tidegate-Failed-Promotion: {id}\n")), "{message}");
    world.pass().await;
    assert_eq!(world.branch.head(), head);
    // A person removes the hold. A restart and a lost store do not bring it back.
    world.branch.commit("Ana", "release", world.now(), &[(HOLD, None)]);
    let released = world.branch.head();
    fail(&world);
    world.restart();
    let report = world.try_pass().await.unwrap();
    assert_eq!(world.branch.head(), released);
    let done = format!("`onFailure: hold` does nothing now: it was done in commit {}", head.short());
    assert_eq!(hints(&report), [done]);
}

#[tokio::test]
async fn a_plan_says_what_follows_and_does_nothing() {
    let (mut world, _) = failing(OnFailure::RollBack).await;
    world.wait(15);
    let head = world.branch.head();
    let report = world.engine.pass(&crate::engine::PassOptions::plan()).await.unwrap();
    assert_eq!(hints(&report), ["the rollback to the last version that ran well follows"]);
    assert_eq!(world.branch.head(), head);
}

#[tokio::test]
async fn nothing_follows_from_a_cluster_that_is_silent() {
    let (mut world, _) = failing(OnFailure::RollBack).await;
    let before = world.clusters.cut("non-prod");
    world.wait(60);
    assert!(world.pass().await.is_empty());
    world.clusters.mend("non-prod", before);
    assert_eq!(world.pass().await, ["app non-prod v1.0.1 v1.0.0"]);
}

#[tokio::test]
async fn a_lost_store_leaves_only_the_report() {
    let (mut world, _) = failing(OnFailure::RollBack).await;
    world.wait(60);
    world.store.lose();
    world.restart();
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty());
    assert_eq!(
        hints(&report),
        [
            "`onFailure: rollback` does nothing now: nobody looked at the cluster in time, so it may have been healthy unseen"
        ]
    );
}

#[tokio::test]
async fn a_version_that_flux_has_not_tried_stays() {
    let (mut world, _) = failing(OnFailure::RollBack).await;
    world.clusters.release("non-prod", "v1.0.0", Ok(world.now()));
    world.wait(60);
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty());
    assert_eq!(hints(&report), ["Flux has not tried this version, so nothing speaks against it yet"]);
}

#[tokio::test]
async fn nothing_is_done_against_a_person() {
    // Ana changes the values of the service.
    let (mut world, _) = failing(OnFailure::RollBack).await;
    let commit =
        world.edit("np/app.yaml", &release("app", "v1.0.1").replace("values:", "interval: 5m\n  values:"));
    fail(&world);
    world.wait(15);
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty());
    let changed = "`onFailure: rollback` does nothing now: Ana changed the service since, in commit";
    assert_eq!(hints(&report), [format!("{changed} {}", commit.short())]);

    // Ana sets a version by hand.
    let (mut world, _) = failing(OnFailure::RollBack).await;
    world.person("np/app.yaml", "v1.0.0");
    world.pass().await;
    world.wait(5);
    world.person("np/app.yaml", "v1.0.1");
    fail(&world);
    world.pass().await;
    world.wait(20);
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty());
    assert_eq!(hints(&report), ["`onFailure: rollback` does nothing now: Ana set this version"]);

    // Ana holds it.
    let (mut world, _) = failing(OnFailure::RollBack).await;
    world.edit(
        HOLD,
        "kind: Hold\nservice: common/app\nenvironments: [non-prod]\nreason: we look at it\nby: Ana\n\
         at: 2026-03-02T09:05:00Z\n",
    );
    fail(&world);
    world.wait(15);
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty());
    assert_eq!(hints(&report), [format!("`onFailure: rollback` does nothing now: {HOLD} keeps it as it is")]);
}
