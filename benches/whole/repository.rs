//! Generated GitOps repositories, written by `git fast-import`: a folder for every cluster, in it a folder for every
//! fifty services, in it a HelmRelease of sixty lines for every service.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
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
    /// How many commits come after the first, each of which promotes one service in one cluster, all in turn.
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

    /// How many of the commits promote the release with this number.
    fn moves(&self, number: usize) -> usize {
        self.commits / self.releases() + usize::from(number < self.commits % self.releases())
    }
}

/// The tag of the version with this number, of the newest a higher one.
pub(crate) fn tag(number: usize) -> String {
    format!("v1.{}.{}", number / 20, number % 20)
}

/// Makes a bare repository in `folder` whose images are in the registry `host`.
pub(crate) fn generate(folder: &Path, layout: Layout, host: &str) {
    git(&["init", "--quiet", "--bare", "--initial-branch=main"], folder);
    import(folder, layout, host, a_month_ago(), |stream| {
        stream.everything();
        stream.history();
    });
}

/// Adds a commit by a person for each of these services, which puts it back to an old version in the first cluster.
pub(crate) fn extend(folder: &Path, layout: Layout, host: &str, services: Range<usize>) {
    import(folder, layout, host, a_month_ago() + 31 * 24 * 60 * 60, |stream| stream.people(services));
}

fn import(folder: &Path, layout: Layout, host: &str, at: u64, write: impl FnOnce(&mut Stream<'_, Input>)) {
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet", "--done"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stream = Stream { writer: BufWriter::new(import.stdin.take().unwrap()), layout, host, at };
    write(&mut stream);
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

type Input = BufWriter<ChildStdin>;

/// What is fed to `git fast-import`.
struct Stream<'a, W: std::io::Write> {
    writer: W,
    layout: Layout,
    host: &'a str,
    /// The time of the next commit, in seconds since 1970.
    at: u64,
}

impl<W: std::io::Write> Stream<'_, W> {
    /// The first commit: every release, each as many versions lower as later commits promote it.
    fn everything(&mut self) {
        self.commit("everything");
        for number in 0..self.layout.releases() {
            let (cluster, service) = Self::place(number);
            self.release(cluster, service, self.layout.version(service) - self.layout.moves(number));
        }
    }

    /// The commits after it.
    fn history(&mut self) {
        for commit in 0..self.layout.commits {
            let number = commit % self.layout.releases();
            let (cluster, service) = Self::place(number);
            let left = self.layout.moves(number) - commit / self.layout.releases();
            let version = self.layout.version(service) - left;
            self.commit(&self.message(commit, version));
            self.release(cluster, service, version + 1);
        }
    }

    fn people(&mut self, services: Range<usize>) {
        for service in services.clone() {
            self.commit("fix: back to what worked");
            if service == services.start {
                self.writer.write_all(b"from refs/heads/main^0\n").unwrap();
            }
            self.release(0, service, 0);
        }
    }

    /// The cluster and the service of a release.
    fn place(number: usize) -> (usize, usize) {
        (number % CLUSTERS.len(), number / CLUSTERS.len())
    }

    /// What a promotion from a version to the next one says of itself.
    fn message(&self, commit: usize, version: usize) -> String {
        let (cluster, service) = Self::place(commit % self.layout.releases());
        let (from, to) = (tag(version), tag(version + 1));
        let (name, environment) = (format!("service-{service:05}"), CLUSTERS[cluster]);
        let image = image(self.host, self.layout, service);
        format!(
            "chore({name}): update to {to}\n\n{environment}: {from} -> {to} (1 release)\n\n\
             Tidegate-Promotion: 0197c0de-0000-7000-8000-{commit:012x}\n\
             Tidegate-Service: namespace-{:03}/{name}\n\
             Tidegate-Environment: {environment}\n\
             Tidegate-Image: {image}:{to}@sha256:{commit:064x}\n\
             Tidegate-From: {from}\n\
             Tidegate-Requested-By: schedule\n",
            service / 50
        )
    }

    fn commit(&mut self, message: &str) {
        self.at += 20;
        write!(
            self.writer,
            "commit refs/heads/main\ncommitter Ana <ana@example.org> {} +0000\ndata {}\n{message}\n",
            self.at,
            message.len()
        )
        .unwrap();
    }

    fn release(&mut self, cluster: usize, service: usize, version: usize) {
        let cluster = CLUSTERS[cluster];
        let image = image(self.host, self.layout, service);
        let text = release(service, &image, &tag(version));
        let path = format!("clusters/{cluster}/namespace-{:03}/service-{service:05}.yaml", service / 50);
        write!(self.writer, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
    }
}

fn image(host: &str, layout: Layout, service: usize) -> String {
    format!("{host}/vtr/image-{:04}", service % layout.images)
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
