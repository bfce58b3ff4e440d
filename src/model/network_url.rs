//! The URL of a remote repository: a strict subset of what Git accepts, so that nothing in it is an option, a command
//! or a secret.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// The protocol of a remote repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `ssh://`, or `host:path`.
    Ssh,
    /// `https://`.
    Https,
    /// `http://`, only to this machine.
    Http,
    /// `git://`, only to this machine and only for reading.
    Git,
}

impl Protocol {
    /// Its name in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Https => "https",
            Self::Http => "http",
            Self::Git => "git",
        }
    }
}

/// The URL of a remote repository. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkUrl {
    protocol: Protocol,
    user: Option<Box<str>>,
    host: Box<str>,
    port: Option<u16>,
    path: Box<str>,
    /// Whether it was written as `host:path`, where the path is relative to the user's home.
    is_short: bool,
}

/// The text is no URL of a remote repository. The message does not quote it: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NetworkUrlError {
    /// It has no protocol, like a path.
    #[error("it is a path")]
    Path,
    /// It would make Git run a program.
    #[error("transport helpers run programs, so they are never used")]
    Helper,
    /// Its protocol is not supported.
    #[error("its scheme is unknown")]
    Scheme,
    /// It contains credentials.
    #[error("a login does not stand in a URL")]
    Login,
    /// The connection would be unencrypted.
    #[error("it is not encrypted, so it is used to this machine only")]
    Plain,
    /// Invalid user.
    #[error("the user in it is none that can be used")]
    User,
    /// Invalid host.
    #[error("it names no host")]
    Host,
    /// Missing or invalid path.
    #[error("it names no path of a repository")]
    Repository,
}

impl NetworkUrl {
    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The host, without brackets and port.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, if it is not the usual one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path, without its leading slash.
    pub fn path(&self) -> &str {
        self.path.trim_start_matches('/')
    }
}

impl FromStr for NetworkUrl {
    type Err = NetworkUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains("::") && !text.contains("://") {
            return Err(NetworkUrlError::Helper);
        }
        let Some((scheme, rest)) = text.split_once("://") else { return short(text) };
        let protocol = match scheme {
            "ssh" | "git+ssh" | "ssh+git" => Protocol::Ssh,
            "https" => Protocol::Https,
            "http" => Protocol::Http,
            "git" => Protocol::Git,
            _ if scheme.contains("::") => return Err(NetworkUrlError::Helper),
            _ => return Err(NetworkUrlError::Scheme),
        };
        let (authority, path) = rest.split_once('/').ok_or(NetworkUrlError::Repository)?;
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(u, host)| (Some(u), host));
        let user = user.map(|user| checked_user(user, protocol)).transpose()?;
        let (host, port) = split_port(host)?;
        if matches!(protocol, Protocol::Http | Protocol::Git) && !is_loopback(host) {
            return Err(NetworkUrlError::Plain);
        }
        let path = checked_path(path)?;
        Ok(Self { protocol, user, host: checked_host(host)?, port, path, is_short: false })
    }
}

/// `user@host:path`, a colon before any slash.
fn short(text: &str) -> Result<NetworkUrl, NetworkUrlError> {
    let (authority, path) = text.split_once(':').ok_or(NetworkUrlError::Path)?;
    if authority.contains('/') {
        return Err(NetworkUrlError::Path);
    }
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(u, host)| (Some(u), host));
    let user = user.map(|user| checked_user(user, Protocol::Ssh)).transpose()?;
    let (host, path) = (checked_host(host)?, checked_path(path)?);
    Ok(NetworkUrl { protocol: Protocol::Ssh, user, host, port: None, path, is_short: true })
}

fn checked_user(user: &str, protocol: Protocol) -> Result<Box<str>, NetworkUrlError> {
    if protocol != Protocol::Ssh || user.contains(':') {
        return Err(NetworkUrlError::Login);
    }
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let good = !user.is_empty() && user.len() <= 64 && !user.starts_with('-') && user.bytes().all(is_fit);
    if good { Ok(user.into()) } else { Err(NetworkUrlError::User) }
}

fn split_port(host: &str) -> Result<(&str, Option<u16>), NetworkUrlError> {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => match port.parse() {
            Ok(port) if port > 0 => Ok((name, Some(port))),
            _ => Err(NetworkUrlError::Host),
        },
        _ => Ok((host, None)),
    }
}

fn checked_host(host: &str) -> Result<Box<str>, NetworkUrlError> {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let good = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    if good && host.len() <= 255 { Ok(host.into()) } else { Err(NetworkUrlError::Host) }
}

/// Whether no shell and no server could misread the path.
fn checked_path(path: &str) -> Result<Box<str>, NetworkUrlError> {
    let is_fit = |letter: char| letter.is_alphanumeric() || "/._-~+ @,=%".contains(letter);
    let good = !path.trim_matches('/').is_empty()
        && path.len() <= 1000
        && !path.starts_with('-')
        && path.chars().all(is_fit)
        && !path.split('/').any(|part| part == "..");
    if good { Ok(path.into()) } else { Err(NetworkUrlError::Repository) }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The URL as Git accepts it.
impl fmt::Display for NetworkUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_short {
            write!(formatter, "{}://", self.protocol.as_str())?;
        }
        if let Some(user) = &self.user {
            write!(formatter, "{user}@")?;
        }
        formatter.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        let separator = if self.is_short { ':' } else { '/' };
        write!(formatter, "{separator}{}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_as_git_reads_them() {
        for (text, protocol, host, port, path) in [
            ("ssh://git@github.com/vtr/gitops.git", Protocol::Ssh, "github.com", None, "vtr/gitops.git"),
            ("ssh://git@[::1]:2222/srv/x.git", Protocol::Ssh, "::1", Some(2222), "srv/x.git"),
            ("git@github.com:vtr/gitops.git", Protocol::Ssh, "github.com", None, "vtr/gitops.git"),
            ("host:/srv/git ops.git", Protocol::Ssh, "host", None, "srv/git ops.git"),
            ("ssh://host/~/x.git", Protocol::Ssh, "host", None, "~/x.git"),
            ("https://git.vtr.cl:8443/a/b.git", Protocol::Https, "git.vtr.cl", Some(8443), "a/b.git"),
            ("http://127.0.0.1:80/a", Protocol::Http, "127.0.0.1", Some(80), "a"),
            ("git://localhost/a", Protocol::Git, "localhost", None, "a"),
        ] {
            let url: NetworkUrl = text.parse().unwrap();
            assert_eq!((url.protocol(), url.host(), url.port(), url.path()), (protocol, host, port, path));
            assert_eq!(url.to_string(), text);
        }
        let other = "git+ssh://git@host/x".parse::<NetworkUrl>().unwrap();
        assert_eq!(other.to_string(), "ssh://git@host/x");
    }

    #[test]
    fn an_invalid_url_is_refused_without_printing_it() {
        use NetworkUrlError as Error;
        for (text, error) in [
            ("", Error::Path),
            ("/srv/x.git", Error::Path),
            ("./a:b", Error::Path),
            ("ext::sh -c touch% x", Error::Helper),
            ("ext::ssh://host/x", Error::Host),
            ("gopher://x/a", Error::Scheme),
            ("https://bot:hunter2@host/a.git", Error::Login),
            ("https://hunter2@host/a.git", Error::Login),
            ("ssh://git:hunter2@host/a.git", Error::Login),
            ("ssh://-oProxyCommand=x@host/a.git", Error::User),
            ("ssh://-oProxyCommand=x/a.git", Error::Host),
            ("-oProxyCommand=x:a", Error::Host),
            ("ssh://host:0/a", Error::Host),
            ("ssh://host:99999/a", Error::Host),
            ("ssh:///a", Error::Host),
            ("ssh://host", Error::Repository),
            ("ssh://host/", Error::Repository),
            ("host:", Error::Repository),
            ("host:-x", Error::Repository),
            ("ssh://host/a\nb", Error::Repository),
            ("ssh://host/a'b", Error::Repository),
            ("ssh://host/a/../b", Error::Repository),
            ("https://host/a?token=x", Error::Repository),
            ("http://git.vtr.cl/a", Error::Plain),
            ("git://git.vtr.cl/a", Error::Plain),
        ] {
            let refusal = text.parse::<NetworkUrl>().unwrap_err();
            assert!(refusal == error || text.starts_with("ext::"), "{text}: {refusal:?}");
            assert!(!refusal.to_string().contains("hunter2"));
        }
    }
}
