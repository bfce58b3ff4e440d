//! Promotions through an environment whose cluster a test drives.

use rstest::rstest;

use crate::engine::fake::World;
use crate::engine::{PassReport, TargetHealth};
use crate::model::{CommitId, Health, TargetId, UnhealthyCause};
use crate::policy::{Decision, GateName, GateReport, Override, Overrides, SoakMode};

/// `non-prod` has a cluster; v1.0.1 has come there and Flux has not seen it yet.
async fn promoted(mode: SoakMode) -> (World, CommitId) {
    let settings = crate::engine::fake::Settings { soak_mode: mode, ..Default::default() };
    let mut world = World::with(settings);
    world.clusters.add("non-prod", "np");
    let begin = world.branch.head();
    world.clusters.apply("non-prod", begin);
    world.clusters.release("non-prod", "v1.0.0", Ok(world.now()));
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    let commit = world.branch.head();
    (world, commit)
}

/// Flux applies the commit, and the release becomes ready now.
fn become_healthy(world: &World, commit: CommitId) {
    world.clusters.apply("non-prod", commit);
    world.clusters.release("non-prod", "v1.0.1", Ok(world.now()));
}

fn not_ready() -> UnhealthyCause {
    UnhealthyCause::NotReady { reason: "UpgradeFailed".to_owned(), message: "timed out".to_owned() }
}

fn prod(report: &PassReport) -> Vec<&GateReport> {
    let decisions = report.evaluation.decisions.iter().flatten();
    let waiting = decisions.filter_map(|decision| match decision {
        Decision::Wait(evaluation) if evaluation.environment().as_str() == "prod" => Some(evaluation),
        _ => None,
    });
    waiting.flat_map(|evaluation| evaluation.reports()).collect()
}

/// The closed gates of `prod`, in words.
fn closed(report: &PassReport) -> Vec<String> {
    prod(report).into_iter().filter(|gate| !gate.is_open()).map(ToString::to_string).collect()
}

fn non_prod(report: &PassReport) -> &TargetHealth {
    let target: TargetId = report.evaluation.state.deployed.targets.ids().next().unwrap();
    report.evaluation.health_of(target).unwrap()
}

#[tokio::test]
async fn a_version_soaks_from_when_it_is_healthy() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    world.wait(60);
    let report = world.try_pass().await.unwrap();
    assert_eq!(
        closed(&report),
        [
            "soak: the soak begins when v1.0.1 is healthy in non-prod",
            "health: v1.0.1 is not healthy in non-prod: HelmRelease common/app still holds v1.0.0 in cluster np-eks"
        ]
    );
    become_healthy(&world, commit);
    let report = world.try_pass().await.unwrap();
    assert_eq!(
        closed(&report),
        [
            "soak: ran 0s in non-prod (24h required), since 2026-03-02 10:00 UTC, when it was seen healthy; ends at \
          2026-03-03 10:00 UTC"
        ]
    );
    assert_eq!(report.next_opening, "2026-03-03T10:00:00Z".parse().ok());
    world.wait(24 * 60 - 1);
    assert!(world.pass().await.is_empty());
    world.wait(1);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

/// What a look finds, in the order in which it is checked.
#[rstest]
#[case::gone(|world: &World, _| world.clusters.change("non-prod", |objects| objects.objects.clear()),
    "HelmRelease common/app does not exist in cluster np-eks")]
#[case::another_version(|world: &World, _| world.clusters.release("non-prod", "v1.0.0", Ok(world.now())),
    "HelmRelease common/app still holds v1.0.0 in cluster np-eks")]
#[case::failed(|world: &World, _| world.clusters.release("non-prod", "v1.0.1", Err(not_ready())),
    "HelmRelease common/app is not ready (UpgradeFailed): \"timed out\" in cluster np-eks")]
#[case::the_generation_before(
    |world: &World, _| world.clusters.release("non-prod", "v1.0.1", Err(UnhealthyCause::Outdated)),
    "HelmRelease common/app is not reconciled yet in cluster np-eks")]
#[case::not_applied(|world: &World, begin| world.clusters.apply("non-prod", begin),
    "Kustomization flux-system/flux-system has not applied COMMIT; it is at BEGIN in cluster np-eks")]
#[tokio::test]
async fn what_speaks_against_health_is_told(
    #[case] spoil: impl Fn(&World, CommitId),
    #[case] expected: &str,
) {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    let begin = world.branch.root();
    spoil(&world, begin);
    let report = world.try_pass().await.unwrap();
    let Health::Unhealthy(why) = &non_prod(&report).now else { panic!("{:?}", non_prod(&report).now) };
    let expected = expected.replace("COMMIT", &commit.short()).replace("BEGIN", &begin.short());
    assert_eq!(why.to_string(), expected);
}

#[tokio::test]
async fn a_later_commit_contains_the_version_too() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    let later = world.edit("np/other.yaml", "kind: ConfigMap\n");
    world.clusters.apply("non-prod", later);
    let report = world.try_pass().await.unwrap();
    assert_eq!(non_prod(&report).now, Health::Healthy);
}

#[tokio::test]
async fn lost_health_restarts_a_continuous_soak() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    world.pass().await;
    world.wait(23 * 60);
    world.clusters.release("non-prod", "v1.0.1", Err(not_ready()));
    world.pass().await;
    world.wait(60);
    become_healthy(&world, commit);
    assert!(world.pass().await.is_empty());
    world.wait(23 * 60);
    assert!(world.pass().await.is_empty());
    world.wait(60);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn lost_health_stops_an_elapsed_soak() {
    let (mut world, commit) = promoted(SoakMode::Elapsed).await;
    become_healthy(&world, commit);
    world.pass().await;
    world.wait(20 * 60);
    world.clusters.release("non-prod", "v1.0.1", Err(not_ready()));
    let report = world.try_pass().await.unwrap();
    assert_eq!(
        closed(&report)[0],
        "soak: ran 20h in non-prod (24h required), since 2026-03-02 09:00 UTC; stopped at 2026-03-03 05:00 UTC, when it \
         was no longer healthy"
    );
    world.wait(10 * 60);
    become_healthy(&world, commit);
    assert!(world.pass().await.is_empty());
    world.wait(4 * 60);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

/// Nobody looked while it was lost, but its transition shows it.
#[tokio::test]
async fn health_that_was_lost_unseen_restarts_the_soak() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    world.pass().await;
    world.wait(23 * 60);
    become_healthy(&world, commit);
    assert!(world.pass().await.is_empty());
    world.wait(60);
    assert!(world.pass().await.is_empty(), "23 hours are missing");
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached_only_delays() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    world.pass().await;
    world.wait(20 * 60);
    world.clusters.cut("non-prod");
    world.wait(5 * 60);
    let report = world.try_pass().await.unwrap();
    assert_eq!(
        closed(&report),
        ["health: the health of non-prod is unknown: cluster np-eks: connection refused"],
        "the soak is over"
    );
    let problem =
        report.problems.iter().find(|problem| problem.message.contains("connection refused")).unwrap();
    assert_eq!((problem.key().as_str(), problem.is_error), ("cluster np-eks of non-prod", false));
    world.push("v1.0.2", '2');
    assert_eq!(world.pass().await, ["app non-prod v1.0.1 v1.0.2"], "nothing else waits for it");
}

#[tokio::test]
async fn what_was_observed_survives_a_restart_and_a_cut() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    world.pass().await;
    world.wait(12 * 60);
    world.restart();
    let before = world.clusters.cut("non-prod");
    world.pass().await;
    world.wait(12 * 60);
    assert!(world.pass().await.is_empty());
    world.clusters.mend("non-prod", before);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn without_the_store_the_soak_begins_again() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    world.pass().await;
    world.wait(23 * 60);
    world.store.lose();
    world.restart();
    assert!(world.pass().await.is_empty());
    world.wait(60);
    assert!(world.pass().await.is_empty(), "later, never sooner");
    world.wait(23 * 60);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn a_look_without_news_writes_nothing() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    world.pass().await;
    world.store.calls.take();
    world.wait(1);
    world.pass().await;
    assert_eq!(world.store.calls.take().get("record_health"), None);
}

#[tokio::test]
async fn every_cluster_of_an_environment_must_be_healthy() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    world.clusters.add("non-prod", "np");
    let report = world.try_pass().await.unwrap();
    assert!(closed(&report)[1].contains("HelmRelease common/app does not exist"), "{:?}", closed(&report));
    become_healthy(&world, commit);
    let report = world.try_pass().await.unwrap();
    assert_eq!(non_prod(&report).now, Health::Healthy);
}

/// The context of another cluster: of another repository, or of the same with another folder.
#[rstest]
#[case("fake", "p", "it applies `p` of the repository, and not `np`")]
#[case(
    "https://github.com/vtr/other",
    "np",
    "it follows https://github.com/vtr/other (branch main), and not fake (branch main)"
)]
#[tokio::test]
async fn the_wrong_cluster_does_not_count(#[case] url: &str, #[case] folder: &str, #[case] expected: &str) {
    let mut world = World::new();
    world.clusters.add("non-prod", folder);
    world.clusters.change("non-prod", |objects| {
        for source in objects.sources.values_mut() {
            std::sync::Arc::make_mut(source).url = url.to_owned();
        }
    });
    let report = world.try_pass().await.unwrap();
    let Health::Unknown(why) = &non_prod(&report).now else { panic!("{:?}", non_prod(&report).now) };
    assert_eq!(*why, format!("cluster {folder}-eks: {expected}"));
}

#[tokio::test]
async fn health_can_be_overridden_with_a_reason() {
    let (mut world, commit) = promoted(SoakMode::Continuous).await;
    become_healthy(&world, commit);
    world.pass().await;
    world.wait(25 * 60);
    world.clusters.cut("non-prod");
    let report = world.try_pass().await.unwrap();
    let overrides = Overrides {
        overrides: vec![Override::new(GateName::Health, "the API server is down").unwrap()],
        ..Overrides::default()
    };
    let Some(Decision::Wait(evaluation)) = report.evaluation.decisions.iter().flatten().last() else {
        panic!("{:?}", report.evaluation.decisions)
    };
    assert!(crate::policy::approve_overriding(evaluation, &overrides).is_ok());
    assert!(crate::policy::approve_overriding(evaluation, &Overrides::default()).is_err());
}

/// What does not run well does not keep the remedy out.
#[tokio::test]
async fn a_train_does_not_wait_for_what_is_not_healthy() {
    let (mut world, commit) = promoted(SoakMode::Train).await;
    become_healthy(&world, commit);
    world.pass().await;
    world.push("v1.0.2", '2');
    assert!(world.pass().await.is_empty(), "v1.0.1 must move on first");
    world.clusters.release("non-prod", "v1.0.1", Err(not_ready()));
    assert_eq!(world.pass().await, ["app non-prod v1.0.1 v1.0.2"]);
}

/// The previous environment runs two versions now, and one of them counts by an earlier run.
#[tokio::test]
async fn an_earlier_run_counts_only_if_it_was_healthy() {
    let (mut world, _) = promoted(SoakMode::Elapsed).await;
    world.pass().await;
    world.wait(30 * 60);
    world.push("v1.0.2", '2');
    assert_eq!(world.pass().await, ["app non-prod v1.0.1 v1.0.2"]);
    world.person("np/more.yaml", "v1.0.1");
    world.wait(60);
    let promoted = world.pass().await;
    assert_eq!(promoted, ["app non-prod v1.0.1 v1.0.2"], "v1.0.1 was never healthy");
}
