//! The objects of a document: HelmReleases, Flux's image objects and Flux Kustomizations, alone or in a list.

use super::Manifest;
use super::entries::Entries;
use super::flux::{self, FluxObject};
use super::position::Position;
use super::refusal::{Defect, Refusal, RefusalReason};
use super::text::SourceText;
use super::tree::{Content, Document, NodeId};
use super::values::Walk;
use crate::model::{ImageName, ServiceName};

/// The API group of HelmRelease.
const GROUP: &str = "helm.toolkit.fluxcd.io";
/// The API versions that are read.
const VERSIONS: [&str; 3] = ["v2beta1", "v2beta2", "v2"];
/// The deepest nesting of lists of objects.
const MAX_LIST_DEPTH: usize = 4;

/// A HelmRelease object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its name, without a namespace where the file sets none; `None` where it is not valid in Kubernetes.
    pub service: Option<ServiceName>,
    /// The first character of the object.
    pub position: Position,
    /// Whether it has neither `spec.chart` nor `spec.chartRef`, so that it can only be a patch of another one.
    pub is_patch: bool,
    /// `spec.suspend`.
    pub is_suspended: bool,
    /// The mappings that name an image and hold no tag, by key path. A patch may add the tag.
    pub untagged_images: Vec<(String, ImageName)>,
}

/// Adds the contents of the document's object, or of each object in a list, to `manifest`.
pub(super) fn read(source: SourceText<'_>, document: &Document<'_>, manifest: &mut Manifest) {
    let defect = encrypted_whole(document);
    Objects { source, document, manifest }.object(NodeId::ROOT, defect, MAX_LIST_DEPTH);
}

/// A defect where a SOPS MAC covers every value of the document, so that no value can change without the key.
fn encrypted_whole(document: &Document<'_>) -> Option<Defect> {
    let mac = document.get_path(NodeId::ROOT, &["sops", "mac"])?;
    let covers_encrypted_only = document
        .get_path(NodeId::ROOT, &["sops", "mac_only_encrypted"])
        .is_some_and(|node| document.text(node) == Some("true"));
    let is_set = document.text(mac).is_none_or(|mac| !mac.is_empty());
    (is_set && !covers_encrypted_only).then(|| (RefusalReason::SopsMac, document.node(mac).position))
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
            ((flux::KUSTOMIZE_GROUP, _), "Kustomization") => {
                self.manifest.flux_kustomizations.extend(flux::read_kustomization(self.document, root));
            }
            ((flux::IMAGE_GROUP, version), kind) => {
                if let Some(object) = flux::read(self.document, root, version, kind) {
                    self.flux(object);
                }
            }
            _ if self.has_twice(root, "HelmRelease") => self.release(root, VERSIONS[0], defect),
            _ => {}
        }
    }

    /// Whether `kind` or `apiVersion` occurs twice and one of the kinds is `kind`.
    fn has_twice(&self, root: NodeId, kind: &str) -> bool {
        let texts = |key: &'static str| {
            let entries = self.document.entries(root);
            let values = entries.filter(move |(name, _)| self.document.text(*name) == Some(key));
            values.map(|(_, value)| self.document.text(value))
        };
        texts("kind").count() + texts("apiVersion").count() > 2
            && texts("kind").any(|text| text == Some(kind))
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
            above_values.into_iter().flatten().find_map(|node| Entries::of(self.document, node).defect);
        self.add_release(root, service.clone());
        let is_patch = self.manifest.releases.last().is_some_and(|release| release.is_patch);
        let refused = self.manifest.refusals.len();
        let duplicate_found = duplicate.clone();
        let defect = defect.or(duplicate).or(name_defect);
        // A key that occurs twice may hide the values that apply.
        for spec in self.all(root, "spec") {
            for values in self.all(spec, "values") {
                let (service, defect) = (service.clone(), defect.clone());
                Walk::new(self.source, self.document, service, defect, is_patch, self.manifest).below(values);
            }
        }
        if let Some((reason, position)) = duplicate_found
            && self.manifest.refusals.len() == refused
        {
            self.manifest.refusals.push(Refusal { service, image: None, position, reason });
        }
    }

    fn add_release(&mut self, root: NodeId, service: Option<ServiceName>) {
        let spec = |key| self.document.get_path(root, &["spec", key]);
        let is_suspended = spec("suspend").is_some_and(|node| self.document.text(node) == Some("true"));
        self.manifest.releases.push(Release {
            service,
            position: self.document.node(root).position,
            is_patch: spec("chart").is_none() && spec("chartRef").is_none(),
            is_suspended,
            untagged_images: Vec::new(),
        });
    }

    /// The values of every entry with this key; usually one.
    fn all(&self, mapping: NodeId, key: &str) -> Vec<NodeId> {
        let target = self.document.target(mapping);
        if !matches!(self.document.node(target).content, Content::Mapping) {
            return Vec::new();
        }
        let named = self.document.entries(target).filter(|(name, _)| self.document.text(*name) == Some(key));
        named.map(|(_, value)| value).collect()
    }

    fn service(&self, root: NodeId) -> Result<ServiceName, Defect> {
        let part = |key| self.document.get_path(root, &["metadata", key]);
        let text = |node: Option<NodeId>| node.and_then(|node| self.document.text(node));
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
            (RefusalReason::ServiceName(full), self.document.node(at).position)
        })
    }
}
