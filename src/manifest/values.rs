//! Walks an object and recognizes image fields: in the values of a HelmRelease by their keys and setter comments, elsewhere
//! by setter comments alone.

use super::entries::{Entries, Entry};
use super::field::FieldShape;
use super::image::Rejection;
use super::marker::{MarkedPart, Marker, PolicyName};
use super::record::{PathSegment, Recorder};
use super::refusal::RefusalReason;
use super::tree::{Content, NodeId};

/// The path of a HelmRelease's values.
pub(super) const VALUES: [&str; 2] = ["spec", "values"];

/// A walk over one object.
pub(super) struct Walk<'r, 'd, 't, 'm> {
    recorder: &'r mut Recorder<'d, 't, 'm>,
    rules: Rules,
    /// The value of the closest `global.imageRegistry` or `global.image.registry` above the current node.
    global_registry: Option<NodeId>,
}

/// What is recognized.
#[derive(Clone, Copy)]
enum Rules {
    /// Helm values. Those of a patch may hold tags without a repository.
    Values { is_patch: bool },
    /// Helm values outside of a HelmRelease, which may hold tags without a repository. Setter comments are read apart.
    Document,
    /// Setter comments, as Flux reads them; `is_release` leaves the values of a HelmRelease out.
    Comments { is_release: bool },
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

/// Walks the values of a HelmRelease.
pub(super) fn walk_values(recorder: &mut Recorder<'_, '_, '_>, values: NodeId, is_patch: bool) {
    recorder.shape = FieldShape::Values;
    recorder.path.extend(VALUES.map(PathSegment::Key));
    Walk { recorder, rules: Rules::Values { is_patch }, global_registry: None }.below(values);
    recorder.path.clear();
}

/// Walks a document of Helm values that is not part of a HelmRelease, from its root.
pub(super) fn walk_document(recorder: &mut Recorder<'_, '_, '_>, root: NodeId) {
    Walk { recorder, rules: Rules::Document, global_registry: None }.below(root);
}

/// Walks an object for the setter comments that are not of recorded fields.
pub(super) fn walk_comments(recorder: &mut Recorder<'_, '_, '_>, root: NodeId, is_release: bool) {
    recorder.shape = FieldShape::SetterComment;
    Walk { recorder, rules: Rules::Comments { is_release }, global_registry: None }.below(root);
}

/// Records the `image` of a mapping, such as a container, if it is a reference with a tag.
pub(super) fn record_image(recorder: &mut Recorder<'_, '_, '_>, image: NodeId) {
    let mut walk = Walk { recorder, rules: Rules::Comments { is_release: false }, global_registry: None };
    match walk.marker(image) {
        Err(rejection) => walk.recorder.record(None, None, image, Err(rejection)),
        Ok(Some(marker)) => walk.marked(marker, image, Siblings::default()),
        Ok(None) => walk.reference(image),
    }
}

impl<'d> Walk<'_, 'd, '_, '_> {
    /// Walks the collection at `id`, which may be an alias.
    fn below(&mut self, id: NodeId) {
        let document = self.recorder.reader.document;
        let target = document.target(id);
        // What an alias repeats has its setter comments at the anchor.
        if target != id && !self.is_values() {
            return;
        }
        match document.node(target).content {
            Content::Mapping => self.mapping(target),
            Content::Sequence => self.sequence(target),
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
    }

    fn is_values(&self) -> bool {
        !matches!(self.rules, Rules::Comments { .. })
    }

    fn sequence(&mut self, sequence: NodeId) {
        for (index, item) in self.recorder.reader.document.children(sequence).enumerate() {
            self.recorder.path.push(PathSegment::Index(index));
            if !self.recorder.is_recorded(item) {
                match self.marker(item) {
                    Ok(Some(_)) | Err(_) if matches!(self.rules, Rules::Document) => {}
                    Ok(Some(marker)) => self.marked(marker, item, Siblings::default()),
                    Ok(None) => self.below(item),
                    Err(rejection) => self.recorder.record(None, None, item, Err(rejection)),
                }
            }
            self.recorder.path.pop();
        }
    }

    fn mapping(&mut self, mapping: NodeId) {
        let (entries, above) = self.recorder.enter(mapping);
        let global_above = self.global_registry;
        let siblings = if self.is_values() {
            self.global_registry = self.recorder.reader.global_registry(&entries).or(global_above);
            let siblings = self.siblings(&entries);
            self.note_untagged_image(&entries, siblings);
            siblings
        } else {
            self.siblings(&entries)
        };
        for entry in entries.iter() {
            self.recorder.path.push(PathSegment::Key(entry.key));
            if !self.is_left_out(entry.value) {
                self.entry(entry, &entries, siblings);
            }
            self.recorder.path.pop();
        }
        self.recorder.leave(above);
        self.global_registry = global_above;
    }

    /// Whether the value at the current path is recorded already, or is read by other rules.
    fn is_left_out(&self, value: NodeId) -> bool {
        let Rules::Comments { is_release } = self.rules else { return false };
        let path = &self.recorder.path;
        let is_at_values = || {
            path.len() == VALUES.len()
                && path
                    .iter()
                    .zip(VALUES)
                    .all(|(step, key)| matches!(step, PathSegment::Key(at) if *at == key))
        };
        self.recorder.is_recorded(value) || (is_release && is_at_values())
    }

    fn siblings(&self, entries: &Entries<'d>) -> Siblings {
        let mut siblings = Siblings::default();
        if self.is_values() {
            siblings.has_repository = self.recorder.reader.has_repository(entries);
            siblings.has_tag = siblings.has_repository && entries.get("tag").is_some();
            siblings.digest = entries.get("digest");
        }
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
        let reader = self.recorder.reader;
        let tag = entries.get("tag").and_then(|tag| reader.document.text(tag));
        if !siblings.has_repository
            || self.recorder.defect.is_some()
            || !matches!(self.rules, Rules::Values { .. })
            || tag.is_some_and(|tag| !matches!(tag, "" | "~" | "null"))
        {
            return;
        }
        let Ok(Some(image)) = reader.name(entries, self.global_registry) else { return };
        let key_path = self.recorder.key_path();
        if let Some(release) = self.recorder.manifest.releases.last_mut() {
            release.untagged_images.push((key_path, image));
        }
    }

    fn entry(&mut self, entry: Entry<'d>, entries: &Entries<'d>, siblings: Siblings) {
        let Entry { key, value } = entry;
        let marker = match self.marker(value) {
            Ok(Some(_)) | Err(_) if matches!(self.rules, Rules::Document) => return,
            Ok(marker) => marker,
            Err(rejection) => return self.recorder.record(None, None, value, Err(rejection)),
        };
        let is_patch = match self.rules {
            Rules::Values { is_patch } => is_patch,
            Rules::Document => true,
            Rules::Comments { .. } => {
                return match marker {
                    Some(marker) => self.marked(marker, value, siblings),
                    None => self.below(value),
                };
            }
        };
        let marks_other_part = marker.as_ref().is_some_and(|marker| marker.part != MarkedPart::Tag);
        if key == "tag" && siblings.has_repository && !marks_other_part {
            return self.tag_beside_repository(marker, value, entries, siblings);
        }
        if key == "tag" && marker.is_none() && is_patch && entries.get("repository").is_none() {
            return self.tag_alone(value, entries, siblings);
        }
        match marker {
            Some(marker) => self.marked(marker, value, siblings),
            None if key == "image" && self.recorder.reader.may_be_reference(value) => self.reference(value),
            None => self.below(value),
        }
    }

    fn tag_beside_repository(
        &mut self,
        marker: Option<Marker>,
        value: NodeId,
        entries: &Entries<'d>,
        siblings: Siblings,
    ) {
        let reader = self.recorder.reader;
        let policy = marker.map(|marker| marker.policy).or_else(|| self.policy_at_anchor(value));
        let name = reader.name(entries, self.global_registry);
        let image = name.as_ref().ok().cloned().flatten();
        let is_marked = policy.is_some();
        let parts = name.and_then(|image| reader.tag(value, siblings.digest, image, policy));
        // An empty tag leaves the version to the chart.
        if matches!(parts, Err((RefusalReason::Empty, at)) if at == value) && !is_marked {
            return;
        }
        self.recorder.record(image, None, value, parts);
    }

    /// Records the tag of a patch whose repository is in the patched HelmRelease.
    fn tag_alone(&mut self, value: NodeId, entries: &Entries<'d>, siblings: Siblings) {
        let policy = self.policy_at_anchor(value);
        let parts = match self.recorder.reader.tag(value, siblings.digest, None, policy) {
            Err((RefusalReason::Empty | RefusalReason::NotScalar, at)) if at == value => return,
            Ok(_) if entries.get("registry").or(self.global_registry).is_some() => {
                Err((RefusalReason::RegistryAlone, value))
            }
            parts => parts,
        };
        self.recorder.record(None, None, value, parts);
    }

    /// Records a complete reference, if the value is one.
    fn reference(&mut self, value: NodeId) {
        let reader = self.recorder.reader;
        if reader.may_be_reference(value) {
            let policy = self.policy_at_anchor(value);
            self.recorder.record(
                reader.name_in_reference(value),
                None,
                value,
                reader.reference(value, policy),
            );
        }
    }

    /// Records a scalar that has a setter comment.
    fn marked(&mut self, marker: Marker, value: NodeId, siblings: Siblings) {
        let reader = self.recorder.reader;
        let policy = marker.policy;
        match marker.part {
            MarkedPart::Reference => {
                let parts = reader.reference(value, Some(policy.clone()));
                self.recorder.record(reader.name_in_reference(value), Some(&policy), value, parts);
            }
            MarkedPart::Tag => {
                let parts = reader.tag(value, siblings.digest, None, Some(policy.clone()));
                self.recorder.record(None, Some(&policy), value, parts);
            }
            MarkedPart::Digest if !siblings.has_tag => {
                let alone = Err((RefusalReason::DigestAlone, value));
                self.recorder.record(None, Some(&policy), value, alone);
            }
            MarkedPart::Name | MarkedPart::Digest => {}
        }
    }

    fn marker(&self, id: NodeId) -> Result<Option<Marker>, Rejection> {
        self.recorder.reader.marker(id)
    }

    /// The policy in the setter comment of the scalar that an alias refers to.
    fn policy_at_anchor(&self, id: NodeId) -> Option<PolicyName> {
        let marker = self.marker(self.recorder.reader.document.target(id)).ok()?;
        marker.map(|marker| marker.policy)
    }
}
