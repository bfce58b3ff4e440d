//! Trees of kustomization.yaml files, as a table each: what Flux would apply, and under which namespace.

use super::*;
use crate::kustomize::is_kustomization;

/// A repository: each file with its `kustomization.yaml` text, or the Flux Kustomizations in it as `name path [namespace]
/// [suspended]`.
fn graph(files: &[(&str, &str)]) -> Graph {
    let parsed: Vec<_> = files
        .iter()
        .map(|(path, text)| {
            let path: RepoPath = path.parse().unwrap();
            let kustomization = is_kustomization(&path)
                .then(|| crate::manifest::read_kustomization(text.as_bytes()).unwrap());
            let flux = if kustomization.is_some() { Vec::new() } else { flux_of(text) };
            (path, kustomization, flux)
        })
        .collect();
    Graph::of(parsed.iter().map(|(path, kustomization, flux)| SourceFile {
        path,
        kustomization: kustomization.as_ref(),
        flux,
    }))
}

fn flux_of(text: &str) -> Vec<FluxKustomization> {
    crate::manifest::read(text.as_bytes()).unwrap().flux_kustomizations
}

fn flux(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\n\
        spec: {{path: {path}{more}}}\n---\n"
    )
}

fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

#[test]
fn the_closest_namespace_wins_through_any_number_of_levels() {
    let graph = graph(&[
        ("prod/shop/app.yaml", ""),
        ("prod/shop/kustomization.yaml", "namespace: shop\nresources: [app.yaml]"),
        ("prod/blog/app.yaml", ""),
        ("prod/blog/kustomization.yml", "resources: [app.yaml]"),
        ("prod/blog/more/Kustomization", "resources: [deep.yaml]"),
        ("prod/blog/more/deep.yaml", ""),
        ("prod/kustomization.yaml", "namespace: outer\nresources: [shop, ./blog/, blog/more]"),
        ("c/comp/kustomization.yaml", "resources: [x.yaml]"),
        ("c/comp/x.yaml", ""),
        ("c/kustomization.yaml", "namespace: c\ncomponents: [comp]"),
        ("two/base/kustomization.yaml", "resources: [x.yaml]"),
        ("two/base/x.yaml", ""),
        ("two/a/kustomization.yaml", "namespace: a\nresources: [../base]"),
        ("two/b/kustomization.yaml", "namespace: b\nbases: [../base]"),
        ("alone/x.yaml", ""),
        ("shared/x.yaml", ""),
        ("user/kustomization.yaml", "namespace: user\nresources: [../shared/x.yaml]"),
    ]);
    for (file, namespace) in [
        ("prod/shop/app.yaml", Some("shop")),
        ("prod/blog/app.yaml", Some("outer")),
        ("prod/blog/more/deep.yaml", Some("outer")),
        ("c/comp/x.yaml", Some("c")),
        ("two/base/x.yaml", None),
        ("alone/x.yaml", None),
        ("shared/x.yaml", Some("user")),
        ("prod/shop/gone.yaml", Some("shop")),
        ("prod/new/gone.yaml", Some("outer")),
    ] {
        assert_eq!(graph.namespace(&path(file)), namespace, "{file}");
    }
    assert_eq!(graph.dead_entries(), []);
}

#[test]
fn a_kustomization_is_applied_where_its_folder_is() {
    let suspended = flux("off", "./off", ", suspend: true");
    let graph = graph(&[
        ("prod/kustomization.yaml", "resources: [app]"),
        ("prod/app/kustomization.yaml", "resources: [x.yaml]"),
        ("prod/app/x.yaml", ""),
        ("prod/old/kustomization.yaml", "resources: [x.yaml]"),
        ("prod/old/x.yaml", ""),
        ("off/kustomization.yaml", "resources: [x.yaml]"),
        ("off/x.yaml", ""),
        ("flux.yaml", &suspended),
    ]);
    for (file, inclusion) in [
        ("prod/kustomization.yaml", Inclusion::Applied),
        ("prod/app/kustomization.yaml", Inclusion::Applied),
        ("prod/old/kustomization.yaml", Inclusion::NotListed),
        ("off/kustomization.yaml", Inclusion::Suspended("off")),
    ] {
        assert_eq!(graph.inclusion(&path(file)), inclusion, "{file}");
    }
}

#[test]
fn images_of_a_kustomization_replace_those_of_the_workloads_below() {
    let graph = graph(&[
        ("base/kustomization.yaml", "resources: [app.yaml]"),
        ("base/app.yaml", ""),
        ("prod/kustomization.yaml", "resources: [../base]\nimages: [{name: ghcr.io/vtr/app, newTag: v1}]"),
        ("dev/kustomization.yaml", "resources: [x.yaml]"),
        ("dev/x.yaml", ""),
        ("apps/y.yaml", ""),
        ("flux.yaml", &flux("apps", "./apps", ", images: [{name: ghcr.io/vtr/app, newTag: v1}]")),
    ]);
    let (app, web): (ImageName, ImageName) =
        ("ghcr.io/vtr/app".parse().unwrap(), "ghcr.io/vtr/web".parse().unwrap());
    for (file, replaces) in
        [("base/app.yaml", true), ("prod/other.yaml", true), ("dev/x.yaml", false), ("apps/y.yaml", true)]
    {
        assert_eq!(graph.replaces_image(&path(file), &app), replaces, "{file}");
        assert!(!graph.replaces_image(&path(file), &web), "{file}");
    }
}

#[test]
fn a_flux_kustomization_gives_its_target_namespace() {
    let roots = [
        flux("apps", "./apps/prod", ", targetNamespace: apps"),
        flux("web", "web/", ", targetNamespace: '${NS}'"),
        flux("root", ".", ""),
    ];
    let graph = graph(&[
        ("clusters/prod/apps.yaml", &roots.concat()),
        ("apps/prod/a/x.yaml", ""),
        ("apps/prod/b/x.yaml", ""),
        ("apps/prod/b/kustomization.yaml", "namespace: b\nresources: [x.yaml]"),
        ("apps/prod/c/x.yaml", ""),
        ("apps/prod/c/kustomization.yaml", "resources: [x.yaml]"),
        ("web/kustomization.yaml", "resources: [x.yaml]"),
        ("web/x.yaml", ""),
        ("other/x.yaml", ""),
    ]);
    for (file, namespace) in [
        ("apps/prod/a/x.yaml", Some("apps")),
        ("apps/prod/b/x.yaml", Some("b")),
        ("apps/prod/c/x.yaml", Some("apps")),
        ("web/x.yaml", Some("${NS}")),
        ("other/x.yaml", None),
    ] {
        assert_eq!(graph.namespace(&path(file)), namespace, "{file}");
    }
}

#[test]
fn files_outside_flux_are_recognised() {
    let roots = [
        flux("live", "./live", ""),
        flux("off", "./off", ", suspend: true"),
        flux("plain", "./plain", ", suspend: true"),
    ];
    let graph = graph(&[
        ("clusters/all.yaml", &roots.concat()),
        (
            "live/kustomization.yaml",
            "resources: [a, b.yaml]\nconfigMapGenerator: [{name: v, files: [values.yaml]}]",
        ),
        ("live/a/kustomization.yaml", "resources: [x.yaml]\npatches: [{path: p.yaml}]"),
        ("live/a/x.yaml", ""),
        ("live/a/p.yaml", ""),
        ("live/a/old.yaml", ""),
        ("live/b.yaml", ""),
        ("live/b-old.yaml", ""),
        ("live/values.yaml", ""),
        ("live/c/kustomization.yaml", "resources: [x.yaml]"),
        ("live/c/x.yaml", ""),
        ("off/kustomization.yaml", "resources: [x]"),
        ("off/x/kustomization.yaml", "resources: [x.yaml]"),
        ("off/x/x.yaml", ""),
        ("plain/deep/x.yaml", ""),
        ("none/x.yaml", ""),
        ("fleet/base/kustomization.yaml", "resources: [x.yaml]"),
        ("fleet/base/x.yaml", ""),
        ("fleet/prod/kustomization.yaml", "resources: [../base, y.yaml]"),
        ("fleet/prod/y.yaml", ""),
    ]);
    for (file, inclusion) in [
        ("live/a/x.yaml", Inclusion::Applied),
        ("live/a/p.yaml", Inclusion::Applied),
        ("live/a/old.yaml", Inclusion::NotListed),
        ("live/b.yaml", Inclusion::Applied),
        ("live/b-old.yaml", Inclusion::NotListed),
        ("live/values.yaml", Inclusion::Applied),
        ("live/c/x.yaml", Inclusion::NotListed),
        ("off/x/x.yaml", Inclusion::Suspended("off")),
        ("plain/deep/x.yaml", Inclusion::Suspended("plain")),
        ("none/x.yaml", Inclusion::Applied),
        ("fleet/base/x.yaml", Inclusion::Applied),
        ("fleet/prod/y.yaml", Inclusion::Applied),
    ] {
        assert_eq!(graph.inclusion(&path(file)), inclusion, "{file}");
    }
}

#[test]
fn a_patch_leads_to_the_files_it_may_change() {
    let graph = graph(&[
        ("apps/base/kustomization.yaml", "resources: [app.yaml]"),
        ("apps/base/app.yaml", ""),
        ("apps/mid/kustomization.yaml", "resources: [../base]\npatches: [{path: mid.yaml}]"),
        ("apps/mid/mid.yaml", ""),
        (
            "apps/prod/kustomization.yaml",
            "resources: [../mid]\npatches: [{path: p.yaml, target: {kind: HelmRelease, name: app}}]\npatchesStrategicMerge: [s.yaml]",
        ),
        ("apps/prod/p.yaml", ""),
        ("apps/prod/s.yaml", ""),
    ]);
    let patched = graph.patched(&path("apps/prod/p.yaml"));
    assert_eq!(patched.len(), 1);
    assert_eq!(patched[0].target.and_then(|target| target.name.as_deref()), Some("app"));
    assert_eq!(patched[0].files, ["apps/prod/s.yaml", "apps/mid/mid.yaml", "apps/base/app.yaml"]);
    assert_eq!(
        graph.patched(&path("apps/prod/s.yaml"))[0].target.and_then(|target| target.name.as_deref()),
        None
    );
    assert_eq!(graph.patched(&path("apps/base/app.yaml")), []);
}

#[test]
fn entries_that_lead_nowhere_are_reported_and_end_every_walk() {
    let graph = graph(&[
        (
            "a/kustomization.yaml",
            "resources: [../b, gone.yaml, ../../x, 'https://example.com/x', data.json, x.yaml]",
        ),
        ("a/x.yaml", ""),
        ("b/kustomization.yaml", "resources: [../a, ../b]\npatches: [{path: gone.yaml}]"),
    ]);
    let dead: Vec<_> = graph.dead_entries().iter().map(|dead| (dead.entry.as_str(), dead.kind)).collect();
    assert_eq!(
        dead,
        [
            ("gone.yaml", DeadEntryKind::Missing),
            ("../../x", DeadEntryKind::Outside),
            ("https://example.com/x", DeadEntryKind::Remote),
            ("gone.yaml", DeadEntryKind::Missing),
            ("a", DeadEntryKind::Cycle),
            ("b", DeadEntryKind::Cycle),
        ]
    );
    assert_eq!(graph.namespace(&path("a/x.yaml")), None);
    assert_eq!(graph.inclusion(&path("a/x.yaml")), Inclusion::Applied);
}

#[test]
fn a_long_chain_is_walked_to_the_bound() {
    let files: Vec<(String, String)> = (0..3_000)
        .map(|at| (format!("f{at}/kustomization.yaml"), format!("resources: [../f{}]", at + 1)))
        .chain([("f3000/kustomization.yaml".to_owned(), "resources: [x.yaml]".to_owned())])
        .chain([("f3000/x.yaml".to_owned(), String::new())])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let graph = graph(&files);
    assert_eq!(graph.namespace(&path("f3000/x.yaml")), None);
    assert_eq!(graph.inclusion(&path("f3000/x.yaml")), Inclusion::Applied);
}
