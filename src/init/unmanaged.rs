//! Counts what holds a version outside of the image fields that Tidegate promotes, by shape and file, so that nobody believes it
//! is looked after.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml::Value;

use crate::kustomize::Layout;
use crate::manifest::{self, FieldShape, Manifest};
use crate::model::{FieldRule, Printable, RepoPath};

pub(super) use nameable::NameableField;
use nameable::{nameable_in, values_file};
use objects::shapes_in;

mod nameable;
mod objects;

/// Maximum bytes to parse of one file; a larger one is not a manifest by hand.
const MAX_BYTES: usize = 1024 * 1024;

/// Maximum fields that are proposed for one file; each is tried out on the whole file.
const MAX_PROPOSED: usize = 20;

/// Maximum files that are named for one shape.
const MAX_PLACES: usize = 3;

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
    /// An image in the Helm values of a ConfigMap that no HelmRelease takes.
    ConfigMapValues,
    /// An image in a file of Helm values that no HelmRelease takes.
    ValuesFile,
    /// An image or a version in a custom resource.
    CustomResource,
    /// A version in `postBuild.substitute` of a Flux Kustomization.
    SubstituteVariable,
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
            Self::ConfigMapValues => (
                "image in a ConfigMap that no HelmRelease takes",
                "images in ConfigMaps that no HelmRelease takes",
            ),
            Self::ValuesFile => (
                "image in a values file that no HelmRelease takes",
                "images in values files that no HelmRelease takes",
            ),
            Self::CustomResource => ("version in a custom resource", "versions in custom resources"),
            Self::SubstituteVariable => {
                ("version in `postBuild.substitute`", "versions in `postBuild.substitute`")
            }
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

    /// Each shape that was found.
    pub fn counts(&self) -> impl Iterator<Item = ShapeCount<'_>> {
        self.0.iter().filter_map(|(shape, files)| {
            let (first, _) = files.first_key_value()?;
            let (count, others) = (files.values().sum(), files.keys().skip(1).collect());
            Some(ShapeCount { shape: *shape, count, first, others })
        })
    }
}

/// How often a shape was found, and where.
#[derive(Clone, Debug)]
pub struct ShapeCount<'a> {
    /// The shape.
    pub shape: Shape,
    /// How many there are.
    pub count: usize,
    /// The first file.
    pub first: &'a RepoPath,
    /// The other files, in the order of their paths.
    pub others: Vec<&'a RepoPath>,
}

impl ShapeCount<'_> {
    /// The other files in words, a few of them by name: `b.yaml, c.yaml and 4 more files`; empty without any.
    pub fn describe_others(&self) -> String {
        let named = self.others.iter().take(MAX_PLACES - 1);
        let named: Vec<String> =
            named.map(|file| Printable::bounded(file.as_str(), 120).to_string()).collect();
        let more = match self.others.len().saturating_sub(MAX_PLACES - 1) {
            0 => String::new(),
            1 => " and 1 more file".to_owned(),
            more => format!(" and {more} more files"),
        };
        named.join(", ") + &more
    }
}

/// What holds a version in a file and is not promoted.
#[derive(Clone, Debug, Default)]
pub(super) struct Unmanaged {
    /// The shapes, sorted.
    pub(super) shapes: Vec<Shape>,
    /// The fields that `fields` in the configuration can name.
    pub(super) nameable: Vec<NameableField>,
}

impl Unmanaged {
    /// Keeps the fields to propose: some of those whose path leads to one value of the file, as `fields` requires.
    pub(super) fn keep_proposals(&mut self, text: &[u8]) {
        self.nameable.truncate(MAX_PROPOSED);
        self.nameable.retain(|found| found.leads_to_one_value(text));
    }
}

/// The shapes in a file that are not among its fields; `rules` are those of the configuration.
pub fn unmanaged_in(path: &RepoPath, text: &[u8], rules: &[&FieldRule], layout: &Layout) -> Vec<Shape> {
    let Ok(manifest) = manifest::read_with(text, rules) else { return Vec::new() };
    let mut shapes = unmanaged_in_objects(text, &manifest).shapes;
    shapes.extend(values_not_taken(path, &manifest, layout));
    shapes
}

/// The images in Helm values outside of HelmReleases that no HelmRelease takes.
pub(super) fn values_not_taken<'a>(
    path: &'a RepoPath,
    manifest: &'a Manifest,
    layout: &'a Layout,
) -> impl Iterator<Item = Shape> + 'a {
    let fields = manifest.fields.iter().filter(|field| field.image.is_some());
    fields.filter_map(|field| {
        let shape = match field.shape {
            FieldShape::ConfigMap => Shape::ConfigMapValues,
            FieldShape::ValuesFile => Shape::ValuesFile,
            _ => return None,
        };
        (!layout.takes(path, field)).then_some(shape)
    })
}

/// What the objects of a file hold besides the fields of `manifest`.
pub(super) fn unmanaged_in_objects(text: &[u8], manifest: &Manifest) -> Unmanaged {
    let Some(text) = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAX_BYTES) else {
        return Unmanaged::default();
    };
    let mut unmanaged = Unmanaged::default();
    let shapes = &mut unmanaged.shapes;
    shapes.extend(manifest.stray_setters.iter().map(|_| Shape::SetterComment));
    let is_managed = |path: &str| {
        let is_followed = |shape| matches!(shape, FieldShape::SetterComment | FieldShape::Configured);
        manifest.fields.iter().any(|field| is_followed(field.shape) && field.key_path == path)
    };
    if may_hold_version(text) {
        for document in serde_yaml::Deserializer::from_str(text) {
            // The rest of a file that is not YAML has nothing to count.
            let Ok(document) = Value::deserialize(document) else { break };
            shapes.extend(shapes_in(&document));
            for found in nameable_in(&document) {
                if !is_managed(&found.key_path) {
                    shapes.push(found.shape);
                    unmanaged.nameable.push(found);
                }
            }
        }
    }
    unmanaged.nameable.extend(values_file(manifest));
    // A tag that a setter comment names an image for is a field.
    for _ in manifest.fields.iter().filter(|field| field.image.is_none()) {
        if let Some(at) = shapes.iter().position(|shape| *shape == Shape::ChartImageTag) {
            shapes.swap_remove(at);
        }
    }
    shapes.retain(|shape| match shape {
        Shape::ChartVersion => !is_managed("spec.chart.spec.version"),
        Shape::OciRepositoryTag => !is_managed("spec.ref.tag"),
        _ => true,
    });
    shapes.sort_unstable();
    unmanaged
}

fn may_hold_version(text: &str) -> bool {
    ["version:", "tag:", "Tag:", "image:", "newTag:", "semver:", "substitute:"]
        .iter()
        .any(|key| text.contains(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(text: &str) -> Vec<Shape> {
        unmanaged_in(&"a.yaml".parse().unwrap(), text.as_bytes(), &[], &Layout::default())
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
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  values.yaml: |\n    image: a.example/b:1.0.0\n".to_owned(),
                &[Shape::ConfigMapValues],
            ),
            ("a values file", "image: {repository: a.example/b, tag: 1.0.0}\nother: {tag: 2.0.0}\n".to_owned(), &[Shape::ValuesFile]),
            (
                "a custom resource",
                "apiVersion: example.com/v1\nkind: Cluster\nspec:\n  version: 8.5.0\n  image: a.example/db:1.0.0\n  \
                 pods: [{name: a, image: {repository: a.example/x, tag: v1}}, {image: 'a.example/y:latest'}]\n  other: {version: 1.0.0}\n"
                    .to_owned(),
                &[Shape::CustomResource, Shape::CustomResource, Shape::CustomResource],
            ),
            (
                "a definition of custom resources",
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {version: 1.0.0}\n".to_owned(),
                &[],
            ),
            (
                "variables",
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: b}\nspec:\n  \
                 postBuild:\n    substitute:\n      app: v1.0.0\n      name: app\n      moved: v1.0.0 # {\"$imagepolicy\": \"a:b:tag\"}\n"
                    .to_owned(),
                &[Shape::SubstituteVariable],
            ),
            ("several documents", "kind: Other\n---\nkind: OCIRepository\nspec: {ref: {tag: 1.0.0}}\n".to_owned(), &[Shape::OciRepositoryTag]),
            ("not YAML", "image: [\n".to_owned(), &[]),
        ] {
            assert_eq!(shapes(&text), expected, "{label}");
        }
    }
}
