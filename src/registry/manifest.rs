//! Manifests: which digest a tag has, and the labels and annotations of an image of one platform or of many.
//!
//! The shapes are those of `oci_distribution`. Every body is checked against its digest before it is read.

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

use super::error::Problem;
use super::host::Host;
use super::operation::Budget;
use super::wire::{Answer, Request};
use crate::model::{Digest, Tag};

/// The largest manifest that is read: what the specification tells registries to take at least.
const MOST_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// The largest image configuration that is read.
const MOST_CONFIG_BYTES: usize = 8 * 1024 * 1024;

/// Every form of manifest that is understood. Registries turn those that are not named here into something else.
const MANIFEST_TYPES: HeaderValue = HeaderValue::from_static(concat!(
    "application/vnd.oci.image.index.v1+json, ",
    "application/vnd.oci.image.manifest.v1+json, ",
    "application/vnd.docker.distribution.manifest.list.v2+json, ",
    "application/vnd.docker.distribution.manifest.v2+json"
));

/// Where registries say a manifest's digest.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The annotation by which `docker buildx` marks what is about an image and no image itself.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// Labels and annotations, by key.
pub(super) type Labels = BTreeMap<String, String>;

/// The digest that `tag` has: by HEAD, or by reading the manifest where the registry does not say.
pub(super) async fn digest(
    host: &Host,
    repository: &str,
    tag: &Tag,
    budget: &mut Budget,
) -> Result<Digest, Problem> {
    let scope = host.pull_scope(repository);
    let request = manifest_request(host, repository, tag.as_str());
    let head = Request { method: Method::HEAD, ..request };
    match host.ask(&head, &scope, budget).await {
        Ok(answer) => {
            if let Some(digest) = said_digest(&head, &answer)? {
                return Ok(digest);
            }
        }
        Err(Problem::UnexpectedStatus { status: StatusCode::METHOD_NOT_ALLOWED, .. }) => {}
        Err(problem) => return Err(problem),
    }
    let get = Request { method: Method::GET, ..head };
    let answer = host.ask(&get, &scope, budget).await?;
    parse::<ManifestKind>(&get, &answer.body)?;
    match said_digest(&get, &answer)? {
        Some(digest) => verified(&get, &answer.body, &digest).map(|()| digest),
        None => computed(&get, &answer.body),
    }
}

/// The labels of the image's configuration, over its manifest's annotations, over those of the index.
pub(super) async fn labels(
    host: &Host,
    repository: &str,
    digest: &Digest,
    budget: &mut Budget,
) -> Result<Labels, Problem> {
    let reader = Reader { host, repository, scope: host.pull_scope(repository) };
    let mut labels = Labels::new();
    let (request, body) = reader.manifest(digest, budget).await?;
    let manifest: OciImageManifest = match parse(&request, &body)? {
        ManifestKind::Image => parse(&request, &body)?,
        ManifestKind::Index => {
            let index: OciImageIndex = parse(&request, &body)?;
            let entry = choose(index.manifests).ok_or_else(|| Problem::NoPlatform { at: request.at() })?;
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

/// Reads what one repository has under a digest.
struct Reader<'a> {
    host: &'a Host,
    repository: &'a str,
    scope: String,
}

impl Reader<'_> {
    async fn manifest(&self, digest: &Digest, budget: &mut Budget) -> Result<(Request, Vec<u8>), Problem> {
        let request = manifest_request(self.host, self.repository, digest.as_str());
        let body = self.verified_body(&request, digest, budget).await?;
        Ok((request, body))
    }

    async fn config_labels(
        &self,
        manifest: &Request,
        config: &OciDescriptor,
        budget: &mut Budget,
    ) -> Result<Labels, Problem> {
        if !matches!(config.media_type.as_str(), IMAGE_CONFIG_MEDIA_TYPE | IMAGE_DOCKER_CONFIG_MEDIA_TYPE) {
            // A chart or another artifact: its configuration has no labels.
            return Ok(Labels::new());
        }
        let digest = named(manifest, &config.digest)?;
        let request = Request::get(self.url(&format!("blobs/{digest}")), MOST_CONFIG_BYTES);
        let request = Request { accept: HeaderValue::from_static("*/*"), ..request };
        let body = self.verified_body(&request, &digest, budget).await?;
        let config: ImageConfig = parse(&request, &body)?;
        Ok(config.config.and_then(|config| config.labels).unwrap_or_default())
    }

    async fn verified_body(
        &self,
        request: &Request,
        digest: &Digest,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, Problem> {
        let answer = self.host.ask(request, &self.scope, budget).await?;
        verified(request, &answer.body, digest)?;
        Ok(answer.body)
    }

    fn url(&self, place: &str) -> Url {
        self.host.url(self.repository, place)
    }
}

/// An image configuration, as far as it is read. The type of `oci_distribution` wants fields that images in the wild
/// lack, and refuses labels that are null.
#[derive(Deserialize)]
struct ImageConfig {
    config: Option<RunConfig>,
}

#[derive(Deserialize)]
struct RunConfig {
    #[serde(rename = "Labels")]
    labels: Option<Labels>,
}

/// What a manifest is, told by its fields. One that has both is refused, since two readers could take it for two
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
    Request { accept: MANIFEST_TYPES, ..Request::get(url, MOST_MANIFEST_BYTES) }
}

/// The manifest whose labels stand for the index: that for linux/amd64, or else the first that is for a platform.
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

/// Whether an entry is an image to run, not an attestation about one.
fn is_real(entry: &ImageIndexEntry) -> bool {
    let is_about_another =
        entry.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(REFERENCE_TYPE));
    let is_unknown = entry.platform.as_ref().is_some_and(|platform| platform.os.to_string() == "unknown");
    !is_about_another && !is_unknown
}

fn parse<T: DeserializeOwned>(request: &Request, body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|source| Problem::malformed(request.at(), "an image manifest or configuration", source))
}

/// The digest that a header gives, if it is there.
fn said_digest(request: &Request, answer: &Answer) -> Result<Option<Digest>, Problem> {
    answer.header(&CONTENT_DIGEST).map(|text| named(request, text)).transpose()
}

fn named(request: &Request, digest: &str) -> Result<Digest, Problem> {
    digest.parse().map_err(|source| Problem::malformed(request.at(), "one with a digest", source))
}

fn verified(request: &Request, body: &[u8], expected: &Digest) -> Result<(), Problem> {
    let actual = hash(body, expected.as_str().starts_with("sha512:"));
    if actual == expected.as_str() {
        return Ok(());
    }
    Err(Problem::WrongDigest { at: request.at(), expected: expected.to_string(), actual })
}

fn computed(request: &Request, body: &[u8]) -> Result<Digest, Problem> {
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
    fn what_refers_to_an_image_is_none() {
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
            assert!(matches!(verified(&request, b"{ }", &digest), Err(Problem::WrongDigest { .. })));
        }
    }
}
