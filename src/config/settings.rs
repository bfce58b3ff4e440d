//! The configuration as the other rooms use it, every value checked. Knows neither YAML nor positions.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;

use super::body::BodyForm;
use super::changelog::Changelog;
use super::compile::{PathGlobs, Schedule};
use super::environment::{self, Environment};
use super::fields::ConfiguredField;
use super::host::Endpoint;
use super::names::ConfiguredName;
use super::notifications::{Channel, FluxReceiver};
use super::secret::SecretSource;
use super::services::{ServiceSettings, Services};
use super::subject::SubjectForm;
use crate::check::CheckSettings;
use crate::model::{
    BranchName, Class, EnvironmentName, Fault, NetworkUrl, Platform, RepoPath, ServiceName, ServicePattern,
    WebhookSender,
};
use crate::policy::{Freeze, SoakMode};

/// The configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// When the daemon looks for new versions.
    pub schedule: Schedule,
    /// The time zone of the schedule, windows and freezes.
    pub timezone: Tz,
    /// The GitOps repository.
    pub git: Git,
    /// Where pull requests are opened; set when an environment has `delivery: pullRequest`.
    pub forge: Option<Forge>,
    /// Registries that need more than anonymous HTTPS, each host once.
    pub registries: Vec<Registry>,
    /// Periods in which nothing is promoted.
    pub freezes: Vec<Freeze>,
    /// Files that are never read.
    pub exclude: PathGlobs,
    /// Fields that the configuration names.
    pub fields: Vec<ConfiguredField>,
    /// Platforms that an image must have.
    pub platforms: Vec<Platform>,
    /// Names and globs that must match something in the repository.
    pub names: Vec<ConfiguredName>,
    /// Services that ship together.
    pub groups: Vec<Group>,
    /// How the soak is counted.
    pub soak_mode: SoakMode,
    /// Remove control files that are no longer in force.
    pub sweeps_control_files: bool,
    /// Tolerance for the clocks of committers: how much older than a fetch without it a commit may claim to be.
    pub clock_tolerance: Duration,
    /// How often the daemon logs that its passes succeed; zero for never.
    pub heartbeat: Duration,
    /// Notification channels.
    pub channels: Vec<Channel>,
    /// Flux Receivers to call after a push.
    pub flux_receivers: Vec<FluxReceiver>,
    /// Changelogs: what changed between two images.
    pub changelog: Changelog,
    /// Where observations and the history index are stored.
    pub store: Store,
    /// The conventions that `tidegate check` applies.
    pub check: CheckSettings,
    /// The HTTP server; without it, nothing listens.
    pub server: Option<Server>,
    pub(super) environments: Vec<Environment>,
    pub(super) services: Services,
}

impl Config {
    /// The environments, each after the one that its versions come from. At least one.
    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// The environment of this name.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// The settings of one service.
    pub fn service(&self, name: &ServiceName) -> ServiceSettings<'_> {
        self.services.settings_of(name)
    }

    /// The folders to list for the patterns in `paths`, empty for the whole repository; `None` without patterns.
    pub fn pattern_scope(&self) -> Option<Vec<RepoPath>> {
        let paths = self.environments.iter().flat_map(|environment| &environment.paths);
        let patterns: Vec<&RepoPath> = paths.filter(|path| environment::is_pattern(path)).collect();
        if patterns.is_empty() {
            return None;
        }
        let bases: Option<Vec<RepoPath>> = patterns.into_iter().map(environment::base).collect();
        Some(bases.unwrap_or_default())
    }

    /// The configuration with the patterns in `paths` replaced by the folders of `files`, or the files, that they match. A pattern without
    /// a match stays, and is reported as a folder that does not exist.
    ///
    /// # Errors
    /// When a folder is in two environments, or in another folder.
    pub fn with_folders(&self, files: &[RepoPath]) -> Result<Self, Fault> {
        let mut config = self.clone();
        for environment in &mut config.environments {
            environment.paths = environment.paths.iter().flat_map(|path| folders(path, files)).collect();
        }
        let mut all: Vec<(&RepoPath, &EnvironmentName)> = config
            .environments
            .iter()
            .flat_map(|environment| environment.paths.iter().map(move |path| (path, &environment.name)))
            .collect();
        // What lies in a folder follows it.
        all.sort_by(|(one, _), (other, _)| one.as_str().split('/').cmp(other.as_str().split('/')));
        for pair in all.windows(2) {
            let [(outer, other), (path, name)] = pair else { continue };
            if path.is_within(outer) {
                let message = format!("the folder {path} of {name} is in {outer} of {other}");
                return Err(Fault::new(Class::Usage, message)
                    .with_hint("write patterns in `paths` that do not match the same folders"));
            }
        }
        Ok(config)
    }

    /// How long a version of the service soaks before it may come to `environment`.
    pub fn soak(&self, service: &ServiceName, environment: &Environment) -> Duration {
        self.service(service).soak_before(environment)
    }
}

fn folders(path: &RepoPath, files: &[RepoPath]) -> Vec<RepoPath> {
    if !environment::is_pattern(path) {
        return vec![path.clone()];
    }
    let found: BTreeSet<RepoPath> =
        files.iter().filter_map(|file| environment::matching_path(path, file)).collect();
    if found.is_empty() { vec![path.clone()] } else { found.into_iter().collect() }
}

/// Services that ship together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The name that reports use.
    pub name: String,
    /// Patterns of its members.
    pub services: Vec<ServicePattern>,
}

/// The GitOps repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Git {
    /// The repository to fetch from and push to.
    pub remote: Remote,
    /// How to log in.
    pub auth: Auth,
    /// PEM file of the certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy for https; without it, `HTTPS_PROXY` decides.
    pub proxy: Option<Endpoint>,
    /// The branch that Flux follows.
    pub branch: BranchName,
    /// The author of promotion commits.
    pub author: Author,
    /// How commits are signed.
    pub signing: Signing,
    /// Whose signatures commits of others need, if any.
    pub verify: Option<Verify>,
    /// What goes into one commit.
    pub batch: Batch,
    /// The subject of a promotion commit.
    pub subject: SubjectForm,
    /// The body of a promotion commit; without it, evidence and notes.
    pub body: Option<BodyForm>,
}

/// The location of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// An absolute path on this machine.
    Path(PathBuf),
    /// A URL of another machine.
    Network(NetworkUrl),
}

/// As Git takes it; it holds no secret.
impl fmt::Display for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(formatter),
            Self::Network(url) => url.fmt(formatter),
        }
    }
}

/// How to log in to a Git server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// No login.
    None,
    /// An SSH key in a file.
    SshKey {
        /// The private key.
        file: PathBuf,
        /// The `known_hosts` file; without it, OpenSSH's defaults.
        known_hosts: Option<PathBuf>,
        /// The key's passphrase, if it has one.
        passphrase: Option<SecretSource>,
    },
    /// An SSH key in an agent.
    SshAgent {
        /// The agent's socket.
        socket: PathBuf,
        /// The `known_hosts` file; without it, OpenSSH's defaults.
        known_hosts: Option<PathBuf>,
    },
    /// A token over https.
    Token {
        /// The user name to send with it.
        username: String,
        /// The token.
        token: SecretSource,
    },
    /// An installation of a GitHub App.
    GithubApp {
        /// The app id.
        app_id: u64,
        /// The installation id.
        installation_id: u64,
        /// PEM file of the app's private key.
        private_key: PathBuf,
        /// The URL of the API; without it, the one of the repository's host.
        api: Option<Endpoint>,
    },
}

/// How commits are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// No signature.
    None,
    /// An SSH key.
    Ssh {
        /// The private key.
        file: PathBuf,
        /// Its passphrase, if it has one.
        passphrase: Option<SecretSource>,
    },
    /// A GPG key.
    Gpg {
        /// Its fingerprint.
        key: String,
        /// The folder of the keyring; without it, the user's.
        home: Option<PathBuf>,
    },
}

/// Whose signatures commits of others need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verify {
    /// File of the SSH keys that may sign.
    pub allowed_signers: Option<PathBuf>,
    /// The folder of a GPG keyring; every key in it may sign.
    pub gpg_home: Option<PathBuf>,
}

/// The author of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name: one line, not empty.
    pub name: String,
    /// The e-mail address: one line, not empty.
    pub email: String,
}

/// What goes into one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// One service in one environment.
    Service,
    /// Every promotion of a pass in one environment.
    Environment,
    /// Every promotion of a pass.
    All,
}

/// How to reach one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// The host, as image references write it.
    pub host: String,
    /// The mirror or cache to ask instead of the host.
    pub endpoint: Option<Endpoint>,
    /// Use plain HTTP; an `endpoint` has its own scheme.
    pub plain_http: bool,
    /// The account; without it, requests are anonymous.
    pub credentials: Option<Credentials>,
    /// PEM file of additional certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// Additional hosts that may receive the credentials.
    pub token_hosts: Vec<String>,
    /// Maximum request rate; without it, the registry client's default.
    pub rate_limit: Option<RateLimit>,
}

/// Credentials of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A user name and a password.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: SecretSource,
    },
    /// A Docker `config.json`.
    DockerConfig(PathBuf),
}

/// Maximum request rate of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per second.
    pub requests_per_second: NonZeroU32,
    /// Requests that may go at once after a pause.
    pub burst_requests: NonZeroU32,
}

/// Where pull requests are opened: at GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forge {
    /// `owner/name`.
    pub repository: String,
    /// The URL of the API; without it, the one of the repository's host.
    pub api: Option<Endpoint>,
    /// The token; without it, `git.auth` is used, which is a token or a GitHub App.
    pub token: Option<SecretSource>,
}

/// Where observations and the history index are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The SQLite database, an absolute path.
    pub database: PathBuf,
    /// How long it keeps what no decision needs.
    pub retention: Duration,
}

/// Who may read the board and the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nobody.
    None,
    /// Whoever is on this machine.
    Local,
    /// Everybody who reaches the port.
    Open,
    /// Whoever has a token of `tidegate token create`.
    Token,
}

/// The TLS of the HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// The file of the certificate with its chain.
    pub certificate: PathBuf,
    /// The file of the private key.
    pub key: PathBuf,
}

/// The HTTP server of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The certificate and its key; plain HTTP without.
    pub tls: Option<ServerTls>,
    /// Who may read the board and the API.
    pub access: Access,
    /// The senders whose webhooks are accepted, each with its secret.
    pub webhooks: Vec<(WebhookSender, SecretSource)>,
}
