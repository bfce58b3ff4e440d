//! Workloads: the images of their containers and init containers.

use super::field::FieldShape;
use super::record::{PathSegment, Recorder};
use super::tree::{Content, NodeId};
use super::values;

/// The lists of containers that a controller runs.
const LISTS: [&str; 2] = ["initContainers", "containers"];

/// Records the images of the workload at `root`; `pod` is the path to the spec of its pods.
pub(super) fn record(recorder: &mut Recorder<'_, '_, '_>, root: NodeId, pod: &[&'static str]) {
    recorder.shape = FieldShape::Container;
    below(recorder, root, pod);
}

/// Follows the path, so that a defect of a mapping on it refuses the fields below.
fn below(recorder: &mut Recorder<'_, '_, '_>, mapping: NodeId, path: &[&'static str]) {
    let document = recorder.reader.document;
    let target = document.target(mapping);
    if document.node(target).content != Content::Mapping {
        return;
    }
    let (entries, above) = recorder.enter(target);
    match path.split_first() {
        Some((key, rest)) => {
            if let Some(value) = entries.get(key) {
                recorder.path.push(PathSegment::Key(key));
                below(recorder, value, rest);
                recorder.path.pop();
            }
        }
        None => {
            for (key, list) in LISTS.into_iter().filter_map(|key| Some((key, entries.get(key)?))) {
                recorder.path.push(PathSegment::Key(key));
                containers(recorder, list);
                recorder.path.pop();
            }
        }
    }
    recorder.leave(above);
}

fn containers(recorder: &mut Recorder<'_, '_, '_>, list: NodeId) {
    let document = recorder.reader.document;
    let target = document.target(list);
    if document.node(target).content != Content::Sequence {
        return;
    }
    for (index, container) in document.children(target).enumerate() {
        let container = document.target(container);
        if document.node(container).content != Content::Mapping {
            continue;
        }
        let (entries, above) = recorder.enter(container);
        if let Some(image) = entries.get("image") {
            recorder.path.extend([PathSegment::Index(index), PathSegment::Key("image")]);
            values::record_image(recorder, image);
            recorder.path.truncate(recorder.path.len() - 2);
        }
        recorder.leave(above);
    }
}
