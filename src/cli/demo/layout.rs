//! The content of the demo's GitOps repository: a team's folders, and manifests with what careless tools lose. Text only.

/// One cluster's folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    pub(super) environment: &'static str,
    pub(super) folder: &'static str,
    node_env: &'static str,
    memory: &'static str,
}

pub(super) const NON_PROD: Cluster = Cluster {
    environment: "non-prod",
    folder: "clusters/non-prod-digital-eks",
    node_env: "staging",
    memory: "256Mi",
};
pub(super) const PROD: Cluster =
    Cluster { environment: "prod", folder: "clusters/prod-digital-eks", node_env: "prod", memory: "512Mi" };

/// A service of the team.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    write: fn(Cluster, &str) -> String,
}

/// A comment behind the tag.
pub(super) const GRAPHQL: Service =
    Service { namespace: "common", name: "graphql-server", write: graphql_server };
/// CRLF, a comment that is not ASCII, an anchor on a quoted tag.
pub(super) const PAYMENTS: Service =
    Service { namespace: "common", name: "payments-api", write: payments_api };
/// A single-quoted tag, and a flow mapping.
pub(super) const MOBILE: Service =
    Service { namespace: "mobile-backend", name: "mobile-backend-for-frontend", write: mobile_backend };

impl Service {
    pub(super) fn full_name(self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The repository of its image in the registry.
    pub(super) fn image(self) -> String {
        format!("vtr/{}", self.name)
    }

    /// Its HelmRelease in a cluster: the path, and the text at a tag.
    pub(super) fn release(self, cluster: Cluster, tag: &str) -> (String, String) {
        (format!("{}/{}/{}.yaml", cluster.folder, self.namespace, self.name), (self.write)(cluster, tag))
    }
}

/// The files of a cluster without services: Flux's source, the namespaces, a `ConfigMap`.
pub(super) fn groundwork(cluster: Cluster) -> Vec<(String, String)> {
    let Cluster { folder, node_env, .. } = cluster;
    let namespace = |name: &str| {
        let text = format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n");
        (format!("{folder}/{name}/namespace.yaml"), text)
    };
    vec![
        (format!("{folder}/flux-system/gotk-sync.yaml"), flux_source(folder)),
        namespace("common"),
        namespace("mobile-backend"),
        (format!("{folder}/common/graphql-server-config.yaml"), graphql_config(node_env)),
    ]
}

fn flux_source(folder: &str) -> String {
    format!(
        "---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 1m0s
  ref:
    branch: main
  secretRef:
    name: flux-system
  url: ssh://git@github.com/vtr/gitops
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 10m0s
  path: ./{folder}
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
"
    )
}

fn graphql_config(node_env: &str) -> String {
    format!(
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: graphql-server-config
  namespace: common
data:
  NODE_ENV: \"{node_env}\"
  LOG_LEVEL: info
  # not an image, although it looks like one
  tag: v1.0.0
"
    )
}

fn graphql_server(cluster: Cluster, tag: &str) -> String {
    let Cluster { node_env, memory, .. } = cluster;
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: graphql-server
  namespace: common
spec:
  interval: 1m
  chart:
    spec:
      chart: app-chart  # Internal chart name
      version: '>=1.0.0'
      sourceRef:
        kind: GitRepository
        name: helm-charts
        namespace: flux-system
  values:
    image:
      repository: ghcr.io/vtr/graphql-server
      tag: {tag}  # Semver, never 'latest'
    service:
      type: LoadBalancer
      port: 3000
    env:
      NODE_ENV: \"{node_env}\"
    resources:
      requests: {{memory: \"{memory}\", cpu: \"100m\"}}
"
    )
}

fn payments_api(cluster: Cluster, tag: &str) -> String {
    let Cluster { node_env, memory, .. } = cluster;
    let text = format!(
        "# Dueño: equipo de pagos. Se edita en Windows.
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: payments-api
  namespace: common
spec:
  interval: 1m
  chart:
    spec:
      chart: app-chart
      version: '>=1.0.0'
      sourceRef: {{kind: GitRepository, name: helm-charts, namespace: flux-system}}
  values:
    image:
      repository: \"ghcr.io/vtr/payments-api\"
      tag: &version \"{tag}\"\t# una sola fuente para la versión
    env:
      NODE_ENV: '{node_env}'
    resources:
      requests:   {{ memory: {memory} }}
"
    );
    text.replace('\n', "\r\n")
}

fn mobile_backend(cluster: Cluster, tag: &str) -> String {
    let Cluster { node_env, memory, .. } = cluster;
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: mobile-backend-for-frontend, namespace: mobile-backend}}
spec:
  interval: 1m
  chart:
    spec:
      chart: app-chart
      version: '>=1.0.0'
      sourceRef:
        kind: GitRepository
        name: helm-charts
        namespace: flux-system
  values:
    image: {{repository: ghcr.io/vtr/mobile-backend-for-frontend, tag: '{tag}'}}
    env: {{NODE_ENV: {node_env}}}
    resources:
      limits:
        memory: {memory}
"
    )
}
