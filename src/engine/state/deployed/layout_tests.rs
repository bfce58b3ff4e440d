//! Services that other files complete: namespaces, bases of patches, and what Flux does not apply.

use super::tests::{deployed, errors, one_environment};
use super::*;
use crate::engine::fake::{FLUX, release};
use crate::model::{Id, TargetId};

fn whole(metadata: &str, spec: &str, values: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{{metadata}}}\n\
         spec: {{{spec}chart: {{spec: {{chart: app}}}}, values: {{{values}}}}}\n"
    )
}

fn patch(metadata: &str, values: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{{metadata}}}\n\
         spec: {{values: {{{values}}}}}\n"
    )
}

fn image(tag: &str) -> String {
    format!("image: {{repository: ghcr.io/vtr/app, tag: {tag}}}")
}

/// `shop/app=v1.0.0`, and why it is inactive.
fn services(deployed: &DeployedState) -> String {
    let line = |target: &Target| {
        let tags: Vec<&str> = target.running.iter().map(|one| one.tag.as_str()).collect();
        let inactive = target.inactive.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{}={}{inactive}", target.service(), tags.join("+"))
    };
    deployed.targets.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn notes(deployed: &DeployedState) -> String {
    deployed.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn read(files: &[(&str, &str)]) -> DeployedState {
    let there = [("np2/none.yaml", "a: b\n")];
    let files = there.iter().chain(files);
    let files: Vec<_> = files.map(|(path, text)| (*path, (*text).to_owned())).collect();
    deployed(&one_environment(), &files)
}

#[test]
fn releases_of_one_name_in_two_namespaces_are_two_services() {
    let one = whole("name: worker", "", &image("v1.0.0"));
    let other = whole("name: worker", "", &image("v2.0.0"));
    let state = read(&[
        ("np/orders/worker.yaml", &one),
        ("np/orders/kustomization.yaml", "namespace: orders\nresources: [worker.yaml]\n"),
        ("np/billing/worker.yaml", &other),
        ("np/billing/kustomization.yaml", "namespace: billing\nresources: [worker.yaml]\n"),
    ]);
    assert_eq!(services(&state), "billing/worker=v2.0.0; orders/worker=v1.0.0");
    assert_eq!((errors(&state), notes(&state)), (String::new(), String::new()));
}

#[test]
fn the_folder_stands_for_a_namespace_that_no_file_gives_and_is_noted_once() {
    let one = whole("name: app", "", &image("v1.0.0"));
    let state = read(&[
        ("np/a/app.yaml", &one),
        ("np/b/app.yaml", &one.replace("v1.0.0", "v2.0.0")),
        ("np2/a/app.yaml", &one),
        ("np/app.yaml", &one),
    ]);
    assert_eq!(services(&state), "a/app=v1.0.0; b/app=v2.0.0; default/app=v1.0.0");
    assert_eq!(state.notes.len(), 1);
    assert!(
        notes(&state).contains("no file gives the namespace of 3 services, such as a/app"),
        "{}",
        notes(&state)
    );
}

#[test]
fn a_flux_kustomization_outside_the_environment_gives_the_namespace() {
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\n\
        spec: {path: ./np/apps, targetNamespace: apps}\n";
    let state = read(&[
        ("clusters/x/apps.yaml", flux),
        ("np/apps/app.yaml", &whole("name: app", "", &image("v1.0.0"))),
    ]);
    assert_eq!(services(&state), "apps/app=v1.0.0");
}

#[test]
fn a_name_that_flux_substitutes_stays() {
    let state = read(&[("np/apps/app.yaml", &whole("name: '${APP}-proxy'", "", &image("v1.0.0")))]);
    assert_eq!((services(&state), errors(&state)), ("apps/${APP}-proxy=v1.0.0".to_owned(), String::new()));
}

#[test]
fn a_patch_takes_its_service_and_image_from_the_base() {
    let base = whole("name: app, namespace: team", "", "image: {repository: ghcr.io/vtr/app}");
    let files = [
        ("base/app.yaml", base.as_str()),
        ("base/kustomization.yaml", "resources: [app.yaml]\n"),
        ("np/kustomization.yaml", "resources: [../base]\npatches: [{path: app.yaml}]\n"),
    ];
    let tag = patch("name: app", "image: {tag: v1.0.0}");
    let state = read(&[files.as_slice(), &[("np/app.yaml", &tag)]].concat());
    assert_eq!((services(&state), errors(&state)), ("team/app=v1.0.0".to_owned(), String::new()));
    let lost = read(&[("np/app.yaml", &tag)]);
    assert_eq!(services(&lost), "");
    assert!(
        errors(&lost)
            .contains("np/app.yaml:4:30: default/app in non-prod: the tag has no `repository` beside it")
    );
}

#[test]
fn a_file_outside_flux_is_inactive() {
    let one = |spec: &str| whole("name: app, namespace: team", spec, &image("v1.0.0"));
    let flux = |path: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps}}\n\
             spec: {{path: {path}, suspend: true}}\n"
        )
    };
    let listed = "resources: [other.yaml]\n";
    let suspend = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app, namespace: team}\n\
        spec: {suspend: true}\n";
    let plain = one("");
    for (files, expected) in [
        (vec![("np/app.yaml", one("suspend: true, "))], "the HelmRelease is suspended"),
        (
            vec![("np/app.yaml", plain.clone()), ("c/k.yaml", flux("./np"))],
            "the Flux Kustomization apps is suspended",
        ),
        (
            vec![
                ("np/app.yaml", plain.clone()),
                ("np/kustomization.yaml", listed.to_owned()),
                ("np/other.yaml", String::new()),
            ],
            "no kustomization.yaml lists its file",
        ),
        (
            vec![
                ("np/app.yaml", plain.clone()),
                ("np/kustomization.yaml", "resources: [app.yaml]\npatches: [{path: s.yaml}]\n".to_owned()),
                ("np/s.yaml", suspend.to_owned()),
            ],
            "the HelmRelease is suspended",
        ),
    ] {
        let state = deployed(&one_environment(), &files);
        assert_eq!(services(&state), format!("team/app=v1.0.0 ({expected})"));
    }
    let beside = [
        ("np/app.yaml", plain.as_str()),
        ("np/old.yaml", plain.as_str()),
        ("np/kustomization.yaml", "resources: [app.yaml]\n"),
    ];
    assert_eq!(services(&read(&beside)), "team/app=v1.0.0");
}

#[test]
fn a_policy_gets_its_namespace_or_matches_without_one() {
    let objects = format!(
        "{FLUX}\nkind: ImageRepository\nmetadata: {{name: app}}\nspec: {{image: ghcr.io/vtr/app}}\n---\n\
         {FLUX}\nkind: ImagePolicy\nmetadata: {{name: app}}\n\
         spec: {{imageRepositoryRef: {{name: app}}, policy: {{semver: {{range: '>=1.5.0'}}}}}}\n"
    );
    let field = release("app", "v1.0.0 # {\"$imagepolicy\": \"flux-system:app:tag\"}");
    let listed = "namespace: flux-system\nresources: [policy.yaml]\n";
    for more in [vec![("np/policies/kustomization.yaml", listed)], vec![]] {
        let files = [("np/app.yaml", field.as_str()), ("np/policies/policy.yaml", objects.as_str())];
        let state = read(&[files.as_slice(), &more].concat());
        assert_eq!(errors(&state), "", "{more:?}");
        assert_eq!(state.targets[TargetId::at(0)].rules.versions.to_string(), ">=1.5.0", "{more:?}");
    }
}

#[test]
fn templates_of_charts_are_not_read_and_utf16_is_a_warning() {
    let template =
        "{{- if .Values.enabled }}\nkind: HelmRelease\nmetadata: {name: {{ .Release.Name }}}\n{{- end }}\n";
    let state = read(&[("np/chart/Chart.yaml", "name: x\n"), ("np/chart/templates/release.yaml", template)]);
    assert_eq!(errors(&state), "");
    let state = read(&[("np/templates/release.yaml", template)]);
    assert!(errors(&state).contains("cannot read the YAML"), "{}", errors(&state));
    let unreadable =
        crate::manifest::read(&[&[0xff, 0xfe][..], b"H\0e\0l\0m\0R\0e\0l\0e\0a\0s\0e\0"].concat());
    let problem = unreadable_file(&"np/a.yaml".parse().unwrap(), &unreadable.unwrap_err());
    assert!(!problem.is_error);
    assert!(problem.to_string().contains("UTF-16"), "{problem}");
}

#[test]
fn a_refusal_of_an_image_that_is_not_managed_is_silent() {
    let mut settings = one_environment();
    settings.rules.unmanaged = "vtr/side";
    let values =
        format!("{}, side: {{image: {{repository: ghcr.io/vtr/side, tag: latest}}}}", image("v1.0.0"));
    let files =
        [("np/app.yaml", whole("name: app, namespace: team", "", &values)), ("np2/none.yaml", String::new())];
    let state = deployed(&settings, &files);
    assert_eq!((services(&state), errors(&state)), ("team/app=v1.0.0".to_owned(), String::new()));
}

#[test]
fn entries_that_lead_nowhere_are_noted() {
    let state = read(&[
        ("np/kustomization.yaml", "resources: [app.yaml, gone.yaml, ../../../x, 'https://example.com/x']\n"),
        ("np/app.yaml", &whole("name: app, namespace: team", "", &image("v1.0.0"))),
    ]);
    assert_eq!(errors(&state), "");
    assert_eq!(state.notes.len(), 3, "{}", notes(&state));
    assert!(notes(&state).contains("`gone.yaml` is not in the repository"), "{}", notes(&state));
}

#[test]
fn a_version_in_an_inline_patch_is_refused_with_its_place() {
    let base = whole("name: app, namespace: team", "", &image("v1.0.0"));
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\n\
        spec:\n  path: ./np\n  patches:\n  - target: {kind: HelmRelease, name: app}\n    patch: |\n\
        \x20     - {op: replace, path: /spec/values/image/tag, value: v1.1.0}\n";
    let (sets, inline) = ("sets `spec.values.image.tag` to `v1.1.0`", "does not edit inline patches");
    let strategic = "patches:\n- patch: |\n    kind: HelmRelease\n    metadata: {name: app}\n    spec:\n      values:\n        image:\n          tag: v1.1.0\n";
    let operation = "[{op: replace, path: /spec/values/image/tag, value: v1.1.0}]\n";
    for (files, place, parts) in [
        (vec![("np/kustomization.yaml", format!("resources: [app.yaml]\n{strategic}"))], "np/kustomization.yaml:9:16", [sets, inline]),
        (
            vec![("np/kustomization.yaml", format!("resources: [app.yaml]\npatchesJson6902:\n- target: {{kind: HelmRelease, name: a.*}}\n  patch: |-\n    {operation}"))],
            "np/kustomization.yaml:5:57",
            [sets, inline],
        ),
        (
            vec![
                ("np/kustomization.yaml", "resources: [app.yaml]\npatches: [{path: p.yaml, target: {name: app}}]\n".to_owned()),
                ("np/p.yaml", operation.to_owned()),
            ],
            "np/p.yaml:1:53",
            [sets, "does not edit JSON 6902 patches"],
        ),
        (vec![("clusters/np/apps.yaml", flux.to_owned())], "clusters/np/apps.yaml:9:60", [sets, inline]),
        (
            vec![
                ("np/kustomization.yaml", "resources: [app.yaml]\ncomponents: [../pin]\n".to_owned()),
                ("pin/kustomization.yaml", format!("kind: Component\n{strategic}")),
            ],
            "pin/kustomization.yaml:9:16",
            [sets, inline],
        ),
        (
            vec![("np/kustomization.yaml", "resources: [app.yaml]\nreplacements:\n- targets:\n  - select: {kind: HelmRelease}\n    fieldPaths: [spec.values.image.tag]\n".to_owned())],
            "np/kustomization.yaml:5:18",
            ["changes `spec.values.image.tag`", "does not edit the sources of replacements"],
        ),
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let state = read(&[files.as_slice(), &[("np/app.yaml", &base)]].concat());
        assert_eq!(services(&state), "", "{place}");
        let problem = errors(&state);
        for part in [place, "team/app in non-prod: ", parts[0], parts[1]] {
            assert!(problem.contains(part), "{part} in {problem}");
        }
        assert_eq!(problem.lines().count(), 1, "{problem}");
    }
}

#[test]
fn an_inline_patch_that_leaves_the_version_alone_is_silent() {
    let base = whole("name: app, namespace: team", "", &image("v1.0.0"));
    for patches in [
        "- patch: |\n    kind: HelmRelease\n    metadata: {name: app}\n    spec: {values: {replicas: 2, side: {name: x}}}\n",
        "- {target: {kind: Deployment}, patch: '[{op: replace, path: /spec/values/image/tag, value: v2}]'}\n",
        "- {target: {kind: HelmRelease, name: other}, patch: '[{op: replace, path: /spec/values/image/tag, value: v2}]'}\n",
        "- {target: {name: app, namespace: blog}, patch: '[{op: replace, path: /spec/values/image/tag, value: v2}]'}\n",
    ] {
        let kustomization = format!("resources: [app.yaml]\npatches:\n{patches}");
        let state = read(&[("np/kustomization.yaml", &kustomization), ("np/app.yaml", &base)]);
        assert_eq!(
            (services(&state), errors(&state)),
            ("team/app=v1.0.0".to_owned(), String::new()),
            "{patches}"
        );
    }
}

#[test]
fn a_patch_of_one_environment_does_not_concern_the_base_in_another() {
    let kustomization = "resources: [../np]\npatches:\n- patch: |\n    kind: HelmRelease\n    metadata: {name: app}\n    spec: {values: {image: {tag: v0.9.0}}}\n";
    let mut settings = one_environment();
    settings.environments = crate::engine::fake::Settings::default().environments;
    let files = [
        ("np/app.yaml", whole("name: app, namespace: team", "", &image("v1.0.0"))),
        ("np/kustomization.yaml", "resources: [app.yaml]\n".to_owned()),
        ("p/kustomization.yaml", kustomization.to_owned()),
    ];
    let state = deployed(&settings, &files);
    assert_eq!(services(&state), "team/app=v1.0.0");
    assert!(errors(&state).contains("p/kustomization.yaml:6:"), "{}", errors(&state));
}

#[test]
fn an_inline_patch_that_suspends_a_release_makes_it_inactive() {
    let base = whole("name: app, namespace: team", "", &image("v1.0.0"));
    for patch in [
        "- patch: |\n    kind: HelmRelease\n    metadata: {name: app}\n    spec: {suspend: true}\n",
        "- {target: {kind: HelmRelease}, patch: '[{op: add, path: /spec/suspend, value: true}]'}\n",
    ] {
        let kustomization = format!("resources: [app.yaml]\npatches:\n{patch}");
        let state = read(&[("np/kustomization.yaml", &kustomization), ("np/app.yaml", &base)]);
        assert_eq!(services(&state), "team/app=v1.0.0 (the HelmRelease is suspended)");
    }
}
