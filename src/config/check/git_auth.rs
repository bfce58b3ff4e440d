//! The `git.auth` section, and what of it fits which repository.

use std::path::PathBuf;

use super::file;
use super::registry::variable_name;
use crate::config::environment_variables::EnvLookup;
use crate::config::host::{self, Endpoint};
use crate::config::location::{Located, Location};
use crate::config::problem::{Findings, Wrong};
use crate::config::raw;
use crate::config::secret::SecretSource;
use crate::config::settings::{Auth, Remote};
use crate::model::Protocol;

const DEFAULT_USERNAME: &str = "x-access-token";

const EXAMPLES: &str = "write one of `sshKey: {file: /etc/tidegate/ssh/id, knownHosts: /etc/tidegate/ssh/known_hosts}`, \
                        `sshAgent: {}`, `token: {env: GIT_TOKEN}` and `githubApp`";

/// How to log in; `url_at` is where the repository stands.
pub(super) fn auth(
    raw: Option<&Located<raw::Auth>>,
    remote: Option<&Remote>,
    url_at: Location,
    variables: &dyn EnvLookup,
    findings: &mut Findings,
) -> Option<Auth> {
    let auth = match raw {
        Some(raw) => one(raw, variables, findings)?,
        None => Auth::None,
    };
    let at = raw.map_or(url_at, |raw| raw.at.start());
    check_fit(&auth, remote?, at, findings)?;
    Some(auth)
}

fn one(raw: &Located<raw::Auth>, variables: &dyn EnvLookup, findings: &mut Findings) -> Option<Auth> {
    let raw::Auth { ssh_key, ssh_agent, token, github_app } = &raw.value;
    let ways = [ssh_key.is_some(), ssh_agent.is_some(), token.is_some(), github_app.is_some()];
    match ways.into_iter().filter(|is_named| *is_named).count() {
        1 => {}
        0 => findings.error(raw.at.start(), "`auth` names no way to log in", EXAMPLES),
        _ => findings.error(raw.at.start(), "there is more than one way to log in", EXAMPLES),
    }
    if let Some(key) = ssh_key {
        return ssh_key_of(key, raw.at.start(), findings);
    }
    if let Some(agent) = ssh_agent {
        return ssh_agent_of(agent, raw.at.start(), variables, findings);
    }
    if let Some(token) = token {
        return token_of(token, findings);
    }
    github_app_of(&github_app.as_ref()?.value, findings)
}

fn github_app_of(raw: &raw::GithubApp, findings: &mut Findings) -> Option<Auth> {
    let private_key = file::path(&raw.private_key_file, findings);
    let api = raw.api.as_ref().and_then(|url| findings.take(url.at, api(&url.value)));
    Some(Auth::GithubApp {
        app_id: raw.app_id.value,
        installation_id: raw.installation_id.value,
        private_key: private_key?,
        api,
    })
}

pub(super) fn api(text: &str) -> Result<Endpoint, Wrong> {
    let api = host::endpoint(text)?;
    if api.is_https || host::is_loopback(&api.host) {
        return Ok(api);
    }
    Err((
        "tokens would be sent unencrypted to another machine".to_owned(),
        "write an `https://` URL, such as `https://github.vtr.cl/api/v3`".to_owned(),
    ))
}

fn ssh_key_of(raw: &raw::SshKey, at: Location, findings: &mut Findings) -> Option<Auth> {
    let file = ssh_path(&raw.file, findings);
    let known_hosts = raw.known_hosts.as_ref().and_then(|path| ssh_path(path, findings));
    let passphrase = secret(raw.passphrase_env.as_ref(), raw.passphrase_file.as_ref(), at, findings);
    Some(Auth::SshKey { file: file?, known_hosts, passphrase })
}

fn ssh_agent_of(
    raw: &raw::SshAgent,
    at: Location,
    variables: &dyn EnvLookup,
    findings: &mut Findings,
) -> Option<Auth> {
    let known_hosts = raw.known_hosts.as_ref().and_then(|path| ssh_path(path, findings));
    let named = || variables.value_of("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty());
    let socket = match &raw.socket {
        Some(path) => ssh_path(path, findings),
        None => findings.take(at, named().map(PathBuf::from).ok_or_else(no_agent)),
    };
    Some(Auth::SshAgent { socket: socket?, known_hosts })
}

fn no_agent() -> Wrong {
    (
        "there is no agent: SSH_AUTH_SOCK is not set".to_owned(),
        "start the agent first, or name its socket: `sshAgent: {socket: /run/agent}`".to_owned(),
    )
}

pub(super) fn token_of(raw: &Located<raw::Token>, findings: &mut Findings) -> Option<Auth> {
    let at = raw.at.start();
    let username = match &raw.value.username {
        Some(name) => super::registry::account_name(name, findings),
        None => Some(DEFAULT_USERNAME.to_owned()),
    };
    if raw.value.env.is_none() && raw.value.file.is_none() {
        findings.error(
            at,
            "the token is nowhere",
            "write `{env: GIT_TOKEN}` or `{file: /etc/tidegate/token}`; never the token itself",
        );
    }
    let token = secret(raw.value.env.as_ref(), raw.value.file.as_ref(), at, findings);
    Some(Auth::Token { username: username?, token: token? })
}

/// Where a secret is; nothing when it is nowhere, or when that is wrong, which is noted.
pub(super) fn secret(
    variable: Option<&Located<String>>,
    path: Option<&Located<raw::FilePath>>,
    at: Location,
    findings: &mut Findings,
) -> Option<SecretSource> {
    match (variable, path) {
        (Some(_), Some(_)) => {
            findings.error(at, "the secret is in two places", "name a variable or a file, not both");
            None
        }
        (Some(name), None) => findings.take(name.at, variable_name(&name.value)).map(SecretSource::Env),
        (None, Some(path)) => file::path(path, findings).map(SecretSource::File),
        (None, None) => None,
    }
}

/// A path that the `ssh` program can be given.
fn ssh_path(raw: &Located<raw::FilePath>, findings: &mut Findings) -> Option<PathBuf> {
    let path = file::path(raw, findings)?;
    if raw.value.0.contains(['\'', '"', '\\', '$', '%', '`']) {
        findings.error(
            raw.at,
            "`ssh` cannot be given this path",
            "use one without quotes, backslashes, `$` and `%`",
        );
        return None;
    }
    Some(path)
}

fn check_fit(auth: &Auth, remote: &Remote, at: Location, findings: &mut Findings) -> Option<()> {
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
            findings.warning(
                at,
                "without `git.auth`, this repository can be read at most, and nothing promoted",
                "write `auth: {token: {env: GIT_TOKEN}}`",
            );
            return Some(());
        }
        (None, _) => ("a repository on this machine needs no login", "leave `auth` out"),
        (Some(Protocol::Ssh), Auth::None) => ("a repository over ssh needs `git.auth`", EXAMPLES),
        (Some(Protocol::Ssh), _) => (
            "a token opens no repository over ssh",
            "write `sshKey` or `sshAgent`, or the `https://` URL of the repository",
        ),
        (Some(Protocol::Git), _) => {
            ("`git://` knows no login", "leave `auth` out; nothing can be pushed there")
        }
        (Some(_), _) => (
            "an SSH key opens no repository over https",
            "write `token`, or the `ssh://` URL of the repository",
        ),
    };
    findings.error(at, message, hint);
    None
}
