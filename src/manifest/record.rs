//! Records what is found in one object: image fields, and values that cannot be edited, each with its place and its service.

use std::collections::HashSet;
use std::fmt::Write;

use super::Manifest;
use super::entries::Entries;
use super::field::{FieldShape, ImageField};
use super::image::{FieldParts, Reader, Rejection};
use super::marker::PolicyName;
use super::position::Position;
use super::refusal::{Defect, Refusal, RefusalReason};
use super::tree::NodeId;
use crate::model::{ImageName, Printable, ServiceName};

/// The service of the fields of an object.
pub(super) enum Owner {
    /// `metadata.name` is the service.
    Named(ServiceName),
    /// The object has no name: each field takes the name of its image, or else that of its policy.
    Unnamed { namespace: Option<String> },
    /// `metadata.name` is missing or not valid, which is a defect of every field.
    Invalid,
}

impl Owner {
    /// The service of a field.
    pub(super) fn service(
        &self,
        image: Option<&ImageName>,
        policy: Option<&PolicyName>,
    ) -> Option<ServiceName> {
        let namespace = match self {
            Self::Named(service) => return Some(service.clone()),
            Self::Unnamed { namespace } => namespace.as_deref(),
            Self::Invalid => return None,
        };
        let of_image = image.and_then(|image| image.repository().rsplit('/').next());
        // An image name may have underscores, the name of an object may not.
        let name = of_image.or(policy.map(|policy| policy.name.as_str()))?.replace('_', "-");
        let service = match namespace {
            Some(namespace) => ServiceName::new(namespace, &name),
            None => ServiceName::without_namespace(&name),
        };
        service.ok()
    }
}

/// The service that `metadata` names.
pub(super) fn service_of(reader: Reader<'_, '_>, root: NodeId) -> Result<ServiceName, Defect> {
    let document = reader.document;
    let part = |key| document.get_path(root, &["metadata", key]);
    let text = |node: Option<NodeId>| node.and_then(|node| document.text(node));
    let (namespace, name) = (part("namespace"), part("name"));
    let namespace_text = text(namespace).filter(|text| !text.is_empty());
    let name_text = text(name).unwrap_or_default();
    let service = match namespace_text {
        Some(namespace) => ServiceName::new(namespace, name_text),
        None => ServiceName::without_namespace(name_text),
    };
    service.map_err(|_| {
        let at = name.or(namespace).unwrap_or(root);
        let full = format!("{}/{name_text}", namespace_text.unwrap_or_default());
        let full = full.trim_start_matches('/').to_owned();
        (RefusalReason::ServiceName(full), document.node(at).position)
    })
}

/// A step of a path: a key of a mapping or the number of an item.
#[derive(Clone, Copy)]
pub(super) enum PathSegment<'d> {
    Key(&'d str),
    Index(usize),
}

impl PathSegment<'_> {
    /// Adds the step to a path as text.
    pub(super) fn write_to(self, path: &mut String) {
        let dot = if path.is_empty() { "" } else { "." };
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Key(key) if is_word(key) => write!(path, "{dot}{key}"),
            Self::Key(key) => write!(path, "[\"{}\"]", Printable::new(key)),
            Self::Index(index) => write!(path, "[{index}]"),
        };
    }
}

/// The findings in one object.
pub(super) struct Recorder<'d, 't, 'm> {
    pub(super) reader: Reader<'d, 't>,
    pub(super) owner: Owner,
    /// The path from the root of the object to the current node.
    pub(super) path: Vec<PathSegment<'d>>,
    /// Applies to every field below the current node.
    pub(super) defect: Option<Defect>,
    pub(super) shape: FieldShape,
    /// The key of a ConfigMap's `data` that the fields are in.
    pub(super) data_key: Option<Box<str>>,
    pub(super) manifest: &'m mut Manifest,
    /// The scalars that are recorded, so that their setter comments are not read a second time.
    recorded: HashSet<NodeId>,
}

impl<'d, 't, 'm> Recorder<'d, 't, 'm> {
    /// A recorder at the root of an object. A `defect` refuses all of its fields.
    pub(super) fn new(
        reader: Reader<'d, 't>,
        owner: Owner,
        defect: Option<Defect>,
        manifest: &'m mut Manifest,
    ) -> Self {
        let (path, shape) = (Vec::new(), FieldShape::Values);
        Self { reader, owner, path, defect, shape, data_key: None, manifest, recorded: HashSet::new() }
    }

    /// The entries of a mapping, whose defects apply to every field below it until [`Self::leave`].
    pub(super) fn enter(&mut self, mapping: NodeId) -> (Entries<'d>, Option<Defect>) {
        let mut entries = Entries::of(self.reader.document, mapping);
        let above = self.defect.clone();
        self.defect = self.defect.take().or_else(|| entries.defect.take());
        (entries, above)
    }

    /// Leaves a mapping: `above` is what [`Self::enter`] returned.
    pub(super) fn leave(&mut self, above: Option<Defect>) {
        self.defect = above;
    }

    /// Whether the scalar at `value` is recorded already.
    pub(super) fn is_recorded(&self, value: NodeId) -> bool {
        self.recorded.contains(&value)
    }

    /// Notes that the scalar at `value` belongs to a field, such as a digest beside a tag.
    pub(super) fn note(&mut self, value: NodeId) {
        if self.reader.source.has_markers {
            self.recorded.insert(value);
        }
    }

    /// Records the field at `value`, or a refusal, which carries `image` where that is known.
    pub(super) fn record(
        &mut self,
        image: Option<ImageName>,
        policy: Option<&PolicyName>,
        value: NodeId,
        parts: Result<FieldParts, Rejection>,
    ) {
        if self.manifest.is_too_costly() {
            return;
        }
        self.note(value);
        let document = self.reader.document;
        let position = document.node(value).position;
        let image = match &parts {
            Ok(parts) => parts.image.clone(),
            Err(_) => image,
        };
        let service = self.owner.service(image.as_ref(), policy);
        match (parts, service, &self.defect) {
            (Ok(parts), Some(service), None) => {
                let key_path = self.key_path();
                self.manifest.chart_versions += usize::from(self.shape == FieldShape::ChartVersion);
                self.manifest.fields.push(ImageField {
                    service,
                    image: parts.image,
                    tag: parts.tag,
                    digest: parts.digest,
                    position,
                    key_path,
                    marker: parts.policy,
                    shape: self.shape,
                    data_key: self.data_key.clone(),
                    tag_site: parts.tag_site,
                    digest_site: parts.digest_site,
                });
            }
            // The duplicate key may be the image's own, so the image is unknown.
            (_, service, Some((reason, position))) => {
                self.refuse((service, None), value, reason.clone(), *position);
            }
            (Err((reason, at)), service, None) => {
                let position = document.node(at).position;
                self.refuse((service, image), value, reason, position);
            }
            (Ok(_), None, None) => {
                self.refuse((None, image), value, RefusalReason::ServiceName(String::new()), position);
            }
        }
    }

    fn refuse(
        &mut self,
        (service, image): (Option<ServiceName>, Option<ImageName>),
        value: NodeId,
        reason: RefusalReason,
        position: Position,
    ) {
        let document = self.reader.document;
        let span = document.node(document.target(value)).span.clone();
        self.manifest.refused_spans.push((span, document.node(value).position));
        let data_key = self.data_key.clone();
        let refusal = Refusal { service, image, position, reason, shape: self.shape, data_key };
        // A defect of a mapping is reported once, not for each field in it.
        if self.manifest.refusals.last() != Some(&refusal) {
            self.manifest.refusals.push(refusal);
        }
    }

    /// The path as text: `spec.values.containers[0].image.tag`.
    pub(super) fn key_path(&self) -> String {
        let mut path = String::new();
        self.path.iter().for_each(|segment| segment.write_to(&mut path));
        path
    }
}

/// Whether a key needs no quotes in a path.
fn is_word(key: &str) -> bool {
    (1..=200).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_without_a_name_takes_that_of_its_image_or_policy() {
        let image: ImageName = "ghcr.io/vtr/my_app".parse().unwrap();
        let policy = PolicyName { namespace: "flux-system".to_owned(), name: "web".to_owned() };
        let unnamed = |namespace: Option<&str>| Owner::Unnamed { namespace: namespace.map(str::to_owned) };
        for (owner, image, policy, expected) in [
            (unnamed(None), Some(&image), Some(&policy), Some("_/my-app")),
            (unnamed(Some("shop")), Some(&image), None, Some("shop/my-app")),
            (unnamed(None), None, Some(&policy), Some("_/web")),
            (unnamed(None), None, None, None),
            (Owner::Named("a/b".parse().unwrap()), Some(&image), None, Some("a/b")),
            (Owner::Invalid, Some(&image), Some(&policy), None),
        ] {
            let service = owner.service(image, policy).map(|service| service.to_string());
            assert_eq!(service.as_deref(), expected);
        }
    }
}
