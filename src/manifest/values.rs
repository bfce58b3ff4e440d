//! Where the image fields are in a HelmRelease's values.
//!
//! Walks `spec.values` once, mappings and sequences in turn, with the keys that lead there, and tells image fields
//! from other values by their keys and their setter comments.

use std::fmt::Write;

use super::Manifest;
use super::entries::{Entries, Entry};
use super::field::ImageField;
use super::image::{Found, Reader, Rejected};
use super::marker::{MarkedPart, Marker, PolicyName};
use super::position::Position;
use super::refusal::{Refusal, RefusalReason};
use super::text::Source;
use super::tree::{Content, Document, NodeId};
use crate::model::{ImageName, Printable, ServiceName};

/// What stands against every field below a place, and where.
pub(super) type Trouble = Option<(RefusalReason, Position)>;

/// The values of one HelmRelease.
pub(super) struct Walk<'d, 't, 'm> {
    reader: Reader<'d, 't>,
    service: Option<ServiceName>,
    /// The keys and indices from `spec.values` to where the walk is.
    path: Vec<Step<'d>>,
    trouble: Trouble,
    manifest: &'m mut Manifest,
}

#[derive(Clone, Copy)]
enum Step<'d> {
    Key(&'d str),
    Index(usize),
}

/// What a scalar stands beside in its mapping; nothing in a sequence.
#[derive(Clone, Copy, Default)]
struct Siblings {
    /// Whether `repository` names an image.
    has_repository: bool,
    /// Whether there is a tag that a digest can be of.
    has_tag: bool,
    /// The key `digest`, or else the value that a setter comment calls so.
    digest: Option<NodeId>,
}

impl<'d, 't, 'm> Walk<'d, 't, 'm> {
    /// A walk over the values of `service`; `trouble` is what already stands against its fields.
    pub(super) fn new(
        source: Source<'d>,
        document: &'d Document<'t>,
        service: Option<ServiceName>,
        trouble: Trouble,
        manifest: &'m mut Manifest,
    ) -> Self {
        let path = vec![Step::Key("spec"), Step::Key("values")];
        Self { reader: Reader { source, document }, service, path, trouble, manifest }
    }

    /// Takes what is below `id`, perhaps an alias.
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
            self.path.push(Step::Index(index));
            match self.marker(item) {
                Ok(Some(marker)) => self.marked(marker, item, Siblings::default()),
                Ok(None) => self.below(item),
                Err(rejected) => self.take(item, Err(rejected)),
            }
            self.path.pop();
        }
    }

    fn mapping(&mut self, mapping: NodeId) {
        let mut entries = Entries::of(self.reader.document, mapping);
        let before = self.trouble.clone();
        self.trouble = self.trouble.take().or_else(|| entries.trouble.take());
        let siblings = self.siblings(&entries);
        for entry in entries.iter() {
            self.path.push(Step::Key(entry.key));
            self.entry(entry, &entries, siblings);
            self.path.pop();
        }
        self.trouble = before;
    }

    /// Looks once for what the scalars of a mapping have to know of each other.
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

    fn entry(&mut self, entry: Entry<'d>, entries: &Entries<'d>, siblings: Siblings) {
        let Entry { key, value } = entry;
        let marker = match self.marker(value) {
            Ok(marker) => marker,
            Err(rejected) => return self.take(value, Err(rejected)),
        };
        let marks_other_part = marker.as_ref().is_some_and(|marker| marker.part != MarkedPart::Tag);
        if key == "tag" && siblings.has_repository && !marks_other_part {
            let policy = marker.map(|marker| marker.policy).or_else(|| self.policy_at_anchor(value));
            let name = self.reader.name(entries);
            let image = name.as_ref().ok().cloned().flatten();
            let found = name.and_then(|image| self.reader.tag(value, siblings.digest, image, policy));
            return self.take_of(image, value, found);
        }
        match marker {
            Some(marker) => self.marked(marker, value, siblings),
            None if key == "image" && self.reader.may_be_reference(value) => {
                let policy = self.policy_at_anchor(value);
                self.take_of(
                    self.reader.name_in_reference(value),
                    value,
                    self.reader.reference(value, policy),
                );
            }
            None => self.below(value),
        }
    }

    /// Takes a scalar with a setter comment.
    fn marked(&mut self, marker: Marker, value: NodeId, siblings: Siblings) {
        match marker.part {
            MarkedPart::Reference => {
                let found = self.reader.reference(value, Some(marker.policy));
                self.take_of(self.reader.name_in_reference(value), value, found);
            }
            MarkedPart::Tag => {
                let found = self.reader.tag(value, siblings.digest, None, Some(marker.policy));
                self.take(value, found);
            }
            MarkedPart::Digest if !siblings.has_tag => {
                self.take(value, Err((RefusalReason::DigestAlone, value)));
            }
            MarkedPart::Name | MarkedPart::Digest => {}
        }
    }

    fn marker(&self, id: NodeId) -> Result<Option<Marker>, Rejected> {
        self.reader.marker(id)
    }

    /// The policy that the setter comment of an alias' anchor names.
    fn policy_at_anchor(&self, id: NodeId) -> Option<PolicyName> {
        let marker = self.marker(self.reader.document.target(id)).ok()?;
        marker.map(|marker| marker.policy)
    }

    /// Keeps what was found at `value`, or why it is left alone.
    fn take(&mut self, value: NodeId, found: Result<Found, Rejected>) {
        self.take_of(None, value, found);
    }

    /// The same, where it is known of which image it is even if it is left alone.
    fn take_of(&mut self, image: Option<ImageName>, value: NodeId, found: Result<Found, Rejected>) {
        let document = self.reader.document;
        let position = document.node(value).position;
        match (found, &self.service, &self.trouble) {
            (Ok(found), Some(service), None) => {
                let service = service.clone();
                let key_path = self.key_path();
                self.manifest.fields.push(ImageField {
                    service,
                    image: found.image,
                    tag: found.tag,
                    digest: found.digest,
                    position,
                    key_path,
                    marker: found.policy,
                    tag_site: found.tag_site,
                    digest_site: found.digest_site,
                });
            }
            // A key that stands twice may be that of the image.
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
        // What stands against a mapping is told once, not for each field in it.
        if self.manifest.refusals.last() != Some(&refusal) {
            self.manifest.refusals.push(refusal);
        }
    }

    /// The keys as a person would write them: `spec.values.containers[0].image.tag`.
    fn key_path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            let dot = if path.is_empty() { "" } else { "." };
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Key(key) if is_word(key) => write!(path, "{dot}{key}"),
                Step::Key(key) => write!(path, "[\"{}\"]", Printable::new(key)),
                Step::Index(index) => write!(path, "[{index}]"),
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
