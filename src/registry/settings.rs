//! Settings of the client: endpoints, credentials, timeouts and limits. Wiring makes them from the configuration.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::model::{Class, Fault};

/// The settings of one registry. A registry without settings is contacted anonymously over https.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// The registry's host as images name it, with its port if it has one: `ghcr.io`, `127.0.0.1:5000`.
    pub host: String,
    /// The URL of a mirror or pull-through cache to use instead. Its path precedes the repository's name.
    pub endpoint: Option<String>,
    /// Uses http instead of https.
    pub plain_http: bool,
    /// The credentials of Tidegate.
    pub credentials: Credentials,
    /// A PEM file of certificate authorities to trust besides the system's.
    pub extra_ca: Option<PathBuf>,
    /// Hosts other than the registry's own that may issue its tokens: `auth.example.com`, or with a port
    /// `auth.example.com:5001`.
    pub token_realm_hosts: Vec<String>,
    /// The sustained request rate, once `burst` is used up.
    pub requests_per_second: NonZeroU32,
    /// Requests allowed at once before the rate applies.
    pub burst: NonZeroU32,
}

impl HostSettings {
    /// Settings for anonymous https, with a burst of 2,000 requests and then 50 per second.
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

/// The credentials for a registry.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// None.
    Anonymous,
    /// A username with a password or an access token.
    Basic {
        /// The username.
        username: String,
        /// The password's source.
        password: SecretSource,
    },
    /// The entry for the registry in a Docker `config.json`, credential helpers included.
    DockerConfig(PathBuf),
}

/// The source of a secret. It is read on use, so that a rotated secret takes effect by itself.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// An environment variable.
    Environment(String),
    /// A file; a newline at its end is dropped.
    File(PathBuf),
}

/// Timeouts and limits of every registry.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The timeout of a connection attempt.
    pub connect_timeout: Duration,
    /// The timeout of one request, from the first byte sent to the last byte read.
    pub request_timeout: Duration,
    /// The timeout of one operation with its pages, retries and tokens. Waiting for Tidegate's own rate limit does not
    /// count.
    pub operation_timeout: Duration,
    /// The number of retries after a transient failure.
    pub retries: usize,
    /// The delay before the first retry; it doubles each time, with jitter.
    pub first_retry_delay: Duration,
    /// The cap on retry delays, unless the registry asks for more.
    pub max_retry_delay: Duration,
    /// The longest pause that an operation waits for when a registry asks for one.
    pub max_pause: Duration,
    /// The number of concurrent requests to one registry.
    pub max_in_flight: usize,
    /// How long the index of a Helm repository serves all its charts without another request.
    pub index_reuse: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            operation_timeout: Duration::from_mins(2),
            retries: 5,
            first_retry_delay: Duration::from_millis(250),
            max_retry_delay: Duration::from_secs(10),
            max_pause: Duration::from_secs(5),
            max_in_flight: 16,
            index_reuse: Duration::from_secs(10),
        }
    }
}

/// Invalid settings.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// Not a registry host.
    #[error("`{host}` is not a registry host, such as ghcr.io or 127.0.0.1:5000")]
    Host {
        /// The given text.
        host: String,
    },
    /// Two settings for one registry.
    #[error("registry {host} is configured twice")]
    Twice {
        /// The registry.
        host: String,
    },
    /// An endpoint that is no plain http or https URL.
    #[error("the endpoint of registry {host} must be an http or https URL without user, query and fragment")]
    Endpoint {
        /// The registry.
        host: String,
    },
    /// An http endpoint without `plainHttp`.
    #[error("the endpoint of registry {host} uses plain http, which is not allowed for it")]
    PlainEndpoint {
        /// The registry.
        host: String,
    },
    /// The CA file is unreadable.
    #[error("cannot read certificate authorities from {}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The CA file contains no certificate.
    #[error("{} contains no readable PEM certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
}

impl SettingsError {
    /// Always usage: the configuration is wrong.
    pub fn class(&self) -> Class {
        Class::Usage
    }

    /// What the reader can do next.
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
