//! A team's world: a registry, a GitOps repository with two clusters, a configuration, and the binary.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::git::{Change, Origin};
use crate::support::registry::{DockerRegistry, Image};

pub(super) const NON_PROD: &str = "clusters/non-prod-digital-eks/common/graphql-server.yaml";
pub(super) const PROD: &str = "clusters/prod-digital-eks/common/graphql-server.yaml";
const IMAGE: &str = "vtr/graphql-server";

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct World {
    pub(super) registry: DockerRegistry,
    pub(super) origin: Origin,
    /// Lines that the configuration has beside the usual ones.
    more: String,
    /// The `git` section, when it is not the repository's path alone.
    git: Option<String>,
    soak: &'static str,
    /// More keys of the environment `non-prod`.
    non_prod: String,
    /// More keys of the environment `prod`.
    prod: &'static str,
    /// Another registry over plain http.
    other_registry: Option<String>,
}

impl World {
    /// Both clusters run `v1.0.0` of the one service, and the registry has that and `v1.0.1`.
    pub(super) async fn new(soak: &'static str) -> Self {
        Self::on(DockerRegistry::start(), soak).await
    }

    /// The same on another registry.
    pub(super) async fn on(registry: DockerRegistry, soak: &'static str) -> Self {
        let origin = Origin::with_files(&[
            (NON_PROD, &release(&registry.host(), "v1.0.0")),
            (PROD, &release(&registry.host(), "v1.0.0")),
        ]);
        let world = Self {
            registry,
            origin,
            more: String::new(),
            git: None,
            soak,
            non_prod: String::new(),
            prod: "",
            other_registry: None,
        };
        world.release("v1.0.0").await;
        world.release("v1.0.1").await;
        world.configure();
        world
    }

    /// Adds lines to the configuration.
    pub(super) fn with(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self.configure();
        self
    }

    /// Adds keys to the environment `non-prod`, each behind a comma.
    pub(super) fn with_non_prod(mut self, more: &str) -> Self {
        more.clone_into(&mut self.non_prod);
        self.configure();
        self
    }

    /// Adds a registry over plain http.
    pub(super) fn with_registry(mut self, host: String) -> Self {
        self.other_registry = Some(host);
        self.configure();
        self
    }

    /// Adds keys to the environment `prod`, each behind a comma.
    pub(super) fn with_prod(mut self, more: &'static str) -> Self {
        self.prod = more;
        self.configure();
        self
    }

    /// Reaches the repository in another way, by this `git` section.
    pub(super) fn through(mut self, git: &str) -> Self {
        self.git = Some(git.to_owned());
        self.configure();
        self
    }

    fn configure(&self) {
        let git = self.git.clone().unwrap_or_else(|| format!("{{url: {}}}", self.origin.url()));
        let text = format!(
            "git: {git}\n\
             registries: [{{host: \"{host}\", plainHttp: true}}{other}]\n\
             environments:\n\
             - {{name: non-prod, paths: [clusters/non-prod-digital-eks]{non_prod}}}\n\
             - {{name: prod, paths: [clusters/prod-digital-eks], after: non-prod, soak: {soak}{prod}}}\n\
             store: {{url: \"sqlite://{database}\"}}\n\
             {more}\n",
            host = self.registry.host(),
            other = self
                .other_registry
                .as_ref()
                .map(|host| format!(", {{host: \"{host}\", plainHttp: true}}"))
                .unwrap_or_default(),
            soak = self.soak,
            non_prod = self.non_prod,
            prod = self.prod,
            database = self.database().display(),
            more = self.more,
        );
        fs::write(self.config(), text).unwrap();
    }

    pub(super) fn config(&self) -> PathBuf {
        self.origin.beside("tidegate.yaml")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.origin.beside("data/tidegate.db")
    }

    /// Publishes a version of the service.
    pub(super) async fn release(&self, tag: &str) -> String {
        self.registry.push(IMAGE, tag, &Image::labelled("version", tag)).await
    }

    /// Publishes another image under a tag that is there already.
    pub(super) async fn release_again(&self, tag: &str) -> String {
        self.registry.push(IMAGE, tag, &Image::labelled("version", "another")).await
    }

    /// The binary, with no more of this machine's environment than it needs.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.env_clear().stdin(Stdio::null()).args(arguments);
        for name in ["PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("TIDEGATE_CONFIG", self.config())
            .env("HOME", self.origin.beside("home"))
            .env("USER", "ana");
        command
    }

    /// Runs the binary to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs the binary, which must end well, and reads its JSON.
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["-o", "json"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }

    /// What the clusters run: non-prod and prod.
    pub(super) fn running(&self) -> (String, String) {
        (tag_in(&self.origin.file(NON_PROD)), tag_in(&self.origin.file(PROD)))
    }

    /// How many commits the branch has.
    pub(super) fn commits(&self) -> usize {
        self.origin.git(&["rev-list", "--count", "main"]).parse().unwrap()
    }

    /// How often a tag was promoted into an environment.
    pub(super) fn promotions(&self, environment: &str, tag: &str) -> usize {
        let log = self.origin.git(&["log", "--format=%B%x00", "main"]);
        let is_it = |message: &&str| {
            message.contains(&format!("Tidegate-Environment: {environment}\n"))
                && message.contains(&format!(":{tag}@sha256:"))
        };
        log.split('\0').filter(is_it).count()
    }

    /// Adds a person's commit that changes one file.
    pub(super) fn person(&self, message: &str, path: &str, text: &str) -> String {
        self.origin.commit(message, &[Change::File(path, text.as_bytes())])
    }
}

/// What a run of the binary came to.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    pub(super) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The service's release, with a comment that must stay.
pub(super) fn release(host: &str, tag: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2beta1\nkind: HelmRelease\nmetadata:\n  name: graphql-server\n  \
         namespace: common\nspec:\n  values:\n    image:\n      repository: {host}/{IMAGE}\n      tag: {tag}  \
         # Semver, never 'latest'\n"
    )
}

fn tag_in(text: &str) -> String {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("tag: ")).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

/// Waits until something is so.
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}
