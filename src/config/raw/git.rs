//! The shape of the `git` section.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FilePath, or_default};
use crate::config::location::Located;

/// The GitOps repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Git {
    /// The repository: a `file://` URL or an absolute path. `ssh://` and `https://` are refused in this version.
    #[schemars(extend("examples" = ["file:///srv/git/gitops.git"]))]
    pub(in crate::config) url: Located<String>,

    /// The branch that Flux follows and that promotions are pushed to.
    #[schemars(extend("default" = "main"))]
    pub(in crate::config) branch: Option<Located<String>>,

    /// How to log in: one of `sshKey`, `token` and `githubApp`. Refused in this version, which reads local
    /// repositories only.
    pub(in crate::config) auth: Option<Located<Auth>>,

    /// Who is named as the author of promotions.
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::config) author: Author,

    /// How commits are signed. Refused in this version.
    pub(in crate::config) signing: Option<Located<Signing>>,

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

/// How to log in to the Git server: exactly one of these. Refused in this version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the keys are known so that they are refused by name, not as unknown ones")]
pub(in crate::config) struct Auth {
    /// By an SSH key. Refused in this version.
    pub(in crate::config) ssh_key: Option<SshKey>,
    /// By a token. Refused in this version.
    pub(in crate::config) token: Option<Token>,
    /// As a GitHub App. Refused in this version.
    pub(in crate::config) github_app: Option<GithubApp>,
}

/// An SSH key and the hosts it may be shown to. Refused in this version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the keys are known so that they are refused by name, not as unknown ones")]
pub(in crate::config) struct SshKey {
    /// The private key.
    pub(in crate::config) file: FilePath,
    /// The public keys of the hosts, in OpenSSH's `known_hosts` form.
    pub(in crate::config) known_hosts: Option<FilePath>,
}

/// A token, from a file or from an environment variable. Refused in this version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the keys are known so that they are refused by name, not as unknown ones")]
pub(in crate::config) struct Token {
    /// The file that holds the token.
    pub(in crate::config) file: Option<FilePath>,
    /// The name of the environment variable that holds the token.
    pub(in crate::config) env: Option<String>,
}

/// A GitHub App's installation. Refused in this version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the keys are known so that they are refused by name, not as unknown ones")]
pub(in crate::config) struct GithubApp {
    /// The number of the app.
    pub(in crate::config) app_id: u64,
    /// The number of its installation.
    pub(in crate::config) installation_id: u64,
    /// The app's private key, in PEM form.
    pub(in crate::config) private_key_file: FilePath,
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

/// How commits are signed. Refused in this version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the key is known so that it is refused by name, not as an unknown one")]
pub(in crate::config) struct Signing {
    /// The private SSH key to sign with.
    pub(in crate::config) ssh_key: FilePath,
}

/// How commits are worded.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Message {
    /// The subject of the commit of one promotion: one line, with the placeholders `{service}`, `{namespace}`,
    /// `{environment}`, `{tag}` and `{from}` (the tag that ran before); a brace is written `{{` or `}}`.
    #[schemars(extend("default" = "chore({service}): update to {tag}"))]
    pub(in crate::config) subject: Option<Located<String>>,
}
