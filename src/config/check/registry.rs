//! The `registries` section.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::file;
use crate::config::host::{self, Endpoint};
use crate::config::location::{Located, Location};
use crate::config::problem::{Findings, Wrong};
use crate::config::raw;
use crate::config::secret::SecretSource;
use crate::config::settings::{Credentials, RateLimit, Registry};

/// The most requests a second that can be asked for.
const MOST_REQUESTS: u32 = 10_000;

pub(super) fn registries(raw: &[raw::Registry], findings: &mut Findings) -> Vec<Registry> {
    let mut first_lines: HashMap<&str, Location> = HashMap::new();
    for registry in raw {
        if let Some(first) = first_lines.insert(&registry.host.value, registry.host.at) {
            findings.error(
                registry.host.at,
                format!("this registry is configured twice; the other is in line {}", first.line),
                "write all that holds for it in one place",
            );
        }
    }
    raw.iter().filter_map(|registry| findings.unless_wrong(|findings| one(registry, findings))).collect()
}

fn one(raw: &raw::Registry, findings: &mut Findings) -> Option<Registry> {
    let host = findings.take(raw.host.at, host::registry_host(&raw.host.value));
    let endpoint = raw.endpoint.as_ref().and_then(|url| findings.take(url.at, host::endpoint(&url.value)));
    let credentials = raw.credentials.as_ref().and_then(|account| credentials(account, findings));
    let ca_file = raw.ca_file.as_ref().and_then(|path| file::path(path, findings));
    let rate_limit = raw.rate_limit.as_ref().and_then(|limit| rate_limit(limit, findings));
    let token_hosts = raw
        .token_hosts
        .iter()
        .filter_map(|host| findings.take(host.at, host::any_host(&host.value)))
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
    check_plain_http(raw, &registry, findings);
    Some(registry)
}

fn check_plain_http(raw: &raw::Registry, registry: &Registry, findings: &mut Findings) {
    let at_endpoint = raw.endpoint.as_ref().map_or(raw.host.at, |url| url.at);
    match &registry.endpoint {
        Some(Endpoint { is_https: true, .. }) if registry.plain_http => findings.warning(
            raw.plain_http.as_ref().map_or(at_endpoint, |plain| plain.at),
            "`plainHttp` has no effect, since the endpoint is an `https://` URL",
            "leave `plainHttp` out",
        ),
        Some(Endpoint { is_https: false, host, .. }) if !registry.plain_http && !host::is_loopback(host) => {
            findings.error(
                at_endpoint,
                "an `http://` endpoint on another machine can be read and changed by all between",
                "write `https://`, or add `plainHttp: true` if that is meant",
            );
        }
        _ => {}
    }
    let asked = registry.endpoint.as_ref().map_or(registry.host.as_str(), |endpoint| endpoint.host.as_str());
    let is_plain = registry.endpoint.as_ref().map_or(registry.plain_http, |endpoint| !endpoint.is_https);
    if let (true, false, Some(credentials)) = (is_plain, host::is_loopback(asked), &raw.credentials) {
        findings.warning(
            credentials.at.start(),
            "these credentials are sent unencrypted to another machine",
            "use HTTPS, or leave the credentials out",
        );
    }
}

fn credentials(raw: &Located<raw::Credentials>, findings: &mut Findings) -> Option<Credentials> {
    let at = raw.at.start();
    let raw::Credentials { username, password_env, password_file, docker_config } = &raw.value;
    match (username, password_env, password_file, docker_config) {
        (None, None, None, Some(path)) => file::path(path, findings).map(Credentials::DockerConfig),
        (Some(username), Some(variable), None, None) => {
            let variable = findings.take(variable.at, variable_name(&variable.value));
            basic(username, variable.map(SecretSource::Env), findings)
        }
        (Some(username), None, Some(path), None) => {
            let path = file::path(path, findings);
            basic(username, path.map(SecretSource::File), findings)
        }
        _ => {
            let message = match (username, docker_config) {
                (_, Some(_)) => "`dockerConfig` stands beside another kind of credentials",
                (None, None) => "the credentials name no account",
                (Some(_), None) if password_env.is_some() => "the password is in two places",
                (Some(_), None) => "the credentials have no password",
            };
            findings.error(
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
    findings: &mut Findings,
) -> Option<Credentials> {
    let username = account_name(username, findings)?;
    Some(Credentials::Basic { username, password: password? })
}

/// The name of an account, as basic authentication takes it: the first colon would end it (RFC 7617).
pub(super) fn account_name(raw: &Located<String>, findings: &mut Findings) -> Option<String> {
    let is_unfit = |letter: char| letter == ':' || letter.is_control();
    if raw.value.is_empty() || raw.value.contains(is_unfit) {
        findings.error(
            raw.at,
            "this is not the name of an account",
            "write the name alone, without a `:` and without the password",
        );
        return None;
    }
    Some(raw.value.clone())
}

/// The name of an environment variable. The text is not repeated in the error: it may be the secret itself.
pub(super) fn variable_name(text: &str) -> Result<String, Wrong> {
    let good = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if good {
        return Ok(text.to_owned());
    }
    Err((
        "this is not the name of an environment variable".to_owned(),
        "write the name of a variable that holds the secret, such as `GHCR_TOKEN`; never the secret itself"
            .to_owned(),
    ))
}

fn rate_limit(raw: &raw::RateLimit, findings: &mut Findings) -> Option<RateLimit> {
    let requests_per_second = count(&raw.per_second, findings);
    let burst_requests = match &raw.burst {
        Some(burst) => count(burst, findings),
        None => requests_per_second,
    };
    Some(RateLimit { requests_per_second: requests_per_second?, burst_requests: burst_requests? })
}

fn count(raw: &Located<u32>, findings: &mut Findings) -> Option<NonZeroU32> {
    let number = NonZeroU32::new(raw.value).filter(|number| number.get() <= MOST_REQUESTS);
    if number.is_none() {
        findings.error(raw.at, "this is not a number of requests", format!("write 1 to {MOST_REQUESTS}"));
    }
    number
}
