//! The images of the demo's registry, and its answers: the pull half of the OCI distribution specification 1.1. No IO.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::ops::Bound;

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// The most tags on one page: fewer than a service here has releases, so that its list has several pages.
const MOST_TAGS_A_PAGE: usize = 100;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const JSON_TYPE: &str = "application/json";

/// The repositories, by name.
#[derive(Debug, Default)]
pub(super) struct Content {
    repositories: BTreeMap<String, Repository>,
}

#[derive(Debug, Default)]
struct Repository {
    /// The digest that each tag means.
    tags: BTreeMap<String, String>,
    manifests: HashMap<String, Vec<u8>>,
    blobs: HashMap<String, Vec<u8>>,
}

/// An answer, before it is put on the wire.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) digest: Option<String>,
    pub(super) link: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Content {
    /// Stores a small image built from `revision`, moves `tag` to it, and returns its digest.
    pub(super) fn push(&mut self, repository: &str, tag: &str, revision: &str) -> String {
        let labels = json!({
            "org.opencontainers.image.version": tag,
            "org.opencontainers.image.revision": revision,
        });
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        let config = config.to_string().into_bytes();
        // The empty blob of the specification, for an image without layers.
        let empty = b"{}".to_vec();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "digest": digest(&config), "size": config.len()},
            "layers": [{"mediaType": EMPTY_TYPE, "digest": digest(&empty), "size": empty.len()}],
        });
        let manifest = manifest.to_string().into_bytes();
        let named = digest(&manifest);
        let stored = self.repositories.entry(repository.to_owned()).or_default();
        stored.blobs.extend([(digest(&config), config), (digest(&empty), empty)]);
        stored.manifests.insert(named.clone(), manifest);
        stored.tags.insert(tag.to_owned(), named.clone());
        named
    }

    pub(super) fn tags_count(&self, repository: &str) -> usize {
        self.repositories.get(repository).map_or(0, |repository| repository.tags.len())
    }

    pub(super) fn answer(&self, path: &str, query: &str) -> Reply {
        let Some(place) = path.strip_prefix("/v2/") else { return Reply::missing("UNSUPPORTED") };
        if place.is_empty() {
            return Reply { status: 200, content_type: JSON_TYPE, body: b"{}".to_vec(), ..Reply::default() };
        }
        let found = ["/tags/", "/manifests/", "/blobs/"].into_iter().find_map(|kind| {
            let (name, reference) = place.rsplit_once(kind)?;
            Some((name, kind, reference))
        });
        let Some((name, kind, reference)) = found else { return Reply::missing("UNSUPPORTED") };
        let Some(repository) = self.repositories.get(name) else { return Reply::missing("NAME_UNKNOWN") };
        match kind {
            "/tags/" if reference == "list" => repository.page(name, query),
            "/manifests/" => repository.manifest(reference),
            "/blobs/" => repository.blob(reference),
            _ => Reply::missing("UNSUPPORTED"),
        }
    }
}

impl Repository {
    /// A page of the tags after `last`, and where the next one is.
    fn page(&self, name: &str, query: &str) -> Reply {
        let value = |key: &str| {
            query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key)
        };
        let asked = value("n").and_then(|(_, count)| count.parse().ok()).unwrap_or(MOST_TAGS_A_PAGE);
        let count = asked.clamp(1, MOST_TAGS_A_PAGE);
        let after = value("last").map_or(Bound::Unbounded, |(_, last)| Bound::Excluded(last));
        let mut following = self.tags.range::<str, _>((after, Bound::Unbounded)).map(|(tag, _)| tag);
        let tags: Vec<&String> = following.by_ref().take(count).collect();
        let last = tags.last().filter(|_| following.next().is_some());
        Reply {
            status: 200,
            content_type: JSON_TYPE,
            link: last.map(|last| format!("</v2/{name}/tags/list?n={count}&last={last}>; rel=\"next\"")),
            body: json!({"name": name, "tags": tags}).to_string().into_bytes(),
            ..Reply::default()
        }
    }

    fn manifest(&self, reference: &str) -> Reply {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        match self.manifests.get(digest) {
            Some(manifest) => Reply::content(MANIFEST_TYPE, digest, manifest),
            None => Reply::missing("MANIFEST_UNKNOWN"),
        }
    }

    fn blob(&self, digest: &str) -> Reply {
        match self.blobs.get(digest) {
            Some(blob) => Reply::content("application/octet-stream", digest, blob),
            None => Reply::missing("BLOB_UNKNOWN"),
        }
    }
}

impl Reply {
    fn content(content_type: &'static str, digest: &str, body: &[u8]) -> Self {
        Self { status: 200, content_type, digest: Some(digest.to_owned()), link: None, body: body.to_vec() }
    }

    /// Not found, in the specification's form (*Error Codes*).
    fn missing(code: &str) -> Self {
        let body = json!({"errors": [{"code": code, "message": "not in this registry"}]});
        Self { status: 404, content_type: JSON_TYPE, body: body.to_string().into_bytes(), ..Self::default() }
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(releases: usize) -> Content {
        let mut content = Content::default();
        for patch in 0..releases {
            content.push("vtr/app", &format!("v1.0.{patch}"), "1111111111111111111111111111111111111111");
        }
        content
    }

    /// Every tag, by following the links as a client does.
    fn walk(content: &Content, query: &str) -> (usize, Vec<String>) {
        let (mut pages, mut tags, mut query) = (0, Vec::new(), query.to_owned());
        loop {
            let reply = content.answer("/v2/vtr/app/tags/list", &query);
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            pages += 1;
            tags.extend(body["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()));
            let Some(link) = reply.link else { return (pages, tags) };
            let target = link.split_once('>').unwrap().0;
            query = target.split_once('?').unwrap().1.to_owned();
        }
    }

    #[test]
    fn pages_hold_every_tag_once() {
        for (releases, query, pages) in
            [(1, "", 1), (100, "n=1000", 1), (101, "n=1000", 2), (7, "n=3", 3), (6, "n=3", 2), (3, "n=0", 3)]
        {
            let (walked, tags) = walk(&released(releases), query);
            let mut distinct = tags.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(
                (walked, tags.len(), distinct.len()),
                (pages, releases, releases),
                "{releases} by {query}"
            );
        }
    }

    #[test]
    fn a_manifest_by_digest_has_that_digest() {
        let content = released(1);
        let by_tag = content.answer("/v2/vtr/app/manifests/v1.0.0", "");
        let named = by_tag.digest.clone().unwrap();
        assert_eq!(named, digest(&by_tag.body));
        assert_eq!(content.answer(&format!("/v2/vtr/app/manifests/{named}"), ""), by_tag);
        let manifest: serde_json::Value = serde_json::from_slice(&by_tag.body).unwrap();
        for blob in [&manifest["config"]["digest"], &manifest["layers"][0]["digest"]] {
            let blob = blob.as_str().unwrap();
            assert_eq!(digest(&content.answer(&format!("/v2/vtr/app/blobs/{blob}"), "").body), blob);
        }
    }

    #[test]
    fn a_tag_pushed_again_means_another_image_and_the_old_one_stays() {
        let mut content = released(1);
        let old = content.answer("/v2/vtr/app/manifests/v1.0.0", "");
        let new = content.push("vtr/app", "v1.0.0", "2222222222222222222222222222222222222222");
        assert_ne!(old.digest.as_deref(), Some(new.as_str()));
        assert_eq!(content.answer("/v2/vtr/app/manifests/v1.0.0", "").digest, Some(new));
        assert_eq!(
            content.answer(&format!("/v2/vtr/app/manifests/{}", old.digest.clone().unwrap()), ""),
            old
        );
        assert_eq!(content.tags_count("vtr/app"), 1);
    }

    #[test]
    fn an_unknown_path_is_not_found() {
        let content = released(1);
        for path in [
            "/",
            "/v1/",
            "/v2/vtr/app",
            "/v2/vtr/app/tags/all",
            "/v2/vtr/other/tags/list",
            "/v2/vtr/app/manifests/v2",
            "/v2/vtr/app/blobs/sha256:00",
        ] {
            assert_eq!(content.answer(path, "").status, 404, "{path}");
        }
        assert_eq!(content.answer("/v2/", "").status, 200);
    }
}
