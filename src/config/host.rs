//! Hosts and HTTP URLs of the configuration: a strict subset of URLs.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::diagnostic::InvalidValue;
use crate::model::{ImageName, Printable};

/// An HTTP or HTTPS URL without a login, a query or a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// HTTPS; else HTTP.
    pub is_https: bool,
    /// The host with its port, if any.
    pub host: String,
    /// The path without leading and trailing slashes; may be empty.
    pub path: String,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(formatter, "{scheme}://{}", self.host)?;
        if self.path.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.path) }
    }
}

/// The host of a registry, as image references write it.
pub(super) fn registry_host(text: &str) -> Result<String, InvalidValue> {
    let shown = Printable::bounded(text, 80);
    if text == "index.docker.io" || text == "registry-1.docker.io" {
        return Err(InvalidValue::new(
            format!("image references do not use the host `{shown}`"),
            "write `docker.io`",
        ));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        return Err(InvalidValue::new(
            "`host` takes a host, not a URL",
            format!(
                "write `{}`; use `endpoint` or `plainHttp` to change how to reach it",
                Printable::bounded(without_login(host), 80)
            ),
        ));
    }
    let is_named_so = format!("{text}/x/y").parse::<ImageName>().is_ok_and(|image| image.host() == text);
    if is_named_so {
        return Ok(text.to_owned());
    }
    Err(InvalidValue::new(
        format!("`{shown}` is not the host of a registry"),
        "write a host with a dot or a port, as image references do: `ghcr.io`, `127.0.0.1:5000`",
    ))
}

/// Any host, with its port if it has one.
pub(super) fn any_host(text: &str) -> Result<String, InvalidValue> {
    if is_host(text) {
        return Ok(text.to_owned());
    }
    Err(InvalidValue::new(
        format!("`{}` is not a host", Printable::bounded(without_login(text), 80)),
        "write a host, with its port if it has one: `auth.docker.io`",
    ))
}

/// The URL of a registry, an API or a proxy.
pub(super) fn endpoint(text: &str) -> Result<Endpoint, InvalidValue> {
    let invalid = |message: &str| {
        let hint = "write `https://`, a host and an optional path: `https://harbor.vtr.cl/dockerhub`";
        Err(InvalidValue::new(message, hint))
    };
    let (is_https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return invalid("an endpoint is an `https://` or `http://` URL"),
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') {
        return Err(InvalidValue::new(
            "a URL must not contain a login",
            "write `credentials`, with `username` and `passwordEnv` or `passwordFile`",
        ));
    }
    if !is_host(host) {
        return invalid("the endpoint has no host");
    }
    let path = path.trim_end_matches('/');
    if !path.is_empty() && !path.split('/').all(is_path_part) {
        return invalid("the endpoint has more than a plain path after its host");
    }
    Ok(Endpoint { is_https, host: host.to_owned(), path: path.to_owned() })
}

/// Whether a host, with or without a port, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let (name, _) = split_port(host);
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    }
}

fn is_host(text: &str) -> bool {
    let (name, port) = split_port(text);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_name = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.split('.').all(is_label),
    };
    text.len() <= 255 && is_name && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_path_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn without_login(host: &str) -> &str {
    host.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_registries() {
        for good in ["ghcr.io", "127.0.0.1:5000", "localhost", "localhost:5000", "[::1]:5000", "docker.io"] {
            assert_eq!(registry_host(good).as_deref(), Ok(good));
        }
        for bad in
            ["", "registry", "index.docker.io", "https://ghcr.io", "ghcr.io/vtr", "a b.c", "ghcr.io:0", "x:y"]
        {
            assert!(registry_host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn endpoints() {
        for (text, host, path) in [
            ("https://harbor.vtr.cl/dockerhub", "harbor.vtr.cl", "dockerhub"),
            ("https://harbor.vtr.cl/", "harbor.vtr.cl", ""),
            ("http://mirror:5000/a/b/", "mirror:5000", "a/b"),
            ("http://[::1]:5000", "[::1]:5000", ""),
        ] {
            let endpoint = endpoint(text).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.path.as_str()), (host, path));
            assert_eq!(endpoint.to_string(), text.trim_end_matches('/'));
        }
        for bad in [
            "",
            "harbor.vtr.cl",
            "ftp://harbor.vtr.cl",
            "https://",
            "https:///x",
            "https://bot:hunter2@harbor.vtr.cl",
            "https://h/../x",
            "https://h/x?y=1",
            "https://h/x#y",
            "https://h//x",
            "https://h:99999",
            "https://h /x",
        ] {
            let invalid = endpoint(bad).unwrap_err();
            assert!(!format!("{invalid:?}").contains("hunter2"), "{bad}");
        }
    }

    #[test]
    fn loopback() {
        for host in ["localhost", "localhost:5000", "127.0.0.1", "127.1.2.3:80", "[::1]:5000", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["ghcr.io", "127.0.0.1.example.org", "10.0.0.1:5000", "localhost.example.org", "[::2]:1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
