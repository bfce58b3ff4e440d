//! Finds the image fields in the values of a HelmRelease: walks `spec.values` once and recognizes fields by their keys and
//! setter comments.

use std::fmt::Write;

use super::Manifest;
use super::entries::{Entries, Entry};
use super::field::ImageField;
use super::image::{FieldParts, Reader, Rejection};
use super::marker::{MarkedPart, Marker, PolicyName};
use super::position::Position;
use super::refusal::{Defect, Refusal, RefusalReason};
use super::text::SourceText;
use super::tree::{Content, Document, NodeId};
use crate::model::{ImageName, Printable, ServiceName};

/// The values of one HelmRelease.
pub(super) struct Walk<'d, 't, 'm> {
    reader: Reader<'d, 't>,
    service: Option<ServiceName>,
    /// The path from the root of the object to the current node.
    path: Vec<PathSegment<'d>>,
    /// Applies to every field below the current node.
    defect: Option<Defect>,
    /// The value of the closest `global.imageRegistry` or `global.image.registry` above the current node.
    global_registry: Option<NodeId>,
    /// Whether the HelmRelease is a patch, whose tags may stand without a repository.
    is_patch: bool,
    manifest: &'m mut Manifest,
}

#[derive(Clone, Copy)]
enum PathSegment<'d> {
    Key(&'d str),
    Index(usize),
}

/// What a scalar's mapping holds besides it; the default for items of a sequence.
#[derive(Clone, Copy, Default)]
struct Siblings {
    /// Whether `repository` names an image.
    has_repository: bool,
    /// Whether there is a tag to which a digest can belong.
    has_tag: bool,
    /// The value of `digest`, or the value whose setter comment marks a digest.
    digest: Option<NodeId>,
}

impl<'d, 't, 'm> Walk<'d, 't, 'm> {
    /// A walk over the values of `service`. A `defect` refuses all of its fields.
    pub(super) fn new(
        source: SourceText<'d>,
        document: &'d Document<'t>,
        service: Option<ServiceName>,
        defect: Option<Defect>,
        is_patch: bool,
        manifest: &'m mut Manifest,
    ) -> Self {
        let path = vec![PathSegment::Key("spec"), PathSegment::Key("values")];
        let reader = Reader { source, document };
        Self { reader, service, path, defect, global_registry: None, is_patch, manifest }
    }

    /// Walks the collection at `id`, which may be an alias.
    pub(super) fn below(&mut self, id: NodeId) {
        let document = self.reader.document;
        let target = document.target(id);
        match document.node(target).content {
            Content::Mapping => self.mapping(target),
            Content::Sequence => self.sequence(target),
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
    }

    fn sequence(&mut self, sequence: NodeId) {
        for (index, item) in self.reader.document.children(sequence).enumerate() {
            self.path.push(PathSegment::Index(index));
            match self.marker(item) {
                Ok(Some(marker)) => self.marked(marker, item, Siblings::default()),
                Ok(None) => self.below(item),
                Err(rejection) => self.record(None, item, Err(rejection)),
            }
            self.path.pop();
        }
    }

    fn mapping(&mut self, mapping: NodeId) {
        let mut entries = Entries::of(self.reader.document, mapping);
        let above = (self.defect.clone(), self.global_registry);
        self.defect = self.defect.take().or_else(|| entries.defect.take());
        self.global_registry = self.reader.global_registry(&entries).or(self.global_registry);
        let siblings = self.siblings(&entries);
        self.note_untagged_image(&entries, siblings);
        for entry in entries.iter() {
            self.path.push(PathSegment::Key(entry.key));
            self.entry(entry, &entries, siblings);
            self.path.pop();
        }
        (self.defect, self.global_registry) = above;
    }

    fn siblings(&self, entries: &Entries<'d>) -> Siblings {
        let has_repository = self.reader.has_repository(entries);
        let mut siblings = Siblings {
            has_repository,
            has_tag: has_repository && entries.get("tag").is_some(),
            digest: entries.get("digest"),
        };
        for entry in entries.iter() {
            match self.marker(entry.value) {
                Ok(Some(Marker { part: MarkedPart::Tag, .. })) => siblings.has_tag = true,
                Ok(Some(Marker { part: MarkedPart::Digest, .. })) => {
                    siblings.digest.get_or_insert(entry.value);
                }
                _ => {}
            }
        }
        siblings
    }

    /// Notes an image without a tag, to which a patch may add one.
    fn note_untagged_image(&mut self, entries: &Entries<'d>, siblings: Siblings) {
        let tag = entries.get("tag").and_then(|tag| self.reader.document.text(tag));
        if !siblings.has_repository
            || self.defect.is_some()
            || tag.is_some_and(|tag| !matches!(tag, "" | "~" | "null"))
        {
            return;
        }
        let Ok(Some(image)) = self.reader.name(entries, self.global_registry) else { return };
        let key_path = self.key_path();
        if let Some(release) = self.manifest.releases.last_mut() {
            release.untagged_images.push((key_path, image));
        }
    }

    fn entry(&mut self, entry: Entry<'d>, entries: &Entries<'d>, siblings: Siblings) {
        let Entry { key, value } = entry;
        let marker = match self.marker(value) {
            Ok(marker) => marker,
            Err(rejection) => return self.record(None, value, Err(rejection)),
        };
        let marks_other_part = marker.as_ref().is_some_and(|marker| marker.part != MarkedPart::Tag);
        if key == "tag" && siblings.has_repository && !marks_other_part {
            let policy = marker.map(|marker| marker.policy).or_else(|| self.policy_at_anchor(value));
            let name = self.reader.name(entries, self.global_registry);
            let image = name.as_ref().ok().cloned().flatten();
            let is_marked = policy.is_some();
            let parts = name.and_then(|image| self.reader.tag(value, siblings.digest, image, policy));
            // An empty tag leaves the version to the chart.
            if matches!(parts, Err((RefusalReason::Empty, at)) if at == value) && !is_marked {
                return;
            }
            return self.record(image, value, parts);
        }
        if key == "tag" && marker.is_none() && self.is_patch && entries.get("repository").is_none() {
            return self.tag_alone(value, entries, siblings);
        }
        match marker {
            Some(marker) => self.marked(marker, value, siblings),
            None if key == "image" && self.reader.may_be_reference(value) => {
                let policy = self.policy_at_anchor(value);
                self.record(
                    self.reader.name_in_reference(value),
                    value,
                    self.reader.reference(value, policy),
                );
            }
            None => self.below(value),
        }
    }

    /// Records the tag of a patch whose repository is in the patched HelmRelease.
    fn tag_alone(&mut self, value: NodeId, entries: &Entries<'d>, siblings: Siblings) {
        let policy = self.policy_at_anchor(value);
        let parts = match self.reader.tag(value, siblings.digest, None, policy) {
            Err((RefusalReason::Empty | RefusalReason::NotScalar, at)) if at == value => return,
            Ok(_) if entries.get("registry").or(self.global_registry).is_some() => {
                Err((RefusalReason::RegistryAlone, value))
            }
            parts => parts,
        };
        self.record(None, value, parts);
    }

    /// Records a scalar that has a setter comment.
    fn marked(&mut self, marker: Marker, value: NodeId, siblings: Siblings) {
        match marker.part {
            MarkedPart::Reference => {
                let parts = self.reader.reference(value, Some(marker.policy));
                self.record(self.reader.name_in_reference(value), value, parts);
            }
            MarkedPart::Tag => {
                let parts = self.reader.tag(value, siblings.digest, None, Some(marker.policy));
                self.record(None, value, parts);
            }
            MarkedPart::Digest if !siblings.has_tag => {
                self.record(None, value, Err((RefusalReason::DigestAlone, value)));
            }
            MarkedPart::Name | MarkedPart::Digest => {}
        }
    }

    fn marker(&self, id: NodeId) -> Result<Option<Marker>, Rejection> {
        self.reader.marker(id)
    }

    /// The policy in the setter comment of the scalar that an alias refers to.
    fn policy_at_anchor(&self, id: NodeId) -> Option<PolicyName> {
        let marker = self.marker(self.reader.document.target(id)).ok()?;
        marker.map(|marker| marker.policy)
    }

    /// Records the field at `value`, or a refusal, which carries `image` where that is known.
    fn record(&mut self, image: Option<ImageName>, value: NodeId, parts: Result<FieldParts, Rejection>) {
        if self.manifest.is_too_costly() {
            return;
        }
        let document = self.reader.document;
        let position = document.node(value).position;
        match (parts, &self.service, &self.defect) {
            (Ok(parts), Some(service), None) => {
                let service = service.clone();
                let key_path = self.key_path();
                self.manifest.fields.push(ImageField {
                    service,
                    image: parts.image,
                    tag: parts.tag,
                    digest: parts.digest,
                    position,
                    key_path,
                    marker: parts.policy,
                    tag_site: parts.tag_site,
                    digest_site: parts.digest_site,
                });
            }
            // The duplicate key may be the image's own, so the image is unknown.
            (_, _, Some((reason, position))) => self.refuse(None, value, reason.clone(), *position),
            (Err((reason, at)), _, None) => {
                let position = document.node(at).position;
                self.refuse(image, value, reason, position);
            }
            (Ok(_), None, None) => {
                self.refuse(image, value, RefusalReason::ServiceName(String::new()), position);
            }
        }
    }

    fn refuse(&mut self, image: Option<ImageName>, value: NodeId, reason: RefusalReason, position: Position) {
        let document = self.reader.document;
        let span = document.node(document.target(value)).span.clone();
        self.manifest.refused_spans.push((span, document.node(value).position));
        let refusal = Refusal { service: self.service.clone(), image, position, reason };
        // A defect of a mapping is reported once, not for each field in it.
        if self.manifest.refusals.last() != Some(&refusal) {
            self.manifest.refusals.push(refusal);
        }
    }

    /// The path as text: `spec.values.containers[0].image.tag`.
    fn key_path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            let dot = if path.is_empty() { "" } else { "." };
            // Writing to a string cannot fail.
            let _ = match step {
                PathSegment::Key(key) if is_word(key) => write!(path, "{dot}{key}"),
                PathSegment::Key(key) => write!(path, "[\"{}\"]", Printable::new(key)),
                PathSegment::Index(index) => write!(path, "[{index}]"),
            };
        }
        path
    }
}

/// Whether a key needs no quotes in a path.
fn is_word(key: &str) -> bool {
    (1..=200).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte))
}
