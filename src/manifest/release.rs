//! The objects of a document: HelmReleases and Flux's image objects, alone or in a list.

use super::Manifest;
use super::entries::Entries;
use super::flux::{self, FluxObject};
use super::refusal::{Defect, Refusal, RefusalReason};
use super::text::SourceText;
use super::tree::{Document, NodeId};
use super::values::Walk;
use crate::model::ServiceName;

/// The API group of HelmRelease.
const GROUP: &str = "helm.toolkit.fluxcd.io";
/// The API versions that are read.
const VERSIONS: [&str; 3] = ["v2beta1", "v2beta2", "v2"];
/// The deepest nesting of lists of objects.
const MAX_LIST_DEPTH: usize = 4;

/// Adds the contents of the document's object, or of each object in a list, to `manifest`.
pub(super) fn read(source: SourceText<'_>, document: &Document<'_>, manifest: &mut Manifest) {
    Objects { source, document, manifest }.object(NodeId::ROOT, None, MAX_LIST_DEPTH);
}

struct Objects<'d, 't, 'm> {
    source: SourceText<'d>,
    document: &'d Document<'t>,
    manifest: &'m mut Manifest,
}

impl Objects<'_, '_, '_> {
    fn object(&mut self, root: NodeId, defect: Option<Defect>, lists_left: usize) {
        let text_of = |key| self.document.get(root, key).and_then(|node| self.document.text(node));
        let (Some(kind), Some(api_version)) = (text_of("kind"), text_of("apiVersion")) else { return };
        match (api_version.split_once('/').unwrap_or(("", api_version)), kind) {
            ((GROUP, version), "HelmRelease") => self.release(root, version, defect),
            (("", "v1"), "List") | ((GROUP, _), "HelmReleaseList") if lists_left > 0 => {
                self.list(root, defect, lists_left - 1);
            }
            ((flux::GROUP, version), kind) => {
                if let Some(object) = flux::read(self.document, root, version, kind) {
                    self.flux(object);
                }
            }
            _ => {}
        }
    }

    fn list(&mut self, root: NodeId, defect: Option<Defect>, lists_left: usize) {
        let defect = defect.or_else(|| Entries::of(self.document, root).defect);
        let Some(items) = self.document.get(root, "items") else { return };
        for item in self.document.children(self.document.target(items)) {
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

    fn release(&mut self, root: NodeId, version: &str, defect: Option<Defect>) {
        let (service, name_defect) = match self.service(root) {
            Ok(service) => (Some(service), None),
            Err(defect) => (None, Some(defect)),
        };
        if !VERSIONS.contains(&version) {
            let node = self.document.get(root, "apiVersion").unwrap_or(root);
            let position = self.document.node(node).position;
            let reason = RefusalReason::ApiVersion(version.to_owned());
            self.manifest.refusals.push(Refusal { service, image: None, position, reason });
            return;
        }
        let above_values = [Some(root), self.document.get(root, "metadata"), self.document.get(root, "spec")];
        let duplicate =
            || above_values.into_iter().flatten().find_map(|node| Entries::of(self.document, node).defect);
        let Some(values) = self.document.get_path(root, &["spec", "values"]) else { return };
        let defect = defect.or_else(duplicate).or(name_defect);
        Walk::new(self.source, self.document, service, defect, self.manifest).below(values);
    }

    fn service(&self, root: NodeId) -> Result<ServiceName, (RefusalReason, super::Position)> {
        let part = |key| self.document.get_path(root, &["metadata", key]);
        let text = |node: Option<NodeId>| node.and_then(|node| self.document.text(node));
        let (namespace, name) = (part("namespace"), part("name"));
        let namespace_text = text(namespace).filter(|text| !text.is_empty()).unwrap_or("default");
        let name_text = text(name).unwrap_or_default();
        ServiceName::new(namespace_text, name_text).map_err(|_| {
            let at = name.or(namespace).unwrap_or(root);
            let full = format!("{namespace_text}/{name_text}");
            (RefusalReason::ServiceName(full), self.document.node(at).position)
        })
    }
}
