//! `tidegate diagnose` against a real API server: each cause from objects in the states that Flux, the kubelet and the other
//! controllers report them in. There is no kubelet here, so no log can be read; that is told and hides nothing else.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use serde_json::{Value, json};

use crate::support::sshd::Sshd;

use super::health::{Flux, SERVICE, head, world};
use super::world::World;

/// The first cause, and its sentence.
fn diagnosed(world: &World) -> (String, String) {
    let ran = world.run(&["diagnose", SERVICE, "--env", "non-prod", "-o", "json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    let diagnosis = &document["diagnoses"][0];
    let result = diagnosis["result"].as_str().unwrap_or_default().to_owned();
    assert_eq!(ran.code == 1, result == "wrong", "{}{}", ran.out, ran.err);
    let first = &diagnosis["findings"][0];
    let text = |key: &str| first[key].as_str().map(str::to_owned);
    (text("cause").unwrap_or(result), text("sentence").unwrap_or_default())
}

fn ready(status: &str, reason: &str, message: &str, generation: i64) -> Value {
    json!({"type": "Ready", "status": status, "reason": reason, "message": message,
        "observedGeneration": generation, "lastTransitionTime": "2026-11-29T13:30:24Z"})
}

fn failed(reason: &str, message: &str) -> Value {
    json!({"conditions": [ready("False", reason, message, 1)]})
}

/// A Deployment of the release, and its pod in a state.
fn run_pod(flux: &Flux, status: &Value) {
    let labels = format!("helm.toolkit.fluxcd.io/name: {SERVICE}, helm.toolkit.fluxcd.io/namespace: common");
    flux.server.apply(&format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: app, namespace: common, labels: {{{labels}}}}}, \
         spec: {{selector: {{matchLabels: {{app: app}}}}, template: {{metadata: {{labels: {{app: app}}}}, \
         spec: {{containers: [{{name: app, image: \"ghcr.io/vtr/app:v1.0.0\"}}]}}}}}}}}"
    ));
    flux.server
        .kubectl(&["delete", "pod", "app-1", "--namespace", "common", "--force", "--ignore-not-found"], "");
    flux.server.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: app-1, namespace: common, labels: {app: app}}, \
         spec: {containers: [{name: app, image: \"ghcr.io/vtr/app:v1.0.0\"}]}}",
    );
    flux.set_status("pod", "common", "app-1", status);
}

fn container(state: &Value, last: &Value, restarts: i64) -> Value {
    json!({"phase": "Running", "containerStatuses": [{"name": "app", "image": "ghcr.io/vtr/app:v1.0.0", "imageID": "",
        "ready": false, "restartCount": restarts, "state": state, "lastState": last}]})
}

fn waiting(reason: &str, message: &str) -> Value {
    container(&json!({"waiting": {"reason": reason, "message": message}}), &json!({}), 0)
}

fn crashing(reason: &str, exit_code: i64) -> Value {
    let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}});
    container(&state, &json!({"terminated": {"reason": reason, "exitCode": exit_code}}), 6)
}

fn event(flux: &Flux, kind: &str, name: &str, reason: &str, message: &str) {
    let event = json!({"apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("event-{}", reason.to_lowercase()), "namespace": "common"},
        "involvedObject": {"kind": kind, "name": name, "namespace": "common"},
        "reason": reason, "message": message, "type": "Warning", "lastTimestamp": "2026-11-29T13:30:24Z"});
    flux.server.apply(&event.to_string());
}

fn forget_events(flux: &Flux) {
    flux.server.good(&["delete", "events", "--all", "--namespace", "common"], "");
}

#[expect(clippy::too_many_lines, reason = "one cluster, brought into one state after the other")]
#[tokio::test]
async fn each_cause_is_found_in_a_real_cluster() {
    let sshd = Sshd::start();
    let (world, flux) = world(&sshd, "./clusters/non-prod-digital-eks").await;
    let says = |cause: &str, part: &str| {
        let (found, sentence) = diagnosed(&world);
        assert!(found == cause && sentence.contains(part), "{cause} expected: {found}: {sentence}");
    };
    says("nothing", "");

    // The source, and the Kustomization.
    let git = |status: &Value| flux.set_status("gitrepository", "flux-system", "flux-system", status);
    let message = "failed to checkout: ssh: handshake failed: unable to authenticate";
    git(&failed("GitOperationFailed", message));
    says("sourceAuthentication", "unable to authenticate");
    git(&failed("GitOperationFailed", "couldn't find remote ref \"refs/heads/mian\""));
    says("sourceReference", "refs/heads/mian");
    git(&failed("GitOperationFailed", "dial tcp: lookup git.vtr.cl: no such host"));
    says("sourceUnreachable", "no such host");
    git(&json!({"conditions": [ready("True", "Succeeded", "stored artifact", 1)]}));
    let kustomization =
        |status: &Value| flux.set_status("kustomization", "flux-system", "flux-system", status);
    kustomization(&failed("BuildFailed", "kustomize build failed: accumulating resources"));
    says("buildFailed", "accumulating resources");
    kustomization(&failed("DependencyNotReady", "dependency 'flux-system/crds' is not ready"));
    says("dependencyNotReady", "flux-system/crds");
    kustomization(&failed("ReconciliationFailed", "Deployment/common/app dry-run failed (Invalid)"));
    says("applyFailed", "dry-run failed");
    let old = format!("main@sha1:{}", "0".repeat(40));
    kustomization(
        &json!({"lastAppliedRevision": old, "conditions": [ready("True", "Succeeded", "applied", 1)]}),
    );
    says("notApplied", "has not applied the newest commit");
    kustomization(&json!({"lastAppliedRevision": format!("main@sha1:{}", head(&world))}));
    says("nothing", "");

    // The release.
    let release = |status: &Value| flux.set_status("helmrelease", "common", SERVICE, status);
    release(&failed(
        "ArtifactFailed",
        "invalid chart reference: no 'app' chart with version matching '9.x' found",
    ));
    says("chartNotFound", "9.x");
    let schema = "values don't meet the specifications of the schema(s) in the following chart(s): app";
    release(&failed("UpgradeFailed", schema));
    says("invalidValues", "schema");
    release(&failed("ValuesError", "could not resolve ConfigMap chart values reference 'common/app-config'"));
    says("valuesNotFound", "app-config");
    release(&failed("UpgradeFailed", "execution error at (app/templates/cm.yaml:1:41): boom"));
    says("chartNotRendered", "cm.yaml:1:41");
    let timeout = "Helm upgrade failed: context deadline exceeded";
    release(&json!({"conditions": [ready("False", "RetriesExceeded", timeout, 1),
        {"type": "Remediated", "status": "True", "reason": "RollbackSucceeded", "message": "rolled back",
            "lastTransitionTime": "2026-11-29T13:30:24Z"}]}));
    says("timeout", "and Flux undid it");
    flux.set_spec("helmrelease", "common", SERVICE, &json!({"suspend": true}));
    says("suspended", "HelmRelease");
    flux.set_spec("helmrelease", "common", SERVICE, &json!({"suspend": false}));
    says("notApplied", "newest values");
    release(&json!({"conditions": [ready("False", "UpgradeFailed", timeout, 3)]}));

    // The pods, which explain the timeout.
    run_pod(&flux, &waiting("ErrImagePull", "ghcr.io/vtr/app:v1.0.0: not found"));
    says("imageNotFound", "ghcr.io/vtr/app:v1.0.0");
    run_pod(&flux, &waiting("ErrImagePull", "failed to authorize: 401 Unauthorized"));
    says("imageCredentials", "401");
    run_pod(&flux, &waiting("ErrImagePull", "no match for platform in manifest: not found"));
    says("imagePlatform", "no match for platform");
    run_pod(&flux, &waiting("CreateContainerConfigError", "configmap \"app-config\" not found"));
    says("configMissing", "app-config");
    run_pod(&flux, &crashing("OOMKilled", 137));
    says("outOfMemory", "memory");
    run_pod(&flux, &crashing("Error", 3));
    says("crashLoop", "exit code 3");
    run_pod(&flux, &container(&json!({"running": {}}), &json!({}), 0));
    event(
        &flux,
        "Pod",
        "app-1",
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
    );
    says("probeFails", "503");
    forget_events(&flux);
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient cpu."});
    run_pod(&flux, &json!({"phase": "Pending", "conditions": [condition]}));
    says("unschedulable", "Insufficient cpu");
    run_pod(&flux, &json!({"phase": "Failed", "reason": "Evicted", "message": "low on resource: memory"}));
    says("evicted", "low on resource");
    run_pod(&flux, &json!({"phase": "Running"}));
    event(
        &flux,
        "ReplicaSet",
        "app-7d9f4",
        "FailedCreate",
        "pods \"app-7d9f4-x\" is forbidden: exceeded quota: team",
    );
    says("quotaExceeded", "exceeded quota: team");
    forget_events(&flux);

    // What is wrong although the release is ready.
    release(&json!({"conditions": [ready("True", "UpgradeSucceeded", "done", 3)]}));
    event(
        &flux,
        "HelmRelease",
        SERVICE,
        "DriftDetected",
        "Deployment/common/app changed (0 additions, 1 changes)",
    );
    says("drift", "Deployment/common/app changed");
    forget_events(&flux);
    flux.server.apply(&format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {SERVICE}, namespace: common}}, \
         spec: {{type: LoadBalancer, ports: [{{port: 80}}]}}}}"
    ));
    says("loadBalancerPending", SERVICE);
    let shown = world.run(&["diagnose", SERVICE, "--env", "non-prod"]);
    assert!(
        shown.out.contains("gets no address") && shown.out.contains("do check the quota"),
        "{}",
        shown.out
    );
    let nowhere = world.run(&["diagnose", SERVICE, "--env", "prod"]);
    assert_eq!(nowhere.code, 2, "{}{}", nowhere.out, nowhere.err);
    assert!(nowhere.err.contains("no cluster is configured for prod"), "{}", nowhere.err);
}
