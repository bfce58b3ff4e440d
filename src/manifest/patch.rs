//! Patches inside other files (`patches`, `patchesStrategicMerge`, `patchesJson6902`, `replacements`) and JSON 6902 operations
//! in files: which values of HelmReleases they change. Tidegate reads them and never edits them.

use super::embedded::Embedded;
use super::position::Position;
use super::record::PathSegment;
use super::text::JSON_PATCH_PATHS;
use super::tree::{Content, Document, Documents, NodeId};
use crate::model::{ImageName, ImageRef, ServiceName};

/// The most inline patches that are read of one list.
pub(super) const MAX_PATCHES: usize = 1_000;
/// The most changes that are read of one patch.
const MAX_CHANGES: usize = 1_000;
/// The keys of a mapping that says which image runs.
const IMAGE_KEYS: [&str; 6] = ["tag", "version", "digest", "image", "repository", "registry"];

/// Which objects a patch changes. Each part is a regular expression for the whole text; without one, any text matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchTarget {
    /// `kind`.
    pub kind: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `namespace`.
    pub namespace: Option<String>,
}

/// A patch that is part of another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlinePatch {
    /// `target`; without one, the patch itself names its objects.
    pub target: Option<PatchTarget>,
    /// Whether it is an entry of `replacements`.
    pub is_replacement: bool,
    /// What it changes in HelmReleases.
    pub changes: Vec<ReleaseChange>,
    /// The Flux Kustomizations that it names and suspends.
    pub suspended: Vec<String>,
}

/// A value of a HelmRelease that a patch changes and that may say which image runs, or whether anything runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseChange {
    /// The HelmRelease, where the patch itself names it.
    pub service: Option<ServiceName>,
    /// The place of the value, or of the patch.
    pub position: Position,
    /// The path of keys, such as `spec.values.image.tag`.
    pub key_path: String,
    /// The new value; `None` where it is removed or is no single value.
    pub value: Option<String>,
    /// The image, where the patch sets it together with its tag or digest.
    pub image: Option<ImageName>,
}

impl ReleaseChange {
    /// Whether it suspends the HelmRelease.
    pub fn suspends(&self) -> bool {
        self.key_path == "spec.suspend" && self.value.as_deref() == Some("true")
    }

    /// Whether it changes the image or the version of a field with this path.
    pub fn concerns(&self, field: &str) -> bool {
        if let Some(below) = field.strip_prefix(self.key_path.as_str()) {
            return below.is_empty() || below.starts_with(['.', '[']);
        }
        let Some((mapping, key)) = self.key_path.rsplit_once('.') else { return false };
        let is_beside = field.rsplit_once('.').is_some_and(|(beside, _)| beside == mapping);
        is_beside && IMAGE_KEYS.contains(&key)
            || mapping.ends_with(".global") && key == "imageRegistry"
            || mapping.ends_with(".global.image") && key == "registry"
    }

    /// Whether it sets a version by itself, whatever the HelmRelease holds.
    pub fn sets_version(&self) -> bool {
        self.image.is_some() || self.value.is_some() && self.sets_tag()
    }

    /// Whether its path is that of a tag.
    pub fn sets_tag(&self) -> bool {
        self.key_path.rsplit_once('.').is_some_and(|(_, key)| key == "tag")
    }
}

/// Reads `target` or `select`.
pub(super) fn target(document: &Document<'_>, target: NodeId) -> PatchTarget {
    let text = |key| {
        let node = document.get(target, key)?;
        document.text(node).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    PatchTarget { kind: text("kind"), name: text("name"), namespace: text("namespace") }
}

/// The inline patch at `entry` of a list of patches; `None` where it is a file or changes nothing that is read.
pub(super) fn inline(text: &str, document: &Document<'_>, entry: NodeId) -> Option<InlinePatch> {
    let patch = document.get(entry, "patch").unwrap_or(entry);
    let (changes, suspended) = changes(text, document, patch);
    let target = document.get(entry, "target").map(|node| target(document, node));
    let is_something = !changes.is_empty() || !suspended.is_empty();
    is_something.then_some(InlinePatch { target, is_replacement: false, changes, suspended })
}

/// What the patch at `node` changes, and the Flux Kustomizations that it suspends: YAML in a scalar of `text`, or the mapping
/// or sequence itself.
fn changes(text: &str, document: &Document<'_>, node: NodeId) -> (Vec<ReleaseChange>, Vec<String>) {
    let (mut changes, mut suspended) = (Vec::new(), Vec::new());
    let node = document.target(node);
    let Content::Scalar { value, .. } = &document.node(node).content else {
        Reader { document, origin: None, changes: &mut changes }.patch(node);
        suspended.extend(suspended_kustomization(document, node));
        return (changes, suspended);
    };
    let origin = Origin::of(text, document, node);
    for inner in Documents::of(value) {
        let Ok(inner) = inner else {
            // What it changes is unknown, so it may be anything.
            if value.contains("HelmRelease") || JSON_PATCH_PATHS.iter().any(|path| value.contains(path)) {
                let key_path = "spec.values".to_owned();
                let position = document.node(node).position;
                changes.push(ReleaseChange { service: None, position, key_path, value: None, image: None });
            }
            break;
        };
        Reader { document: &inner, origin: Some(&origin), changes: &mut changes }.patch(NodeId::ROOT);
        suspended.extend(suspended_kustomization(&inner, NodeId::ROOT));
    }
    (changes, suspended)
}

/// The name of the Flux Kustomization that a patch suspends.
fn suspended_kustomization(document: &Document<'_>, root: NodeId) -> Option<String> {
    let text = |path: &[&str]| document.text(document.get_path(root, path)?);
    let is_suspended = text(&["kind"]) == Some("Kustomization") && text(&["spec", "suspend"]) == Some("true");
    is_suspended.then(|| text(&["metadata", "name"]).unwrap_or_default().to_owned())
}

/// What an entry of `replacements` writes to its `targets`, each with its `select`.
pub(super) fn replacement(document: &Document<'_>, entry: NodeId) -> Vec<InlinePatch> {
    let Some(targets) = document.get(entry, "targets") else { return Vec::new() };
    let read = |one: NodeId| {
        let paths = document.get(one, "fieldPaths").map(|list| document.children(document.target(list)));
        let paths = paths.into_iter().flatten().filter_map(|node| Some((node, document.text(node)?)));
        let changes = paths.take(MAX_CHANGES).map(|(node, path)| ReleaseChange {
            service: None,
            position: document.node(node).position,
            key_path: key_path("", path.split('.').map(segment)),
            value: None,
            image: None,
        });
        InlinePatch {
            target: Some(
                document.get(one, "select").map(|select| target(document, select)).unwrap_or_default(),
            ),
            is_replacement: true,
            changes: changes.filter(|change| is_read(&change.key_path)).collect(),
            suspended: Vec::new(),
        }
    };
    document.children(document.target(targets)).map(read).filter(|patch| !patch.changes.is_empty()).collect()
}

/// The operations of a JSON 6902 patch that is a file.
pub(super) fn operations(document: &Document<'_>) -> Vec<ReleaseChange> {
    let mut changes = Vec::new();
    Reader { document, origin: None, changes: &mut changes }.operations(NodeId::ROOT);
    changes
}

/// Where the text of an embedded document lies in its file.
struct Origin {
    /// The place of the scalar.
    start: Position,
    /// Where the lines of the text are those of the file.
    lines: Option<Embedded>,
}

impl Origin {
    fn of(text: &str, document: &Document<'_>, node: NodeId) -> Self {
        let scalar = document.node(node);
        let inner = document.text(node).unwrap_or_default();
        Self { start: scalar.position, lines: Embedded::of(text, inner, scalar.span.start) }
    }

    fn place(&self, inner: Position) -> Position {
        self.lines.as_ref().map_or(self.start, |lines| lines.position(inner))
    }
}

/// Collects the changes of one document.
struct Reader<'d, 't, 'c> {
    document: &'d Document<'t>,
    origin: Option<&'d Origin>,
    changes: &'c mut Vec<ReleaseChange>,
}

/// A node of a patch and what it belongs to.
struct Place<'d> {
    service: Option<ServiceName>,
    /// The path of the node that the patch begins at.
    prefix: String,
    path: Vec<PathSegment<'d>>,
}

impl<'d> Reader<'d, '_, '_> {
    fn patch(&mut self, root: NodeId) {
        if self.document.node(root).content == Content::Sequence {
            return self.operations(root);
        }
        let text = |path: &[&str]| {
            let node = self.document.get_path(root, path)?;
            self.document.text(node).filter(|text| !text.is_empty())
        };
        if text(&["kind"]) != Some("HelmRelease") {
            return;
        }
        let name = text(&["metadata", "name"]).unwrap_or_default();
        let service = match text(&["metadata", "namespace"]) {
            Some(namespace) => ServiceName::new(namespace, name),
            None => ServiceName::without_namespace(name),
        };
        let Some(spec) = self.document.get(root, "spec") else { return };
        self.below(spec, &mut Place { service: service.ok(), prefix: "spec".to_owned(), path: Vec::new() });
    }

    fn operations(&mut self, list: NodeId) {
        for operation in self.document.children(list) {
            let text = |key| self.document.get(operation, key).and_then(|node| self.document.text(node));
            let (Some(kind), Some(path)) = (text("op"), text("path")) else { continue };
            let mut place = Place { service: None, prefix: pointer(path), path: Vec::new() };
            let value = self.document.get(operation, "value");
            match (kind, value) {
                ("test", _) => {}
                ("add" | "replace", Some(value)) => {
                    let key = path.rsplit('/').next().unwrap_or_default();
                    if self.document.text(value).is_none() {
                        self.record(value, &place, None);
                    }
                    self.value(key, value, None, &mut place);
                }
                _ => {
                    self.record(operation, &place, None);
                    if let Some(from) = text("from").filter(|_| kind == "move") {
                        place.prefix = pointer(from);
                        self.record(operation, &place, None);
                    }
                }
            }
        }
    }

    fn below(&mut self, node: NodeId, place: &mut Place<'d>) {
        let (document, node) = (self.document, self.document.target(node));
        match document.node(node).content {
            Content::Mapping => {
                let image = image_in(document, node);
                for (key, value) in document.entries(node) {
                    let Some(key) = document.text(key) else { continue };
                    if key == "$patch" {
                        self.record(node, place, None);
                        continue;
                    }
                    place.path.push(PathSegment::Key(key));
                    self.value(key, value, image.as_ref(), place);
                    place.path.pop();
                }
            }
            Content::Sequence => {
                // It replaces the whole list of the HelmRelease.
                self.record(node, place, None);
                for (index, item) in document.children(node).enumerate() {
                    place.path.push(PathSegment::Index(index));
                    self.below(item, place);
                    place.path.pop();
                }
            }
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
    }

    fn value(&mut self, key: &str, value: NodeId, image: Option<&ImageName>, place: &mut Place<'d>) {
        let Some(text) = self.document.text(value) else { return self.below(value, place) };
        let is_removed = matches!(text, "" | "~" | "null");
        if is_removed || IMAGE_KEYS.contains(&key) || ["imageRegistry", "suspend"].contains(&key) {
            let reference = (key == "image").then(|| text.parse::<ImageRef>().ok()).flatten();
            let reference = reference.filter(|one| one.tag.is_some() || one.digest.is_some());
            let image = image.cloned().or(reference.map(|reference| reference.name));
            self.record(value, place, image);
        }
    }

    fn record(&mut self, node: NodeId, place: &Place<'d>, image: Option<ImageName>) {
        let key_path = key_path(&place.prefix, place.path.iter().copied());
        if self.changes.len() >= MAX_CHANGES || !is_read(&key_path) {
            return;
        }
        let position = self.document.node(node).position;
        self.changes.push(ReleaseChange {
            service: place.service.clone(),
            position: self.origin.map_or(position, |origin| origin.place(position)),
            key_path,
            value: self.document.text(node).filter(|text| !text.is_empty()).map(str::to_owned),
            image,
        });
    }
}

/// The image of a mapping that also holds its tag or digest.
fn image_in(document: &Document<'_>, mapping: NodeId) -> Option<ImageName> {
    let text = |key| document.get(mapping, key).and_then(|node| document.text(node));
    text("tag").or_else(|| text("digest"))?;
    let repository = text("repository")?;
    match text("registry") {
        Some(registry) => format!("{registry}/{repository}").parse().ok(),
        None => repository.parse().ok(),
    }
}

/// Whether a value at this path may say what runs.
fn is_read(key_path: &str) -> bool {
    let below = key_path.strip_prefix("spec.values");
    below.is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
        || ["spec", "spec.suspend"].contains(&key_path)
}

/// A JSON pointer as a path of keys.
fn pointer(pointer: &str) -> String {
    let tokens: Vec<String> =
        pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    key_path("", tokens.iter().map(|token| segment(token)))
}

fn segment(token: &str) -> PathSegment<'_> {
    token.parse().map_or(PathSegment::Key(token), PathSegment::Index)
}

fn key_path<'s>(prefix: &str, path: impl IntoIterator<Item = PathSegment<'s>>) -> String {
    let mut text = prefix.to_owned();
    for segment in path {
        segment.write_to(&mut text);
    }
    text
}

#[cfg(test)]
mod tests;
