//! The `git.auth` section, and whether it fits the repository's protocol.

use std::path::PathBuf;

use super::file;
use super::registry::variable_name;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::env_lookup::EnvLookup;
use crate::config::host::{self, Endpoint};
use crate::config::location::{Located, Location};
use crate::config::raw;
use crate::config::secret::SecretSource;
use crate::config::settings::{Auth, Remote};
use crate::model::Protocol;

const DEFAULT_USERNAME: &str = "x-access-token";

const EXAMPLES: &str = "write one of `sshKey: {file: /etc/tidegate/ssh/id, knownHosts: /etc/tidegate/ssh/known_hosts}`, \
                        `sshAgent: {}`, `token: {env: GIT_TOKEN}` and `githubApp`";

/// `url_at` is the position of `git.url`.
pub(super) fn auth(
    raw: Option<&Located<raw::Auth>>,
    remote: Option<&Remote>,
    url_at: Location,
    variables: &dyn EnvLookup,
    diagnostics: &mut Diagnostics,
) -> Option<Auth> {
    let auth = match raw {
        Some(raw) => login(raw, variables, diagnostics)?,
        None => Auth::None,
    };
    let at = raw.map_or(url_at, |raw| raw.at.start());
    check_fit(&auth, remote?, at, diagnostics)?;
    Some(auth)
}

fn login(raw: &Located<raw::Auth>, variables: &dyn EnvLookup, diagnostics: &mut Diagnostics) -> Option<Auth> {
    let raw::Auth { ssh_key, ssh_agent, token, github_app } = &raw.value;
    let methods = [ssh_key.is_some(), ssh_agent.is_some(), token.is_some(), github_app.is_some()];
    match methods.into_iter().filter(|is_set| *is_set).count() {
        1 => {}
        0 => diagnostics.error(raw.at.start(), "`auth` is empty", EXAMPLES),
        _ => diagnostics.error(raw.at.start(), "`auth` has more than one method", EXAMPLES),
    }
    if let Some(key) = ssh_key {
        return ssh_key_of(key, raw.at.start(), diagnostics);
    }
    if let Some(agent) = ssh_agent {
        return ssh_agent_of(agent, raw.at.start(), variables, diagnostics);
    }
    if let Some(token) = token {
        return token_of(token, diagnostics);
    }
    github_app_of(&github_app.as_ref()?.value, diagnostics)
}

fn github_app_of(raw: &raw::GithubApp, diagnostics: &mut Diagnostics) -> Option<Auth> {
    let private_key = file::path(&raw.private_key_file, diagnostics);
    let api = raw.api.as_ref().and_then(|url| diagnostics.ok_or_report(url.at, api(&url.value)));
    Some(Auth::GithubApp {
        app_id: raw.app_id.value,
        installation_id: raw.installation_id.value,
        private_key: private_key?,
        api,
    })
}

pub(super) fn api(text: &str) -> Result<Endpoint, InvalidValue> {
    let api = host::endpoint(text)?;
    if api.is_https || host::is_loopback(&api.host) {
        return Ok(api);
    }
    Err(InvalidValue::new(
        "this URL would send tokens unencrypted to another machine",
        "write an `https://` URL, such as `https://github.vtr.cl/api/v3`",
    ))
}

fn ssh_key_of(raw: &raw::SshKey, at: Location, diagnostics: &mut Diagnostics) -> Option<Auth> {
    let file = ssh_path(&raw.file, diagnostics);
    let known_hosts = raw.known_hosts.as_ref().and_then(|path| ssh_path(path, diagnostics));
    let passphrase = secret(raw.passphrase_env.as_ref(), raw.passphrase_file.as_ref(), at, diagnostics);
    Some(Auth::SshKey { file: file?, known_hosts, passphrase })
}

fn ssh_agent_of(
    raw: &raw::SshAgent,
    at: Location,
    variables: &dyn EnvLookup,
    diagnostics: &mut Diagnostics,
) -> Option<Auth> {
    let known_hosts = raw.known_hosts.as_ref().and_then(|path| ssh_path(path, diagnostics));
    let named = || variables.value_of("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty());
    let socket = match &raw.socket {
        Some(path) => ssh_path(path, diagnostics),
        None => diagnostics.ok_or_report(at, named().map(PathBuf::from).ok_or_else(no_agent)),
    };
    Some(Auth::SshAgent { socket: socket?, known_hosts })
}

fn no_agent() -> InvalidValue {
    InvalidValue::new(
        "there is no SSH agent: SSH_AUTH_SOCK is not set",
        "start the agent first, or write its socket: `sshAgent: {socket: /run/agent}`",
    )
}

pub(super) fn token_of(raw: &Located<raw::Token>, diagnostics: &mut Diagnostics) -> Option<Auth> {
    let at = raw.at.start();
    let username = match &raw.value.username {
        Some(name) => super::registry::account_name(name, diagnostics),
        None => Some(DEFAULT_USERNAME.to_owned()),
    };
    if raw.value.env.is_none() && raw.value.file.is_none() {
        diagnostics.error(
            at,
            "`token` needs `env` or `file`",
            "write `{env: GIT_TOKEN}` or `{file: /etc/tidegate/token}`; never the token itself",
        );
    }
    let token = secret(raw.value.env.as_ref(), raw.value.file.as_ref(), at, diagnostics);
    Some(Auth::Token { username: username?, token: token? })
}

/// The secret of a pair of keys, if one of them is set.
pub(super) fn secret(
    variable: Option<&Located<String>>,
    path: Option<&Located<raw::FilePath>>,
    at: Location,
    diagnostics: &mut Diagnostics,
) -> Option<SecretSource> {
    match (variable, path) {
        (Some(_), Some(_)) => {
            diagnostics.error(at, "the secret has both a variable and a file", "remove one of them");
            None
        }
        (Some(name), None) => {
            diagnostics.ok_or_report(name.at, variable_name(&name.value)).map(SecretSource::Env)
        }
        (None, Some(path)) => file::path(path, diagnostics).map(SecretSource::File),
        (None, None) => None,
    }
}

/// A path that can be passed to `ssh` as an option.
fn ssh_path(raw: &Located<raw::FilePath>, diagnostics: &mut Diagnostics) -> Option<PathBuf> {
    let path = file::path(raw, diagnostics)?;
    if raw.value.0.contains(['\'', '"', '\\', '$', '%', '`']) {
        diagnostics.error(
            raw.at,
            "this path cannot be passed to `ssh`",
            "use a path without quotes, backslashes, `$` and `%`",
        );
        return None;
    }
    Some(path)
}

fn check_fit(auth: &Auth, remote: &Remote, at: Location, diagnostics: &mut Diagnostics) -> Option<()> {
    let protocol = match remote {
        Remote::Path(_) => None,
        Remote::Network(url) => Some(url.protocol()),
    };
    let (message, hint) = match (protocol, auth) {
        (None | Some(Protocol::Git), Auth::None)
        | (Some(Protocol::Ssh), Auth::SshKey { .. } | Auth::SshAgent { .. })
        | (Some(Protocol::Https | Protocol::Http), Auth::Token { .. } | Auth::GithubApp { .. }) => {
            return Some(());
        }
        (Some(Protocol::Https | Protocol::Http), Auth::None) => {
            diagnostics.warning(
                at,
                "without `git.auth`, Tidegate can read this repository but not push promotions",
                "add `auth: {token: {env: GIT_TOKEN}}`",
            );
            return Some(());
        }
        (None, _) => ("a repository on this machine needs no login", "remove `auth`"),
        (Some(Protocol::Ssh), Auth::None) => ("a repository over ssh needs `git.auth`", EXAMPLES),
        (Some(Protocol::Ssh), _) => (
            "a token does not work over ssh",
            "write `sshKey` or `sshAgent`, or use the repository's `https://` URL",
        ),
        (Some(Protocol::Git), _) => {
            ("`git://` has no login", "remove `auth`; Tidegate cannot push to this repository")
        }
        (Some(_), _) => {
            ("an SSH key does not work over https", "write `token`, or use the repository's `ssh://` URL")
        }
    };
    diagnostics.error(at, message, hint);
    None
}
