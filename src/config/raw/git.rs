//! The shape of the `git` and `forge` sections.

use schemars::JsonSchema;
use serde::Deserialize;

use super::flux::FluxReceiver;
use super::{FilePath, or_default};
use crate::config::location::Located;

/// The GitOps repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Git {
    /// The repository: an `ssh://` or `https://` URL, `user@host:path`, a `file://` URL, or an absolute path. It must not
    /// contain a password or token.
    #[schemars(extend("examples" = ["ssh://git@github.com/vtr/gitops.git", "file:///srv/git/gitops.git"]))]
    pub(in crate::config) url: Located<String>,

    /// The branch that Flux follows and that Tidegate pushes to.
    #[schemars(extend("default" = "main"))]
    pub(in crate::config) branch: Option<Located<String>>,

    /// How to log in: `sshKey` or `sshAgent` over ssh, `token` or `githubApp` over https, nothing for a repository on this
    /// machine.
    pub(in crate::config) auth: Option<Located<Auth>>,

    /// PEM file of the certificate authorities to trust for an `https://` URL instead of the system's.
    pub(in crate::config) ca_file: Option<Located<FilePath>>,

    /// The proxy for an `https://` URL, without a login. Without it, `HTTPS_PROXY` and `NO_PROXY` decide.
    #[schemars(extend("examples" = ["http://proxy.vtr.cl:3128"]))]
    pub(in crate::config) proxy: Option<Located<String>>,

    /// The author of promotion commits.
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::config) author: Author,

    /// How to sign commits: `sshKey` or `gpgKey`.
    pub(in crate::config) signing: Option<Located<Signing>>,

    /// Whose signatures the commits of others need. A tag that an unsigned commit brought into an environment does not soak
    /// there.
    pub(in crate::config) verify: Option<Located<Verify>>,

    /// What one commit contains: `service` for one service in one environment, so that a revert undoes exactly one promotion;
    /// `environment` for every promotion of a pass in one environment; `all` for every promotion of a pass.
    #[schemars(extend("default" = "service"))]
    pub(in crate::config) batch: Option<Batch>,

    /// The text of commit messages.
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::config) message: Message,

    /// Flux Receivers to call after each push, so that Flux reconciles at once. A failure delays nothing.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) flux_receivers: Vec<FluxReceiver>,
}

/// What one commit contains.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Batch {
    Service,
    Environment,
    All,
}

/// How to log in to the Git server: exactly one of these keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Auth {
    /// An SSH key in a file.
    pub(in crate::config) ssh_key: Option<SshKey>,
    /// An SSH key in an agent.
    pub(in crate::config) ssh_agent: Option<SshAgent>,
    /// A token.
    pub(in crate::config) token: Option<Located<Token>>,
    /// An installation of a GitHub App, for which Tidegate requests tokens.
    pub(in crate::config) github_app: Option<Located<GithubApp>>,
}

/// An SSH key, and the hosts to trust.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct SshKey {
    /// The private key, in a format that OpenSSH reads. Only its owner may have access to the file.
    pub(in crate::config) file: Located<FilePath>,
    /// The host keys, in OpenSSH's `known_hosts` format. Hosts that are not in it are refused. Without it,
    /// `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`.
    pub(in crate::config) known_hosts: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the key's passphrase.
    #[schemars(extend("examples" = ["SSH_PASSPHRASE"]))]
    pub(in crate::config) passphrase_env: Option<Located<String>>,
    /// The file that holds the key's passphrase; a trailing line break is ignored.
    pub(in crate::config) passphrase_file: Option<Located<FilePath>>,
}

/// An SSH agent, and the hosts to trust.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct SshAgent {
    /// The socket of the agent. Without it, `SSH_AUTH_SOCK`.
    pub(in crate::config) socket: Option<Located<FilePath>>,
    /// As for `sshKey`.
    pub(in crate::config) known_hosts: Option<Located<FilePath>>,
}

/// A token: `env` or `file`. Tidegate reads it for each connection, so you can rotate it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Token {
    /// The file that holds the token; a trailing line break is ignored.
    pub(in crate::config) file: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the token.
    #[schemars(extend("examples" = ["GIT_TOKEN"]))]
    pub(in crate::config) env: Option<Located<String>>,
    /// The user name to send with the token: any for GitHub, GitLab and Gitea; `x-token-auth` for Bitbucket.
    #[schemars(extend("default" = "x-access-token"))]
    pub(in crate::config) username: Option<Located<String>>,
}

/// An installation of a GitHub App with the permission `contents: write`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct GithubApp {
    /// The app id.
    pub(in crate::config) app_id: Located<u64>,
    /// The installation id.
    pub(in crate::config) installation_id: Located<u64>,
    /// PEM file of the app's private key, as downloaded from GitHub.
    pub(in crate::config) private_key_file: Located<FilePath>,
    /// The URL of the API. Without it, `https://api.github.com`, or `/api/v3` on the host of a GitHub Enterprise.
    #[schemars(extend("examples" = ["https://github.vtr.cl/api/v3"]))]
    pub(in crate::config) api: Option<Located<String>>,
}

/// The author of promotion commits.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Author {
    /// The author's name.
    #[schemars(extend("default" = "tidegate"))]
    pub(in crate::config) name: Option<Located<String>>,
    /// The author's e-mail address.
    #[schemars(extend("default" = "tidegate@localhost"))]
    pub(in crate::config) email: Option<Located<String>>,
}

/// How to sign commits: `sshKey` or `gpgKey`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Signing {
    /// The private SSH key to sign with: Ed25519 or ECDSA, in OpenSSH's format.
    pub(in crate::config) ssh_key: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the passphrase of `sshKey`.
    pub(in crate::config) passphrase_env: Option<Located<String>>,
    /// The file that holds the passphrase of `sshKey`; a trailing line break is ignored.
    pub(in crate::config) passphrase_file: Option<Located<FilePath>>,
    /// The fingerprint of the GPG key to sign with. The key must not have a passphrase.
    #[schemars(extend("pattern" = "^(0x)?[0-9A-Fa-f ]{16,60}$", "examples" = ["3AA5C34371567BD2"]))]
    pub(in crate::config) gpg_key: Option<Located<String>>,
    /// The folder of the keyring with `gpgKey`. Without it, the user's.
    pub(in crate::config) gpg_home: Option<Located<FilePath>>,
}

/// Whose signatures the commits of others need: `allowedSigners`, `gpgHome`, or both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Verify {
    /// File of the SSH keys that may sign, in the format ALLOWED SIGNERS of ssh-keygen(1). Include Tidegate's own key.
    pub(in crate::config) allowed_signers: Option<Located<FilePath>>,
    /// The folder of a GPG keyring; every key in it may sign.
    pub(in crate::config) gpg_home: Option<Located<FilePath>>,
}

/// The text of commit messages.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Message {
    /// The subject of a promotion commit: one line, with the placeholders `{service}`, `{namespace}`, `{environment}`, `{tag}`
    /// and `{from}` (the tag before the promotion); write `{{` or `}}` for a literal brace.
    #[schemars(extend("default" = "chore({service}): update to {tag}"))]
    pub(in crate::config) subject: Option<Located<String>>,
    /// Appended to the subject of every commit by Tidegate, for tools that read commits.
    #[schemars(extend("examples" = ["[skip ci]"]))]
    pub(in crate::config) suffix: Option<Located<String>>,
    /// The body of a promotion commit, between the subject and the trailers: a Jinja template with `evidence` (tags, soak and
    /// overrides), `notes` (what changed) and `promotions`, each with `service`,
    /// `namespace`, `name`, `environment`, `image`, `from`, `to`, `digest`, `releases`, `soakedFor`, `soakedIn`,
    /// `requestedBy`, `group`, `rollback`, `overrides` (each with `gate` and `reason`) and `notes`.
    #[schemars(extend("examples" = ["{{ evidence }}\n\n{{ notes }}\n\nRunbook: https://runbooks.vtr.cl/{{ promotions[0].name }}\n"]))]
    pub(in crate::config) body: Option<Located<String>>,
}

/// Where pull requests are opened, for environments with `delivery: pullRequest`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ForgeSection {
    /// GitHub or a GitHub Enterprise. Not needed for a repository on github.com with a token or a GitHub App as `git.auth`.
    pub(in crate::config) github: Option<Located<GithubForge>>,
}

/// A repository on GitHub or a GitHub Enterprise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct GithubForge {
    /// The repository, as `owner/name`. Without it, the one of `git.url`.
    #[schemars(extend("examples" = ["vtr/gitops"]))]
    pub(in crate::config) repository: Option<Located<String>>,

    /// The URL of the API. Without it, `https://api.github.com`, or `/api/v3` on the host of a GitHub Enterprise.
    #[schemars(extend("examples" = ["https://github.vtr.cl/api/v3"]))]
    pub(in crate::config) api: Option<Located<String>>,

    /// The token, with the permissions `contents: write` and `pull requests: write` (and `issues: write`, for labels).
    /// Without it, `git.auth`, which must be a token or a GitHub App.
    pub(in crate::config) token: Option<Located<Token>>,
}
