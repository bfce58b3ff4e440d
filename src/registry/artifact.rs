//! Tells images from what else a registry holds under a tag: charts, signatures, attestations, build caches.

use oci_distribution::manifest::{IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE};
use serde::Deserialize;

use crate::model::{Artifact, Platform, Printable};

/// Longest media type that a message shows.
const MAX_SHOWN_CHARS: usize = 100;

/// A manifest or an index, as far as it tells what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Description {
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: Option<String>,
    digest: Option<String>,
    artifact_type: Option<String>,
    platform: Option<Platform>,
    annotations: Option<std::collections::BTreeMap<String, serde_json::Value>>,
}

impl Description {
    /// What the manifest describes. A single-platform image is not checked for `platforms`: its configuration has its
    /// platform.
    pub(super) fn classify(&self, platforms: &[Platform]) -> Artifact {
        if let Some(kind) = self.artifact_type.as_deref().filter(|kind| !kind.is_empty()) {
            return other(kind);
        }
        if let Some(entries) = &self.manifests {
            return classify_index(entries, platforms);
        }
        let config = self.config.as_ref().and_then(|config| config.media_type.as_deref());
        if let Some(kind) = config.filter(|kind| !kind.is_empty() && !is_image_config(kind)) {
            return other(kind);
        }
        // Signatures and attestations of older tools have an image's configuration and layers of their own.
        let layers = self.layers.iter().flatten().filter_map(|layer| layer.media_type.as_deref());
        let foreign: Vec<&str> = layers.clone().filter(|kind| !is_image_layer(kind)).collect();
        match foreign.first() {
            Some(kind) if foreign.len() == layers.count() => other(kind),
            _ => Artifact::Image,
        }
    }

    /// The digest of the configuration of a single-platform image.
    pub(super) fn config_digest(&self) -> Option<&str> {
        if self.manifests.is_some() { None } else { self.config.as_ref()?.digest.as_deref() }
    }
}

fn classify_index(entries: &[Descriptor], platforms: &[Platform]) -> Artifact {
    let images: Vec<&Descriptor> = entries.iter().filter(|entry| entry.is_image()).collect();
    if images.is_empty() {
        let reason = if entries.is_empty() { "its index is empty" } else { "its index lists no image" };
        return Artifact::Incomplete(reason.to_owned());
    }
    let has = |wanted: &&Platform| {
        images.iter().any(|image| image.platform.as_ref().is_some_and(|platform| wanted.matches(platform)))
    };
    match platforms.iter().find(|wanted| !has(wanted)) {
        Some(missing) => Artifact::Incomplete(format!("its index has no image for {missing}")),
        None => Artifact::Image,
    }
}

impl Descriptor {
    /// Whether an entry of an index is an image to run, not an attestation, an artifact or a blob of a build cache.
    fn is_image(&self) -> bool {
        let is_manifest = self.media_type.as_deref().is_none_or(|kind| {
            matches!(
                kind,
                "application/vnd.oci.image.manifest.v1+json"
                    | "application/vnd.oci.image.index.v1+json"
                    | "application/vnd.docker.distribution.manifest.v2+json"
                    | "application/vnd.docker.distribution.manifest.list.v2+json"
            )
        });
        let is_artifact = self.artifact_type.as_deref().is_some_and(|kind| !kind.is_empty());
        let is_attestation = self
            .annotations
            .as_ref()
            .is_some_and(|annotations| annotations.contains_key("vnd.docker.reference.type"));
        let is_unknown = self.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
        is_manifest && !is_artifact && !is_attestation && !is_unknown
    }
}

fn other(kind: &str) -> Artifact {
    Artifact::Other(Printable::bounded(kind, MAX_SHOWN_CHARS).to_string())
}

fn is_image_config(kind: &str) -> bool {
    matches!(kind, IMAGE_CONFIG_MEDIA_TYPE | IMAGE_DOCKER_CONFIG_MEDIA_TYPE)
}

fn is_image_layer(kind: &str) -> bool {
    kind.starts_with("application/vnd.oci.image.layer.")
        || kind.starts_with("application/vnd.docker.image.rootfs.")
        || kind.starts_with("application/vnd.docker.container.image.rootfs.")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const IMAGE: &str = r#"{"config":{"mediaType":"application/vnd.oci.image.config.v1+json"},
        "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip"}]}"#;
    const DOCKER: &str = r#"{"config":{"mediaType":"application/vnd.docker.container.image.v1+json"},
        "layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip"}]}"#;
    const CHART: &str = r#"{"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json"},
        "layers":[{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip"}]}"#;
    const ARTIFACT: &str = r#"{"artifactType":"application/vnd.example.sbom",
        "config":{"mediaType":"application/vnd.oci.empty.v1+json"},"layers":[]}"#;
    const SIGNATURE: &str = r#"{"config":{"mediaType":"application/vnd.oci.image.config.v1+json"},
        "layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json"}]}"#;
    const CACHE: &str = r#"{"manifests":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip"},
        {"mediaType":"application/vnd.buildkit.cacheconfig.v0"}]}"#;
    const INDEX: &str = r#"{"manifests":[
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"os":"linux","architecture":"amd64"}},
        {"mediaType":"application/vnd.oci.image.manifest.v1+json",
         "platform":{"os":"linux","architecture":"arm","variant":"v7"}},
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"os":"unknown","architecture":"unknown"}}]}"#;
    const ATTESTATIONS: &str = r#"{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "annotations":{"vnd.docker.reference.type":"attestation-manifest"},
        "platform":{"os":"linux","architecture":"amd64"}}]}"#;
    const CHARTS: &str = r#"{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "artifactType":"application/vnd.cncf.helm.config.v1+json"}]}"#;

    #[rstest]
    #[case::image(IMAGE, &[], None)]
    #[case::docker_image(DOCKER, &[], None)]
    #[case::no_media_types(r#"{"config":{},"layers":[{}]}"#, &[], None)]
    #[case::no_layers(r#"{"config":{},"layers":[]}"#, &[], None)]
    #[case::chart(CHART, &[], Some("application/vnd.cncf.helm.config.v1+json"))]
    #[case::artifact(ARTIFACT, &[], Some("application/vnd.example.sbom"))]
    #[case::signature(SIGNATURE, &[], Some("application/vnd.dev.cosign.simplesigning.v1+json"))]
    #[case::index(INDEX, &[], None)]
    #[case::empty_index(r#"{"manifests":[]}"#, &[], Some("its index is empty"))]
    #[case::build_cache(CACHE, &[], Some("its index lists no image"))]
    #[case::attestations_alone(ATTESTATIONS, &[], Some("its index lists no image"))]
    #[case::charts_alone(CHARTS, &[], Some("its index lists no image"))]
    #[case::has_platform(INDEX, &["linux/amd64", "linux/arm"], None)]
    #[case::has_variant(INDEX, &["linux/arm/v7"], None)]
    #[case::other_variant(INDEX, &["linux/arm/v6"], Some("its index has no image for linux/arm/v6"))]
    #[case::lacks_platform(INDEX, &["linux/amd64", "linux/arm64"], Some("its index has no image for linux/arm64"))]
    fn kinds(#[case] manifest: &str, #[case] platforms: &[&str], #[case] reason: Option<&str>) {
        let platforms: Vec<Platform> = platforms.iter().map(|text| text.parse().unwrap()).collect();
        let description: Description = serde_json::from_str(manifest).unwrap();
        match description.classify(&platforms) {
            Artifact::Image => assert_eq!(reason, None),
            Artifact::Other(text) | Artifact::Incomplete(text) => assert_eq!(Some(text.as_str()), reason),
        }
    }
}
