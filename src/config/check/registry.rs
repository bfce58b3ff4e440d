//! The `registries` section.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::file;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::host::{self, Endpoint};
use crate::config::location::{Located, Location};
use crate::config::raw;
use crate::config::secret::SecretSource;
use crate::config::settings::{Credentials, RateLimit, Registry};
use crate::model::Platform;

const MAX_REQUESTS: u32 = 10_000;

pub(super) fn registries(raw: &[raw::Registry], diagnostics: &mut Diagnostics) -> Vec<Registry> {
    let mut first_lines: HashMap<&str, Location> = HashMap::new();
    for registry in raw {
        if let Some(first) = first_lines.insert(&registry.host.value, registry.host.at) {
            diagnostics.error(
                registry.host.at,
                format!("duplicate registry; the other is on line {}", first.line),
                "write its settings in one entry",
            );
        }
    }
    raw.iter()
        .filter_map(|registry| diagnostics.if_valid(|diagnostics| self::registry(registry, diagnostics)))
        .collect()
}

/// The platforms that an image must have.
pub(super) fn platforms(raw: &Located<Vec<Located<String>>>, diagnostics: &mut Diagnostics) -> Vec<Platform> {
    if raw.value.is_empty() {
        diagnostics.error(raw.at.start(), "`platforms` names none", "name one, or remove the key");
    }
    let platform = |text: &Located<String>| {
        let platform = text.value.parse::<Platform>();
        let platform = platform.map_err(|error| {
            InvalidValue::new(
                error.to_string(),
                "write `os/architecture`, such as `linux/amd64` or `linux/arm/v7`",
            )
        });
        diagnostics.ok_or_report(text.at, platform)
    };
    raw.value.iter().filter_map(platform).collect()
}

fn registry(raw: &raw::Registry, diagnostics: &mut Diagnostics) -> Option<Registry> {
    let host = diagnostics.ok_or_report(raw.host.at, host::registry_host(&raw.host.value));
    let endpoint =
        raw.endpoint.as_ref().and_then(|url| diagnostics.ok_or_report(url.at, host::endpoint(&url.value)));
    let credentials = raw.credentials.as_ref().and_then(|account| credentials(account, diagnostics));
    let ca_file = raw.ca_file.as_ref().and_then(|path| file::path(path, diagnostics));
    let rate_limit = raw.rate_limit.as_ref().and_then(|limit| rate_limit(limit, diagnostics));
    let token_hosts = raw
        .token_hosts
        .iter()
        .filter_map(|host| diagnostics.ok_or_report(host.at, host::any_host(&host.value)))
        .collect();
    let registry = Registry {
        host: host?,
        endpoint,
        plain_http: raw.plain_http.as_ref().is_some_and(|plain| plain.value),
        credentials,
        ca_file,
        token_hosts,
        rate_limit,
    };
    check_plain_http(raw, &registry, diagnostics);
    Some(registry)
}

fn check_plain_http(raw: &raw::Registry, registry: &Registry, diagnostics: &mut Diagnostics) {
    let at_endpoint = raw.endpoint.as_ref().map_or(raw.host.at, |url| url.at);
    match &registry.endpoint {
        Some(Endpoint { is_https: true, .. }) if registry.plain_http => diagnostics.warning(
            raw.plain_http.as_ref().map_or(at_endpoint, |plain| plain.at),
            "`plainHttp` has no effect, because the endpoint is an `https://` URL",
            "remove `plainHttp`",
        ),
        Some(Endpoint { is_https: false, host, .. }) if !registry.plain_http && !host::is_loopback(host) => {
            diagnostics.error(
                at_endpoint,
                "anybody on the network can read and change the answers of an `http://` endpoint",
                "write `https://`, or confirm with `plainHttp: true`",
            );
        }
        _ => {}
    }
    let asked = registry.endpoint.as_ref().map_or(registry.host.as_str(), |endpoint| endpoint.host.as_str());
    let is_plain = registry.endpoint.as_ref().map_or(registry.plain_http, |endpoint| !endpoint.is_https);
    if let (true, false, Some(credentials)) = (is_plain, host::is_loopback(asked), &raw.credentials) {
        diagnostics.warning(
            credentials.at.start(),
            "these credentials travel unencrypted to another machine",
            "use HTTPS, or remove the credentials",
        );
    }
}

fn credentials(raw: &Located<raw::Credentials>, diagnostics: &mut Diagnostics) -> Option<Credentials> {
    let at = raw.at.start();
    let raw::Credentials { username, password_env, password_file, docker_config } = &raw.value;
    match (username, password_env, password_file, docker_config) {
        (None, None, None, Some(path)) => file::path(path, diagnostics).map(Credentials::DockerConfig),
        (Some(username), Some(variable), None, None) => {
            let variable = diagnostics.ok_or_report(variable.at, variable_name(&variable.value));
            basic(username, variable.map(SecretSource::Env), diagnostics)
        }
        (Some(username), None, Some(path), None) => {
            let path = file::path(path, diagnostics);
            basic(username, path.map(SecretSource::File), diagnostics)
        }
        _ => {
            let message = match (username, docker_config) {
                (_, Some(_)) => "`dockerConfig` excludes other credentials",
                (None, None) => "`credentials` has no user name",
                (Some(_), None) if password_env.is_some() => "`credentials` has two passwords",
                (Some(_), None) => "`credentials` has no password",
            };
            diagnostics.error(
                at,
                message,
                "write `username` with one of `passwordEnv` and `passwordFile`, or `dockerConfig` alone",
            );
            None
        }
    }
}

fn basic(
    username: &Located<String>,
    password: Option<SecretSource>,
    diagnostics: &mut Diagnostics,
) -> Option<Credentials> {
    let username = account_name(username, diagnostics)?;
    Some(Credentials::Basic { username, password: password? })
}

/// The user name of basic authentication, which a colon would end (RFC 7617).
pub(super) fn account_name(raw: &Located<String>, diagnostics: &mut Diagnostics) -> Option<String> {
    let is_forbidden = |letter: char| letter == ':' || letter.is_control();
    if raw.value.is_empty() || raw.value.contains(is_forbidden) {
        diagnostics.error(
            raw.at,
            "this is not a user name",
            "write only the name, without `:` and without the password",
        );
        return None;
    }
    Some(raw.value.clone())
}

/// The name of an environment variable. The error leaves the text out: it may be the secret itself.
pub(super) fn variable_name(text: &str) -> Result<String, InvalidValue> {
    let is_valid = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_valid {
        return Ok(text.to_owned());
    }
    Err(InvalidValue::new(
        "this is not the name of an environment variable",
        "write the name of a variable that holds the secret, such as `GHCR_TOKEN`; never the secret itself",
    ))
}

fn rate_limit(raw: &raw::RateLimit, diagnostics: &mut Diagnostics) -> Option<RateLimit> {
    let requests_per_second = count(&raw.per_second, diagnostics);
    let burst_requests = match &raw.burst {
        Some(burst) => count(burst, diagnostics),
        None => requests_per_second,
    };
    Some(RateLimit { requests_per_second: requests_per_second?, burst_requests: burst_requests? })
}

fn count(raw: &Located<u32>, diagnostics: &mut Diagnostics) -> Option<NonZeroU32> {
    let number = NonZeroU32::new(raw.value).filter(|number| number.get() <= MAX_REQUESTS);
    if number.is_none() {
        diagnostics.error(raw.at, "this number is out of range", format!("write 1 to {MAX_REQUESTS}"));
    }
    number
}
