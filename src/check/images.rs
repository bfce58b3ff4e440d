//! The images of an object: their tags, and the mapping that configures the container.

use super::finding::Drafts;
use super::object::Object;
use super::rule::Rule;
use crate::manifest::{Content, NodeId, Position};
use crate::model::{Printable, Tag, Version};

/// The deepest nesting of values that is searched.
const MAX_DEPTH: usize = 24;

/// An image of a container.
#[derive(Debug)]
pub(super) struct Image<'d> {
    /// Without registry and tag where the values keep them apart.
    pub(super) repository: &'d str,
    /// The tag; `None` where nothing is written.
    pub(super) tag: Option<&'d str>,
    pub(super) has_digest: bool,
    pub(super) position: Position,
    /// The mapping that holds what belongs to the container: `resources`, probes, `env`.
    pub(super) container: NodeId,
}

/// The images of a HelmRelease's values or of a workload.
pub(super) fn images<'d>(object: &Object<'d, '_>) -> Vec<Image<'d>> {
    let mut found = Vec::new();
    if object.is_helm_release() {
        if let Some(values) = object.get(&["spec", "values"]) {
            walk(object, values, None, MAX_DEPTH, &mut found);
        }
    } else {
        for container in object.containers(&["containers", "initContainers"]) {
            if let Some(image) = object.document.get(container, "image") {
                found.extend(reference(object, image, container, true));
            }
        }
    }
    found
}

/// Collects images below `node`; `parent` is the mapping around it.
fn walk<'d>(
    object: &Object<'d, '_>,
    node: NodeId,
    parent: Option<NodeId>,
    depth_left: usize,
    found: &mut Vec<Image<'d>>,
) {
    if depth_left == 0 {
        return;
    }
    let document = object.document;
    match document.node(node).content {
        Content::Sequence => {
            for item in document.children(node) {
                walk(object, item, None, depth_left - 1, found);
            }
        }
        Content::Mapping => {
            let text = |key| document.get(node, key).and_then(|value| object.text_of(value));
            if let (Some(repository), Some(tag)) = (text("repository"), document.get(node, "tag")) {
                found.push(Image {
                    repository,
                    tag: object.text_of(tag).map(without_digest),
                    has_digest: text("digest").is_some() || object.text_of(tag).is_some_and(has_digest),
                    position: object.position(tag),
                    container: parent.unwrap_or(node),
                });
            }
            for (key, value) in document.entries(node) {
                match document.text(key) {
                    Some("image") => found.extend(reference(object, value, node, false)),
                    // An anchored part of the values is reported where it is written.
                    _ if matches!(document.node(value).content, Content::Alias(_)) => continue,
                    _ => {}
                }
                walk(object, value, Some(node), depth_left - 1, found);
            }
        }
        _ => {}
    }
}

/// An image in one scalar. `is_certain`: a scalar without a tag is an image too.
fn reference<'d>(
    object: &Object<'d, '_>,
    node: NodeId,
    container: NodeId,
    is_certain: bool,
) -> Option<Image<'d>> {
    let text = object.text_of(node)?;
    let name = without_digest(text);
    let after_host = name.rfind('/').map_or(0, |slash| slash + 1);
    let (repository, tag) = match name[after_host..].split_once(':') {
        Some((_, tag)) => (&name[..name.len() - tag.len() - 1], Some(tag)),
        None => (name, None),
    };
    let is_image = is_certain || tag.is_some() && name.contains('/');
    is_image.then(|| Image {
        repository,
        tag,
        has_digest: has_digest(text),
        position: object.position(node),
        container,
    })
}

fn without_digest(text: &str) -> &str {
    text.split_once('@').map_or(text, |(text, _)| text)
}

fn has_digest(text: &str) -> bool {
    text.contains("@sha256:")
}

/// Whether Helm, Flux or another tool fills the value in.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("${") || text.contains("$(")
}

/// Adds a finding for every image whose tag is no version.
pub(super) fn check(object: &Object<'_, '_>, images: &[Image<'_>], findings: &mut Drafts) {
    for image in images {
        if image.has_digest || is_template(image.repository) || image.tag.is_some_and(is_template) {
            continue;
        }
        let repository = Printable::bounded(image.repository, 100);
        match image.tag {
            // In a HelmRelease the chart's default applies.
            None if object.is_helm_release() => {}
            None => findings.add(
                Rule::FloatingTag,
                image.position,
                format!("{repository} has no tag, so it runs `latest`"),
                "write the version that runs now",
            ),
            Some(tag) if tag == "latest" || tag.parse::<Tag>().is_ok_and(|tag| tag.is_floating()) => {
                findings.add(
                    Rule::FloatingTag,
                    image.position,
                    format!("the tag `{}` of {repository} names no version", Printable::bounded(tag, 60)),
                    "write the version that runs now",
                );
            }
            Some(tag) if tag.parse::<Version>().is_err() => findings.add(
                Rule::TagNotAVersion,
                image.position,
                format!("the tag `{}` of {repository} is no version", Printable::bounded(tag, 60)),
                "use a tag such as v1.0.176, or configure `tagPattern` for this service",
            ),
            Some(_) => {}
        }
    }
}
