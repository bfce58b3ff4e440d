//! ConfigMaps: the Helm values in their `data`, which a HelmRelease takes by `valuesFrom`. Each value is a document of its
//! own inside a literal block scalar.

use super::Manifest;
use super::embedded::Embedded;
use super::field::{FieldShape, ImageField, Site};
use super::image::Reader;
use super::position::Position;
use super::record::{Owner, PathSegment, Recorder};
use super::refusal::{Refusal, RefusalReason};
use super::text::{SourceText, may_hold_values};
use super::tree::{Content, Documents, NodeId};
use super::values;

impl ImageField {
    /// The path that the value has in the HelmRelease which takes it, such as `spec.values.image.tag`; `None` where the field
    /// is in no Helm values.
    pub fn path_in_release(&self) -> Option<String> {
        let path = match self.shape {
            FieldShape::Values => return Some(self.key_path.clone()),
            FieldShape::ValuesFile => self.key_path.as_str(),
            FieldShape::ConfigMap => {
                let mut data = String::new();
                PathSegment::Key("data").write_to(&mut data);
                PathSegment::Key(self.data_key.as_deref()?).write_to(&mut data);
                self.key_path.strip_prefix(&data)?.trim_start_matches('.')
            }
            _ => return None,
        };
        Some(format!("{}.{path}", values::VALUES.join(".")))
    }
}

/// Records the image fields in each value of `data`.
pub(super) fn record(recorder: &mut Recorder<'_, '_, '_>, root: NodeId) {
    let document = recorder.reader.document;
    let is_mapping = |node: &NodeId| document.node(document.target(*node)).content == Content::Mapping;
    let Some(data) = document.get(root, "data").filter(is_mapping) else { return };
    let (_, outermost) = recorder.enter(document.target(root));
    let (entries, _) = recorder.enter(document.target(data));
    for entry in entries.iter() {
        let node = document.target(entry.value);
        if let Content::Scalar { value, .. } = &document.node(node).content
            && may_hold_values(value.as_bytes())
        {
            Data { recorder: &mut *recorder, key: entry.key, node, value }.record();
        }
    }
    recorder.leave(outermost);
}

/// One value of `data`.
struct Data<'r, 'd, 't, 'm> {
    recorder: &'r mut Recorder<'d, 't, 'm>,
    key: &'d str,
    /// The scalar.
    node: NodeId,
    value: &'d str,
}

impl Data<'_, '_, '_, '_> {
    fn record(self) {
        // Helm reads the first document. An empty one has nothing to edit.
        let document = match Documents::of(self.value).collect::<Result<Vec<_>, _>>() {
            Ok(documents) => documents.into_iter().next(),
            Err(unreadable) => return self.refuse(RefusalReason::Unreadable(unreadable.reason)),
        };
        let Some(document) = document else { return };
        let mut found = Manifest::default();
        // Flux reads no setter comment in the text of a scalar.
        let source = SourceText { text: self.value, has_markers: false };
        let owner = match &self.recorder.owner {
            Owner::Named(service) => Owner::Named(service.clone()),
            Owner::Unnamed { .. } | Owner::Invalid => Owner::Invalid,
        };
        let reader = Reader { source, document: &document };
        let mut inner = Recorder::new(reader, owner, None, &mut found);
        inner.shape = FieldShape::ConfigMap;
        inner.data_key = Some(self.key.into());
        inner.path.extend([PathSegment::Key("data"), PathSegment::Key(self.key)]);
        values::walk_document(&mut inner, NodeId::ROOT);
        if found.fields.is_empty() && found.refusals.is_empty() {
            return;
        }
        if let Some((reason, position)) = self.recorder.defect.clone() {
            return self.refuse_at(position, reason);
        }
        let outer = self.recorder.reader;
        let start = outer.document.node(self.node).span.start;
        match Embedded::of(outer.source.text, self.value, start) {
            Some(embedded) => self.place(found, &embedded, start),
            None => self.refuse(RefusalReason::NotLiteral),
        }
    }

    /// Adds what was found in the value, by its places in the file.
    fn place(self, found: Manifest, embedded: &Embedded, block: usize) {
        let place =
            |site: Site| Some(Site { span: embedded.in_file(site.span)?, block: Some(block), ..site });
        let fields = found.fields.into_iter().map(|field| {
            Some(ImageField {
                position: embedded.position(field.position),
                tag_site: place(field.tag_site)?,
                digest_site: match field.digest_site {
                    Some(site) => Some(place(site)?),
                    None => None,
                },
                ..field
            })
        });
        let Some(fields) = fields.collect::<Option<Vec<_>>>() else {
            return self.refuse(RefusalReason::NotLiteral);
        };
        let manifest = &mut *self.recorder.manifest;
        manifest.fields.extend(fields);
        manifest.refusals.extend(
            found
                .refusals
                .into_iter()
                .map(|refusal| Refusal { position: embedded.position(refusal.position), ..refusal }),
        );
        let spans = found.refused_spans.into_iter();
        manifest.refused_spans.extend(spans.filter_map(|(span, position)| {
            // A value of several lines is no site of any field.
            Some((embedded.in_file(span)?, embedded.position(position)))
        }));
    }

    fn refuse(self, reason: RefusalReason) {
        let position = self.recorder.reader.document.node(self.node).position;
        self.refuse_at(position, reason);
    }

    fn refuse_at(self, position: Position, reason: RefusalReason) {
        let service = match &self.recorder.owner {
            Owner::Named(service) => Some(service.clone()),
            Owner::Unnamed { .. } | Owner::Invalid => None,
        };
        self.recorder.manifest.refusals.push(Refusal {
            service,
            image: None,
            position,
            reason,
            shape: FieldShape::ConfigMap,
            data_key: Some(self.key.into()),
        });
    }
}
