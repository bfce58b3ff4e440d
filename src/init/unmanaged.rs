//! Counts what holds a version outside of the image fields that Tidegate promotes, by shape and file, so that nobody believes it
//! is looked after.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml::Value;

use crate::manifest::{self, FieldShape, ImageField, Manifest};
use crate::model::{ImageRef, RepoPath, Version};

/// Maximum bytes to parse of one file; a larger one is not a manifest by hand.
const MAX_BYTES: usize = 1024 * 1024;

/// The deepest nesting of values that is searched.
const MAX_DEPTH: usize = 64;

/// A shape that holds a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    /// A setter comment that is on no value.
    SetterComment,
    /// `spec.chart.spec.version` of a HelmRelease, an exact version.
    ChartVersion,
    /// `spec.chart.spec.version` of a HelmRelease, or `spec.ref.semver` of an OCIRepository: Flux chooses the version.
    ChartRange,
    /// `spec.ref.tag` of an OCIRepository.
    OciRepositoryTag,
    /// `image` of a container, by digest alone.
    WorkloadImage,
    /// `images` of a kustomization.yaml or a Flux Kustomization, by digest alone.
    KustomizeImage,
    /// Helm values in a ConfigMap.
    ConfigMapValues,
    /// `tag` without `repository`, or `imageTag` and the like, in the values of a HelmRelease: only its chart names the image.
    ChartImageTag,
}

impl Shape {
    /// The shape in words, for `count` of them.
    pub fn describe(self, count: usize) -> String {
        let (one, many) = match self {
            Self::SetterComment => ("setter comment on no value", "setter comments on no value"),
            Self::ChartVersion => ("chart version", "chart versions"),
            Self::ChartRange => {
                ("chart version range, which Flux resolves", "chart version ranges, which Flux resolves")
            }
            Self::OciRepositoryTag => ("OCIRepository tag", "OCIRepository tags"),
            Self::WorkloadImage => {
                ("image of a workload by digest alone", "images of workloads by digest alone")
            }
            Self::KustomizeImage => {
                ("image in a kustomization by digest alone", "images in kustomizations by digest alone")
            }
            Self::ConfigMapValues => ("ConfigMap with Helm values", "ConfigMaps with Helm values"),
            Self::ChartImageTag => {
                ("tag of an image that only the chart names", "tags of images that only their charts name")
            }
        };
        if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
    }
}

/// Counts by shape, with the files in the order of their paths.
#[derive(Clone, Debug, Default)]
pub struct UnmanagedVersions(BTreeMap<Shape, BTreeMap<RepoPath, usize>>);

impl UnmanagedVersions {
    /// Adds the shapes of a file.
    pub fn add(&mut self, path: &RepoPath, shapes: &[Shape]) {
        // Flux's own components, which `flux bootstrap` updates.
        if path.as_str().ends_with("gotk-components.yaml") {
            return;
        }
        for shape in shapes {
            *self.0.entry(*shape).or_default().entry(path.clone()).or_default() += 1;
        }
    }

    /// Each shape, how many there are, the first file, and the number of files.
    pub fn counts(&self) -> impl Iterator<Item = (Shape, usize, &RepoPath, usize)> {
        self.0.iter().filter_map(|(shape, files)| {
            let (first, _) = files.first_key_value()?;
            Some((*shape, files.values().sum(), first, files.len()))
        })
    }
}

/// The shapes in a file that are not among its image fields.
pub fn unmanaged_in(text: &[u8]) -> Vec<Shape> {
    manifest::read(text).map(|manifest| unmanaged_shapes(text, &manifest)).unwrap_or_default()
}

/// The shapes in a file that are not among the image fields of `manifest`.
pub(super) fn unmanaged_shapes(text: &[u8], manifest: &Manifest) -> Vec<Shape> {
    let Some(text) = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAX_BYTES) else {
        return Vec::new();
    };
    let mut shapes = vec![Shape::SetterComment; manifest.stray_setters.len()];
    if may_hold_version(text) {
        for document in serde_yaml::Deserializer::from_str(text) {
            // The rest of a file that is not YAML has nothing to count.
            let Ok(document) = Value::deserialize(document) else { break };
            shapes.extend(in_object(&document));
        }
    }
    // A tag that a setter comment names an image for is a field.
    for _ in manifest.fields.iter().filter(|field| field.image.is_none()) {
        if let Some(at) = shapes.iter().position(|shape| *shape == Shape::ChartImageTag) {
            shapes.swap_remove(at);
        }
    }
    let promoted = |shape: Shape| {
        let marked = |path: &str| {
            let is_marked =
                |field: &ImageField| field.shape == FieldShape::SetterComment && field.key_path == path;
            manifest.fields.iter().any(is_marked)
        };
        match shape {
            Shape::ChartVersion => marked("spec.chart.spec.version"),
            Shape::OciRepositoryTag => marked("spec.ref.tag"),
            _ => false,
        }
    };
    shapes.retain(|shape| !promoted(*shape));
    shapes.sort_unstable();
    shapes
}

fn may_hold_version(text: &str) -> bool {
    ["version:", "tag:", "Tag:", "image:", "newTag:", "semver:", "ConfigMap"]
        .iter()
        .any(|key| text.contains(key))
}

fn in_object(object: &Value) -> Vec<Shape> {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let spec = object.get("spec");
    match kind {
        "HelmRelease" => {
            let chart = chart_version(at(spec, &["chart", "spec", "version"]));
            // Without a chart it is a patch, whose tags belong to the base.
            let is_whole = at(spec, &["chart"]).or_else(|| at(spec, &["chartRef"])).is_some();
            let values = at(spec, &["values"]).filter(|_| is_whole);
            let tags = values.map_or(0, |values| chart_image_tags(values, MAX_DEPTH));
            chart.into_iter().chain(std::iter::repeat_n(Shape::ChartImageTag, tags)).collect()
        }
        "OCIRepository" => {
            let tag = at(spec, &["ref", "tag"]).map(|_| Shape::OciRepositoryTag);
            let range = at(spec, &["ref", "semver"]).map(|_| Shape::ChartRange);
            tag.into_iter().chain(range).collect()
        }
        "Kustomization" => kustomize_images(spec.unwrap_or(object)),
        "ConfigMap" => config_map(object).into_iter().collect(),
        "List" => items(object.get("items")).iter().flat_map(in_object).collect(),
        "Pod" => containers(spec),
        "CronJob" => containers(at(spec, &["jobTemplate", "spec", "template", "spec"])),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
            containers(at(spec, &["template", "spec"]))
        }
        // A kustomization.yaml may leave `kind` out.
        "" => kustomize_images(object),
        _ => Vec::new(),
    }
}

fn at<'a>(value: Option<&'a Value>, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value?, |value, key| value.get(*key))
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_sequence).map(Vec::as_slice).unwrap_or_default()
}

fn chart_version(version: Option<&Value>) -> Option<Shape> {
    let is_exact = version?.as_str().is_some_and(|text| text.parse::<Version>().is_ok());
    Some(if is_exact { Shape::ChartVersion } else { Shape::ChartRange })
}

/// Counts tags whose image the values do not name.
fn chart_image_tags(values: &Value, depth_left: usize) -> usize {
    let below = |value: &Value| match depth_left {
        0 => 0,
        _ => chart_image_tags(value, depth_left - 1),
    };
    match values {
        Value::Sequence(items) => items.iter().map(below).sum(),
        Value::Mapping(entries) => {
            let has_repository = entries.contains_key("repository");
            let count = |(key, value): (&Value, &Value)| {
                let key = key.as_str().unwrap_or_default();
                let is_tag = key == "tag" && !has_repository || key == "imageTag" || key == "image_tag";
                match value.as_str().filter(|_| is_tag) {
                    Some(tag) => usize::from(tag.contains(|letter: char| letter.is_ascii_digit())),
                    None => below(value),
                }
            };
            entries.iter().map(count).sum()
        }
        _ => 0,
    }
}

fn kustomize_images(spec: &Value) -> Vec<Shape> {
    let has_digest_alone = |image: &&Value| image.get("newTag").is_none() && image.get("digest").is_some();
    items(spec.get("images")).iter().filter(has_digest_alone).map(|_| Shape::KustomizeImage).collect()
}

fn containers(pod: Option<&Value>) -> Vec<Shape> {
    let Some(pod) = pod else { return Vec::new() };
    let lists = ["containers", "initContainers"].map(|key| items(pod.get(key)));
    let images = lists.into_iter().flatten().filter_map(|container| container.get("image")?.as_str());
    let has_digest_alone = |image: &&str| {
        image.parse::<ImageRef>().is_ok_and(|image| image.tag.is_none() && image.digest.is_some())
    };
    images.filter(has_digest_alone).map(|_| Shape::WorkloadImage).collect()
}

fn config_map(object: &Value) -> Option<Shape> {
    let data = object.get("data")?.as_mapping()?;
    let holds_version = |text: &str| {
        text.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("tag:") || line.starts_with("image:")
        })
    };
    data.values().filter_map(Value::as_str).any(holds_version).then_some(Shape::ConfigMapValues)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(text: &str) -> Vec<Shape> {
        unmanaged_in(text.as_bytes())
    }

    #[test]
    fn versions_outside_of_image_fields_are_counted() {
        let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a, namespace: b}\nspec:\n";
        for (label, text, expected) in [
            ("an image field", format!("{release}  values:\n    image: example.com/a:1.0.0\n"), &[][..]),
            ("a chart version", format!("{release}  chart: {{spec: {{version: 1.0.0}}}}\n"), &[Shape::ChartVersion][..]),
            ("a chart range", format!("{release}  chart: {{spec: {{version: '>=1.0.0'}}}}\n"), &[Shape::ChartRange]),
            (
                "tags whose image only the chart names",
                format!("{release}  chart: {{spec: {{chart: a}}}}\n  values: {{image: {{tag: v1.0.0}}, imageTag: '1.2', b: {{repository: a, tag: v1}}, tag: latest}}\n"),
                &[Shape::ChartImageTag, Shape::ChartImageTag],
            ),
            (
                "setter comments",
                format!(
                    "{release}  chart:\n    spec:\n      version: 1.0.0 # {{\"$imagepolicy\": \"flux-system:a:tag\"}}\n  values:\n    image: example.com/a:1.0.0 # {{\"$imagepolicy\": \"flux-system:a\"}}\n"
                ),
                &[],
            ),
            (
                "setter comments that are commented out",
                format!("{release}  # tag: 1.0.0 # {{\"$imagepolicy\": \"flux-system:a:tag\"}}\n  values: {{}}\n"),
                &[Shape::SetterComment],
            ),
            (
                "a workload",
                "kind: Deployment\nspec: {template: {spec: {containers: [{image: a:1}, {image: b}], initContainers: [{image: 'c@sha256:1111111111111111111111111111111111111111111111111111111111111111'}]}}}\n".to_owned(),
                &[Shape::WorkloadImage],
            ),
            (
                "a kustomization.yaml",
                "resources: [a]\nimages:\n- {name: a, newTag: v1}\n- {name: b, newName: c}\n- {name: d, digest: 'sha256:1'}\n".to_owned(),
                &[Shape::KustomizeImage],
            ),
            ("an OCIRepository", "kind: OCIRepository\nspec: {ref: {tag: 1.0.0}}\n".to_owned(), &[Shape::OciRepositoryTag]),
            (
                "a ConfigMap",
                "kind: ConfigMap\ndata:\n  values.yaml: |\n    image:\n      tag: 1.0.0\n".to_owned(),
                &[Shape::ConfigMapValues],
            ),
            ("several documents", "kind: Other\n---\nkind: OCIRepository\nspec: {ref: {tag: 1.0.0}}\n".to_owned(), &[Shape::OciRepositoryTag]),
            ("not YAML", "image: [\n".to_owned(), &[]),
        ] {
            assert_eq!(shapes(&text), expected, "{label}");
        }
    }
}
