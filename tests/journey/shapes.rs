//! Workloads, kustomizations and setter comments go the way of HelmReleases: planned, promoted, explained, rolled back.

use super::world::World;
use crate::support::helm_repository::HelmRepository;

const DEPLOYMENT: &str = "clusters/non-prod-digital-eks/shop/deployment.yaml";
const KUSTOMIZATION: &str = "clusters/non-prod-digital-eks/blog/kustomization.yaml";
const VARIABLES: &str = "clusters/non-prod-digital-eks/vars.yaml";

/// A Deployment with Windows line ends and no final newline.
fn deployment(host: &str, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: graphql, namespace: shop}}\nspec:\n  template:\n    \
         spec:\n      containers:\n      - image: \"{host}/vtr/graphql-server:{tag}\" # ours\n        name: app"
    )
    .replace('\n', "\r\n")
}

fn kustomization(host: &str, tag: &str) -> String {
    format!(
        "namespace: blog\nresources: [../base]\nimages:\n- name: app\n  newTag: {tag}   # moved by Tidegate\n  \
         newName: {host}/vtr/graphql-server\n"
    )
}

fn variables(tag: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps, namespace: flux-system}}\n\
         spec:\n  path: ./apps\n  postBuild:\n    substitute:\n      app_version: {tag} \
         # {{\"$imagepolicy\": \"flux-system:graphql:tag\"}}\n"
    )
}

fn policy(host: &str) -> String {
    format!(
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {{name: graphql, namespace: flux-system}}\n\
         spec: {{imageRepositoryRef: {{name: graphql}}, policy: {{semver: {{range: '>=1.0.0'}}}}}}\n---\n\
         apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {{name: graphql, namespace: flux-system}}\n\
         spec: {{image: {host}/vtr/graphql-server}}\n"
    )
}

#[tokio::test]
async fn workloads_kustomizations_and_setter_comments_are_promoted_and_rolled_back() {
    let world = World::new("1h").await;
    let host = world.registry.host();
    for (path, text) in [
        (DEPLOYMENT, deployment(&host, "v1.0.0")),
        (KUSTOMIZATION, kustomization(&host, "v1.0.0")),
        (VARIABLES, variables("v1.0.0")),
        ("clusters/non-prod-digital-eks/policies.yaml", policy(&host)),
    ] {
        world.person("add a file", path, &text);
    }
    let plan = world.run(&["plan"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert!(plan.out.contains("+  newTag: v1.0.1   # moved by Tidegate"), "{}", plan.out);
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.origin.file(DEPLOYMENT), deployment(&host, "v1.0.1"));
    assert_eq!(world.origin.file(KUSTOMIZATION), kustomization(&host, "v1.0.1"));
    assert_eq!(world.origin.file(VARIABLES), variables("v1.0.1"));

    let status = world.run(&["status"]).out;
    for service in ["blog/graphql-server", "flux-system/apps", "shop/graphql"] {
        assert!(status.contains(service), "{status}");
        assert_eq!(world.run(&["explain", service, "-e", "non-prod"]).code, 0, "{service}");
        let history = world.run(&["history", service]).out;
        assert!(history.contains("v1.0.0") && history.contains("v1.0.1"), "{history}");
        let rollback =
            world.run(&["rollback", service, "-e", "non-prod", "--yes", "--reason", "orders fail"]);
        assert_eq!(rollback.code, 0, "{}", rollback.err);
    }
    assert_eq!(world.origin.file(DEPLOYMENT), deployment(&host, "v1.0.0"));
    assert_eq!(world.origin.file(KUSTOMIZATION), kustomization(&host, "v1.0.0"));
    assert_eq!(world.origin.file(VARIABLES), variables("v1.0.0"));
}

const RELEASES: &str = "clusters/non-prod-digital-eks/charts.yaml";

/// A HelmRelease that takes its chart from an OCIRepository of another name, and one that takes it from a HelmRepository.
fn charts(host: &str, version: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: app-chart, namespace: shop}}\n\
         spec:\n  url: oci://{host}/charts/app\n  ref: {{tag: {version}}} # the chart\n---\n\
         apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: app, namespace: shop}}\n\
         spec: {{chartRef: {{kind: OCIRepository, name: app-chart}}}}\n---\n\
         apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {{name: charts, namespace: shop}}\n\
         spec: {{type: oci, url: 'oci://{host}/charts'}}\n---\n\
         apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web, namespace: shop}}\n\
         spec:\n  chart:\n    spec:\n      chart: app\n      version: '{version}'\n      \
         sourceRef: {{kind: HelmRepository, name: charts}}\n"
    )
}

#[tokio::test]
async fn charts_are_left_alone_until_the_configuration_asks_for_them() {
    let world = World::new("1h").await;
    let host = world.registry.host();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        world.registry.push_chart("charts/app", version).await;
    }
    world.person("add charts", RELEASES, &charts(&host, "1.0.0"));
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.origin.file(RELEASES), charts(&host, "1.0.0"), "nobody asked for charts");

    let world = world.with("services: {defaults: {charts: {versions: \"^1.0\"}}}");
    let sync = world.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.err);
    assert_eq!(world.origin.file(RELEASES), charts(&host, "1.1.0"), "{}", sync.out);
    let status = world.run(&["status"]).out;
    assert!(status.contains("shop/app") && status.contains("shop/web"), "{status}");
    assert!(
        !status.contains("shop/app-chart"),
        "an OCIRepository belongs to the release that uses it: {status}"
    );
}

#[tokio::test]
async fn fields_that_the_configuration_names_are_promoted() {
    let world = World::new("1h").await;
    let host = world.registry.host();
    let file = "clusters/non-prod-digital-eks/tenant.yaml";
    let tenant =
        |tag: &str| format!("kind: Tenant\nspec:\n  app:\n    version: ${{VERSION:={tag}}} # ours\n");
    world.person("add a tenant", file, &tenant("v1.0.0"));
    let world = world.with(&format!(
        "fields: [{{files: 'clusters/*/tenant.yaml', at: app.version, image: '{host}/vtr/graphql-server', service: common/tenant}}]"
    ));
    let sync = world.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.err);
    assert_eq!(world.origin.file(file), tenant("v1.0.1"), "{}", sync.out);
    let history = world.run(&["history", "common/tenant"]).out;
    assert!(history.contains("v1.0.0") && history.contains("v1.0.1"), "{history}");
}

const VALUES: &str = "clusters/non-prod-digital-eks/shop/values.yaml";
const GENERATED: &str = "clusters/non-prod-digital-eks/blog/app-values.yaml";

/// A HelmRelease with its values in a ConfigMap, with Windows line ends and no final newline.
fn values_in_a_config_map(host: &str, tag: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web, namespace: shop}}\nspec:\n  \
         chart: {{spec: {{chart: web}}}}\n  valuesFrom: [{{kind: ConfigMap, name: web-values}}]\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web-values, namespace: shop}}\ndata:\n  values.yaml: | # ours\n\
         \x20     image: {{repository: {host}/vtr/graphql-server, tag: &tag \"{tag}\" }} # the image\n\n      label: *tag"
    )
    .replace('\n', "\r\n")
}

#[tokio::test]
async fn helm_values_outside_of_helmreleases_are_promoted_and_rolled_back() {
    let world = World::new("1h").await;
    let host = world.registry.host();
    let folder = "clusters/non-prod-digital-eks/blog";
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app}\n\
        spec: {chart: {spec: {chart: app}}, valuesFrom: [{kind: ConfigMap, name: app-values}]}\n";
    let kustomization = "namespace: blog\nresources: [release.yaml]\nconfigMapGenerator:\n- name: app-values\n  \
        files: [values.yaml=app-values.yaml]\n";
    let generated = |tag: &str| {
        format!(
            "# Values of the blog.\nimage:\n  tag: {tag}   # moved\n  repository: {host}/vtr/graphql-server\n"
        )
    };
    for (path, text) in [
        (VALUES.to_owned(), values_in_a_config_map(&host, "v1.0.0")),
        (GENERATED.to_owned(), generated("v1.0.0")),
        ("clusters/non-prod-digital-eks/unused.yaml".to_owned(), generated("v1.0.0")),
        (format!("{folder}/release.yaml"), release.to_owned()),
        (format!("{folder}/kustomization.yaml"), kustomization.to_owned()),
    ] {
        world.person("add a file", &path, &text);
        // Values have a history from the beginning, even if a HelmRelease takes them only later.
        assert_eq!(world.run(&["plan"]).code, 0);
    }
    let plan = world.run(&["plan"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert!(plan.out.contains("+  tag: v1.0.1   # moved"), "{}", plan.out);
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.origin.file(VALUES), values_in_a_config_map(&host, "v1.0.1"));
    assert_eq!(world.origin.file(GENERATED), generated("v1.0.1"));

    let all = world.run(&["history"]).out;
    assert!(
        all.contains("blog/app") && !all.contains("/values"),
        "values that nobody takes have none: {all}"
    );
    let status = world.run(&["status"]).out;
    for service in ["blog/app", "shop/web"] {
        assert!(status.contains(service), "{status}");
        let explain = world.run(&["explain", service, "-e", "non-prod"]);
        assert_eq!(explain.code, 0, "{}", explain.err);
        let history = world.run(&["history", service]).out;
        let arrivals = history.matches("v1.0.0").count();
        assert!(
            arrivals >= 2 && history.contains("v1.0.1"),
            "the arrival of v1.0.0, and from it on: {history}"
        );
        let rollback =
            world.run(&["rollback", service, "-e", "non-prod", "--yes", "--reason", "orders fail"]);
        assert_eq!(rollback.code, 0, "{}", rollback.err);
    }
    assert_eq!(world.origin.file(VALUES), values_in_a_config_map(&host, "v1.0.0"));
    assert_eq!(world.origin.file(GENERATED), generated("v1.0.0"));
}

const NON_PROD_CHART: &str = "clusters/non-prod-digital-eks/shop/web.yaml";
const PROD_CHART: &str = "clusters/prod-digital-eks/shop/web.yaml";

/// A HelmRelease with an exact version of a chart of a HelmRepository over HTTP.
fn chart_over_http(url: &str, version: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {{name: charts, namespace: shop}}\n\
         spec: {{url: '{url}/'}}\n---\n\
         apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web, namespace: shop}}\n\
         spec:\n  chart:\n    spec:\n      chart: web\n      version: \"{version}\" # exact\n      \
         sourceRef: {{kind: HelmRepository, name: charts}}\n"
    )
}

#[tokio::test]
async fn charts_of_a_helm_repository_soak_and_are_held_and_rolled_back() {
    let charts = HelmRepository::start(false).await;
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        charts.publish("web", version, "a chart");
    }
    let world = World::new("0s").await.with_registry(charts.host());
    let world = world.with("services: {defaults: {charts: {versions: \"^1.0\"}}}");
    let url = charts.url();
    for path in [NON_PROD_CHART, PROD_CHART] {
        world.person("add a chart", path, &chart_over_http(&url, "1.0.0"));
    }
    world.run(&["hold", "shop/web", "-e", "prod", "--yes", "--reason", "a busy week"]);
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.origin.file(NON_PROD_CHART), chart_over_http(&url, "1.1.0"));
    let held = world.run(&["sync"]);
    assert_eq!(world.origin.file(PROD_CHART), chart_over_http(&url, "1.0.0"), "{}", held.out);
    assert_eq!(world.run(&["release", "shop/web", "-e", "prod", "--yes"]).code, 0);
    let sync = world.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.err);
    assert_eq!(world.origin.file(PROD_CHART), chart_over_http(&url, "1.1.0"), "{}", sync.out);
    let message = world.origin.git(&["log", "--format=%B", "-n", "5", "main"]);
    assert!(message.contains(&format!("{}:1.1.0@sha256:", charts.chart("web"))), "{message}");

    // Packed anew, the version is another chart than the one that soaked.
    charts.publish("web", "1.2.0", "the first one");
    assert_eq!(world.run(&["hold", "shop/web", "-e", "prod", "--yes", "--reason", "look first"]).code, 0);
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.origin.file(NON_PROD_CHART), chart_over_http(&url, "1.2.0"));
    charts.publish("web", "1.2.0", "another one");
    assert_eq!(world.run(&["release", "shop/web", "-e", "prod", "--yes"]).code, 0);
    let refused = world.run(&["plan"]);
    assert_eq!(world.origin.file(PROD_CHART), chart_over_http(&url, "1.1.0"));
    assert!(
        refused.out.contains("digest") || refused.err.contains("digest"),
        "{}{}",
        refused.out,
        refused.err
    );

    let rollback = world.run(&["rollback", "shop/web", "-e", "non-prod", "--yes", "--reason", "it fails"]);
    assert_eq!(rollback.code, 0, "{}", rollback.err);
    assert_eq!(world.origin.file(NON_PROD_CHART), chart_over_http(&url, "1.1.0"));
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.origin.file(NON_PROD_CHART), chart_over_http(&url, "1.1.0"), "1.2.0 is in quarantine");
    let doctor = world.run(&["doctor"]).out;
    assert!(doctor.contains("4 tags") && !doctor.contains("chart version not promoted"), "{doctor}");
}
