//! Debian's docker-registry, started for one test on its own port and folder, and images pushed to it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails, fails its test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const PROGRAM: &str = "docker-registry";

/// Longest start of a registry, on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// User and password of a registry with authentication.
pub(crate) const USER: &str = "bot";
pub(crate) const PASSWORD: &str = "s3cret";

/// `bot:s3cret`, as bcrypt.
const HTPASSWD: &str = "bot:$2b$04$oeGmJxf5NrqSuEejvIig5.P6C1hWe2AcgDiYP5U4GND/TtnjZbp.G\n";

/// The setup of a registry.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// Whether it requires [`USER`].
    pub(crate) password: bool,
    /// Certificate and key, for https.
    pub(crate) tls: Option<(&'a Path, &'a Path)>,
    /// URL and bearer token of a webhook that hears of pushes.
    pub(crate) webhook: Option<(&'a str, &'a str)>,
}

/// A running registry; dropping stops it.
pub(crate) struct DockerRegistry {
    child: Child,
    port: u16,
    password: bool,
    http: reqwest::Client,
    folder: TempDir,
}

impl DockerRegistry {
    /// A registry without authentication, over plain http.
    pub(crate) fn start() -> Self {
        Self::start_as(&Setup::default())
    }

    /// A registry with another setup.
    pub(crate) fn start_as(setup: &Setup<'_>) -> Self {
        // The registry cannot choose a free port itself, so another program may take the one found first; then try
        // again.
        (0..10)
            .find_map(|_| Self::try_start(setup))
            .expect("docker-registry found every port taken, ten times over")
    }

    fn try_start(setup: &Setup<'_>) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let (config, log) = (folder.path().join("config.yml"), folder.path().join("log"));
        fs::write(&config, configuration(folder.path(), port, setup)).unwrap();
        let output = fs::File::create(&log).unwrap();
        let child = Command::new(PROGRAM)
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run {PROGRAM} ({error}): apt-get install docker-registry")
            });
        // As the binary does. The error, that a provider is already installed, is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The machine may have no system certificates; a client that trusts none talks only to this registry.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let mut registry = Self { child, port, password: setup.password, http, folder };
        registry.is_listening(&log).then_some(registry)
    }

    /// Whether its log reports that it listens: another program may answer on the port.
    fn is_listening(&mut self, log: &Path) -> bool {
        let started = Instant::now();
        while started.elapsed() < START_DEADLINE {
            let said = fs::read_to_string(log).unwrap();
            if said.contains("listening on") {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                assert!(said.contains("address already in use"), "docker-registry ended: {said}");
                return false;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("docker-registry did not start: {}", fs::read_to_string(log).unwrap())
    }

    /// The host, as in image names.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The registry's folder, for files that a test needs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Pushes an image for one platform under a tag (or its digest), and returns its digest.
    pub(crate) async fn push(&self, repository: &str, tag: &str, image: &Image) -> String {
        self.push_blob(repository, image.config()).await;
        self.push_manifest(repository, tag, &image.manifest()).await
    }

    /// Pushes an index of images for several platforms, and returns its digest.
    pub(crate) async fn push_index(&self, repository: &str, tag: &str, index: &Index) -> String {
        let mut entries = Vec::new();
        for (platform, image) in &index.images {
            let manifest = image.manifest();
            let digest = self.push(repository, &digest_of(manifest.to_string().as_bytes()), image).await;
            let (os, architecture) = platform.split_once('/').unwrap();
            entries.push(json!({
                "mediaType": manifest["mediaType"], "digest": digest, "size": manifest.to_string().len(),
                "platform": {"os": os, "architecture": architecture},
                "annotations": {"entry": platform},
            }));
        }
        let index = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": entries, "annotations": index.annotations,
        });
        self.push_manifest(repository, tag, &index).await
    }

    /// Pushes a Helm chart, as `helm push` does beside an image of its name, and returns its digest.
    pub(crate) async fn push_chart(&self, repository: &str, tag: &str) -> String {
        let (config, chart) = (br#"{"name":"app"}"#.to_vec(), b"chart".to_vec());
        let descriptor = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": digest_of(bytes), "size": bytes.len()});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.cncf.helm.config.v1+json", &config),
            "layers": [descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &chart)],
        });
        self.push_blob(repository, config).await;
        self.push_blob(repository, chart).await;
        self.push_manifest(repository, tag, &manifest).await
    }

    /// Deletes the image with a digest, and so all its tags.
    pub(crate) async fn delete(&self, repository: &str, digest: &str) {
        let answer =
            self.request(Method::DELETE, &format!("/v2/{repository}/manifests/{digest}")).send().await;
        assert_eq!(answer.unwrap().status(), StatusCode::ACCEPTED);
    }

    /// Adds a tag to a pushed image.
    pub(crate) async fn tag(&self, repository: &str, image: &Image, tag: &str) {
        self.push_manifest(repository, tag, &image.manifest()).await;
    }

    /// Adds many tags to what `tag` points to, by copying the registry's files: pushing takes 30 ms per tag.
    pub(crate) fn tag_many(&self, repository: &str, tag: &str, others: impl IntoIterator<Item = String>) {
        let tags = format!("storage/docker/registry/v2/repositories/{repository}/_manifests/tags");
        let tags = self.folder.path().join(tags);
        let link = fs::read(tags.join(tag).join("current/link")).unwrap();
        for other in others {
            let current = tags.join(other).join("current");
            fs::create_dir_all(&current).unwrap();
            fs::write(current.join("link"), &link).unwrap();
        }
    }

    async fn push_manifest(&self, repository: &str, reference: &str, manifest: &Value) -> String {
        let body = manifest.to_string();
        let digest = digest_of(body.as_bytes());
        let kind = manifest["mediaType"].as_str().unwrap();
        let put = self.request(Method::PUT, &format!("/v2/{repository}/manifests/{reference}"));
        expect(put.header("content-type", kind).body(body), StatusCode::CREATED).await;
        digest
    }

    async fn push_blob(&self, repository: &str, bytes: Vec<u8>) {
        let start = self.request(Method::POST, &format!("/v2/{repository}/blobs/uploads/"));
        let answer = expect(start, StatusCode::ACCEPTED).await;
        let mut place: reqwest::Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
        place.query_pairs_mut().append_pair("digest", &digest_of(&bytes));
        let put = self.authorised(self.http.put(place));
        expect(put.header("content-type", "application/octet-stream").body(bytes), StatusCode::CREATED).await;
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.authorised(self.http.request(method, format!("http://{}{path}", self.host())))
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        if self.password { request.basic_auth(USER, Some(PASSWORD)) } else { request }
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An image for one platform, without layers.
#[derive(Clone, Default)]
pub(crate) struct Image {
    /// The labels of its configuration.
    pub(crate) labels: BTreeMap<String, String>,
    /// The annotations of its manifest.
    pub(crate) annotations: BTreeMap<String, String>,
    /// Whether it has Docker's format, which has no annotations.
    pub(crate) is_docker: bool,
}

impl Image {
    /// An image with one label, which makes it differ from others.
    pub(crate) fn labelled(key: &str, value: &str) -> Self {
        Self { labels: BTreeMap::from([(key.to_owned(), value.to_owned())]), ..Self::default() }
    }

    fn config(&self) -> Vec<u8> {
        let config = json!({
            "os": "linux", "architecture": "amd64", "config": {"Labels": self.labels},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        config.to_string().into_bytes()
    }

    fn manifest(&self) -> Value {
        let config = self.config();
        let (kind, config_kind) = if self.is_docker {
            (
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.container.image.v1+json",
            )
        } else {
            ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json")
        };
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "layers": [],
            "config": {"mediaType": config_kind, "digest": digest_of(&config), "size": config.len()},
        });
        if !self.annotations.is_empty() {
            manifest["annotations"] = json!(self.annotations);
        }
        manifest
    }
}

/// Images for several platforms, each named `os/architecture`.
#[derive(Default)]
pub(crate) struct Index {
    /// The images, in the index's order.
    pub(crate) images: Vec<(&'static str, Image)>,
    /// The annotations of the index.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// The digest of some bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

async fn expect(request: RequestBuilder, status: StatusCode) -> Response {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), status, "{}", answer.url());
    answer
}

fn configuration(folder: &Path, port: u16, setup: &Setup<'_>) -> String {
    let mut config = json!({
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": true}},
        "storage": {
            "filesystem": {"rootdirectory": folder.join("storage")},
            "delete": {"enabled": true},
            "maintenance": {"uploadpurging": {"enabled": false}},
        },
        "http": {"addr": format!("127.0.0.1:{port}"), "secret": "of one test"},
    });
    if setup.password {
        let path = folder.join("htpasswd");
        fs::write(&path, HTPASSWD).unwrap();
        config["auth"] = json!({"htpasswd": {"realm": "tests", "path": path}});
    }
    if let Some((certificate, key)) = setup.tls {
        config["http"]["tls"] = json!({"certificate": certificate, "key": key});
    }
    if let Some((url, token)) = setup.webhook {
        let headers = json!({"Authorization": [format!("Bearer {token}")]});
        let endpoint = json!({
            "name": "tidegate", "url": url, "headers": headers, "timeout": "5s", "threshold": 1, "backoff": "100ms",
        });
        config["notifications"] = json!({"endpoints": [endpoint]});
    }
    // JSON is YAML.
    config.to_string()
}
