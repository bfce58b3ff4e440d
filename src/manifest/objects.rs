//! The objects of a document, alone or in a list: what of each is read.

use super::Manifest;
use super::chart;
use super::config_map;
use super::entries::Entries;
use super::field::FieldShape;
use super::flux::{self, FluxObject};
use super::image::Reader;
use super::kinds::Kind;
use super::kustomize_images;
use super::oci_repository;
use super::record::{Owner, Recorder, service_of};
use super::refusal::{Defect, RefusalReason};
use super::release;
use super::text::SourceText;
use super::tree::{Document, NodeId};
use super::values;
use super::workload;
use crate::model::ServiceName;

/// Stands for the name of a file of Helm values, until a HelmRelease takes it.
const VALUES_FILE: &str = "values";

/// The deepest nesting of lists of objects.
const MAX_LIST_DEPTH: usize = 4;

/// Adds the contents of the document's object, or of each object in a list, to `manifest`.
pub(super) fn read(source: SourceText<'_>, document: &Document<'_>, manifest: &mut Manifest) {
    let defect = encrypted_whole(document);
    Objects { reader: Reader { source, document }, manifest }.object(NodeId::ROOT, defect, MAX_LIST_DEPTH);
}

/// A defect where a SOPS MAC covers every value of the document, so that no value can change without the key.
pub(super) fn encrypted_whole(document: &Document<'_>) -> Option<Defect> {
    let mac = document.get_path(NodeId::ROOT, &["sops", "mac"])?;
    let covers_encrypted_only = document
        .get_path(NodeId::ROOT, &["sops", "mac_only_encrypted"])
        .is_some_and(|node| document.text(node) == Some("true"));
    let is_set = document.text(mac).is_none_or(|mac| !mac.is_empty());
    (is_set && !covers_encrypted_only).then(|| (RefusalReason::SopsMac, document.node(mac).position))
}

struct Objects<'d, 't, 'm> {
    reader: Reader<'d, 't>,
    manifest: &'m mut Manifest,
}

impl Objects<'_, '_, '_> {
    fn object(&mut self, root: NodeId, defect: Option<Defect>, lists_left: usize) {
        let document = self.reader.document;
        let text_of = |key| document.get(root, key).and_then(|node| document.text(node)).unwrap_or_default();
        let (api_version, kind) = (text_of("apiVersion"), text_of("kind"));
        let found = match Kind::of(api_version, kind) {
            Kind::Other | Kind::Kustomization | Kind::Workload(_) if self.has_twice(root, "HelmRelease") => {
                Kind::HelmRelease
            }
            found => found,
        };
        let first = self.manifest.fields.len();
        match found {
            Kind::List if lists_left > 0 => return self.list(root, defect, lists_left - 1),
            Kind::HelmRelease => {
                release::read(self.reader, root, api_version, defect, self.manifest);
            }
            Kind::FluxKustomization => {
                self.manifest.flux_kustomizations.extend(flux::read_kustomization(
                    self.reader.source.text,
                    document,
                    root,
                ));
                self.fields(root, defect, |recorder| {
                    kustomize_images::record(recorder, root, &["spec", "images"]);
                });
            }
            Kind::Kustomization => {
                if kind.is_empty() {
                    self.values_file(root, defect.clone());
                }
                self.fields(root, defect, |recorder| {
                    kustomize_images::record(recorder, root, &["images"]);
                });
            }
            Kind::ConfigMap => self.fields(root, defect, |recorder| {
                recorder.shape = FieldShape::ConfigMap;
                config_map::record(recorder, root);
            }),
            Kind::Workload(path) => {
                self.fields(root, defect, |recorder| workload::record(recorder, root, path));
            }
            Kind::OciRepository => {
                self.fields(root, defect, |recorder| oci_repository::record(recorder, root));
            }
            Kind::HelmRepository => {
                self.manifest.helm_repositories.extend(chart::read_repository(document, root));
                self.fields(root, defect, |_| ());
            }
            Kind::FluxImages => {
                let version = api_version.split_once('/').map_or("", |(_, version)| version);
                if let Some(object) = flux::read(document, root, version, kind) {
                    self.flux(object);
                }
                self.fields(root, defect, |_| ());
            }
            Kind::List | Kind::Other => self.fields(root, defect, |_| ()),
        }
        // Setter comments are found after the other fields of the object.
        if self.reader.source.has_markers
            && let Some(fields) = self.manifest.fields.get_mut(first..)
        {
            fields.sort_by_key(|field| field.position);
        }
    }

    /// Records the fields of an object that may have no name, and those of its setter comments.
    fn fields(
        &mut self,
        root: NodeId,
        defect: Option<Defect>,
        record: impl FnOnce(&mut Recorder<'_, '_, '_>),
    ) {
        let (owner, name_defect) = owner(self.reader, root);
        let mut recorder = Recorder::new(self.reader, owner, defect.or(name_defect), self.manifest);
        record(&mut recorder);
        if self.reader.source.has_markers {
            values::walk_comments(&mut recorder, root, false);
        }
    }

    /// Records the fields of Helm values that are a file of their own, under the name [`VALUES_FILE`].
    fn values_file(&mut self, root: NodeId, defect: Option<Defect>) {
        let owner = ServiceName::without_namespace(VALUES_FILE).map_or(Owner::Invalid, Owner::Named);
        let mut recorder = Recorder::new(self.reader, owner, defect, self.manifest);
        recorder.shape = FieldShape::ValuesFile;
        values::walk_document(&mut recorder, root);
    }

    /// Whether `kind` or `apiVersion` occurs twice and one of the kinds is `kind`.
    fn has_twice(&self, root: NodeId, kind: &str) -> bool {
        let document = self.reader.document;
        let texts = |key: &'static str| {
            let entries = document.entries(root);
            let values = entries.filter(move |(name, _)| document.text(*name) == Some(key));
            values.map(|(_, value)| document.text(value))
        };
        texts("kind").count() + texts("apiVersion").count() > 2
            && texts("kind").any(|text| text == Some(kind))
    }

    fn list(&mut self, root: NodeId, defect: Option<Defect>, lists_left: usize) {
        let document = self.reader.document;
        let defect = defect.or_else(|| Entries::of(document, root).defect);
        let Some(items) = document.get(root, "items") else { return };
        for item in document.children(document.target(items)) {
            self.object(item, defect.clone(), lists_left);
        }
    }

    fn flux(&mut self, object: FluxObject) {
        match object {
            FluxObject::Policy(policy) => self.manifest.image_policies.push(policy),
            FluxObject::Repository(repository) => self.manifest.image_repositories.push(repository),
            FluxObject::Automation(automation) => self.manifest.automations.push(automation),
        }
    }
}

/// The service of an object that may have no name, and the defect of a name that is not valid.
pub(super) fn owner(reader: Reader<'_, '_>, root: NodeId) -> (Owner, Option<Defect>) {
    let document = reader.document;
    let name = document.get_path(root, &["metadata", "name"]);
    if name.and_then(|name| document.text(name)).is_some_and(|name| !name.is_empty()) {
        return match service_of(reader, root) {
            Ok(service) => (Owner::Named(service), None),
            Err(defect) => (Owner::Invalid, Some(defect)),
        };
    }
    // A kustomization.yaml sets the namespace of what it lists, and its fields are of that.
    let namespace = document.get_path(root, &["metadata", "namespace"]);
    let namespace = namespace.and_then(|node| document.text(node)).filter(|text| !text.is_empty());
    (Owner::Unnamed { namespace: namespace.map(str::to_owned) }, None)
}
