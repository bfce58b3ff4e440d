//! Objects as real controllers left them. `helm_release.jsonl` is the course of a HelmRelease, as a real helm-controller wrote
//! it: an install, an upgrade, and an upgrade that fails and is retried.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;

const RECORDED: &str = include_str!("helm_release.jsonl");

fn object(value: &Value) -> DynamicObject {
    serde_json::from_value(value.clone()).unwrap()
}

fn word(readiness: Result<Timestamp, UnhealthyCause>) -> String {
    match readiness {
        Ok(since) => format!("ready since {}", since.format("%H:%M:%S")),
        Err(UnhealthyCause::Outdated) => "outdated".to_owned(),
        Err(UnhealthyCause::Reconciling { .. }) => "reconciling".to_owned(),
        Err(UnhealthyCause::NotReady { reason, .. }) => reason,
        Err(UnhealthyCause::RollingOut { progress }) => progress,
        Err(other) => format!("{other:?}"),
    }
}

#[test]
fn a_release_is_ready_only_when_what_was_changed_is_ready() {
    let mut course: Vec<(i64, String)> = Vec::new();
    for line in RECORDED.lines() {
        let object: DynamicObject = serde_json::from_str(line).unwrap();
        let live = live_object(ObjectKind::HelmRelease, &object);
        let step = (object.metadata.generation.unwrap(), word(live.readiness));
        if course.last() != Some(&step) {
            course.push(step);
        }
    }
    let course: Vec<(i64, &str)> =
        course.iter().map(|(generation, word)| (*generation, word.as_str())).collect();
    assert_eq!(
        course[..9],
        [
            (1, "outdated"),
            (1, "SourceNotReady"),
            (1, "reconciling"),
            (1, "ready since 13:30:11"),
            (2, "outdated"),
            (2, "reconciling"),
            (2, "ready since 13:30:24"),
            (3, "outdated"),
            (3, "reconciling"),
        ]
    );
    let failing: BTreeSet<&(i64, &str)> = course[9..].iter().collect();
    assert_eq!(failing, BTreeSet::from([&(3, "UpgradeFailed"), &(3, "reconciling")]), "it is retried");
}

#[test]
fn a_release_tells_its_versions_and_who_applied_it() {
    let recorded = RECORDED.lines().next().unwrap();
    let live = live_object(ObjectKind::HelmRelease, &serde_json::from_str(recorded).unwrap());
    assert_eq!(live.kustomization, Some(ObjectName::new("flux-system", "apps")));
    assert!(live.texts.contains("1.1.0"), "the chart knows the image");
    let mut release: Value = serde_json::from_str(recorded).unwrap();
    release["spec"]["values"] = json!({
        "image": {"repository": "ghcr.io/vtr/app", "tag": "v1.0.1"},
        "sidecar": {"image": format!("ghcr.io/vtr/proxy:v2.0.0@sha256:{}", "a".repeat(64))},
    });
    let live = live_object(ObjectKind::HelmRelease, &object(&release));
    let versions: Vec<String> = live
        .versions
        .iter()
        .map(|version| {
            let image = version.image.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{image}:{}{}", version.tag, if version.digest.is_some() { " pinned" } else { "" })
        })
        .collect();
    assert_eq!(versions, ["ghcr.io/vtr/app:v1.0.1", "ghcr.io/vtr/proxy:v2.0.0 pinned"]);
}

/// Suspended, and without a status yet.
#[test]
fn a_release_that_flux_leaves_alone_is_not_ready() {
    let last_ready: Value = serde_json::from_str(RECORDED.lines().nth(9).unwrap()).unwrap();
    let mut suspended = last_ready.clone();
    suspended["spec"]["suspend"] = json!(true);
    assert_eq!(readiness(ObjectKind::HelmRelease, &object(&suspended)), Err(UnhealthyCause::Suspended));
    let mut fresh = last_ready;
    fresh["status"] = json!({"observedGeneration": -1});
    assert_eq!(readiness(ObjectKind::HelmRelease, &object(&fresh)), Err(UnhealthyCause::Outdated));
}

fn deployment(status: &Value) -> DynamicObject {
    object(&json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "common", "generation": 4},
        "spec": {"replicas": 3},
        "status": status,
    }))
}

fn conditions(progressing: &str, available: &str) -> Value {
    json!([
        {"type": "Progressing", "status": "True", "reason": progressing, "message": "m"},
        {"type": "Available", "status": available, "reason": "MinimumReplicasUnavailable", "message": "m",
         "lastTransitionTime": "2026-03-02T09:00:00Z"},
    ])
}

#[rstest]
#[case::complete(json!({"observedGeneration": 4, "conditions": conditions("NewReplicaSetAvailable", "True")}),
    "ready since 09:00:00")]
#[case::scaling(json!({"observedGeneration": 4, "updatedReplicas": 1,
    "conditions": conditions("NewReplicaSetAvailable", "True")}), "ready since 09:00:00")]
#[case::not_seen_yet(json!({"observedGeneration": 3, "conditions": conditions("NewReplicaSetAvailable", "True")}),
    "outdated")]
#[case::rolling_out(json!({"observedGeneration": 4, "updatedReplicas": 1,
    "conditions": conditions("ReplicaSetUpdated", "True")}), "1 of 3 pods are updated")]
#[case::stuck(json!({"observedGeneration": 4, "updatedReplicas": 1,
    "conditions": conditions("ProgressDeadlineExceeded", "True")}), "ProgressDeadlineExceeded")]
#[case::crashing(json!({"observedGeneration": 4, "conditions": conditions("NewReplicaSetAvailable", "False")}),
    "MinimumReplicasUnavailable")]
#[case::without_status(json!({}), "outdated")]
fn a_deployment_is_ready_when_its_rollout_is_complete(#[case] status: Value, #[case] expected: &str) {
    assert_eq!(word(readiness(ObjectKind::Deployment, &deployment(&status))), expected);
}

#[rstest]
#[case::complete(ObjectKind::StatefulSet,
    json!({"observedGeneration": 1, "currentRevision": "a", "updateRevision": "a", "readyReplicas": 1}),
    "ready since 08:00:00")]
#[case::rolling_out(ObjectKind::StatefulSet,
    json!({"observedGeneration": 1, "currentRevision": "a", "updateRevision": "b", "updatedReplicas": 1}),
    "1 of 2 pods are updated")]
#[case::none_ready(ObjectKind::StatefulSet,
    json!({"observedGeneration": 1, "currentRevision": "a", "updateRevision": "a"}), "NoReadyPod")]
#[case::on_every_node(ObjectKind::DaemonSet,
    json!({"observedGeneration": 1, "updatedNumberScheduled": 3, "desiredNumberScheduled": 3, "numberAvailable": 2}),
    "ready since 08:00:00")]
#[case::on_some_nodes(ObjectKind::DaemonSet,
    json!({"observedGeneration": 1, "updatedNumberScheduled": 1, "desiredNumberScheduled": 3, "numberAvailable": 3}),
    "1 of 3 pods are updated")]
#[case::has_no_rollout(ObjectKind::CronJob, json!({}), "ready since 08:00:00")]
fn other_workloads(#[case] kind: ObjectKind, #[case] status: Value, #[case] expected: &str) {
    let object = object(&json!({
        "apiVersion": "apps/v1", "kind": kind.as_str(),
        "metadata": {"name": "app", "namespace": "common", "generation": 1,
            "creationTimestamp": "2026-03-02T08:00:00Z"},
        "spec": {"replicas": 2},
        "status": status,
    }));
    assert_eq!(word(readiness(kind, &object)), expected);
}

#[rstest]
#[case(json!({"branch": "main"}), GitReference::Branch("main".to_owned()))]
#[case(json!({"name": "refs/heads/main"}), GitReference::Branch("main".to_owned()))]
#[case(json!({"branch": "main", "commit": "abc"}), GitReference::Other("commit abc".to_owned()))]
#[case(json!({"semver": ">=1"}), GitReference::Other("semver >=1".to_owned()))]
#[case(json!(null), GitReference::Branch("master".to_owned()))]
fn what_a_git_repository_follows(#[case] reference: Value, #[case] expected: GitReference) {
    let object = object(&json!({
        "metadata": {"name": "flux-system"}, "spec": {"url": "https://git.vtr.cl/gitops", "ref": reference},
    }));
    assert_eq!(git_source(&object).reference, expected);
}

#[rstest]
#[case("./clusters/prod/", "clusters/prod")]
#[case("clusters/prod", "clusters/prod")]
#[case("./", "")]
#[case(".", "")]
fn what_a_kustomization_applies(#[case] path: &str, #[case] expected: &str) {
    let commit = "88e4931a001ac1a5b2f6db1a2ec1275f1dd3149f";
    let read = |revision: String| {
        kustomization(&object(&json!({
            "metadata": {"name": "apps", "namespace": "flux-system"},
            "spec": {"path": path, "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
            "status": {"lastAppliedRevision": revision},
        })))
    };
    for revision in [format!("main@sha1:{commit}"), format!("main/{commit}")] {
        let found = read(revision);
        assert_eq!((found.path.as_str(), found.applied), (expected, commit.parse().ok()));
        assert_eq!(found.source, Some(ObjectName::new("flux-system", "flux-system")));
    }
    assert_eq!(read(String::new()).applied, None);
}

#[test]
fn a_spec_without_end_is_bounded() {
    let mut deep = json!("v1.0.0");
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let many: Vec<String> = (0..100_000).map(|at| format!("v1.0.{at}")).collect();
    let object =
        object(&json!({"metadata": {"name": "app"}, "spec": {"values": {"many": many, "deep": deep}}}));
    assert_eq!(live_object(ObjectKind::HelmRelease, &object).texts.len(), MOST_TEXTS);
}
