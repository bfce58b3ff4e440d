//! A promotion through an environment whose cluster is read: a real API server with Flux's custom resources, driven to the states
//! that real controllers were recorded in.

use std::time::Duration;

use serde_json::{Value, json};

use crate::deploy::api_server::{ApiServer, READER};
use crate::support::sshd::Sshd;

use super::daemon::Daemon;
use super::over_network::over_ssh;
use super::world::{World, wait_until};

pub(super) const SERVICE: &str = "graphql-server";

/// How long a version has to be healthy in non-prod.
const SOAK: Duration = Duration::from_secs(6);

/// What Flux does in non-prod.
pub(super) struct Flux {
    pub(super) server: ApiServer,
    host: String,
}

impl Flux {
    /// Follows a repository, and runs v1.0.0. Its reader may do what `deploy/` grants.
    fn start(url: &str, host: &str, path: &str) -> Self {
        let server = ApiServer::start();
        let role = "deploy/kustomize/components/cluster-access/clusterrole.yaml";
        server.good(&["apply", "--server-side", "--filename", role], "");
        server.apply(&format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: reader}}, \
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: tidegate-reader}}, \
             subjects: [{{kind: User, name: {READER}, apiGroup: rbac.authorization.k8s.io}}]}}"
        ));
        for namespace in ["flux-system", "common"] {
            server.apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}"));
        }
        server.apply(&format!(
            "{{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, \
             metadata: {{name: flux-system, namespace: flux-system}}, \
             spec: {{interval: 1m, url: \"{url}\", ref: {{branch: main}}}}}}"
        ));
        server.apply(&format!(
            "{{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, \
             metadata: {{name: flux-system, namespace: flux-system}}, \
             spec: {{interval: 1m, prune: true, path: \"{path}\", \
             sourceRef: {{kind: GitRepository, name: flux-system}}}}}}"
        ));
        Self { server, host: host.to_owned() }
    }

    /// Applies a commit, which holds a tag.
    fn apply(&self, commit: &str, tag: &str) {
        self.server.apply(&format!(
            "{{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {{name: {SERVICE}, \
             namespace: common, labels: {{kustomize.toolkit.fluxcd.io/name: flux-system, \
             kustomize.toolkit.fluxcd.io/namespace: flux-system}}}}, spec: {{interval: 1m, \
             chart: {{spec: {{chart: app-chart, sourceRef: {{kind: GitRepository, name: helm-charts}}}}}}, \
             values: {{image: {{repository: {}/vtr/{SERVICE}, tag: {tag}}}}}}}}}",
            self.host
        ));
        let status = json!({"lastAppliedRevision": format!("main@sha1:{commit}")});
        self.set_status("kustomization", "flux-system", "flux-system", &status);
    }

    /// Sets the Ready condition of the release, about one of its generations, with what else stands beside it.
    fn report(&self, generation: i64, status: &str, reason: &str, others: &[Value]) {
        let condition = |kind: &str, status: &str, reason: &str, generation: i64| {
            json!({"type": kind, "status": status, "reason": reason, "message": format!("{reason} of the test"),
                "observedGeneration": generation, "lastTransitionTime": "2026-11-29T13:30:24Z"})
        };
        let mut conditions = vec![condition("Ready", status, reason, generation)];
        conditions.extend_from_slice(others);
        // Flux's own field lags behind success.
        let status = json!({"observedGeneration": generation - 1, "conditions": conditions});
        self.set_status("helmrelease", "common", SERVICE, &status);
    }

    pub(super) fn set_status(&self, kind: &str, namespace: &str, name: &str, status: &Value) {
        let patch = json!({"status": status}).to_string();
        let merge = ["--subresource=status", "--type=merge", "--patch", patch.as_str()];
        let named = ["patch", kind, name, "--namespace", namespace];
        self.server.good(&[&named[..], &merge[..]].concat(), "");
    }
}

impl Flux {
    pub(super) fn set_spec(&self, kind: &str, namespace: &str, name: &str, spec: &Value) {
        let patch = json!({"spec": spec}).to_string();
        let merge = ["--type=merge", "--patch", patch.as_str()];
        let named = ["patch", kind, name, "--namespace", namespace];
        self.server.good(&[&named[..], &merge[..]].concat(), "");
    }
}

/// A world over SSH, as Flux needs a URL, whose non-prod is in a cluster that applies `path`.
pub(super) async fn world(sshd: &Sshd, path: &str) -> (World, Flux) {
    world_with(sshd, path, "").await
}

/// The same with more keys of non-prod.
async fn world_with(sshd: &Sshd, path: &str, keys: &str) -> (World, Flux) {
    let world = World::new("6s").await;
    let repository = world.origin.path();
    let git = over_ssh(sshd, sshd.port(), &sshd.new_key("id", "ed25519", ""), &repository);
    let flux = Flux::start(&Sshd::url_at(sshd.port(), &repository), &world.registry.host(), path);
    let kubeconfig = flux.server.kubeconfig("np-eks");
    let cluster = format!(", cluster: {{kubeconfig: {}, context: np-eks}}{keys}", kubeconfig.display());
    let world = world.through(&git).with_non_prod(&cluster);
    flux.apply(&head(&world), "v1.0.0");
    flux.report(1, "True", "InstallSucceeded", &[]);
    (world, flux)
}

pub(super) fn head(world: &World) -> String {
    world.origin.git(&["rev-parse", "main"])
}

/// What `status` says of the health of the service in non-prod.
fn health(world: &World) -> (String, String) {
    let status = world.json(&["status"]);
    let health = &status["services"][0]["environments"][0]["health"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&health["state"]), text(&health["reason"]))
}

#[tokio::test]
async fn a_version_goes_on_when_flux_reports_it_healthy() {
    let sshd = Sshd::start();
    let (world, mut flux) = world(&sshd, "./clusters/non-prod-digital-eks").await;
    let doctor = world.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);
    let found = "cluster np-eks of non-prod: Kustomization flux-system/flux-system applies `clusters/non-prod-digital-eks`";
    assert!(doctor.out.contains(found), "{}", doctor.out);
    assert_eq!(health(&world).0, "healthy", "{:?}", health(&world));

    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.running(), ("v1.0.1".to_owned(), "v1.0.0".to_owned()));
    let commit = head(&world);
    let (state, reason) = health(&world);
    assert_eq!((state.as_str(), reason.contains("still holds v1.0.0")), ("unhealthy", true), "{reason}");

    // As recorded of an upgrade that fails: Ready is true of the generation before, unknown, and false at last.
    flux.apply(&commit, "v1.0.1");
    assert!(health(&world).1.contains("is not reconciled yet"), "{:?}", health(&world));
    flux.report(2, "Unknown", "Progressing", &[]);
    assert!(health(&world).1.contains("is being reconciled"), "{:?}", health(&world));
    flux.report(2, "False", "UpgradeFailed", &[]);
    let explained = world.run(&["explain", SERVICE, "--env", "prod"]);
    assert_eq!(explained.code, 3, "{}", explained.err);
    assert!(explained.out.contains("(UpgradeFailed)"), "{}", explained.out);
    std::thread::sleep(SOAK);
    world.run(&["sync"]);
    assert_eq!(world.running().1, "v1.0.0", "what failed does not soak");

    // It is mended, and soaks from then on. The cluster goes away in the middle, which only delays.
    let mut daemon = Daemon::start(&world);
    flux.report(2, "True", "UpgradeSucceeded", &[]);
    wait_until("health", || health(&world).0 == "healthy");
    flux.server.kill();
    std::thread::sleep(SOAK);
    let (state, reason) = health(&world);
    assert_eq!(state, "unknown", "{reason}");
    assert_eq!(world.running().1, "v1.0.0", "nothing goes on unseen");
    // The token was changed meanwhile, in the kubeconfig too.
    flux.server.restart();
    flux.server.kubeconfig("np-eks");
    wait_until("the promotion to prod", || world.running().1 == "v1.0.1");
    assert_eq!(world.promotions("prod", "v1.0.1"), 1);
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test]
async fn a_version_that_fails_goes_back_once() {
    let sshd = Sshd::start();
    let keys = ", verifyWithin: 10s, onFailure: rollback";
    let (world, flux) = world_with(&sshd, "./clusters/non-prod-digital-eks", keys).await;
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let commit = head(&world);
    flux.apply(&commit, "v1.0.1");
    flux.report(2, "False", "UpgradeFailed", &[]);
    let planned = world.run(&["plan"]);
    let sentence = "v1.0.1 must be healthy by";
    assert!(planned.out.contains(sentence), "{}{}", planned.out, planned.err);
    wait_until("the rollback", || {
        world.run(&["sync"]);
        world.running().0 == "v1.0.0"
    });
    let back = head(&world);
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    let promotion =
        world.origin.git(&["log", "-1", "--format=%(trailers:key=Tidegate-Promotion,valueonly)", &commit]);
    assert!(message.contains(&format!("Tidegate-Failed-Promotion: {}", promotion.trim())), "{message}");
    assert!(message.contains("(UpgradeFailed): \"UpgradeFailed of the test\""), "{message}");
    assert!(message.contains("Tidegate-Requested-By: verification"), "{message}");
    world.run(&["sync"]);
    assert_eq!((head(&world), world.running().1), (back, "v1.0.0".to_owned()));
}

#[tokio::test]
async fn the_wrong_cluster_is_told_by_both_names() {
    let sshd = Sshd::start();
    let (world, _flux) = world(&sshd, "./clusters/prod-digital-eks").await;
    let doctor = world.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{}{}", doctor.out, doctor.err);
    let wrong =
        "it applies `clusters/prod-digital-eks` of the repository, and not `clusters/non-prod-digital-eks`";
    assert!(doctor.out.contains(wrong), "{}", doctor.out);
    let (state, reason) = health(&world);
    assert_eq!(state, "unknown", "{reason}");
}
