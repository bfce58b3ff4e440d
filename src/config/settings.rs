//! The configuration as the other rooms use it: every value checked. Knows neither YAML nor where a value came from.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;

use super::body::BodyForm;
use super::changelog::Changelog;
use super::compile::Schedule;
use super::host::Endpoint;
use super::secret::SecretSource;
use super::services::{ServiceSettings, Services};
use super::subject::SubjectForm;
use crate::model::{
    BranchName, EnvironmentName, MergeMethod, NetworkUrl, RepoPath, ServiceName, ServicePattern,
};
use crate::policy::{Approving, Freeze, SoakMode, Window};

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// When the daemon looks for new versions.
    pub schedule: Schedule,
    /// The zone in which the schedule, windows and freezes are read.
    pub timezone: Tz,
    /// The GitOps repository.
    pub git: Git,
    /// Where pull requests are opened; there is one when an environment asks for them.
    pub forge: Option<Forge>,
    /// The registries that need more than anonymous HTTPS, each host once.
    pub registries: Vec<Registry>,
    /// Stretches of time in which nothing is promoted.
    pub freezes: Vec<Freeze>,
    /// The sets of services that ship together.
    pub groups: Vec<Group>,
    /// How soaks are counted.
    pub soak_mode: SoakMode,
    /// Whether control files that no longer count are removed.
    pub sweeps_control_files: bool,
    /// How far a commit's time may lie before a fetch that did not have it.
    pub clock_tolerance: Duration,
    /// Release changelogs.
    pub changelog: Changelog,
    /// Where observations and the index are kept.
    pub store: Store,
    pub(super) environments: Vec<Environment>,
    pub(super) services: Services,
}

impl Config {
    /// The environments, each after the one that its versions come from; at least one.
    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// The environment of this name.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// What holds for one service.
    pub fn service(&self, name: &ServiceName) -> ServiceSettings<'_> {
        self.services.settings_of(name)
    }

    /// How long a version of the service soaks before it may come to `environment`.
    pub fn soak(&self, service: &ServiceName, environment: &Environment) -> Duration {
        self.service(service).soak_before(environment)
    }
}

/// A set of services that ship together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What people call it.
    pub name: String,
    /// The services.
    pub services: Vec<ServicePattern>,
}

/// The GitOps repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Git {
    /// The repository that is cloned from and pushed to.
    pub remote: Remote,
    /// How to log in there.
    pub auth: Auth,
    /// The certificate authorities that are trusted in place of the machine's, in PEM form.
    pub ca_file: Option<PathBuf>,
    /// The proxy for https; without it, the one that the environment names.
    pub proxy: Option<Endpoint>,
    /// The branch that Flux follows.
    pub branch: BranchName,
    /// Who is named as the author of promotions.
    pub author: Author,
    /// How commits are signed.
    pub signing: Signing,
    /// Who must have signed what others commit, if anybody must.
    pub verify: Option<Verify>,
    /// What one commit holds.
    pub batch: Batch,
    /// The form of the subject of a promotion's commit.
    pub subject: SubjectForm,
    /// The form of its body; without it, evidence and notes.
    pub body: Option<BodyForm>,
}

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// At this absolute path.
    Path(PathBuf),
    /// On another machine.
    Network(NetworkUrl),
}

/// As Git reads it; it holds no secret.
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
    /// Not at all.
    None,
    /// By an SSH key in a file.
    SshKey {
        /// The private key.
        file: PathBuf,
        /// The keys of the hosts; without it, the usual files of the user and the machine.
        known_hosts: Option<PathBuf>,
        /// Where the key's passphrase is, if it has one.
        passphrase: Option<SecretSource>,
    },
    /// By an SSH key that an agent holds.
    SshAgent {
        /// The agent's socket.
        socket: PathBuf,
        /// The keys of the hosts; without it, the usual files of the user and the machine.
        known_hosts: Option<PathBuf>,
    },
    /// By a token.
    Token {
        /// The name that is sent with it.
        username: String,
        /// Where the token is.
        token: SecretSource,
    },
    /// As an installation of a GitHub App.
    GithubApp {
        /// The number of the app.
        app_id: u64,
        /// The number of its installation.
        installation_id: u64,
        /// The app's private key, in PEM form.
        private_key: PathBuf,
        /// The API's URL; without it, the one that belongs to the repository's host.
        api: Option<Endpoint>,
    },
}

/// How commits are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// Not at all.
    None,
    /// By an SSH key.
    Ssh {
        /// The private key.
        file: PathBuf,
        /// Where its passphrase is, if it has one.
        passphrase: Option<SecretSource>,
    },
    /// By a GPG key.
    Gpg {
        /// Its fingerprint.
        key: String,
        /// The folder of the keyring; without it, that of the user.
        home: Option<PathBuf>,
    },
}

/// Who must have signed what others commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verify {
    /// The SSH keys that may sign.
    pub allowed_signers: Option<PathBuf>,
    /// The folder of a GPG keyring; every key in it may sign.
    pub gpg_home: Option<PathBuf>,
}

/// A commit's author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name; not empty, on one line.
    pub name: String,
    /// The e-mail address; not empty, on one line.
    pub email: String,
}

/// What one commit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// One service in one environment.
    Service,
    /// All that moves in one environment.
    Environment,
    /// All that moves in a pass.
    All,
}

/// How one registry is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// The registry, as image references name it.
    pub host: String,
    /// The URL that is asked instead of the host.
    pub endpoint: Option<Endpoint>,
    /// Whether it is spoken to by plain HTTP; an `endpoint` says it itself.
    pub plain_http: bool,
    /// The account; without it, the registry is asked anonymously.
    pub credentials: Option<Credentials>,
    /// Further certificate authorities, in PEM form.
    pub ca_file: Option<PathBuf>,
    /// Further hosts that a login may be sent to.
    pub token_hosts: Vec<String>,
    /// How fast it may be asked at most; without it, the registry client's own measure.
    pub rate_limit: Option<RateLimit>,
}

/// An account of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    Basic {
        /// The name of the account.
        username: String,
        /// Where the password is.
        password: SecretSource,
    },
    /// A Docker `config.json`.
    DockerConfig(PathBuf),
}

/// How fast a registry may be asked at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second.
    pub requests_per_second: NonZeroU32,
    /// How many requests may go at once after a pause.
    pub burst_requests: NonZeroU32,
}

/// One environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The name.
    pub name: EnvironmentName,
    /// The folders; none lies in another one, of this environment or of another.
    pub paths: Vec<RepoPath>,
    /// The environment that versions come from; without it, they come from the registry.
    pub after: Option<EnvironmentName>,
    /// How long a version soaks in the environment before, unless an override says otherwise; zero without `after`.
    pub soak: Duration,
    /// Whether and how a promotion must be approved.
    pub approval: Approving,
    /// When promotions may happen; without any, always.
    pub windows: Vec<Window>,
    /// How promotions are proposed by pull requests; without it, they are pushed.
    pub pull_requests: Option<PullRequests>,
}

/// How promotions are proposed by pull requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequests {
    /// Whether one has all that may go into the environment; else one service, or one set of them.
    pub is_whole_environment: bool,
    /// The labels that it is given.
    pub labels: Vec<String>,
    /// Whose review is asked for.
    pub reviewers: Vec<String>,
    /// The teams whose review is asked for.
    pub team_reviewers: Vec<String>,
    /// Whether it is opened as a draft.
    pub is_draft: bool,
    /// Whether and how it merges by itself.
    pub auto_merge: Option<MergeMethod>,
}

/// Where pull requests are opened: at GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forge {
    /// `owner/name`.
    pub repository: String,
    /// The API's URL; without it, the one that belongs to the repository's host.
    pub api: Option<Endpoint>,
    /// Where the token is; without it, the login of the repository counts, which is a token or a GitHub App.
    pub token: Option<SecretSource>,
}

/// Where observations and the index are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// In the SQLite database of this absolute path.
    Sqlite(PathBuf),
}
