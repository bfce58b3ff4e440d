//! Services that other files complete: namespaces, bases of patches, and charts.

use super::*;
use crate::kustomize::is_kustomization;
use crate::manifest::{self, Kustomization};

enum Parsed {
    Kustomization(Kustomization),
    Manifest(Manifest),
}

fn layout(files: &[(&str, &str)]) -> (Layout, BTreeMap<String, Manifest>) {
    let parsed: Vec<(RepoPath, Parsed)> = files
        .iter()
        .map(|(path, text)| {
            let path: RepoPath = path.parse().unwrap();
            let text = text.as_bytes();
            let parsed = if is_kustomization(&path) {
                Parsed::Kustomization(manifest::read_kustomization(text).unwrap())
            } else {
                Parsed::Manifest(manifest::read(text).unwrap())
            };
            (path, parsed)
        })
        .collect();
    let layout = Layout::of(parsed.iter().map(|(path, parsed)| match parsed {
        Parsed::Kustomization(one) => LayoutFile { path, kustomization: Some(one), manifest: None },
        Parsed::Manifest(one) => LayoutFile { path, kustomization: None, manifest: Some(one) },
    }));
    let manifests = parsed.into_iter().filter_map(|(path, parsed)| match parsed {
        Parsed::Manifest(manifest) => Some((path.to_string(), manifest)),
        Parsed::Kustomization(_) => None,
    });
    (layout, manifests.collect())
}

fn release(metadata: &str, spec: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{{metadata}}}\nspec: {{{spec}}}\n"
    )
}

const CHART: &str = "chart: {spec: {chart: app}}";

#[test]
fn a_service_without_a_namespace_gets_it_from_other_files_or_its_folder() {
    let text = release("name: cache", CHART);
    let (layout, _) = layout(&[
        ("prod/shop/app.yaml", &text),
        ("prod/shop/kustomization.yaml", "namespace: shop\nresources: [app.yaml]"),
        ("prod/apps/blog/app.yaml", &text),
        ("prod/app.yaml", &text),
        ("prod/A_b/app.yaml", &text),
    ]);
    let roots = ["prod".parse().unwrap()];
    let written = ServiceName::without_namespace("cache").unwrap();
    for (file, service, is_assumed) in [
        ("prod/shop/app.yaml", "shop/cache", false),
        ("prod/apps/blog/app.yaml", "apps.blog/cache", true),
        ("prod/app.yaml", "default/cache", true),
    ] {
        let placed = layout.service(&file.parse().unwrap(), &written, &roots);
        assert_eq!(placed.service.to_string(), service, "{file}");
        assert_eq!(placed.is_namespace_assumed, is_assumed, "{file}");
    }
    let named: ServiceName = "own/cache".parse().unwrap();
    assert_eq!(layout.service(&"prod/shop/app.yaml".parse().unwrap(), &named, &roots).service, named);
    let of = |file: &str| layout.service(&file.parse().unwrap(), &written, &roots).service;
    assert_ne!(of("prod/A_b/app.yaml"), of("prod/a-b/app.yaml"));
}

#[test]
fn an_oci_repository_belongs_to_the_release_that_uses_it() {
    let oci = |metadata: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{{metadata}}}\n\
            spec: {{url: 'oci://ghcr.io/vtr/charts/app', ref: {{tag: 1.0.0}}}}\n"
        )
    };
    let uses = |more: &str| format!("chartRef: {{kind: OCIRepository, {more}}}");
    let (layout, manifests) = layout(&[
        ("prod/shop/kustomization.yaml", "namespace: shop\nresources: [app.yaml, chart.yaml]"),
        ("prod/shop/app.yaml", &release("name: app", &uses("name: app-chart"))),
        ("prod/shop/chart.yaml", &oci("name: app-chart")),
        (
            "prod/other.yaml",
            &release("name: far, namespace: far", &uses("name: central, namespace: flux-system")),
        ),
        ("prod/central.yaml", &oci("name: central, namespace: flux-system")),
        ("prod/a.yaml", &release("name: a, namespace: team", &uses("name: shared"))),
        ("prod/b.yaml", &release("name: b, namespace: team", &uses("name: shared"))),
        ("prod/shared.yaml", &oci("name: shared, namespace: team")),
        ("prod/unused.yaml", &oci("name: unused, namespace: team")),
    ]);
    for (file, service) in [
        ("prod/shop/chart.yaml", "shop/app"),
        ("prod/central.yaml", "far/far"),
        ("prod/shared.yaml", "team/shared"),
        ("prod/unused.yaml", "team/unused"),
    ] {
        let written = &manifests[file].fields[0].service;
        let placed = layout.service(&file.parse().unwrap(), written, &[]).service;
        assert_eq!(placed.to_string(), service, "{file}");
        assert!(layout.written_names(&placed).contains(written), "{file}");
    }
}

#[test]
fn a_chart_of_a_helm_repository_has_a_name() {
    let repository = |metadata: &str, url: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {{{metadata}}}\nspec: {{url: '{url}'}}\n"
        )
    };
    let chart = |source: &str| {
        format!(
            "chart: {{spec: {{chart: app, version: 1.0.0, sourceRef: {{kind: HelmRepository, {source}}}}}}}"
        )
    };
    let (layout, manifests) = layout(&[
        ("prod/charts.yaml", &repository("name: vtr, namespace: flux-system", "oci://ghcr.io/vtr/charts/")),
        ("prod/http.yaml", &repository("name: http, namespace: flux-system", "https://vtr.github.io/charts")),
        (
            "prod/app.yaml",
            &release("name: app, namespace: shop", &chart("name: vtr, namespace: flux-system")),
        ),
        ("prod/own.yaml", &release("name: app, namespace: flux-system", &chart("name: vtr"))),
        ("prod/other.yaml", &release("name: app, namespace: shop", &chart("name: vtr"))),
        ("prod/page.yaml", &release("name: app, namespace: flux-system", &chart("name: http"))),
    ]);
    for (file, image) in [
        ("prod/app.yaml", Some("ghcr.io/vtr/charts/app")),
        ("prod/own.yaml", Some("ghcr.io/vtr/charts/app")),
        ("prod/other.yaml", None),
        ("prod/page.yaml", Some("helm+https://vtr.github.io/charts/app")),
    ] {
        let field = &manifests[file].fields[0];
        let found = layout.image_of_tag_alone(&file.parse().unwrap(), field).map(ToString::to_string);
        assert_eq!(found.as_deref(), image, "{file}");
    }
}

#[test]
fn a_patch_belongs_to_its_base_and_takes_its_images() {
    let images = "values: {image: {repository: ghcr.io/vtr/app}, side: {image: {repository: ghcr.io/vtr/side, tag: v1.0.0}}}";
    let tags = "values: {image: {tag: v1.0.0}, side: {image: {tag: v1.0.0}}, other: {tag: v1.0.0}}";
    let (layout, manifests) = layout(&[
        ("base/kustomization.yaml", "resources: [app.yaml]"),
        ("base/app.yaml", &release("name: app, namespace: team", &format!("{CHART}, {images}"))),
        (
            "prod/kustomization.yaml",
            "namespace: other\nresources: [../base]\npatches: [{path: p.yaml}, {path: t.yaml, target: {kind: HelmRelease, name: a.*}}]",
        ),
        ("prod/p.yaml", &release("name: app", tags)),
        ("prod/t.yaml", &release("name: any", tags)),
        ("prod/lost.yaml", &release("name: app", tags)),
    ]);
    for (file, service) in
        [("prod/p.yaml", "team/app"), ("prod/t.yaml", "team/app"), ("prod/lost.yaml", "other/app")]
    {
        let path: RepoPath = file.parse().unwrap();
        let fields = &manifests[file].fields;
        assert_eq!(fields.len(), 3, "{file}");
        assert_eq!(layout.service(&path, &fields[0].service, &[]).service.to_string(), service);
        let images: Vec<Option<String>> = fields
            .iter()
            .map(|field| layout.image_of_tag_alone(&path, field).map(ToString::to_string))
            .collect();
        let known = |image: &str| (file != "prod/lost.yaml").then(|| image.to_owned());
        assert_eq!(images, [known("ghcr.io/vtr/app"), known("ghcr.io/vtr/side"), None], "{file}");
    }
    let names = layout.written_names(&"team/app".parse().unwrap());
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["_/any", "_/app", "team/app"]);
}

/// A patch that suspends the Flux Kustomization of a cluster, and what else it may be.
#[rstest::rstest]
#[case::operations(
    "patches: [{target: {kind: Kustomization}, patch: '[{op: add, path: /spec/suspend, value: true}]'}]",
    "",
    true
)]
#[case::inline(
    "patches: [{patch: '{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: apps}, spec: {suspend: true}}'}]",
    "",
    true
)]
#[case::a_file("patches: [{path: off.yaml}]", "apps", true)]
#[case::of_another_name("patches: [{path: off.yaml}]", "others", false)]
#[case::of_releases(
    "patches: [{target: {kind: HelmRelease}, patch: '[{op: add, path: /spec/suspend, value: true}]'}]",
    "",
    false
)]
fn a_patch_suspends_a_flux_kustomization(
    #[case] patches: &str,
    #[case] patched: &str,
    #[case] is_suspended: bool,
) {
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec: {path: ./apps, prune: true}\n";
    let kustomization = format!("resources: [sync.yaml]\n{patches}");
    let off = flux
        .replace("path: ./apps, prune: true", "suspend: true")
        .replace("name: apps", &format!("name: {patched}"));
    let text = release("name: app, namespace: team", CHART);
    let mut files = vec![
        ("flux/kustomization.yaml", kustomization.as_str()),
        ("flux/sync.yaml", flux),
        ("apps/app.yaml", &text),
    ];
    if !patched.is_empty() {
        files.push(("flux/off.yaml", &off));
    }
    files.push(("elsewhere/app.yaml", &text));
    let (layout, _) = layout(&files);
    let [app, elsewhere]: [RepoPath; 2] =
        ["apps/app.yaml", "elsewhere/app.yaml"].map(|file| file.parse().unwrap());
    let expected = if is_suspended { Inclusion::Suspended("apps") } else { Inclusion::Applied };
    assert_eq!(layout.graph.inclusion(&app), expected);
    // A patch is no Flux Kustomization of the whole repository.
    assert_eq!(layout.graph.inclusion(&elsewhere), Inclusion::Applied);
}
