//! The chart of a HelmRelease: its exact version, and the HelmRepository that has it.

use super::field::FieldShape;
use super::image::Reader;
use super::kinds::HELM_REPOSITORY;
use super::record::{PathSegment, Recorder};
use super::refusal::RefusalReason;
use super::tree::{Document, NodeId};
use crate::model::{ImageName, Version};

const VERSION: [&str; 4] = ["spec", "chart", "spec", "version"];

/// The chart that a HelmRelease takes from a HelmRepository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartSource {
    /// `chart`.
    pub chart: String,
    /// `sourceRef.name`.
    pub repository: String,
    /// `sourceRef.namespace`, if it is not that of the HelmRelease.
    pub repository_namespace: Option<String>,
}

/// A HelmRepository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelmRepository {
    /// Its namespace, if the file sets one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// `spec.url`.
    pub url: String,
}

impl HelmRepository {
    /// The name of a chart: an OCI artifact, or a chart of its index.
    pub fn chart(&self, name: &str) -> Option<ImageName> {
        match self.url.strip_prefix("oci://") {
            Some(place) => format!("{}/{name}", place.trim_end_matches('/')).parse().ok(),
            None => ImageName::of_helm_chart(&self.url, name),
        }
    }
}

/// Records `spec.chart.spec.version` if it is an exact version. Flux resolves ranges itself.
pub(super) fn record(recorder: &mut Recorder<'_, '_, '_>, root: NodeId) {
    let reader = recorder.reader;
    // What is wrong with the object is reported with its other fields.
    if recorder.defect.is_some() {
        return;
    }
    let Some(version) = reader.document.get_path(root, &VERSION) else { return };
    let is_exact = |text: &str| text.parse::<Version>().is_ok();
    let has_marker = !matches!(reader.marker(version), Ok(None));
    if has_marker || !reader.document.text(version).is_some_and(is_exact) {
        return;
    }
    recorder.shape = FieldShape::ChartVersion;
    for depth in 0..VERSION.len() {
        if let Some(mapping) = reader.document.get_path(root, &VERSION[..depth]) {
            drop(recorder.enter(reader.document.target(mapping)));
        }
    }
    recorder.path.extend(VERSION.map(PathSegment::Key));
    let parts = reader.tag(version, None, None, None);
    // `1.10` without quotes is no version to Flux either.
    if !matches!(parts, Err((RefusalReason::NotText { .. }, _))) {
        recorder.record(None, None, version, parts);
    }
    recorder.path.clear();
    recorder.leave(None);
}

/// The chart of the HelmRelease at `root`, if a HelmRepository has it.
pub(super) fn source(reader: Reader<'_, '_>, root: NodeId) -> Option<ChartSource> {
    let spec = reader.document.get_path(root, &["spec", "chart", "spec"])?;
    let text = |path: &[&str]| text(reader.document, spec, path);
    let is_helm = text(&["sourceRef", "kind"]).as_deref() == Some(HELM_REPOSITORY);
    Some(ChartSource {
        chart: text(&["chart"]).filter(|_| is_helm)?,
        repository: text(&["sourceRef", "name"])?,
        repository_namespace: text(&["sourceRef", "namespace"]),
    })
}

/// Reads the HelmRepository at `root`.
pub(super) fn read_repository(document: &Document<'_>, root: NodeId) -> Option<HelmRepository> {
    let text = |path: &[&str]| text(document, root, path);
    Some(HelmRepository {
        namespace: text(&["metadata", "namespace"]),
        name: text(&["metadata", "name"])?,
        url: text(&["spec", "url"])?,
    })
}

fn text(document: &Document<'_>, node: NodeId, path: &[&str]) -> Option<String> {
    let text = document.text(document.get_path(node, path)?)?;
    (!text.is_empty()).then(|| text.to_owned())
}
