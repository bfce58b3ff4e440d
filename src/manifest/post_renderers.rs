//! `spec.postRenderers` of a HelmRelease: kustomize changes what the chart renders, so that another version runs than the values
//! say.

use super::field::FieldShape;
use super::refusal::{Refusal, RefusalReason};
use super::tree::{Content, Document, Documents, NodeId};
use crate::model::{ImageName, ImageRef, ServiceName};

/// The deepest nesting of a patch that is searched for images.
const MAX_DEPTH: usize = 32;

/// The images whose version a post-renderer of the HelmRelease at `root` sets.
pub(super) fn refusals(document: &Document<'_>, root: NodeId, service: Option<&ServiceName>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let Some(renderers) = document.get_path(root, &["spec", "postRenderers"]) else { return refusals };
    let mut add = |image: ImageName, at: NodeId, written: &str| {
        let position = document.node(at).position;
        let reason = RefusalReason::PostRenderer(written.to_owned());
        let (service, shape) = (service.cloned(), FieldShape::Values);
        refusals.push(Refusal { service, image: Some(image), position, reason, shape, data_key: None });
    };
    for renderer in document.children(document.target(renderers)) {
        let list = |key| {
            let list = document.get_path(renderer, &["kustomize", key]);
            list.into_iter().flat_map(|list| document.children(document.target(list)))
        };
        for entry in list("images") {
            let version = ["newTag", "digest", "newName"].iter().find_map(|key| document.get(entry, key));
            let name = document.get(entry, "name").and_then(|name| document.text(name)?.parse().ok());
            if let (Some(version), Some(name)) = (version, name) {
                add(name, version, document.text(version).unwrap_or_default());
            }
        }
        for patch in ["patches", "patchesStrategicMerge", "patchesJson6902"].into_iter().flat_map(list) {
            let patch = document.get(patch, "patch").unwrap_or(patch);
            for reference in references(document, patch) {
                let written = reference.to_string();
                add(reference.name, patch, &written);
            }
        }
    }
    refusals
}

/// The references with a version in a patch: YAML in a scalar, or the patch itself.
fn references(document: &Document<'_>, patch: NodeId) -> Vec<ImageRef> {
    let mut found = Vec::new();
    match document.text(patch) {
        None => search(document, patch, 0, &mut found),
        // kustomize reports what is no YAML.
        Some(text) => Documents::of(text)
            .map_while(Result::ok)
            .for_each(|inner| search(&inner, NodeId::ROOT, 0, &mut found)),
    }
    found
}

/// Collects `image: REFERENCE` and `{path: …/image, value: REFERENCE}`.
fn search(document: &Document<'_>, node: NodeId, depth: usize, found: &mut Vec<ImageRef>) {
    let node = document.target(node);
    if depth > MAX_DEPTH {
        return;
    }
    match document.node(node).content {
        Content::Sequence => {
            document.children(node).for_each(|child| search(document, child, depth + 1, found));
        }
        Content::Mapping => {
            let path = document.get(node, "path").and_then(|path| document.text(path));
            let is_operation = path.is_some_and(|path| path.ends_with("/image"));
            for (key, value) in document.entries(node) {
                let key = document.text(key);
                let is_image = key == Some("image") || key == Some("value") && is_operation;
                match document.text(value).filter(|_| is_image).map(str::parse::<ImageRef>) {
                    Some(Ok(reference)) if reference.tag.is_some() || reference.digest.is_some() => {
                        found.push(reference);
                    }
                    _ => search(document, value, depth + 1, found),
                }
            }
        }
        Content::Scalar { .. } | Content::Alias(_) => {}
    }
}
