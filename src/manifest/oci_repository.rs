//! OCIRepositories: the tag of the artifact that they fetch, which is a chart where a HelmRelease names them.

use super::field::FieldShape;
use super::image::{Reader, Rejection};
use super::record::{Owner, PathSegment, Recorder};
use super::refusal::RefusalReason;
use super::tree::{Content, NodeId};
use crate::model::ImageName;

/// The keys beside `tag` that Flux follows instead of it.
const OTHER_REFERENCES: [&str; 2] = ["digest", "semver"];

/// Records `spec.ref.tag`.
pub(super) fn record(recorder: &mut Recorder<'_, '_, '_>, root: NodeId) {
    let document = recorder.reader.document;
    let is_mapping = |node: NodeId| document.node(document.target(node)).content == Content::Mapping;
    let spec = document.get(root, "spec").filter(|node| is_mapping(*node));
    let reference = spec.and_then(|spec| document.get(spec, "ref")).filter(|node| is_mapping(*node));
    let (Some(spec), Some(reference)) = (spec, reference) else { return };
    let outermost = recorder.defect.clone();
    for mapping in [root, spec, reference] {
        drop(recorder.enter(document.target(mapping)));
    }
    if let Some(tag) = document.get(reference, "tag") {
        recorder.path.extend(["spec", "ref", "tag"].map(PathSegment::Key));
        self::tag(recorder, spec, reference, tag);
        recorder.path.clear();
    }
    recorder.leave(outermost);
}

fn tag(recorder: &mut Recorder<'_, '_, '_>, spec: NodeId, reference: NodeId, tag: NodeId) {
    let reader = recorder.reader;
    let marker = match reader.marker(tag) {
        Ok(marker) => marker,
        Err(rejection) => return recorder.record(None, None, tag, Err(rejection)),
    };
    let policy = marker.map(|marker| marker.policy);
    let artifact = artifact(reader, spec);
    let has_no_artifact = matches!(artifact, Ok(None));
    // A patch without a `url` holds a tag of nothing that is known here.
    if has_no_artifact && policy.is_none() {
        return;
    }
    // A setter comment asks for promotions; without one, the configuration does.
    recorder.shape = if policy.is_some() { FieldShape::SetterComment } else { FieldShape::ChartTag };
    let image = artifact.as_ref().ok().cloned().flatten();
    let other = OTHER_REFERENCES.into_iter().find(|key| reader.document.get(reference, key).is_some());
    let parts = match other {
        Some(key) => Err((RefusalReason::Overruled(key), tag)),
        None => artifact.and_then(|image| reader.tag(tag, None, image, policy.clone())),
    };
    if matches!(parts, Err((RefusalReason::Empty, at)) if at == tag) && policy.is_none() {
        return;
    }
    if let Owner::Named(service) = &recorder.owner {
        recorder.manifest.oci_repositories.push(service.clone());
    }
    recorder.record(image, policy.as_ref(), tag, parts);
}

/// The artifact that `spec.url` names.
fn artifact(reader: Reader<'_, '_>, spec: NodeId) -> Result<Option<ImageName>, Rejection> {
    let Some(node) = reader.document.get(spec, "url") else { return Ok(None) };
    let url = reader.read(node)?;
    let name = url.strip_prefix("oci://").and_then(|name| name.trim_end_matches('/').parse().ok());
    name.map(Some).ok_or_else(|| (RefusalReason::NotAnImage(url.to_owned()), node))
}
