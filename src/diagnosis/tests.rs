//! One case for each cause: what the cluster reports, and the sentence that comes of it.

use rstest::rstest;

use super::*;
use crate::model::{CommitId, ObjectName};

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: Some(2),
        since: None,
    }
}

fn object(kind: &str, name: &str, reason: &str, message: &str) -> FluxObject {
    FluxObject {
        kind: kind.to_owned(),
        name: name.to_owned(),
        generation: Some(2),
        conditions: vec![condition("Ready", "False", reason, message)],
        ..FluxObject::default()
    }
}

/// A service with a release and nothing wrong.
fn healthy() -> Facts {
    let mut release = object("HelmRelease", "common/app", "UpgradeSucceeded", "Helm upgrade succeeded");
    release.conditions[0].status = "True".to_owned();
    Facts {
        cluster: "prod".to_owned(),
        service: Some(ObjectName::new("common", "app")),
        releases: vec![release],
        ..Facts::default()
    }
}

fn source(reason: &str, message: &str) -> Facts {
    Facts { sources: vec![object("GitRepository", "flux-system/fleet", reason, message)], ..healthy() }
}

fn kustomization(reason: &str, message: &str) -> Facts {
    Facts { kustomizations: vec![object("Kustomization", "flux-system/apps", reason, message)], ..healthy() }
}

fn release(reason: &str, message: &str) -> Facts {
    Facts { releases: vec![object("HelmRelease", "common/app", reason, message)], ..healthy() }
}

/// A release that times out because of a pod.
fn pod(container: Container, events: &[(&str, &str)]) -> Facts {
    let container =
        Container { name: "app".to_owned(), image: "ghcr.io/vtr/app:v1.0.1".to_owned(), ..container };
    let event = |(reason, message): &(&str, &str)| Event {
        object: "Pod app-1".to_owned(),
        reason: (*reason).to_owned(),
        message: (*message).to_owned(),
        at: None,
    };
    let pod = Pod { name: "app-1".to_owned(), containers: vec![container], ..Pod::default() };
    Facts {
        pods: vec![pod],
        events: events.iter().map(event).collect(),
        ..release("UpgradeFailed", "Helm upgrade failed for release common/app: context deadline exceeded")
    }
}

fn waiting(reason: &str, message: &str) -> Container {
    Container { waiting: Some((reason.to_owned(), message.to_owned())), ..Container::default() }
}

fn crashing(reason: &str, exit_code: i64, log: &[&str]) -> Container {
    Container {
        restarts: 6,
        ended: Some(Ended { reason: reason.to_owned(), exit_code, message: String::new() }),
        log: log.iter().map(|line| (*line).to_owned()).collect(),
        ..waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container")
    }
}

fn suspended() -> Facts {
    let mut facts = healthy();
    facts.releases[0].is_suspended = true;
    facts
}

fn outdated() -> Facts {
    let mut facts = healthy();
    facts.releases[0].generation = Some(3);
    facts
}

fn unscheduled() -> Facts {
    let mut facts = pod(Container::default(), &[]);
    facts.pods[0].conditions = vec![condition(
        "PodScheduled",
        "False",
        "Unschedulable",
        "0/3 nodes are available: 3 Insufficient memory.",
    )];
    facts
}

fn over_quota() -> Facts {
    let message = "pods \"app-1\" is forbidden: exceeded quota: team, requested: limits.memory=1Gi";
    let workload = Workload {
        name: "Deployment app".to_owned(),
        conditions: vec![condition("ReplicaFailure", "True", "FailedCreate", message)],
    };
    Facts { workloads: vec![workload], ..healthy() }
}

fn evicted() -> Facts {
    let mut facts = pod(Container::default(), &[]);
    facts.pods[0].reason = "Evicted".to_owned();
    facts.pods[0].message = "The node was low on resource: ephemeral-storage.".to_owned();
    facts
}

fn drifted() -> Facts {
    let event = Event {
        object: "HelmRelease common/app".to_owned(),
        reason: "DriftDetected".to_owned(),
        message: "Cluster state of release common/app.v2 has drifted: Deployment/common/app changed"
            .to_owned(),
        at: None,
    };
    Facts { events: vec![event], ..healthy() }
}

fn behind() -> Facts {
    let kustomization = FluxObject {
        kind: "Kustomization".to_owned(),
        name: "flux-system/apps".to_owned(),
        applied: Some(CommitId::from_bytes([1; 20])),
        ..FluxObject::default()
    };
    Facts { head: Some(CommitId::from_bytes([2; 20])), kustomizations: vec![kustomization], ..healthy() }
}

fn remediated() -> Facts {
    let mut facts = release(
        "RetriesExceeded",
        "Helm upgrade failed for release common/app: timed out waiting for the condition",
    );
    facts.releases[0].conditions.push(condition(
        "Remediated",
        "True",
        "RollbackSucceeded",
        "Helm rollback succeeded",
    ));
    facts.releases[0].conditions.push(condition("Stalled", "True", "RetriesExceeded", "exceeded 3 retries"));
    facts
}

/// The last messages are quoted from Flux, the kubelet and the API server.
#[rstest]
#[case(
    source("GitOperationFailed", "failed to checkout: authentication required: Repository not found."),
    Cause::SourceAuthentication,
    "Flux may not read GitRepository flux-system/fleet: failed to checkout: authentication required: Repository not found."
)]
#[case(
    source(
        "GitOperationFailed",
        "failed to checkout and determine revision: couldn't find remote ref \"refs/heads/mian\""
    ),
    Cause::SourceReference,
    "what GitRepository flux-system/fleet follows does not exist: failed to checkout and determine revision: couldn't find remote ref \"refs/heads/mian\""
)]
#[case(
    source("GitOperationFailed", "dial tcp: lookup git.vtr.cl: no such host"),
    Cause::SourceUnreachable,
    "Flux cannot fetch GitRepository flux-system/fleet: dial tcp: lookup git.vtr.cl: no such host"
)]
#[case(
    kustomization("BuildFailed", "kustomize build failed: accumulating resources: 'app.yaml' doesn't exist"),
    Cause::BuildFailed,
    "Kustomization flux-system/apps cannot build its folder: kustomize build failed: accumulating resources: 'app.yaml' doesn't exist"
)]
#[case(
    kustomization("DependencyNotReady", "dependency 'flux-system/crds' is not ready"),
    Cause::DependencyNotReady,
    "Kustomization flux-system/apps waits for something that it depends on: dependency 'flux-system/crds' is not ready"
)]
#[case(
    kustomization(
        "ReconciliationFailed",
        "Deployment/common/app dry-run failed (Invalid): spec.selector: field is immutable"
    ),
    Cause::ApplyFailed,
    "the API server refuses what Kustomization flux-system/apps applies: Deployment/common/app dry-run failed (Invalid): spec.selector: field is immutable"
)]
#[case(
    release("DependencyNotReady", "dependency 'common/database' is not ready"),
    Cause::DependencyNotReady,
    "HelmRelease common/app waits for something that it depends on: dependency 'common/database' is not ready"
)]
#[case(
    release(
        "ArtifactFailed",
        "HelmChart 'flux-system/common-app' is not ready: invalid chart reference: failed to get chart version for remote reference: no 'app' chart with version matching '9.x' found"
    ),
    Cause::ChartNotFound,
    "the chart of HelmRelease common/app does not exist: HelmChart 'flux-system/common-app' is not ready: invalid chart reference: failed to get chart version for remote reference: no 'app' chart with version matching '9.x' found"
)]
#[case(
    release(
        "UpgradeFailed",
        "Helm upgrade failed for release common/app with chart app@0.1.0: values don't meet the specifications of the schema(s) in the following chart(s): app: - at '/replicas': got string, want integer"
    ),
    Cause::InvalidValues,
    "the values of HelmRelease common/app do not fit the chart's schema: Helm upgrade failed for release common/app with chart app@0.1.0: values don't meet the specifications of the schema(s) in the following chart(s): app: - at '/replicas': got string, want integer"
)]
#[case(
    release(
        "ValuesError",
        "could not resolve ConfigMap chart values reference 'common/app-config' with key 'values.yaml': ConfigMap not found"
    ),
    Cause::ValuesNotFound,
    "a ConfigMap or Secret that HelmRelease common/app takes values from cannot be used: could not resolve ConfigMap chart values reference 'common/app-config' with key 'values.yaml': ConfigMap not found"
)]
#[case(
    release(
        "UpgradeFailed",
        "Helm upgrade failed for release default/app with chart app@0.1.0: execution error at (app/templates/cm.yaml:1:41): boom"
    ),
    Cause::ChartNotRendered,
    "the chart of HelmRelease common/app cannot be rendered with these values: Helm upgrade failed for release default/app with chart app@0.1.0: execution error at (app/templates/cm.yaml:1:41): boom"
)]
#[case(pod(waiting("ImagePullBackOff", "Back-off pulling image"), &[("Failed", "Failed to pull image \"ghcr.io/vtr/app:v1.0.1\": ghcr.io/vtr/app:v1.0.1: not found")]), Cause::ImageNotFound,
    "the registry does not have ghcr.io/vtr/app:v1.0.1: Failed to pull image \"ghcr.io/vtr/app:v1.0.1\": ghcr.io/vtr/app:v1.0.1: not found")]
#[case(pod(waiting("InvalidImageName", "couldn't parse image name \"ghcr.io/VTR/app\""), &[]), Cause::ImageNotFound,
    "the registry does not have ghcr.io/vtr/app:v1.0.1: couldn't parse image name \"ghcr.io/VTR/app\"")]
#[case(pod(waiting("ErrImagePull", "failed to authorize: 401 Unauthorized"), &[]), Cause::ImageCredentials,
    "the registry does not let the cluster pull ghcr.io/vtr/app:v1.0.1: failed to authorize: 401 Unauthorized")]
#[case(pod(waiting("ErrImagePull", "no match for platform in manifest: not found"), &[]), Cause::ImagePlatform,
    "ghcr.io/vtr/app:v1.0.1 is not built for the platform of the node: no match for platform in manifest: not found")]
#[case(pod(crashing("Error", 255, &["exec /app: exec format error"]), &[]), Cause::ImagePlatform,
    "ghcr.io/vtr/app:v1.0.1 is not built for the platform of the node: its program does not run on this node (exec format error)")]
#[case(pod(waiting("ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout"), &[]), Cause::ImageUnreachable,
    "the node cannot pull ghcr.io/vtr/app:v1.0.1: dial tcp 10.0.0.1:443: i/o timeout")]
#[case(pod(waiting("CreateContainerConfigError", "configmap \"app-config\" not found"), &[]), Cause::ConfigMissing,
    "container app needs a ConfigMap or Secret that is missing: configmap \"app-config\" not found")]
#[case(pod(crashing("Error", 1, &["starting", "cannot connect to database"]), &[]), Cause::CrashLoop,
    "container app ends with exit code 1 and is restarted again and again (6 restarts); its last line is \"cannot connect to database\"")]
#[case(pod(crashing("OOMKilled", 137, &[]), &[]), Cause::OutOfMemory,
    "container app needs more memory than its limit and was killed")]
#[case(pod(crashing("Error", 137, &[]), &[("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"), ("Killing", "Container app failed liveness probe, will be restarted")]), Cause::ProbeFails,
    "a probe of container app fails: Liveness probe failed: HTTP probe failed with statuscode: 500")]
#[case(pod(Container::default(), &[("Unhealthy", "Readiness probe failed: Get \"http://10.1.0.9:8080/ready\": connection refused")]), Cause::ProbeFails,
    "a probe of container app fails: Readiness probe failed: Get \"http://10.1.0.9:8080/ready\": connection refused")]
#[case(
    unscheduled(),
    Cause::Unschedulable,
    "no node takes pod app-1: 0/3 nodes are available: 3 Insufficient memory."
)]
#[case(
    over_quota(),
    Cause::QuotaExceeded,
    "a quota of the namespace is used up: pods \"app-1\" is forbidden: exceeded quota: team, requested: limits.memory=1Gi"
)]
#[case(
    evicted(),
    Cause::Evicted,
    "the node evicted pod app-1: The node was low on resource: ephemeral-storage."
)]
#[case(Facts { pending_load_balancers: vec!["common/app".to_owned()], ..healthy() }, Cause::LoadBalancerPending,
    "the LoadBalancer of Service common/app gets no address")]
#[case(
    remediated(),
    Cause::Timeout,
    "Helm waited too long for HelmRelease common/app, and Flux undid it; it does not try again: Helm upgrade failed for release common/app: timed out waiting for the condition"
)]
#[case(
    drifted(),
    Cause::Drift,
    "somebody changed in the cluster what HelmRelease common/app released: Cluster state of release common/app.v2 has drifted: Deployment/common/app changed"
)]
#[case(suspended(), Cause::Suspended, "HelmRelease common/app is suspended, so Flux does nothing with it")]
#[case(outdated(), Cause::NotApplied, "Flux has not come to the newest values of HelmRelease common/app")]
#[case(
    behind(),
    Cause::NotApplied,
    "Kustomization flux-system/apps has not applied the newest commit: it is at 0101010, and the branch at 0202020"
)]
#[case(Facts { releases: Vec::new(), ..healthy() }, Cause::Missing, "cluster prod has no HelmRelease and no workload common/app")]
#[case(
    release("InstallFailed", "something new"),
    Cause::Other,
    "HelmRelease common/app is not ready: something new"
)]
fn each_cause_has_its_sentence(#[case] facts: Facts, #[case] cause: Cause, #[case] sentence: &str) {
    let findings = diagnose(&facts);
    let first = findings.first().unwrap();
    assert_eq!((first.cause, first.sentence.as_str()), (cause, sentence), "{findings:?}");
    assert!(!first.evidence.is_empty() && !first.advice.is_empty(), "{first:?}");
}

#[test]
fn nothing_is_wrong_with_a_healthy_service() {
    assert_eq!(diagnose(&healthy()), []);
}

#[test]
fn a_condition_about_an_earlier_generation_is_no_failure() {
    let mut facts = release("UpgradeFailed", "context deadline exceeded");
    facts.releases[0].generation = Some(3);
    let causes: Vec<Cause> = diagnose(&facts).into_iter().map(|finding| finding.cause).collect();
    assert_eq!(causes, [Cause::NotApplied]);
}

#[test]
fn pods_come_before_the_timeout_that_they_cause() {
    let facts = pod(crashing("Error", 1, &["boom"]), &[]);
    let causes: Vec<Cause> = diagnose(&facts).into_iter().map(|finding| finding.cause).collect();
    assert_eq!(causes, [Cause::CrashLoop, Cause::Timeout]);
}

#[test]
fn texts_of_the_cluster_are_bounded_and_escaped() {
    let log = format!("\u{1b}[31m{}", "x".repeat(5_000));
    let facts = pod(crashing("Error", 1, &[&log]), &[]);
    let finding = diagnose(&facts).remove(0);
    let all = [finding.sentence].into_iter().chain(finding.evidence);
    for text in all {
        assert!(!text.contains('\u{1b}') && text.len() < 1_000, "{text}");
    }
}
