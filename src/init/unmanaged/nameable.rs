//! Versions that `fields` in the configuration can name: in custom resources, in `postBuild.substitute` and in values files.

use serde_yaml::Value;

use super::Shape;
use super::objects::{at, items};
use crate::manifest::{self, FieldShape, Manifest, RefusalReason};
use crate::model::{FieldPath, FieldRule, ImageName, ImageRef, Tag, Version};

/// The deepest nesting of values that is searched.
const MAX_DEPTH: usize = 32;
/// Maximum fields that are found in one object.
const MAX_FOUND: usize = 200;
/// API groups whose objects are no custom resources, beside those of Kubernetes itself.
const KNOWN_GROUPS: [&str; 3] = ["toolkit.fluxcd.io", "k8s.io", "kustomize.config.k8s.io"];

/// A version that `fields` can name.
#[derive(Clone, Debug)]
pub(in crate::init) struct NameableField {
    pub(in crate::init) shape: Shape,
    /// The path as findings show it: `spec.pods[0].image`.
    pub(super) key_path: String,
    /// The path as the configuration writes it: `spec.pods[name=app].image`; `None` where no key tells an item from others.
    at: Option<FieldPath>,
    /// The image, where the file names it.
    pub(in crate::init) image: Option<ImageName>,
}

impl NameableField {
    /// The path for the configuration.
    pub(in crate::init) fn at(&self) -> Option<&FieldPath> {
        self.at.as_ref()
    }

    /// Whether the path leads to this value alone, as `fields` requires.
    pub(super) fn leads_to_one_value(&self, text: &[u8]) -> bool {
        let (Some(at), Ok(any)) = (&self.at, "example.com/any".parse()) else { return false };
        let image = self.image.clone().unwrap_or(any);
        let rule = FieldRule { at: at.clone(), image, service: None };
        let is_ambiguous = |reason: &RefusalReason| matches!(reason, RefusalReason::NotOneMatch { .. });
        manifest::read_with(text, &[&rule])
            .is_ok_and(|read| !read.refusals.iter().any(|refusal| is_ambiguous(&refusal.reason)))
    }
}

/// The fields of a file of Helm values that name their image.
pub(super) fn values_file(manifest: &Manifest) -> impl Iterator<Item = NameableField> {
    let fields = manifest.fields.iter().filter(|field| field.shape == FieldShape::ValuesFile);
    fields.filter(|field| field.image.is_some()).map(|field| NameableField {
        shape: Shape::ValuesFile,
        key_path: field.key_path.clone(),
        at: field.key_path.parse().ok(),
        image: field.image.clone(),
    })
}

/// The versions in a custom resource or a Flux Kustomization.
pub(super) fn nameable_in(object: &Value) -> Vec<NameableField> {
    let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let (group, kind) = (text("apiVersion").split_once('/').map_or("", |(group, _)| group), text("kind"));
    if kind == "List" {
        return items(object.get("items")).iter().flat_map(nameable_in).take(MAX_FOUND).collect();
    }
    let mut search = Search { path: Vec::new(), found: Vec::new() };
    if group == "kustomize.toolkit.fluxcd.io" && kind == "Kustomization" {
        search.path.extend(["spec", "postBuild", "substitute"].map(Step::Key));
        let variables = at(object.get("spec"), &["postBuild", "substitute"]).and_then(Value::as_mapping);
        for (key, value) in variables.into_iter().flatten() {
            let (Some(key), Some(value)) = (key.as_str(), value.as_str()) else { continue };
            if is_version(value) {
                search.add(Step::Key(key), Shape::SubstituteVariable, None);
            }
        }
        return search.found;
    }
    let is_custom = group.contains('.') && !KNOWN_GROUPS.iter().any(|known| group.ends_with(known));
    if let Some(spec) = object.get("spec").filter(|_| is_custom) {
        search.path.push(Step::Key("spec"));
        if spec.get("version").and_then(Value::as_str).is_some_and(is_version) {
            search.add(Step::Key("version"), Shape::CustomResource, None);
        }
        search.below(spec);
    }
    search.found
}

fn is_version(text: &str) -> bool {
    text.parse::<Version>().is_ok()
}

/// A step of a path.
#[derive(Clone, Copy)]
enum Step<'v> {
    Key(&'v str),
    /// An item of a list, and its `name`, if no other item has it.
    Item(usize, Option<&'v str>),
}

struct Search<'v> {
    path: Vec<Step<'v>>,
    found: Vec<NameableField>,
}

impl<'v> Search<'v> {
    fn below(&mut self, value: &'v Value) {
        if self.path.len() >= MAX_DEPTH {
            return;
        }
        match value {
            Value::Mapping(entries) => {
                let tag = value.get("tag").and_then(Value::as_str).and_then(|tag| tag.parse::<Tag>().ok());
                if let Some(image) = image_beside(value)
                    && tag.is_some_and(|tag| !tag.is_floating())
                {
                    self.add(Step::Key("tag"), Shape::CustomResource, Some(image));
                }
                for (key, value) in entries {
                    let Some(key) = key.as_str() else { continue };
                    match value.as_str() {
                        Some(text) if key.to_ascii_lowercase().ends_with("image") => {
                            if let Some(image) = image_in(text) {
                                self.add(Step::Key(key), Shape::CustomResource, Some(image));
                            }
                        }
                        Some(_) => {}
                        None => self.step(Step::Key(key), value),
                    }
                }
            }
            Value::Sequence(list) => {
                let name = |item: &'v Value| item.get("name").and_then(Value::as_str);
                for (index, item) in list.iter().enumerate() {
                    let own = name(item)
                        .filter(|own| list.iter().filter(|other| name(other) == Some(*own)).count() == 1);
                    self.step(Step::Item(index, own), item);
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, step: Step<'v>, value: &'v Value) {
        self.path.push(step);
        self.below(value);
        self.path.pop();
    }

    fn add(&mut self, last: Step<'v>, shape: Shape, image: Option<ImageName>) {
        if self.found.len() >= MAX_FOUND {
            return;
        }
        self.path.push(last);
        self.found.push(NameableField { shape, key_path: self.key_path(), at: self.field_path(), image });
        self.path.pop();
    }

    fn key_path(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => text.extend([".", key]),
                Step::Item(index, _) => text.extend(["[", &index.to_string(), "]"]),
            }
        }
        text.split_off(1)
    }

    fn field_path(&self) -> Option<FieldPath> {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if key.contains(['.', '[']) => text.extend(["[\"", key, "\"]"]),
                Step::Key(key) => text.extend([".", key]),
                Step::Item(_, name) => text.extend(["[name=", (*name)?, "]"]),
            }
        }
        text.strip_prefix('.')?.parse().ok()
    }
}

/// The image of a reference whose tag is a version.
fn image_in(text: &str) -> Option<ImageName> {
    let reference: ImageRef = text.parse().ok()?;
    reference.tag.filter(|tag| !tag.is_floating()).map(|_| reference.name)
}

/// The image that a mapping with a tag names.
fn image_beside(mapping: &Value) -> Option<ImageName> {
    let repository = mapping.get("repository").or_else(|| mapping.get("image"))?.as_str()?;
    match mapping.get("registry").and_then(Value::as_str) {
        Some(registry) => format!("{registry}/{repository}").parse().ok(),
        None => repository.parse().ok(),
    }
}
