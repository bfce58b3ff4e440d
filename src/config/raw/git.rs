//! The shape of the `git` section.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FilePath, or_default};
use crate::config::location::Located;

/// The GitOps repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Git {
    /// The repository: an `ssh://` or `https://` URL, `user@host:path`, a `file://` URL, or an absolute path. A login
    /// never stands in it.
    #[schemars(extend("examples" = ["ssh://git@github.com/vtr/gitops.git", "file:///srv/git/gitops.git"]))]
    pub(in crate::config) url: Located<String>,

    /// The branch that Flux follows and that promotions are pushed to.
    #[schemars(extend("default" = "main"))]
    pub(in crate::config) branch: Option<Located<String>>,

    /// How to log in: `sshKey` or `sshAgent` over ssh, `token` or `githubApp` over https. A repository on this machine needs none.
    pub(in crate::config) auth: Option<Located<Auth>>,

    /// A file of the certificate authorities, in PEM form, that are trusted for an `https://` URL in place of those of
    /// the machine.
    pub(in crate::config) ca_file: Option<Located<FilePath>>,

    /// The proxy to reach an `https://` URL through, without a login. Without it, `HTTPS_PROXY` and `NO_PROXY` count.
    #[schemars(extend("examples" = ["http://proxy.vtr.cl:3128"]))]
    pub(in crate::config) proxy: Option<Located<String>>,

    /// Who is named as the author of promotions.
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::config) author: Author,

    /// How commits are signed: `sshKey` or `gpgKey`.
    pub(in crate::config) signing: Option<Located<Signing>>,

    /// Who must have signed what others commit. A tag that came into an environment by a commit of nobody in it does not
    /// soak there.
    pub(in crate::config) verify: Option<Located<Verify>>,

    /// What one commit holds: `service` is one service in one environment, so that a revert undoes exactly one
    /// promotion; `environment` is all that moves in one environment; `all` is all that moves in a pass.
    #[schemars(extend("default" = "service"))]
    pub(in crate::config) batch: Option<Batch>,

    /// How commits are worded.
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::config) message: Message,
}

/// What one commit holds.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Batch {
    Service,
    Environment,
    All,
}

/// How to log in to the Git server: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Auth {
    /// By an SSH key in a file.
    pub(in crate::config) ssh_key: Option<SshKey>,
    /// By an SSH key that an agent holds.
    pub(in crate::config) ssh_agent: Option<SshAgent>,
    /// By a token.
    pub(in crate::config) token: Option<Located<Token>>,
    /// As an installation of a GitHub App, whose tokens are minted as they are needed.
    pub(in crate::config) github_app: Option<Located<GithubApp>>,
}

/// An SSH key and the hosts it may be shown to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct SshKey {
    /// The private key, in a form that OpenSSH reads. Only its owner may be able to read the file.
    pub(in crate::config) file: Located<FilePath>,
    /// The public keys of the hosts, in OpenSSH's `known_hosts` form: hashed names, `@cert-authority` and `@revoked`
    /// are understood. A host that is not in it is refused. Without it, `~/.ssh/known_hosts` and
    /// `/etc/ssh/ssh_known_hosts`.
    pub(in crate::config) known_hosts: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the key's passphrase.
    #[schemars(extend("examples" = ["SSH_PASSPHRASE"]))]
    pub(in crate::config) passphrase_env: Option<Located<String>>,
    /// The file that holds the key's passphrase; an end of line after it is not part of it.
    pub(in crate::config) passphrase_file: Option<Located<FilePath>>,
}

/// An SSH agent and the hosts its keys may be shown to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct SshAgent {
    /// The agent's socket. Without it, the one that `SSH_AUTH_SOCK` names.
    pub(in crate::config) socket: Option<Located<FilePath>>,
    /// As for `sshKey`.
    pub(in crate::config) known_hosts: Option<Located<FilePath>>,
}

/// A token: `env` or `file`. It is read for each connection, so that a rotated one is seen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Token {
    /// The file that holds the token; an end of line after it is not part of it.
    pub(in crate::config) file: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the token.
    #[schemars(extend("examples" = ["GIT_TOKEN"]))]
    pub(in crate::config) env: Option<Located<String>>,
    /// The name that is sent with the token: any at GitHub, GitLab and Gitea; Bitbucket wants `x-token-auth`.
    #[schemars(extend("default" = "x-access-token"))]
    pub(in crate::config) username: Option<Located<String>>,
}

/// A GitHub App's installation. It needs the permission `contents: write`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct GithubApp {
    /// The number of the app.
    pub(in crate::config) app_id: Located<u64>,
    /// The number of its installation.
    pub(in crate::config) installation_id: Located<u64>,
    /// The app's private key, in PEM form, as GitHub made it.
    pub(in crate::config) private_key_file: Located<FilePath>,
    /// The URL of the API. Without it, `https://api.github.com`, or `/api/v3` at the host of a GitHub Enterprise.
    #[schemars(extend("examples" = ["https://github.vtr.cl/api/v3"]))]
    pub(in crate::config) api: Option<Located<String>>,
}

/// Who is named as the author of promotions.
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

/// How commits are signed: `sshKey` or `gpgKey`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Signing {
    /// The private SSH key to sign with, Ed25519 or ECDSA, in OpenSSH's form.
    pub(in crate::config) ssh_key: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the passphrase of `sshKey`.
    pub(in crate::config) passphrase_env: Option<Located<String>>,
    /// The file that holds the passphrase of `sshKey`; an end of line after it is not part of it.
    pub(in crate::config) passphrase_file: Option<Located<FilePath>>,
    /// The GPG key to sign with: its fingerprint. It has no passphrase.
    #[schemars(extend("pattern" = "^(0x)?[0-9A-Fa-f ]{16,60}$", "examples" = ["3AA5C34371567BD2"]))]
    pub(in crate::config) gpg_key: Option<Located<String>>,
    /// The folder of the keyring with `gpgKey`. Without it, that of the user.
    pub(in crate::config) gpg_home: Option<Located<FilePath>>,
}

/// Who must have signed what others commit: `allowedSigners`, `gpgHome`, or both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Verify {
    /// The SSH keys that may sign, in the form of ALLOWED SIGNERS in ssh-keygen(1). Tidegate's own must be in it.
    pub(in crate::config) allowed_signers: Option<Located<FilePath>>,
    /// The folder of a GPG keyring; every key in it may sign.
    pub(in crate::config) gpg_home: Option<Located<FilePath>>,
}

/// How commits are worded.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Message {
    /// The subject of the commit of one promotion: one line, with the placeholders `{service}`, `{namespace}`,
    /// `{environment}`, `{tag}` and `{from}` (the tag that ran before); a brace is written `{{` or `}}`.
    #[schemars(extend("default" = "chore({service}): update to {tag}"))]
    pub(in crate::config) subject: Option<Located<String>>,
    /// What stands behind the subject of every commit of Tidegate's, for what reads commits.
    #[schemars(extend("examples" = ["[skip ci]"]))]
    pub(in crate::config) suffix: Option<Located<String>>,
    /// The body of a promotion's commit, between the subject and the trailers: a Jinja template over `evidence` (from where
    /// to where, how long it soaked, what was overridden), `notes` (what changed) and `promotions`, each with `service`,
    /// `namespace`, `name`, `environment`, `image`, `from`, `to`, `digest`, `releases`, `soakedFor`, `soakedIn`,
    /// `requestedBy`, `group`, `rollback`, `overrides` (each with `gate` and `reason`) and `notes`.
    #[schemars(extend("examples" = ["{{ evidence }}\n\n{{ notes }}\n\nRunbook: https://runbooks.vtr.cl/{{ promotions[0].name }}\n"]))]
    pub(in crate::config) body: Option<Located<String>>,
}
