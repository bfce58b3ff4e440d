//! Generated GitOps repositories, written by `git fast-import`: a folder for every cluster, in it a folder for every
//! fifty services, in it a HelmRelease of sixty lines for every service.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many lines a HelmRelease has.
pub(crate) const LINES: usize = 60;

/// The clusters, first the one into which versions come first.
pub(crate) const CLUSTERS: [&str; 2] = ["non-prod", "prod"];

/// What is generated.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// How many services, each with a HelmRelease in each cluster.
    pub(crate) services: usize,
    /// How many images they share.
    pub(crate) images: usize,
    /// How many tags each image has in the registry.
    pub(crate) tags: usize,
    /// One service in so many runs the version before the newest; 0 is none, 1 is all.
    pub(crate) one_behind_in: usize,
    /// How many commits come after the first, each of which moves one service in one cluster.
    pub(crate) commits: usize,
}

impl Layout {
    /// How many `HelmRelease`s there are.
    pub(crate) fn releases(&self) -> usize {
        self.services * CLUSTERS.len()
    }

    /// The version that a service runs in the end.
    fn version(&self, service: usize) -> usize {
        let is_behind = self.one_behind_in > 0 && service.is_multiple_of(self.one_behind_in);
        self.tags - 1 - usize::from(is_behind)
    }
}

/// The tag of the version with this number, of the newest a higher one.
pub(crate) fn tag(number: usize) -> String {
    format!("v1.{}.{}", number / 20, number % 20)
}

/// Makes a bare repository in `folder` whose images are in the registry `host`.
pub(crate) fn generate(folder: &Path, layout: Layout, host: &str) {
    git(&["init", "--quiet", "--bare", "--initial-branch=main"], folder);
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet", "--done"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stream =
        Stream { writer: BufWriter::new(import.stdin.take().unwrap()), layout, host, at: a_month_ago() };
    stream.everything();
    stream.history();
    stream.writer.write_all(b"done\n").unwrap();
    drop(stream);
    assert!(import.wait().unwrap().success(), "git fast-import failed");
}

/// Runs git in `folder`, and gives back what it wrote.
pub(crate) fn git(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn a_month_ago() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 30 * 24 * 60 * 60
}

/// What is fed to `git fast-import`.
struct Stream<'a, W: std::io::Write> {
    writer: W,
    layout: Layout,
    host: &'a str,
    /// The time of the next commit, in seconds since 1970.
    at: u64,
}

impl<W: std::io::Write> Stream<'_, W> {
    /// The first commit: every release, those that the later commits move one version lower.
    fn everything(&mut self) {
        self.commit("everything");
        for cluster in 0..CLUSTERS.len() {
            for service in 0..self.layout.services {
                let moves_later = Self::place(cluster, service) < self.layout.commits;
                self.release(cluster, service, self.layout.version(service) - usize::from(moves_later));
            }
        }
    }

    /// The commits after it.
    fn history(&mut self) {
        for number in 0..self.layout.commits {
            let (cluster, service) = (number % CLUSTERS.len(), number / CLUSTERS.len());
            self.commit(&format!("chore(service-{service:05}): update"));
            self.release(cluster, service, self.layout.version(service));
        }
    }

    /// The number of the commit that moves a service, if there are so many.
    fn place(cluster: usize, service: usize) -> usize {
        service * CLUSTERS.len() + cluster
    }

    fn commit(&mut self, subject: &str) {
        self.at += 60;
        write!(
            self.writer,
            "commit refs/heads/main\ncommitter Ana <ana@example.org> {} +0000\ndata {}\n{subject}\n",
            self.at,
            subject.len()
        )
        .unwrap();
    }

    fn release(&mut self, cluster: usize, service: usize, version: usize) {
        let cluster = CLUSTERS[cluster];
        let image = format!("{}/vtr/image-{:04}", self.host, service % self.layout.images);
        let text = release(service, &image, &tag(version));
        let path = format!("clusters/{cluster}/namespace-{:03}/service-{service:05}.yaml", service / 50);
        write!(self.writer, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
    }
}

/// A HelmRelease as teams write them, filled up with environment variables to its sixty lines.
fn release(service: usize, image: &str, tag: &str) -> String {
    let mut text = format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\n\
         kind: HelmRelease\n\
         metadata:\n\
         \x20 name: service-{service:05}\n\
         \x20 namespace: namespace-{:03}\n\
         spec:\n\
         \x20 interval: 10m\n\
         \x20 chart:\n\
         \x20   spec:\n\
         \x20     chart: microservice\n\
         \x20     version: \"3.1.x\"\n\
         \x20     sourceRef: {{kind: HelmRepository, name: platform, namespace: flux-system}}\n\
         \x20 values:\n\
         \x20   replicaCount: 2\n\
         \x20   image:\n\
         \x20     repository: {image}\n\
         \x20     tag: {tag} # moved by promotions\n\
         \x20     pullPolicy: IfNotPresent\n\
         \x20   resources:\n\
         \x20     requests: {{cpu: 100m, memory: 256Mi}}\n\
         \x20     limits: {{memory: 512Mi}}\n\
         \x20   ingress:\n\
         \x20     enabled: true\n\
         \x20     hosts: ['service-{service:05}.example.org']\n\
         \x20   env:\n",
        service / 50
    );
    for number in text.lines().count()..LINES {
        let _ = writeln!(text, "      SETTING_{number:02}: \"value {number} of service {service}\"");
    }
    text
}
