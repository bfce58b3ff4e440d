//! Chart and image of one service, bound by `together`: they reach prod in one commit, or neither does.

use super::world::World;
use crate::support::helm_repository::HelmRepository;

const NON_PROD: &str = "clusters/non-prod-digital-eks/shop/web.yaml";
const PROD: &str = "clusters/prod-digital-eks/shop/web.yaml";

fn release(charts: &str, host: &str, chart: &str, tag: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {{name: charts, namespace: shop}}\n\
         spec: {{url: '{charts}'}}\n---\n\
         apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web, namespace: shop}}\n\
         spec:\n  chart: {{spec: {{chart: web, version: {chart}, sourceRef: {{kind: HelmRepository, name: charts}}}}}}\n  \
         values: {{image: {{repository: {host}/vtr/graphql-server, tag: {tag}}}}}\n"
    )
}

#[tokio::test]
async fn chart_and_image_reach_prod_in_one_commit_or_not_at_all() {
    let charts = HelmRepository::start(false).await;
    charts.publish("web", "1.0.0", "first");
    charts.publish("web", "1.1.0", "second");
    let world = World::new("0s")
        .await
        .with_registry(charts.host())
        .with("services: {overrides: [{match: shop/web, charts: {versions: \"^1.0\"}, together: true}]}");
    let text = |chart: &str, tag: &str| release(&charts.url(), &world.registry.host(), chart, tag);
    for path in [NON_PROD, PROD] {
        world.person("add a release", path, &text("1.0.0", "v1.0.0"));
    }
    assert_eq!(world.run(&["sync"]).code, 0);
    let quarantine =
        world.run(&["quarantine", "shop/web", "--tag", "v1.0.1", "--yes", "--reason", "look first"]);
    assert_eq!(quarantine.code, 0, "{}", quarantine.err);
    let sync = world.run(&["sync"]);
    assert_eq!(world.origin.file(NON_PROD), text("1.1.0", "v1.0.1"), "{}", sync.out);
    assert_eq!(
        world.origin.file(PROD),
        text("1.0.0", "v1.0.0"),
        "the chart waits for the image: {}",
        sync.out
    );
    let explain = world.run(&["explain", "shop/web", "-e", "prod"]).out;
    assert!(explain.contains("group"), "{explain}");

    assert_eq!(world.run(&["release", "shop/web", "--kind", "quarantine", "--yes"]).code, 0);
    let before = world.origin.at("main");
    let sync = world.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.err);
    assert_eq!(world.origin.file(PROD), text("1.1.0", "v1.0.1"), "{}", sync.out);
    let commits = world.origin.git(&["log", "--format=%s", &format!("{before}..main"), "--", PROD]);
    assert_eq!(commits.lines().count(), 1, "{commits}");
}
