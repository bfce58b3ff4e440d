//! What inline patches change, and which image fields that concerns.

use super::*;
use crate::manifest::read_kustomization;

/// Each change as `line:column path=value [image]`.
fn listed(kustomization: &str) -> Vec<String> {
    let read = read_kustomization(kustomization.as_bytes()).unwrap();
    let changes = read.inline_patches.iter().flat_map(|patch| &patch.changes);
    changes
        .map(|change| {
            let ReleaseChange { position, key_path, value, image, .. } = change;
            let image = image.as_ref().map(|image| format!(" {image}")).unwrap_or_default();
            format!("{position} {key_path}={}{image}", value.as_deref().unwrap_or("-"))
        })
        .collect()
}

/// A label, a kustomization.yaml, and the changes.
const PATCHES: [(&str, &str, &[&str]); 8] = [
    (
        "a strategic merge patch",
        "patches:\n- patch: |-\n    kind: HelmRelease\n    metadata: {name: app}\n    spec:\n      values:\n        replicas: 2\n        image:\n          tag: v1.2.0\n",
        &["9:16 spec.values.image.tag=v1.2.0"],
    ),
    (
        "a complete image, a reference and a list",
        "patchesStrategicMerge:\n- |\n\n  kind: HelmRelease\n  spec: {suspend: true, values: {a: {repository: ghcr.io/vtr/a, tag: v1}, b: {image: 'ghcr.io/vtr/b:v2'}, c: [{tag: v3}]}}\n",
        &[
            "5:19 spec.suspend=true",
            "5:50 spec.values.a.repository=ghcr.io/vtr/a ghcr.io/vtr/a",
            "5:70 spec.values.a.tag=v1 ghcr.io/vtr/a",
            "5:86 spec.values.b.image=ghcr.io/vtr/b:v2 ghcr.io/vtr/b",
            "5:110 spec.values.c=-",
            "5:117 spec.values.c[0].tag=v3",
        ],
    ),
    (
        "JSON 6902 operations",
        "patchesJson6902:\n- target: {kind: HelmRelease, name: app}\n  patch: |\n    - {op: replace, path: /spec/values/image/tag, value: v1}\n    - {op: remove, path: /spec/values/a~1b/0/tag}\n    - {op: test, path: /spec/values/image/tag, value: v0}\n    - {op: add, path: /metadata/labels/tag, value: v1}\n    - {op: move, from: /spec/values/old, path: /spec/values/new}\n",
        &[
            "4:58 spec.values.image.tag=v1",
            "5:7 spec.values.a/b[0].tag=-",
            "8:7 spec.values.new=-",
            "8:7 spec.values.old=-",
        ],
    ),
    (
        "JSON in one line, whose lines are not those of the file",
        "patches:\n- patch: '[{\"op\": \"add\", \"path\": \"/spec/values/image\", \"value\": {\"tag\": \"v1\"}}]'\n",
        &["2:10 spec.values.image=-", "2:10 spec.values.image.tag=v1"],
    ),
    (
        "a deleted mapping and a null",
        "patches:\n- patch: |\n    kind: HelmRelease\n    spec: {values: {a: {$patch: delete}, b: null}}\n",
        &["4:24 spec.values.a=-", "4:45 spec.values.b=null"],
    ),
    (
        "replacements",
        "replacements:\n- source: {kind: ConfigMap}\n  targets:\n  - select: {kind: HelmRelease}\n    fieldPaths: [spec.values.image.tag, spec.chart.spec.version]\n",
        &["5:18 spec.values.image.tag=-"],
    ),
    (
        "what cannot be read",
        "patches:\n- patch: |\n    kind: HelmRelease\n    spec: [\n",
        &["3:5 spec.values=-"],
    ),
    ("another kind", "patches:\n- patch: |\n    kind: Deployment\n    spec: {values: {tag: v1}}\n", &[]),
];

#[test]
fn the_values_that_inline_patches_change_are_found_with_their_places() {
    for (label, text, expected) in PATCHES {
        assert_eq!(listed(text), expected, "{label}");
    }
}

#[test]
fn a_change_concerns_the_image_beside_it_below_it_and_under_a_global_registry() {
    let concerns = |key_path: &str, field: &str| {
        let key_path = key_path.to_owned();
        let position = Position::START;
        ReleaseChange { service: None, position, key_path, value: None, image: None }.concerns(field)
    };
    for key_path in [
        "spec.values.image.tag",
        "spec.values.image.digest",
        "spec.values.image.repository",
        "spec.values.image",
        "spec.values",
        "spec",
        "spec.values.global.imageRegistry",
    ] {
        assert!(concerns(key_path, "spec.values.image.tag"), "{key_path}");
    }
    for key_path in
        ["spec.values.image.pullPolicy", "spec.values.side.tag", "spec.values.ima", "spec.suspend"]
    {
        assert!(!concerns(key_path, "spec.values.image.tag"), "{key_path}");
    }
}
