//! HelmRelease objects.

use super::Manifest;
use super::chart::{self, ChartSource};
use super::entries::Entries;
use super::field::FieldShape;
use super::image::Reader;
use super::kinds::{HELM_GROUP, OCI_REPOSITORY};
use super::position::Position;
use super::post_renderers;
use super::record::{Owner, Recorder, service_of};
use super::refusal::{Defect, Refusal, RefusalReason};
use super::tree::{Content, NodeId};
use super::values;
use crate::model::{ImageName, ServiceName};

/// The API versions that are read.
const VERSIONS: [&str; 3] = ["v2beta1", "v2beta2", "v2"];

/// The `valuesKey` that Flux assumes.
const DEFAULT_VALUES_KEY: &str = "values.yaml";
/// The most entries of `spec.valuesFrom` that are read.
const MAX_VALUES_FROM: usize = 100;

/// A HelmRelease object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its name, without a namespace where the file sets none; `None` where it is not valid in Kubernetes.
    pub service: Option<ServiceName>,
    /// The first character of the object.
    pub position: Position,
    /// Whether it has neither `spec.chart` nor `spec.chartRef`, so that it can only be a patch of another one.
    pub is_patch: bool,
    /// Its chart, if a HelmRepository has it.
    pub chart: Option<ChartSource>,
    /// The OCIRepository of its chart.
    pub chart_ref: Option<ChartRef>,
    /// The ConfigMaps that `spec.valuesFrom` takes values from, but for single values with a `targetPath`.
    pub values_from: Vec<ValuesReference>,
    /// `spec.suspend`.
    pub is_suspended: bool,
    /// The mappings that name an image and hold no tag, by key path. A patch may add the tag.
    pub untagged_images: Vec<(String, ImageName)>,
}

/// The OCIRepository that `spec.chartRef` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartRef {
    /// `namespace`, if it is not that of the HelmRelease.
    pub namespace: Option<String>,
    /// `name`.
    pub name: String,
}

/// A ConfigMap with Helm values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValuesReference {
    /// `name`; the namespace is that of the HelmRelease.
    pub name: String,
    /// `valuesKey`, the key of its `data`.
    pub key: String,
}

/// Adds the HelmRelease at `root` and its fields to `manifest`.
pub(super) fn read(
    reader: Reader<'_, '_>,
    root: NodeId,
    api_version: &str,
    defect: Option<Defect>,
    manifest: &mut Manifest,
) {
    let document = reader.document;
    let (service, name_defect) = match service_of(reader, root) {
        Ok(service) => (Some(service), None),
        Err(defect) => (None, Some(defect)),
    };
    let shape = FieldShape::Values;
    let version = api_version.split_once('/').filter(|(group, _)| *group == HELM_GROUP);
    if let Some((_, version)) = version.filter(|(_, version)| !VERSIONS.contains(version)) {
        let node = document.get(root, "apiVersion").unwrap_or(root);
        let position = document.node(node).position;
        let reason = RefusalReason::ApiVersion(version.to_owned());
        manifest.refusals.push(Refusal { service, image: None, position, reason, shape, data_key: None });
        return;
    }
    let above_values = [Some(root), document.get(root, "metadata"), document.get(root, "spec")];
    let duplicate = above_values.into_iter().flatten().find_map(|node| Entries::of(document, node).defect);
    let release = release(reader, root, service.clone());
    let is_patch = release.is_patch;
    manifest.releases.push(release);
    let refused = manifest.refusals.len();
    let owner = service.clone().map_or(Owner::Invalid, Owner::Named);
    let defect = defect.or(duplicate.clone()).or(name_defect);
    let mut recorder = Recorder::new(reader, owner, defect, manifest);
    chart::record(&mut recorder, root);
    // A key that occurs twice may hide the values that apply.
    for spec in all(reader, root, "spec") {
        for values in all(reader, spec, "values") {
            values::walk_values(&mut recorder, values, is_patch);
        }
    }
    if reader.source.has_markers {
        values::walk_comments(&mut recorder, root, true);
    }
    manifest.refusals.extend(post_renderers::refusals(document, root, service.as_ref()));
    if let Some((reason, position)) = duplicate
        && manifest.refusals.len() == refused
    {
        manifest.refusals.push(Refusal { service, image: None, position, reason, shape, data_key: None });
    }
}

fn release(reader: Reader<'_, '_>, root: NodeId, service: Option<ServiceName>) -> Release {
    let document = reader.document;
    let spec = |key| document.get_path(root, &["spec", key]);
    let is_suspended = spec("suspend").is_some_and(|node| document.text(node) == Some("true"));
    Release {
        service,
        position: document.node(root).position,
        is_patch: spec("chart").is_none() && spec("chartRef").is_none(),
        chart: chart::source(reader, root),
        chart_ref: spec("chartRef").and_then(|node| chart_ref(reader, node)),
        values_from: spec("valuesFrom").map(|list| values_from(reader, list)).unwrap_or_default(),
        is_suspended,
        untagged_images: Vec::new(),
    }
}

fn chart_ref(reader: Reader<'_, '_>, node: NodeId) -> Option<ChartRef> {
    let text = |key| reader.document.text(reader.document.get(node, key)?).filter(|text| !text.is_empty());
    let is_oci = text("kind") == Some(OCI_REPOSITORY);
    let name = text("name").filter(|_| is_oci)?.to_owned();
    Some(ChartRef { namespace: text("namespace").map(str::to_owned), name })
}

fn values_from(reader: Reader<'_, '_>, list: NodeId) -> Vec<ValuesReference> {
    let items = reader.document.children(reader.document.target(list)).take(MAX_VALUES_FROM);
    let references = items.filter_map(|item| {
        let text =
            |key| reader.document.text(reader.document.get(item, key)?).filter(|text| !text.is_empty());
        let is_whole = text("kind") == Some("ConfigMap") && text("targetPath").is_none();
        let name = text("name").filter(|_| is_whole)?.to_owned();
        Some(ValuesReference { name, key: text("valuesKey").unwrap_or(DEFAULT_VALUES_KEY).to_owned() })
    });
    references.collect()
}

/// The values of every entry with this key; usually one.
fn all(reader: Reader<'_, '_>, mapping: NodeId, key: &str) -> Vec<NodeId> {
    let document = reader.document;
    let target = document.target(mapping);
    if !matches!(document.node(target).content, Content::Mapping) {
        return Vec::new();
    }
    let named = document.entries(target).filter(|(name, _)| document.text(*name) == Some(key));
    named.map(|(_, value)| value).collect()
}
