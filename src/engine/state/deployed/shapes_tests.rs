//! Where versions are found: workloads, kustomizations and setter comments become targets like HelmReleases.

use rstest::rstest;

use super::tests::{deployed, errors, one_environment};
use super::*;
use crate::engine::fake::FLUX;

fn deployment(name: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\n\
         spec: {{template: {{spec: {{containers: [{{image: '{image}'}}]}}}}}}\n"
    )
}

fn policy(name: &str) -> String {
    format!(
        "---\n{FLUX}\nkind: ImagePolicy\nmetadata: {{name: {name}, namespace: flux}}\n\
         spec: {{imageRepositoryRef: {{name: {name}}}, policy: {{semver: {{range: '~1.0'}}}}}}\n\
         ---\n{FLUX}\nkind: ImageRepository\nmetadata: {{name: {name}, namespace: flux}}\n\
         spec: {{image: ghcr.io/vtr/{name}}}\n"
    )
}

fn release(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}}}\n\
         spec: {{chart: {{spec: {{chart: app}}}}, {spec}}}\n"
    )
}

fn config_map(name: &str, values: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  values.yaml: |\n    {values}\n"
    )
}

/// `shop/app ghcr.io/vtr/app=v1.0.0 *`: the service, the image, what runs, the range.
fn targets(deployed: &DeployedState) -> String {
    let line = |target: &Target| {
        let tags: Vec<&str> = target.running.iter().map(|one| one.tag.as_str()).collect();
        format!("{} {}={} {}", target.service(), target.image(), tags.join("+"), target.rules.versions)
    };
    deployed.targets.iter().map(line).collect::<Vec<_>>().join("; ")
}

const KUSTOMIZATION: &str = "np/kustomization.yaml";

#[rstest]
#[case::workload(
    vec![("np/a.yaml", deployment("web", "ghcr.io/vtr/app:v1.0.0")), (KUSTOMIZATION, "namespace: shop\nresources: [a.yaml]".into())],
    "shop/web ghcr.io/vtr/app=v1.0.0 >=1.0.0"
)]
#[case::kustomize_replaces_the_image_of_a_workload(
    vec![
        ("np/a.yaml", deployment("app", "app:latest")),
        (KUSTOMIZATION, "namespace: shop\nresources: [a.yaml]\nimages: [{name: app, newName: ghcr.io/vtr/app, newTag: v1.0.0}]".into()),
    ],
    "shop/app ghcr.io/vtr/app=v1.0.0 >=1.0.0"
)]
#[case::kustomize_replaces_another_image(
    vec![
        ("np/a.yaml", deployment("web", "ghcr.io/vtr/web:v1.0.0")),
        (KUSTOMIZATION, "namespace: shop\nresources: [a.yaml]\nimages: [{name: ghcr.io/vtr/app, newTag: v1.0.0}]".into()),
    ],
    "shop/app ghcr.io/vtr/app=v1.0.0 >=1.0.0; shop/web ghcr.io/vtr/web=v1.0.0 >=1.0.0"
)]
#[case::one_policy_on_several_fields(
    vec![
        (
            "np/a.yaml",
            "apiVersion: example.com/v1\nkind: Any\nmetadata: {name: any, namespace: shop}\n\
             spec:\n  image: ghcr.io/vtr/app:v1.0.0 # {\"$imagepolicy\": \"flux:app\"}\n  \
             chart: v1.0.0 # {\"$imagepolicy\": \"flux:app:tag\"}\n"
                .into(),
        ),
        ("np2/b.yaml", policy("app")),
    ],
    "shop/any ghcr.io/vtr/app=v1.0.0 ~1.0"
)]
#[case::values_file_without_a_name(
    vec![
        ("np/shop/values.yaml", "image:\n  tag: v1.0.0 # {\"$imagepolicy\": \"flux:app:tag\"}\n".into()),
        ("np2/b.yaml", policy("app")),
    ],
    "shop/app ghcr.io/vtr/app=v1.0.0 ~1.0"
)]
#[case::values_in_a_config_map_that_a_release_takes(
    vec![
        ("np/kustomization.yaml", "namespace: shop\nresources: [release.yaml, values.yaml]".into()),
        ("np/release.yaml", release("app", "valuesFrom: [{kind: ConfigMap, name: app-values}], values: {api: {repository: ghcr.io/vtr/api}}")),
        ("np/values.yaml", config_map("app-values", "image: ghcr.io/vtr/app:v1.0.0\n    api: {tag: v1.2.0}\n    other: {tag: v9.0.0}")),
        ("np/unused.yaml", config_map("unused", "image: ghcr.io/vtr/app:v1.0.0")),
    ],
    "shop/app ghcr.io/vtr/api=v1.2.0 >=1.0.0; shop/app ghcr.io/vtr/app=v1.0.0 >=1.0.0"
)]
#[case::values_that_the_release_sets_itself_do_not_count(
    vec![
        ("np/kustomization.yaml", "namespace: shop\nresources: [release.yaml, values.yaml]".into()),
        ("np/release.yaml", release("app", "valuesFrom: [{kind: ConfigMap, name: app-values}], values: {image: 'ghcr.io/vtr/app:v1.1.0'}")),
        ("np/values.yaml", config_map("app-values", "image: ghcr.io/vtr/app:v1.0.0")),
    ],
    "shop/app ghcr.io/vtr/app=v1.1.0 >=1.0.0"
)]
#[case::values_files_of_a_generator(
    vec![
        ("base/kustomization.yaml", "resources: [release.yaml]".into()),
        ("base/release.yaml", release("app", "valuesFrom: [{kind: ConfigMap, name: app-values, valuesKey: app}]")),
        (
            "np/kustomization.yaml",
            "namespace: shop\nresources: [../base]\nconfigMapGenerator:\n- name: app-values\n  files: [app=app.yaml, other.yaml]".into(),
        ),
        ("np/app.yaml", "image: {repository: ghcr.io/vtr/app, tag: v1.0.0}\n".into()),
        ("np/other.yaml", "image: {repository: ghcr.io/vtr/app, tag: v1.0.0}\n".into()),
    ],
    "shop/app ghcr.io/vtr/app=v1.0.0 >=1.0.0"
)]
#[case::values_that_several_releases_take(
    vec![
        ("np/kustomization.yaml", "namespace: shop\nresources: [a.yaml, b.yaml, values.yaml]".into()),
        ("np/a.yaml", release("a", "valuesFrom: [{kind: ConfigMap, name: shared}]")),
        ("np/b.yaml", release("b", "valuesFrom: [{kind: ConfigMap, name: shared}]")),
        ("np/values.yaml", config_map("shared", "image: ghcr.io/vtr/app:v1.0.0")),
    ],
    "shop/shared ghcr.io/vtr/app=v1.0.0 >=1.0.0"
)]
fn versions_are_found_in_every_shape(#[case] files: Vec<(&str, String)>, #[case] expected: &str) {
    let files = [files, vec![("np2/x.yaml", String::new())]].concat();
    let deployed = deployed(&one_environment(), &files);
    assert_eq!((targets(&deployed).as_str(), errors(&deployed).as_str()), (expected, ""));
}

#[rstest]
#[case::not_asked_for(false, "")]
#[case::asked_for(true, "shop/app ghcr.io/vtr/charts/app=1.0.0 >=1.0.0")]
fn charts_are_promoted_where_somebody_asks_for_it(#[case] has_charts: bool, #[case] expected: &str) {
    let mut settings = one_environment();
    settings.rules.has_charts = has_charts;
    let oci = |name: &str, more: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: {name}, namespace: shop}}\n\
             spec: {{url: 'oci://ghcr.io/vtr/charts/app', ref: {{tag: 1.0.0{more}}}}}\n---\n"
        )
    };
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app, namespace: shop}\n\
        spec: {chartRef: {kind: OCIRepository, name: chart}}\n";
    let files = [
        ("np/a.yaml", oci("chart", "") + &oci("range", ", semver: '*'") + release),
        ("np2/x.yaml", String::new()),
    ];
    let deployed = deployed(&settings, &files);
    assert_eq!(targets(&deployed), expected);
    let refused = "np/a.yaml:9:56: shop/range in non-prod: Flux follows `semver` beside the tag, so the tag has no effect";
    assert_eq!(errors(&deployed), if has_charts { refused } else { "" });
}

#[rstest]
#[case::taken(
    "app-values",
    "np/values.yaml:7:12: shop/app in non-prod: the tag `latest` does not name a version"
)]
#[case::not_taken("other", "")]
fn values_elsewhere_are_refused_where_a_release_takes_them(#[case] name: &str, #[case] expected: &str) {
    let release = release("app", &format!("valuesFrom: [{{kind: ConfigMap, name: {name}}}]"));
    let files = [
        ("np/kustomization.yaml", "namespace: shop\nresources: [release.yaml, values.yaml]".to_owned()),
        ("np/release.yaml", release),
        ("np/values.yaml", config_map("app-values", "# note\n    image: ghcr.io/vtr/app:latest")),
        ("np2/x.yaml", String::new()),
    ];
    assert_eq!(errors(&deployed(&one_environment(), &files)), expected);
}

#[test]
fn a_values_file_that_cannot_be_read_is_reported_where_a_release_takes_it() {
    let files = |key: &str| {
        [
            (
                "np/kustomization.yaml",
                format!(
                    "namespace: shop\nresources: [release.yaml]\nconfigMapGenerator: [{{name: v, files: [{key}=app.yaml]}}]"
                ),
            ),
            ("np/release.yaml", release("app", "suspend: true, valuesFrom: [{kind: ConfigMap, name: v}]")),
            ("np/app.yaml", "image: [\n".to_owned()),
            ("np2/x.yaml", String::new()),
        ]
    };
    let message = "np/app.yaml:1:8: shop/app in non-prod: the values cannot be read: unclosed bracket '['";
    assert_eq!(errors(&deployed(&one_environment(), &files("values.yaml"))), message);
    assert_eq!(errors(&deployed(&one_environment(), &files("other"))), "");
}

#[test]
fn values_of_a_suspended_release_run_nothing() {
    let files = [
        ("np/release.yaml", release("app", "suspend: true, valuesFrom: [{kind: ConfigMap, name: v}]")),
        ("np/values.yaml", config_map("v", "image: ghcr.io/vtr/app:v1.0.0")),
        ("np/kustomization.yaml", "namespace: shop\nresources: [release.yaml, values.yaml]".to_owned()),
        ("np2/x.yaml", String::new()),
    ];
    let deployed = deployed(&one_environment(), &files);
    let inactive: Vec<_> = deployed.targets.iter().map(|target| target.inactive.clone()).collect();
    assert_eq!(inactive, [Some(InactiveReason::ReleaseSuspended)]);
}

#[test]
fn setter_comments_that_nothing_follows_are_reported() {
    let commented_out =
        deployment("web", "ghcr.io/vtr/web:v1.0.0") + "# tag: v1 # {\"$imagepolicy\": \"flux:a:tag\"}\n";
    let nowhere = "kind: Any\nmetadata: {name: any, namespace: shop}\ntag: v1.0.0 # {\"$imagepolicy\": \"flux:gone:tag\"}\n";
    let files = [("np/shop/a.yaml", commented_out), ("np2/b.yaml", nowhere.to_owned())];
    let deployed = deployed(&one_environment(), &files);
    let notes: Vec<String> = deployed.notes.iter().map(ToString::to_string).collect();
    assert!(
        notes.iter().any(|note| note.contains("np/shop/a.yaml:5:11: a setter comment is on no value")),
        "{notes:?}"
    );
    assert_eq!(errors(&deployed), "");
    let warnings: Vec<String> = deployed.problems.iter().map(ToString::to_string).collect();
    assert!(
        warnings.iter().any(|one| one.starts_with("np2/b.yaml:3:6: shop/any in non-prod: ")),
        "{warnings:?}"
    );
    assert_eq!(targets(&deployed), "shop/web ghcr.io/vtr/web=v1.0.0 >=1.0.0");
}
