//! Which objects of a document are read: each HelmRelease by its name, and Flux's own image objects.

use super::Manifest;
use super::entries::Entries;
use super::flux::{self, FluxObject};
use super::refusal::{Refusal, RefusalReason};
use super::text::Source;
use super::tree::{Document, NodeId};
use super::values::{Trouble, Walk};
use crate::model::ServiceName;

/// The API group of HelmRelease.
const GROUP: &str = "helm.toolkit.fluxcd.io";
/// The versions of it that are read.
const VERSIONS: [&str; 3] = ["v2beta1", "v2beta2", "v2"];
/// How deep lists of objects may stand in one another.
const MOST_LISTS: usize = 4;

/// Adds what the object at `root`, or each object of a list there, holds.
pub(super) fn read(source: Source<'_>, document: &Document<'_>, manifest: &mut Manifest) {
    Objects { source, document, manifest }.object(NodeId::ROOT, None, MOST_LISTS);
}

struct Objects<'d, 't, 'm> {
    source: Source<'d>,
    document: &'d Document<'t>,
    manifest: &'m mut Manifest,
}

impl Objects<'_, '_, '_> {
    fn object(&mut self, root: NodeId, trouble: Trouble, lists_left: usize) {
        let text_of = |key| self.document.get(root, key).and_then(|node| self.document.text(node));
        let (Some(kind), Some(api_version)) = (text_of("kind"), text_of("apiVersion")) else { return };
        match (api_version.split_once('/').unwrap_or(("", api_version)), kind) {
            ((GROUP, version), "HelmRelease") => self.release(root, version, trouble),
            (("", "v1"), "List") | ((GROUP, _), "HelmReleaseList") if lists_left > 0 => {
                self.list(root, trouble, lists_left - 1);
            }
            ((flux::GROUP, version), kind) => {
                if let Some(object) = flux::read(self.document, root, version, kind) {
                    self.flux(object);
                }
            }
            _ => {}
        }
    }

    fn list(&mut self, root: NodeId, trouble: Trouble, lists_left: usize) {
        let trouble = trouble.or_else(|| Entries::of(self.document, root).trouble);
        let Some(items) = self.document.get(root, "items") else { return };
        for item in self.document.children(self.document.target(items)) {
            self.object(item, trouble.clone(), lists_left);
        }
    }

    fn flux(&mut self, object: FluxObject) {
        match object {
            FluxObject::Policy(policy) => self.manifest.image_policies.push(policy),
            FluxObject::Repository(repository) => self.manifest.image_repositories.push(repository),
            FluxObject::Automation(automation) => self.manifest.automations.push(automation),
        }
    }

    fn release(&mut self, root: NodeId, version: &str, trouble: Trouble) {
        let (service, name_trouble) = match self.service(root) {
            Ok(service) => (Some(service), None),
            Err(trouble) => (None, Some(trouble)),
        };
        if !VERSIONS.contains(&version) {
            let node = self.document.get(root, "apiVersion").unwrap_or(root);
            let position = self.document.node(node).position;
            let reason = RefusalReason::ApiVersion(version.to_owned());
            self.manifest.refusals.push(Refusal { service, image: None, position, reason });
            return;
        }
        let on_the_way = [Some(root), self.document.get(root, "metadata"), self.document.get(root, "spec")];
        let duplicate =
            || on_the_way.into_iter().flatten().find_map(|node| Entries::of(self.document, node).trouble);
        let Some(values) = self.document.get_path(root, &["spec", "values"]) else { return };
        let trouble = trouble.or_else(duplicate).or(name_trouble);
        Walk::new(self.source, self.document, service, trouble, self.manifest).below(values);
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
