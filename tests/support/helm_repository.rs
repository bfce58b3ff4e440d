//! A Helm repository over HTTP: charts that the real `helm` packs and indexes, served on loopback as a static web server does.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::registry::{PASSWORD, USER};

/// The path of the repository on its host.
pub(crate) const PATH: &str = "Stable/charts";

/// A Helm repository; dropping stops it.
pub(crate) struct HelmRepository {
    server: MockServer,
    folder: TempDir,
}

impl HelmRepository {
    /// An empty repository; with `password`, only [`USER`] may read it.
    pub(crate) async fn start(password: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = MockServer::start().await;
        let files = folder.path().to_owned();
        Mock::given(any())
            .respond_with(move |request: &Request| serve(&files, password, request))
            .mount(&server)
            .await;
        Self { server, folder }
    }

    /// The host, as in image names.
    pub(crate) fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// The URL, as a HelmRepository has it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/{PATH}", self.host())
    }

    /// The name of a chart of it.
    pub(crate) fn chart(&self, name: &str) -> String {
        format!("helm+https://{}/{PATH}/{name}", self.host())
    }

    /// Packs a version of a chart, indexes the repository anew, and returns the digest of the archive.
    pub(crate) fn publish(&self, chart: &str, version: &str, description: &str) -> String {
        let source = tempfile::tempdir().unwrap();
        let folder = source.path().join(chart);
        fs::create_dir_all(folder.join("templates")).unwrap();
        let text = format!(
            "apiVersion: v2\nname: {chart}\nversion: {version}\ndescription: {description}\n\
             home: https://example.com/{chart}\nsources: [https://github.com/vtr/{chart}]\n"
        );
        fs::write(folder.join("Chart.yaml"), text).unwrap();
        helm(&["package", folder.to_str().unwrap(), "--destination", self.folder.path().to_str().unwrap()]);
        helm(&["repo", "index", self.folder.path().to_str().unwrap()]);
        let archive = fs::read(self.folder.path().join(format!("{chart}-{version}.tgz"))).unwrap();
        hex(&archive)
    }

    /// Replaces the index.
    pub(crate) fn write_index(&self, text: &str) {
        fs::write(self.folder.path().join("index.yaml"), text).unwrap();
    }

    /// The requests so far: the path, and whether it was conditional.
    pub(crate) async fn requests(&self) -> Vec<(String, bool)> {
        let requests = self.server.received_requests().await.unwrap();
        let seen = |request: &Request| {
            (request.url.path().to_owned(), request.headers.contains_key("if-none-match"))
        };
        requests.iter().map(seen).collect()
    }
}

fn serve(folder: &Path, password: bool, request: &Request) -> ResponseTemplate {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}")));
    if password && header("authorization") != Some(expected.as_str()) {
        return ResponseTemplate::new(401).insert_header("www-authenticate", "Basic realm=\"charts\"");
    }
    let file = request.url.path().strip_prefix(&format!("/{PATH}/")).unwrap_or("none");
    let Ok(bytes) = fs::read(folder.join(file)) else { return ResponseTemplate::new(404) };
    let etag = format!("\"{}\"", hex(&bytes));
    if header("if-none-match") == Some(etag.as_str()) {
        return ResponseTemplate::new(304);
    }
    ResponseTemplate::new(200).insert_header("etag", etag.as_str()).set_body_bytes(bytes)
}

fn helm(arguments: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let program = crate::deploy::tools::folder().join("helm");
    let output = Command::new(program).args(arguments).env("HOME", home.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "helm {}: {said}", arguments.join(" "));
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}
