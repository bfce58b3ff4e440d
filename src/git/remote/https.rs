//! Git over https: settings for `git` and its curl.
//!
//! Settings go through the environment, which only this user can read, never through the argument list, which every user
//! of the machine can. The first request carries the login, which saves a 401; redirects are not followed, so the login
//! reaches no other host.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::reach::{Login, Reach};
use crate::model::Fault;

/// The proxy variables of curl. They may contain a proxy's login.
const PROXY_VARIABLES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
];

/// Sets up `command` to connect over https.
pub(super) fn prepare(command: &mut Command, reach: &Reach) -> Result<(), Fault> {
    for name in PROXY_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let silence_seconds = reach.limits.silence.as_secs().max(1).to_string();
    let mut settings: Vec<(&str, String)> = vec![
        ("credential.helper", String::new()),
        ("http.followRedirects", "false".to_owned()),
        ("http.lowSpeedLimit", "1".to_owned()),
        ("http.lowSpeedTime", silence_seconds),
    ];
    if let Some(file) = &reach.ca_file {
        settings.push(("http.sslCAInfo", file.to_string_lossy().into_owned()));
    }
    if let Some(proxy) = &reach.proxy {
        settings.push(("http.proxy", proxy.clone()));
    }
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    if let Login::Token { username, token } = &reach.login {
        let header = authorization(username, &token.read()?);
        let at = settings.len();
        command.env("GIT_CONFIG_COUNT", (at + 1).to_string());
        command.env(format!("GIT_CONFIG_KEY_{at}"), "http.extraHeader");
        command.env(format!("GIT_CONFIG_VALUE_{at}"), header.expose_secret());
    }
    for (at, (key, value)) in settings.into_iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
    }
    Ok(())
}

/// The basic authentication header of RFC 7617.
fn authorization(username: &str, token: &SecretString) -> SecretString {
    let login = SecretString::from(format!("{username}:{}", token.expose_secret()));
    SecretString::from(format!("Authorization: Basic {}", STANDARD.encode(login.expose_secret())))
}
