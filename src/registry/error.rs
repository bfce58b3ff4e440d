//! Errors of this room: a [`RegistryError`] names the operation that failed, the [`RequestError`] below it the cause.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use thiserror::Error;

use super::auth::CredentialsError;
use super::operation::Operation;
use super::settings::SettingsError;
use crate::model::{Class, Fault, IntoFault, Timestamp};

/// An operation on a registry failed.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// The settings do not make a client.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The registry has no such repository, tag or image, or hides it from these credentials.
    #[error("cannot {operation}")]
    NotFound {
        /// What failed.
        operation: Operation,
        /// The registry's response.
        source: Box<RequestError>,
    },
    /// Anything else.
    #[error("cannot {operation}")]
    Failed {
        /// What failed.
        operation: Operation,
        /// Why.
        source: Box<RequestError>,
    },
}

impl RegistryError {
    pub(super) fn new(operation: Operation, source: RequestError) -> Self {
        let is_absent = matches!(source, RequestError::NotFound { .. });
        let source = Box::new(source);
        if is_absent { Self::NotFound { operation, source } } else { Self::Failed { operation, source } }
    }

    /// What failed below the operation; nothing when the settings are at fault.
    pub fn cause(&self) -> Option<&RequestError> {
        match self {
            Self::Settings(_) => None,
            Self::NotFound { source, .. } | Self::Failed { source, .. } => Some(source),
        }
    }

    /// Whether to retry, to fix the configuration, or to give up.
    pub fn class(&self) -> Class {
        match self {
            Self::Settings(error) => error.class(),
            Self::NotFound { source, .. } | Self::Failed { source, .. } => source.class(),
        }
    }

    /// What the reader can do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::NotFound { source, .. } | Self::Failed { source, .. } => source.hint(),
        }
    }
}

impl IntoFault for RegistryError {
    fn into_fault(self) -> Fault {
        let (class, message, hint) = (self.class(), self.to_string(), self.hint());
        let fault = match self {
            RegistryError::Settings(error) => return error.into(),
            // A pause concerns the whole registry, not the operation.
            RegistryError::Failed { source, .. } if matches!(*source, RequestError::Paused { .. }) => {
                Fault::new(class, source.to_string())
            }
            RegistryError::NotFound { source, .. } | RegistryError::Failed { source, .. } => {
                Fault::new(class, message).with_source(source)
            }
        };
        match hint {
            Some(hint) => fault.with_hint(hint),
            None => fault,
        }
    }
}

/// Why a request got no usable response.
///
/// `request` is method, host and path, never the query. `reason` is the registry's own explanation: bounded, printable,
/// empty or beginning with `: `.
#[derive(Debug, Error)]
pub enum RequestError {
    /// The connection failed or broke.
    #[error("{host}: {reason}{attempts}")]
    Unreachable {
        /// The host, with its port.
        host: String,
        /// The operating system's or the protocol's reason.
        reason: String,
        /// The tries before this one included.
        attempts: Attempts,
    },
    /// The server's certificate is not trusted.
    #[error("{host}: its certificate is not trusted")]
    UntrustedCertificate {
        /// The host, with its port.
        host: String,
        /// What TLS reports.
        source: reqwest::Error,
    },
    /// This machine cannot make an HTTP client.
    #[error("cannot set up an HTTP client")]
    ClientSetup {
        /// Why.
        source: reqwest::Error,
    },
    /// A deadline passed.
    #[error("{host}: no response within {} s{attempts}", waited.as_secs_f32())]
    Timeout {
        /// The host, with its port.
        host: String,
        /// How long the last try waited.
        waited: Duration,
        /// The tries before this one included.
        attempts: Attempts,
    },
    /// The response ended early.
    #[error("the response to {request} broke off{attempts}")]
    Truncated {
        /// The request.
        request: String,
        /// The tries before this one included.
        attempts: Attempts,
        /// Why.
        source: reqwest::Error,
    },
    /// The registry asks for fewer requests.
    #[error("{request} returned 429 Too Many Requests{reason}{attempts}")]
    TooManyRequests {
        /// The request.
        request: String,
        /// The pause that the registry asks for.
        retry_after: Option<Duration>,
        /// The registry's explanation.
        reason: String,
        /// The tries before this one included.
        attempts: Attempts,
    },
    /// The registry asked for a pause that is not over. The text is the same for all its images.
    #[error("{host} asks for no requests before {}", until.format("%Y-%m-%d %H:%M:%S UTC"))]
    Paused {
        /// The host, with its port.
        host: String,
        /// The end of the pause.
        until: Timestamp,
    },
    /// The registry fails.
    #[error("{request} returned {status}{reason}{attempts}")]
    ServerError {
        /// The request.
        request: String,
        /// The status.
        status: StatusCode,
        /// The pause that the registry asks for.
        retry_after: Option<Duration>,
        /// The registry's explanation.
        reason: String,
        /// The tries before this one included.
        attempts: Attempts,
    },
    /// The registry has no such thing, or hides it from these credentials.
    #[error("{request} returned 404 Not Found{reason}")]
    NotFound {
        /// The request.
        request: String,
        /// The registry's explanation.
        reason: String,
        /// Whether the request went without credentials.
        anonymous: bool,
    },
    /// The registry denies access.
    #[error("{request} with {credentials} returned {status}{reason}")]
    Denied {
        /// The request.
        request: String,
        /// The status.
        status: StatusCode,
        /// Where the credentials come from, never their content.
        credentials: String,
        /// The registry's explanation.
        reason: String,
        /// Whether the request went without credentials.
        anonymous: bool,
        /// Whether the registry is ghcr.io, whose tokens need scopes.
        github: bool,
    },
    /// A status that the distribution specification does not have here.
    #[error("{request} returned {status}{reason}")]
    UnexpectedStatus {
        /// The request.
        request: String,
        /// The status.
        status: StatusCode,
        /// The registry's explanation.
        reason: String,
    },
    /// A web page came instead of a registry's response.
    #[error("{request} returned {status} and a web page, not a registry API")]
    HtmlPage {
        /// The request.
        request: String,
        /// The status.
        status: StatusCode,
    },
    /// The body is larger than the bound.
    #[error("the response to {request} is larger than {max_bytes} bytes")]
    TooLarge {
        /// The request.
        request: String,
        /// The bound.
        max_bytes: usize,
    },
    /// The list has more pages than the bound.
    #[error("the list of {request} has more than {max_pages} pages")]
    TooManyPages {
        /// The request.
        request: String,
        /// The bound.
        max_pages: usize,
    },
    /// The body does not parse.
    #[error("the response to {request} is not {expected}")]
    Malformed {
        /// The request.
        request: String,
        /// What the body should be.
        expected: &'static str,
        /// The parser's error, unless it could quote a secret.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// A redirect or link leads to a place that Tidegate does not follow.
    #[error("{request} returned {what} to {to}, which Tidegate does not follow")]
    ForbiddenRedirect {
        /// The request.
        request: String,
        /// `a redirect` or `a link`.
        what: &'static str,
        /// Its target.
        to: String,
    },
    /// The token realm is on a host that must not receive the credentials.
    #[error("{request} names the token realm {realm}, which is not allowed for this registry")]
    UntrustedRealm {
        /// The request.
        request: String,
        /// The realm, without its query.
        realm: String,
    },
    /// The body does not match its digest.
    #[error("the response to {request} has the digest {actual}, expected {expected}")]
    DigestMismatch {
        /// The request.
        request: String,
        /// The digest that was requested.
        expected: String,
        /// The digest of the body.
        actual: String,
    },
    /// The index has no manifest of a platform, so no labels.
    #[error("the index at {request} lists no platform")]
    NoPlatform {
        /// The request.
        request: String,
    },
    /// A registry without settings has a name that makes no URL.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The configured credentials are missing or unreadable.
    #[error("cannot get credentials for {host}")]
    Credentials {
        /// The registry.
        host: String,
        /// Why.
        source: CredentialsError,
    },
}

/// How often and for how long a request was tried. Shown as ` (3 tries, 11 s)`, a single try as nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    pub(super) count: u32,
    pub(super) elapsed: Duration,
}

impl fmt::Display for Attempts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count < 2 {
            return Ok(());
        }
        let decimals = usize::from(self.elapsed < Duration::from_secs(10));
        write!(formatter, " ({} tries, {:.decimals$} s)", self.count, self.elapsed.as_secs_f64())
    }
}

impl RequestError {
    /// Whether to retry, to fix the configuration, or to give up.
    pub fn class(&self) -> Class {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Truncated { .. }
            | Self::TooManyRequests { .. }
            | Self::Paused { .. }
            | Self::ServerError { .. } => Class::TryAgain,
            Self::ForbiddenRedirect { .. } | Self::UntrustedRealm { .. } | Self::DigestMismatch { .. } => {
                Class::Refused
            }
            Self::Credentials { source, .. } => source.class(),
            Self::Settings(source) => source.class(),
            _ => Class::Failed,
        }
    }

    /// What the reader can do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UntrustedCertificate { .. } => {
                Some("if your own authority issued the certificate, set caFile for this registry")
            }
            Self::ClientSetup { .. } => {
                Some("install the system's certificate authorities (Debian: apt-get install ca-certificates)")
            }
            Self::Denied { github: true, anonymous: true, .. } => {
                Some("private packages of ghcr.io need a token with the scope read:packages")
            }
            Self::Denied { github: true, .. } => Some(
                "the token needs the scope read:packages, access to this package and, if the organisation requires it, SSO authorisation",
            ),
            Self::Denied { anonymous: true, .. } => Some("set credentials for this registry"),
            Self::Denied { .. } => Some("check that the credentials are valid and may pull this repository"),
            Self::NotFound { anonymous: true, .. } => {
                Some("check the name; without credentials, many registries return 404 for private images")
            }
            Self::NotFound { .. } => {
                Some("check the name, and that the credentials may pull this repository")
            }
            Self::HtmlPage { .. } => {
                Some("check that the host is a registry, and that no proxy or login page stands before it")
            }
            Self::TooManyRequests { .. } | Self::Paused { .. } => {
                Some("wait, poll less often, or use credentials with a higher limit")
            }
            Self::UntrustedRealm { .. } => {
                Some("if that host issues this registry's tokens over https, add it to tokenHosts")
            }
            Self::Credentials { source, .. } => source.hint(),
            Self::Settings(source) => source.hint(),
            _ => None,
        }
    }

    /// Whether the same request may succeed in a moment.
    pub(super) fn is_transient(&self) -> bool {
        self.class() == Class::TryAgain && !matches!(self, Self::Paused { .. } | Self::Credentials { .. })
    }

    /// The pause that the registry asks for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. } | Self::ServerError { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Notes how often the request was tried, where the message says so.
    pub(super) fn with_attempts(mut self, made: Attempts) -> Self {
        if let Self::Unreachable { attempts, .. }
        | Self::Timeout { attempts, .. }
        | Self::Truncated { attempts, .. }
        | Self::TooManyRequests { attempts, .. }
        | Self::ServerError { attempts, .. } = &mut self
        {
            *attempts = made;
        }
        self
    }

    pub(super) fn malformed(
        request: String,
        expected: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Malformed { request, expected, source: Some(source.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_show_only_after_a_retry() {
        for (count, elapsed_ms, text) in
            [(0, 0, ""), (1, 30_000, ""), (2, 450, " (2 tries, 0.5 s)"), (3, 11_200, " (3 tries, 11 s)")]
        {
            let attempts = Attempts { count, elapsed: Duration::from_millis(elapsed_ms) };
            assert_eq!(attempts.to_string(), text);
        }
    }
}
