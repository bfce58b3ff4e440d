//! Flux's image objects (image.toolkit.fluxcd.io), which hold the selection rules that a team already has, and Flux
//! Kustomizations (kustomize.toolkit.fluxcd.io), which say what is applied. This file reads them and validates nothing.

use super::kustomize_images::replaced_images;
use super::patch::{self, InlinePatch, MAX_PATCHES};
use super::position::Position;
use super::tree::{Document, NodeId};
use crate::model::ImageName;

/// The API versions that are read.
const VERSIONS: [&str; 3] = ["v1beta1", "v1beta2", "v1"];

/// A Flux ImagePolicy: how to choose a tag of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluxImagePolicy {
    /// Its namespace, if the file sets one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The ImageRepository.
    pub image_repository: String,
    /// The namespace of the ImageRepository, if it is not the policy's.
    pub image_repository_namespace: Option<String>,
    /// How tags are ordered.
    pub order: FluxOrder,
    /// `order: desc` of an alphabetical or numerical policy.
    pub is_descending: bool,
    /// `spec.suspend`.
    pub is_suspended: bool,
    /// `spec.policy.semver.range`.
    pub range: Option<String>,
    /// `spec.filterTags.pattern`, a regular expression in Go's syntax.
    pub pattern: Option<String>,
    /// `spec.filterTags.extract`, a replacement such as `$version`.
    pub extract: Option<String>,
    /// The first character of the object.
    pub position: Position,
}

/// How an ImagePolicy orders tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FluxOrder {
    /// `semver`.
    Semver,
    /// `alphabetical`.
    Alphabetical,
    /// `numerical`.
    Numerical,
    /// No order, or an unknown one.
    Unknown,
}

/// A Flux ImageRepository: which image to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluxImageRepository {
    /// Its namespace, if the file sets one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// `spec.image`, if it is a valid image name.
    pub image: Option<ImageName>,
    /// `spec.exclusionList`, regular expressions in Go's syntax.
    pub exclusions: Vec<String>,
    /// `spec.suspend`.
    pub is_suspended: bool,
    /// The first character of the object.
    pub position: Position,
}

/// A Flux `ImageUpdateAutomation`: a folder that Flux itself updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluxAutomation {
    /// Its namespace, if the file sets one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// `spec.update.path`; `None` is the whole repository.
    pub update_path: Option<String>,
    /// The first character of the object.
    pub position: Position,
}

/// A Flux Kustomization: a folder that Flux applies to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluxKustomization {
    /// Its name.
    pub name: String,
    /// `spec.path`, as written; empty is the root of the repository.
    pub path: String,
    /// `spec.targetNamespace`.
    pub target_namespace: Option<String>,
    /// The images in `spec.images`, whose tags in workloads do not count.
    pub replaced_images: Vec<ImageName>,
    /// `spec.suspend`.
    pub is_suspended: bool,
    /// `spec.patches` and its older forms.
    pub patches: Vec<InlinePatch>,
    /// The first character of the object.
    pub position: Position,
}

/// Reads the Flux Kustomization at `root`, if it has a name. `text` is the file.
pub(super) fn read_kustomization(
    text: &str,
    document: &Document<'_>,
    root: NodeId,
) -> Option<FluxKustomization> {
    let object = Object { document, root };
    let lists = ["patches", "patchesStrategicMerge", "patchesJson6902"];
    let lists = lists.iter().filter_map(|key| document.get_path(root, &["spec", key]));
    let entries = lists.flat_map(|list| document.children(document.target(list)));
    Some(FluxKustomization {
        name: object.text(&["metadata", "name"])?,
        path: object.text(&["spec", "path"]).unwrap_or_default(),
        target_namespace: object.text(&["spec", "targetNamespace"]),
        replaced_images: document
            .get_path(root, &["spec", "images"])
            .map(|list| replaced_images(document, list))
            .unwrap_or_default(),
        is_suspended: object.text(&["spec", "suspend"]).is_some_and(|text| text == "true"),
        patches: entries.filter_map(|entry| patch::inline(text, document, entry)).take(MAX_PATCHES).collect(),
        position: document.node(root).position,
    })
}

/// One of Flux's image objects.
pub(super) enum FluxObject {
    Policy(FluxImagePolicy),
    Repository(FluxImageRepository),
    Automation(FluxAutomation),
}

/// Reads the object at `root` if it is an image object of a known version and has a name.
pub(super) fn read(document: &Document<'_>, root: NodeId, version: &str, kind: &str) -> Option<FluxObject> {
    if !VERSIONS.contains(&version) {
        return None;
    }
    let object = Object { document, root };
    let namespace = object.text(&["metadata", "namespace"]);
    let name = object.text(&["metadata", "name"])?;
    let position = document.node(root).position;
    match kind {
        "ImagePolicy" => object.policy(namespace, name).map(FluxObject::Policy),
        "ImageRepository" => {
            let image = object.text(&["spec", "image"]).and_then(|image| image.parse().ok());
            let exclusions = object.texts(&["spec", "exclusionList"]);
            let is_suspended = object.is_suspended();
            Some(FluxObject::Repository(FluxImageRepository {
                namespace,
                name,
                image,
                exclusions,
                is_suspended,
                position,
            }))
        }
        "ImageUpdateAutomation" => {
            // A suspended one writes nothing.
            if object.text(&["spec", "suspend"]).is_some_and(|text| text == "true") {
                return None;
            }
            let update_path = object.text(&["spec", "update", "path"]);
            Some(FluxObject::Automation(FluxAutomation { namespace, name, update_path, position }))
        }
        _ => None,
    }
}

struct Object<'d, 't> {
    document: &'d Document<'t>,
    root: NodeId,
}

impl Object<'_, '_> {
    fn text(&self, path: &[&str]) -> Option<String> {
        let node = self.document.get_path(self.root, path)?;
        self.document.text(node).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn policy(&self, namespace: Option<String>, name: String) -> Option<FluxImagePolicy> {
        Some(FluxImagePolicy {
            image_repository: self.text(&["spec", "imageRepositoryRef", "name"])?,
            image_repository_namespace: self.text(&["spec", "imageRepositoryRef", "namespace"]),
            namespace,
            name,
            order: self.order(),
            is_descending: self.is_descending(),
            is_suspended: self.is_suspended(),
            range: self.text(&["spec", "policy", "semver", "range"]),
            pattern: self.text(&["spec", "filterTags", "pattern"]),
            extract: self.text(&["spec", "filterTags", "extract"]),
            position: self.document.node(self.root).position,
        })
    }

    fn is_descending(&self) -> bool {
        ["alphabetical", "numerical"].iter().any(|kind| {
            let order = self.text(&["spec", "policy", kind, "order"]);
            order.is_some_and(|order| order.eq_ignore_ascii_case("desc"))
        })
    }

    fn is_suspended(&self) -> bool {
        self.text(&["spec", "suspend"]).as_deref() == Some("true")
    }

    /// The texts of a sequence.
    fn texts(&self, path: &[&str]) -> Vec<String> {
        let Some(node) = self.document.get_path(self.root, path) else { return Vec::new() };
        let items = self.document.children(self.document.target(node));
        items.filter_map(|item| self.document.text(item)).map(str::to_owned).collect()
    }

    fn order(&self) -> FluxOrder {
        let has = |key| self.document.get_path(self.root, &["spec", "policy", key]).is_some();
        match () {
            () if has("semver") => FluxOrder::Semver,
            () if has("alphabetical") => FluxOrder::Alphabetical,
            () if has("numerical") => FluxOrder::Numerical,
            () => FluxOrder::Unknown,
        }
    }
}
