//! Settings of the client: endpoints, credentials, timeouts and limits. Wiring makes them from the configuration.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::model::{Class, Fault};

/// A platform that an image must have: `linux/amd64`, `linux/arm/v7`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Platform {
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) architecture: String,
    pub(super) variant: Option<String>,
}

impl Platform {
    /// Whether an image for `other` serves; without a variant, any variant does.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.variant == other.variant)
    }
}

impl FromStr for Platform {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/').map(str::to_owned);
        let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
        match (os, architecture, variant, parts.next()) {
            (Some(os), Some(architecture), variant, None) if !os.is_empty() && !architecture.is_empty() => {
                Ok(Self { os, architecture, variant })
            }
            _ => Err(SettingsError::Platform { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(formatter, "/{variant}"))
    }
}

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
    /// Not a platform.
    #[error("`{text}` is not a platform, such as linux/amd64 or linux/arm/v7")]
    Platform {
        /// The given text.
        text: String,
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
