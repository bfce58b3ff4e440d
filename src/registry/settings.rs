//! How a registry is reached: its endpoint, its credentials and what Tidegate grants it in time and requests.
//!
//! These are this room's own types; wiring makes them from the configuration. Knows no file format.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::model::{Class, Fault};

/// How the requests of one registry are made.
///
/// A registry that has none is asked anonymously over https.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// The registry as images name it, with its port if there is one: `ghcr.io`, `127.0.0.1:5000`.
    pub host: String,
    /// The URL of who is asked instead: a mirror or a pull-through cache. Its path is put before the repository's name.
    pub endpoint: Option<String>,
    /// Whether the registry is asked over http instead of https.
    pub plain_http: bool,
    /// Who Tidegate is to the registry.
    pub credentials: Credentials,
    /// A PEM file of certificate authorities that are trusted in addition to the system's.
    pub extra_ca: Option<PathBuf>,
    /// Hosts, beside the registry's own, that may issue its tokens: `auth.example.com`, or with a port
    /// `auth.example.com:5001`.
    pub token_realm_hosts: Vec<String>,
    /// How many requests a second are made once `burst` is spent.
    pub requests_per_second: NonZeroU32,
    /// How many requests may be made at once before they are slowed.
    pub burst: NonZeroU32,
}

impl HostSettings {
    /// `host`, asked anonymously over https, 2,000 requests in a burst and then 50 a second.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            endpoint: None,
            plain_http: false,
            credentials: Credentials::Anonymous,
            extra_ca: None,
            token_realm_hosts: Vec::new(),
            requests_per_second: NonZeroU32::MIN.saturating_add(49),
            burst: NonZeroU32::MIN.saturating_add(1_999),
        }
    }
}

/// Who Tidegate is to a registry.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Nobody.
    Anonymous,
    /// A user with a password or an access token.
    Basic {
        /// The user's name.
        username: String,
        /// Where the password is found.
        password: SecretSource,
    },
    /// What a Docker `config.json` says about the registry, its credential helpers included.
    DockerConfig(PathBuf),
}

/// Where a secret is found. It is read when it is needed, so that a rotated one is taken up by itself.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// The environment variable of this name.
    Environment(String),
    /// This file, without the newline at its end.
    File(PathBuf),
}

/// What Tidegate grants every registry.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long the connection may take to come about.
    pub connect_timeout: Duration,
    /// How long one request may take, from the first byte sent to the last byte read.
    pub request_timeout: Duration,
    /// How long one operation may take, with its pages, retries and tokens. Waiting for Tidegate's own rate limit
    /// does not count.
    pub operation_timeout: Duration,
    /// How often a request that failed for a passing reason is made again.
    pub retries: usize,
    /// The wait before the first retry. It doubles from one to the next and is jittered.
    pub first_retry_delay: Duration,
    /// What the wait between retries does not grow beyond, unless the registry asks for more.
    pub longest_retry_delay: Duration,
    /// How many requests to one registry may be under way at once.
    pub requests_under_way: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            operation_timeout: Duration::from_mins(2),
            retries: 5,
            first_retry_delay: Duration::from_millis(250),
            longest_retry_delay: Duration::from_secs(10),
            requests_under_way: 16,
        }
    }
}

/// The settings of a registry cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The text is not a registry's host.
    #[error("`{host}` is not a registry's host, such as ghcr.io or 127.0.0.1:5000")]
    Host {
        /// What was given.
        host: String,
    },
    /// Two settings are for the same registry.
    #[error("the registry {host} is configured twice")]
    Twice {
        /// The registry.
        host: String,
    },
    /// The endpoint is not a plain http or https URL.
    #[error(
        "the endpoint of the registry {host} must be an http or https URL without user, query and fragment"
    )]
    Endpoint {
        /// The registry.
        host: String,
    },
    /// The endpoint is http and plain http was not allowed.
    #[error("the endpoint of the registry {host} is plain http, which is not allowed for it")]
    PlainEndpoint {
        /// The registry.
        host: String,
    },
    /// The file of certificate authorities cannot be read.
    #[error("cannot read certificate authorities from {}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file of certificate authorities holds none.
    #[error("{} holds no PEM certificate that can be read", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
}

impl SettingsError {
    /// Always a matter of configuration.
    pub fn class(&self) -> Class {
        Class::Usage
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::PlainEndpoint { .. } => Some("use https, or set plainHttp for this registry"),
            Self::NoCertificate { .. } => {
                Some("the file needs at least one block that begins with -----BEGIN CERTIFICATE-----")
            }
            _ => None,
        }
    }
}

impl From<SettingsError> for Fault {
    fn from(error: SettingsError) -> Self {
        let mut fault = Self::new(error.class(), error.to_string());
        if let Some(hint) = error.hint() {
            fault = fault.with_hint(hint);
        }
        match error {
            SettingsError::CertificateFile { source, .. } => fault.with_source(source),
            _ => fault,
        }
    }
}
