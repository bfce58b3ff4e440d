//! `images` of a kustomization.yaml and of a Flux Kustomization: the tag that kustomize gives an image.

use super::entries::Entries;
use super::field::FieldShape;
use super::image::{Reader, Rejection};
use super::record::{PathSegment, Recorder};
use super::refusal::RefusalReason;
use super::tree::{Content, Document, NodeId};
use crate::model::ImageName;

/// Records `newTag` of each entry of the list at `path`, with the `digest` beside it.
pub(super) fn record(recorder: &mut Recorder<'_, '_, '_>, root: NodeId, path: &[&'static str]) {
    recorder.shape = FieldShape::KustomizeImage;
    let document = recorder.reader.document;
    let mut defects = Vec::with_capacity(path.len());
    let mut node = root;
    for key in path {
        let target = document.target(node);
        if document.node(target).content != Content::Mapping {
            return;
        }
        let (entries, above) = recorder.enter(target);
        defects.push(above);
        let Some(value) = entries.get(key) else { break };
        recorder.path.push(PathSegment::Key(key));
        node = value;
    }
    if recorder.path.len() == path.len() {
        list(recorder, node);
    }
    recorder.path.clear();
    if let Some(outermost) = defects.into_iter().next() {
        recorder.leave(outermost);
    }
}

fn list(recorder: &mut Recorder<'_, '_, '_>, list: NodeId) {
    let document = recorder.reader.document;
    let target = document.target(list);
    if document.node(target).content != Content::Sequence {
        return;
    }
    for (index, item) in document.children(target).enumerate() {
        let item = document.target(item);
        if document.node(item).content != Content::Mapping {
            continue;
        }
        let (entries, above) = recorder.enter(item);
        if let Some(tag) = entries.get("newTag").filter(|_| entries.get("name").is_some()) {
            recorder.path.extend([PathSegment::Index(index), PathSegment::Key("newTag")]);
            new_tag(recorder, &entries, tag);
            recorder.path.truncate(recorder.path.len() - 2);
        }
        recorder.leave(above);
    }
}

fn new_tag(recorder: &mut Recorder<'_, '_, '_>, entries: &Entries<'_>, tag: NodeId) {
    let reader = recorder.reader;
    let digest = entries.get("digest");
    let marker = match reader.marker(tag) {
        Ok(marker) => marker,
        Err(rejection) => return recorder.record(None, None, tag, Err(rejection)),
    };
    let policy = marker.map(|marker| marker.policy);
    let name = image(reader, entries);
    let image = name.as_ref().ok().cloned().flatten();
    let is_marked = policy.is_some();
    let parts = name.and_then(|image| reader.tag(tag, digest, image, policy.clone()));
    // Without a tag, kustomize keeps that of the workload.
    if matches!(parts, Err((RefusalReason::Empty, at)) if at == tag) && !is_marked {
        return;
    }
    recorder.record(image, policy.as_ref(), tag, parts);
    if let Some(digest) = digest {
        recorder.note(digest);
    }
}

/// The image that `newName` or else `name` names.
fn image(reader: Reader<'_, '_>, entries: &Entries<'_>) -> Result<Option<ImageName>, Rejection> {
    let new_name = reader.optional(entries.get("newName"))?.and(entries.get("newName"));
    let Some(node) = new_name.or_else(|| entries.get("name")) else { return Ok(None) };
    let text = reader.read(node)?;
    text.parse().map(Some).map_err(|_| (RefusalReason::NotAnImage(text.to_owned()), node))
}

/// The images that the entries of a list give another tag, name or digest, by the names that workloads use.
pub(super) fn replaced_images(document: &Document<'_>, list: NodeId) -> Vec<ImageName> {
    let items = document.children(document.target(list));
    let names = items.filter_map(|item| document.text(document.get(item, "name")?)?.parse().ok());
    names.collect()
}
