//! Manifests: resolves tags to digests, and reads labels of single- and multi-platform images.
//!
//! The types are those of `oci_distribution`. Every body is verified against its digest before it is parsed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use oci_distribution::config::{Architecture, Os};
use oci_distribution::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, ImageIndexEntry, OciDescriptor, OciImageIndex,
    OciImageManifest,
};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use sha2::{Digest as _, Sha256, Sha512};

use super::artifact::Description;
use super::error::RequestError;
use super::host::Host;
use super::operation::Budget;
use super::transport::{Request, Response};
use crate::model::{Artifact, Digest, Platform, Tag};

/// The size that the specification asks registries to accept at least.
const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

const MAX_CONFIG_BYTES: usize = 8 * 1024 * 1024;

/// All known manifest types. Registries convert manifests of other types.
const MANIFEST_TYPES: HeaderValue = HeaderValue::from_static(concat!(
    "application/vnd.oci.image.index.v1+json, ",
    "application/vnd.oci.image.manifest.v1+json, ",
    "application/vnd.docker.distribution.manifest.list.v2+json, ",
    "application/vnd.docker.distribution.manifest.v2+json"
));

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// `docker buildx` sets this annotation on attestations about an image.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// Labels and annotations.
pub(super) type Labels = BTreeMap<String, String>;

/// Resolves `tag` by HEAD, or by reading the manifest when the registry sends no digest header.
pub(super) async fn digest(
    host: &Host,
    repository: &str,
    tag: &Tag,
    budget: &mut Budget,
) -> Result<Digest, RequestError> {
    let scope = host.pull_scope(repository);
    let request = manifest_request(host, repository, tag.as_str());
    let head = Request { method: Method::HEAD, ..request };
    match host.ask(&head, &scope, budget).await {
        Ok(response) => {
            if let Some(digest) = header_digest(&head, &response)? {
                return Ok(digest);
            }
        }
        Err(RequestError::UnexpectedStatus { status: StatusCode::METHOD_NOT_ALLOWED, .. }) => {}
        Err(error) => return Err(error),
    }
    let get = Request { method: Method::GET, ..head };
    let response = host.ask(&get, &scope, budget).await?;
    parse::<ManifestKind>(&get, &response.body)?;
    match header_digest(&get, &response)? {
        Some(digest) => verified(&get, &response.body, &digest).map(|()| digest),
        None => computed(&get, &response.body),
    }
}

/// Reads labels: the configuration's win over the manifest's annotations, those over the index's.
pub(super) async fn labels(
    host: &Host,
    repository: &str,
    digest: &Digest,
    budget: &mut Budget,
) -> Result<Labels, RequestError> {
    let reader = Reader { host, repository, scope: host.pull_scope(repository) };
    let mut labels = Labels::new();
    let (request, body) = reader.manifest(digest, budget).await?;
    let manifest: OciImageManifest = match parse(&request, &body)? {
        ManifestKind::Image => parse(&request, &body)?,
        ManifestKind::Index => {
            let index: OciImageIndex = parse(&request, &body)?;
            let entry = choose(index.manifests)
                .ok_or_else(|| RequestError::NoPlatform { request: request.describe() })?;
            labels.extend(index.annotations.unwrap_or_default());
            let (request, body) = reader.manifest(&named(&request, &entry.digest)?, budget).await?;
            labels.extend(entry.annotations.unwrap_or_default());
            parse(&request, &body)?
        }
    };
    labels.extend(manifest.annotations.unwrap_or_default());
    labels.extend(reader.config_labels(&request, &manifest.config, budget).await?);
    Ok(labels)
}

/// What the manifest with this digest describes. An image for a single platform is checked for `platforms` by its
/// configuration.
pub(super) async fn artifact(
    host: &Host,
    repository: &str,
    digest: &Digest,
    platforms: &[Platform],
    budget: &mut Budget,
) -> Result<Artifact, RequestError> {
    let reader = Reader { host, repository, scope: host.pull_scope(repository) };
    let (request, body) = reader.manifest(digest, budget).await?;
    parse::<ManifestKind>(&request, &body)?;
    let description: Description = parse(&request, &body)?;
    let artifact = description.classify(platforms);
    let (Artifact::Image, Some(config), false) =
        (&artifact, description.config_digest(), platforms.is_empty())
    else {
        return Ok(artifact);
    };
    let (request, body) = reader.config(&named(&request, config)?, budget).await?;
    let own: Platform = parse(&request, &body)?;
    Ok(match platforms.iter().find(|wanted| !wanted.matches(&own)) {
        Some(missing) => Artifact::Incomplete(format!("it is for {own} alone, not for {missing}")),
        None => artifact,
    })
}

/// Reads content of one repository by digest.
struct Reader<'a> {
    host: &'a Host,
    repository: &'a str,
    scope: String,
}

impl Reader<'_> {
    async fn manifest(
        &self,
        digest: &Digest,
        budget: &mut Budget,
    ) -> Result<(Request, Vec<u8>), RequestError> {
        let request = manifest_request(self.host, self.repository, digest.as_str());
        let body = self.verified_body(&request, digest, budget).await?;
        Ok((request, body))
    }

    async fn config_labels(
        &self,
        manifest: &Request,
        config: &OciDescriptor,
        budget: &mut Budget,
    ) -> Result<Labels, RequestError> {
        if !matches!(config.media_type.as_str(), IMAGE_CONFIG_MEDIA_TYPE | IMAGE_DOCKER_CONFIG_MEDIA_TYPE) {
            // A chart or other artifact has no image labels.
            return Ok(Labels::new());
        }
        let (request, body) = self.config(&named(manifest, &config.digest)?, budget).await?;
        let config: ImageConfig = parse(&request, &body)?;
        Ok(config.config.and_then(|config| config.labels).unwrap_or_default())
    }

    async fn config(&self, digest: &Digest, budget: &mut Budget) -> Result<(Request, Vec<u8>), RequestError> {
        let request = Request::get(self.url(&format!("blobs/{digest}")), MAX_CONFIG_BYTES);
        let request = Request { accept: HeaderValue::from_static("*/*"), ..request };
        let body = self.verified_body(&request, digest, budget).await?;
        Ok((request, body))
    }

    async fn verified_body(
        &self,
        request: &Request,
        digest: &Digest,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, RequestError> {
        let response = self.host.ask(request, &self.scope, budget).await?;
        verified(request, &response.body, digest)?;
        Ok(response.body)
    }

    fn url(&self, place: &str) -> Url {
        self.host.url(self.repository, place)
    }
}

/// The part of an image configuration that is read. The type of `oci_distribution` requires fields that real images
/// lack, and rejects null labels.
#[derive(Deserialize)]
struct ImageConfig {
    config: Option<RunConfig>,
}

#[derive(Deserialize)]
struct RunConfig {
    #[serde(rename = "Labels")]
    labels: Option<Labels>,
}

/// The kind of a manifest, by its fields. One with the fields of both is rejected: two parsers could take it for
/// different images (CVE-2021-41190).
#[derive(Deserialize)]
#[serde(try_from = "ManifestFields")]
enum ManifestKind {
    Image,
    Index,
}

#[derive(Deserialize)]
struct ManifestFields {
    manifests: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
}

impl TryFrom<ManifestFields> for ManifestKind {
    type Error = &'static str;

    fn try_from(fields: ManifestFields) -> Result<Self, Self::Error> {
        match (fields.manifests, fields.config, fields.layers) {
            (Some(_), None, None) => Ok(Self::Index),
            (None, Some(_), _) => Ok(Self::Image),
            (None, None, _) => Err("it has neither a configuration nor manifests"),
            _ => Err("it is both an image and an index"),
        }
    }
}

fn manifest_request(host: &Host, repository: &str, reference: &str) -> Request {
    let url = host.url(repository, &format!("manifests/{reference}"));
    Request { accept: MANIFEST_TYPES, ..Request::get(url, MAX_MANIFEST_BYTES) }
}

/// The manifest that stands for the index: linux/amd64, or else the first platform.
fn choose(entries: Vec<ImageIndexEntry>) -> Option<ImageIndexEntry> {
    let mut real: Vec<ImageIndexEntry> = entries.into_iter().filter(is_real).collect();
    let is_usual = |entry: &ImageIndexEntry| {
        let platform = entry.platform.as_ref();
        platform
            .is_some_and(|platform| platform.os == Os::Linux && platform.architecture == Architecture::Amd64)
    };
    let chosen = real.iter().position(is_usual).unwrap_or(0);
    (!real.is_empty()).then(|| real.swap_remove(chosen))
}

/// Whether an entry is a runnable image, not an attestation.
fn is_real(entry: &ImageIndexEntry) -> bool {
    let is_about_another =
        entry.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(REFERENCE_TYPE));
    let is_unknown = entry.platform.as_ref().is_some_and(|platform| platform.os.to_string() == "unknown");
    !is_about_another && !is_unknown
}

fn parse<T: DeserializeOwned>(request: &Request, body: &[u8]) -> Result<T, RequestError> {
    serde_json::from_slice(body).map_err(|source| {
        RequestError::malformed(request.describe(), "an image manifest or configuration", source)
    })
}

/// The digest in the response header.
fn header_digest(request: &Request, response: &Response) -> Result<Option<Digest>, RequestError> {
    response.header(&CONTENT_DIGEST).map(|text| named(request, text)).transpose()
}

fn named(request: &Request, digest: &str) -> Result<Digest, RequestError> {
    digest.parse().map_err(|source| RequestError::malformed(request.describe(), "one with a digest", source))
}

fn verified(request: &Request, body: &[u8], expected: &Digest) -> Result<(), RequestError> {
    let actual = hash(body, expected.as_str().starts_with("sha512:"));
    if actual == expected.as_str() {
        return Ok(());
    }
    Err(RequestError::DigestMismatch { request: request.describe(), expected: expected.to_string(), actual })
}

fn computed(request: &Request, body: &[u8]) -> Result<Digest, RequestError> {
    named(request, &hash(body, false))
}

fn hash(body: &[u8], is_sha512: bool) -> String {
    let (name, bytes) = if is_sha512 {
        ("sha512", Sha512::digest(body).to_vec())
    } else {
        ("sha256", Sha256::digest(body).to_vec())
    };
    bytes.iter().fold(format!("{name}:"), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::amd64_is_taken(&[("arm64", "linux"), ("amd64", "windows"), ("amd64", "linux")], Some(2))]
    #[case::else_the_first(&[("arm64", "linux"), ("s390x", "linux")], Some(0))]
    #[case::attestations_are_not(&[("unknown", "unknown"), ("arm64", "linux")], Some(1))]
    #[case::attestations_alone(&[("unknown", "unknown")], None)]
    #[case::nothing(&[], None)]
    fn the_platform_that_stands_for_an_index(
        #[case] platforms: &[(&str, &str)],
        #[case] chosen: Option<usize>,
    ) {
        let entry = |(at, (architecture, os)): (usize, &(&str, &str))| -> ImageIndexEntry {
            serde_json::from_value(serde_json::json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": at.to_string(), "size": 1,
                "platform": {"architecture": architecture, "os": os},
            }))
            .unwrap()
        };
        let found = choose(platforms.iter().enumerate().map(entry).collect());
        assert_eq!(found.map(|entry| entry.digest), chosen.map(|at| at.to_string()));
    }

    #[test]
    fn an_attestation_is_no_platform_of_an_index() {
        let entry: ImageIndexEntry = serde_json::from_value(serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "x", "size": 1,
            "platform": {"architecture": "amd64", "os": "linux"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }))
        .unwrap();
        assert!(choose(vec![entry]).is_none());
    }

    #[rstest]
    #[case::image(r#"{"config":{},"layers":[]}"#, Some(false))]
    #[case::index(r#"{"manifests":[]}"#, Some(true))]
    #[case::both(r#"{"manifests":[],"config":{}}"#, None)]
    #[case::index_with_layers(r#"{"manifests":[],"layers":[]}"#, None)]
    #[case::schema_1(r#"{"schemaVersion":1,"fsLayers":[]}"#, None)]
    #[case::page("<html>", None)]
    fn kinds(#[case] body: &str, #[case] is_index: Option<bool>) {
        let kind = serde_json::from_str::<ManifestKind>(body).ok();
        assert_eq!(kind.map(|kind| matches!(kind, ManifestKind::Index)), is_index);
    }

    #[rstest]
    #[case::null_labels(r#"{"config":{"Labels":null}}"#)]
    #[case::no_labels(r#"{"config":{}}"#)]
    #[case::null_config(r#"{"config":null}"#)]
    #[case::no_config("{}")]
    fn configurations_without_labels(#[case] body: &str) {
        let config: ImageConfig = serde_json::from_str(body).unwrap();
        assert!(config.config.and_then(|config| config.labels).is_none());
    }

    #[test]
    fn bodies_are_checked_by_both_algorithms() {
        let request = Request::get("https://ghcr.io/v2/a/blobs/x".parse().unwrap(), 1);
        for is_sha512 in [false, true] {
            let digest: Digest = hash(b"{}", is_sha512).parse().unwrap();
            assert!(verified(&request, b"{}", &digest).is_ok());
            assert!(matches!(verified(&request, b"{ }", &digest), Err(RequestError::DigestMismatch { .. })));
        }
    }
}
