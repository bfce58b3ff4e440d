//! What can go wrong with a registry, told plainly.
//!
//! A [`RegistryError`] says which operation failed; the [`Problem`] beneath it says what the registry did.

use std::error::Error;
use std::time::Duration;

use reqwest::StatusCode;
use thiserror::Error;

use super::auth::CredentialsError;
use super::operation::Operation;
use super::settings::SettingsError;
use crate::model::{Class, Fault};

/// An operation on a registry failed.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// The client cannot be made of its settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The registry has no such repository, tag or image, or does not let Tidegate know of it.
    #[error("cannot {operation}")]
    NotFound {
        /// What was being done.
        operation: Operation,
        /// What the registry answered.
        source: Box<Problem>,
    },
    /// Anything else.
    #[error("cannot {operation}")]
    Failed {
        /// What was being done.
        operation: Operation,
        /// What went wrong.
        source: Box<Problem>,
    },
}

impl RegistryError {
    pub(super) fn new(operation: Operation, source: Problem) -> Self {
        let is_absent = matches!(source, Problem::NotFound { .. });
        let source = Box::new(source);
        if is_absent { Self::NotFound { operation, source } } else { Self::Failed { operation, source } }
    }

    /// What went wrong with the registry, unless the settings are at fault.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Settings(_) => None,
            Self::NotFound { source, .. } | Self::Failed { source, .. } => Some(source),
        }
    }

    /// What the error means for the one who has to act on it.
    pub fn class(&self) -> Class {
        match self {
            Self::Settings(error) => error.class(),
            Self::NotFound { source, .. } | Self::Failed { source, .. } => source.class(),
        }
    }

    /// What to do next, if there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::NotFound { source, .. } | Self::Failed { source, .. } => source.hint(),
        }
    }
}

impl From<RegistryError> for Fault {
    fn from(error: RegistryError) -> Self {
        let (class, message, hint) = (error.class(), error.to_string(), error.hint());
        let fault = match error {
            RegistryError::Settings(error) => return error.into(),
            RegistryError::NotFound { source, .. } | RegistryError::Failed { source, .. } => {
                Self::new(class, message).with_source(source)
            }
        };
        match hint {
            Some(hint) => fault.with_hint(hint),
            None => fault,
        }
    }
}

/// What a registry did, or what kept it from being asked.
///
/// `at` is the request: method, host and path, never the query. `said` is what the registry gave as its reason, cut and
/// fit to be shown, empty or beginning with `: `.
#[derive(Debug, Error)]
pub enum Problem {
    /// No connection came about, or it broke.
    #[error("{at} got no answer")]
    Unreachable {
        /// The request.
        at: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The server's certificate is not trusted.
    #[error("{at} was not made, since the server's certificate is not trusted")]
    Certificate {
        /// The request.
        at: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// Connections cannot be made from this machine.
    #[error("connections cannot be set up")]
    Connections {
        /// Why not.
        source: reqwest::Error,
    },
    /// A deadline passed.
    #[error("{at} was not answered in {} s", waited.as_secs_f32())]
    Deadline {
        /// The request.
        at: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The answer ended before it was whole.
    #[error("the answer to {at} broke off")]
    BrokenOff {
        /// The request.
        at: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The registry asks for fewer requests.
    #[error("{at} was answered with 429 Too Many Requests{said}")]
    TooManyRequests {
        /// The request.
        at: String,
        /// How long the registry asks to be left alone.
        retry_after: Option<Duration>,
        /// Its reason.
        said: String,
    },
    /// The registry asked to be left alone for longer than the operation may take, so it was not asked.
    #[error("{at} was not made, since the registry asked to be left alone for another {} s", wait.as_secs() + 1)]
    Paused {
        /// The request.
        at: String,
        /// How much longer.
        wait: Duration,
    },
    /// The registry is out of order.
    #[error("{at} was answered with {status}{said}")]
    OutOfOrder {
        /// The request.
        at: String,
        /// The status.
        status: StatusCode,
        /// How long the registry asks to be left alone.
        retry_after: Option<Duration>,
        /// Its reason.
        said: String,
    },
    /// The registry has no such thing, or does not let Tidegate know of it.
    #[error("{at} was answered with 404 Not Found{said}")]
    NotFound {
        /// The request.
        at: String,
        /// Its reason.
        said: String,
        /// Whether it was asked without credentials.
        anonymous: bool,
    },
    /// The registry does not let Tidegate read this.
    #[error("{at} was answered with {status} to {credentials}{said}")]
    Denied {
        /// The request.
        at: String,
        /// The status.
        status: StatusCode,
        /// Which credentials were used: never their content.
        credentials: String,
        /// Its reason.
        said: String,
        /// Whether it was asked without credentials.
        anonymous: bool,
        /// Whether the registry is GitHub's, which has rules of its own.
        github: bool,
    },
    /// The registry answered something that the specification does not have.
    #[error("{at} was answered with {status}{said}")]
    UnexpectedStatus {
        /// The request.
        at: String,
        /// The status.
        status: StatusCode,
        /// Its reason.
        said: String,
    },
    /// A web page came where a registry's answer belongs.
    #[error("{at} was answered with {status} and a web page, not a registry API")]
    WebPage {
        /// The request.
        at: String,
        /// The status.
        status: StatusCode,
    },
    /// The answer is larger than any honest one.
    #[error("the answer to {at} is larger than {most_bytes} bytes")]
    TooLarge {
        /// The request.
        at: String,
        /// The bound.
        most_bytes: usize,
    },
    /// The answer does not read as what it should be.
    #[error("the answer to {at} is not {wanted}")]
    Malformed {
        /// The request.
        at: String,
        /// What it should be.
        wanted: &'static str,
        /// Why it is not, if more is known.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The registry sends the client to a place that it must not go to.
    #[error("{at} was answered with {what} to {to}, which is not followed")]
    Astray {
        /// The request.
        at: String,
        /// What leads there.
        what: &'static str,
        /// Where to.
        to: String,
    },
    /// Tokens are said to be issued by a host that the credentials must not be sent to.
    #[error(
        "{at} was answered with the token realm {realm}, which is neither the registry's nor allowed for it"
    )]
    ForeignRealm {
        /// The request.
        at: String,
        /// The realm, without its query.
        realm: String,
    },
    /// The answer is not what its digest says.
    #[error("the answer to {at} has the digest {actual}, not {expected}")]
    WrongDigest {
        /// The request.
        at: String,
        /// The digest that was asked for.
        expected: String,
        /// The digest of what came.
        actual: String,
    },
    /// The image is of a form that has no labels to read.
    #[error("the index at {at} has no manifest of a platform in it")]
    NoPlatform {
        /// The request.
        at: String,
    },
    /// The registry, which has no settings, has a name that cannot be asked.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The credentials cannot be had.
    #[error("the credentials for {host} cannot be had")]
    Credentials {
        /// The registry.
        host: String,
        /// Why not.
        source: CredentialsError,
    },
}

impl Problem {
    /// What it means for the one who has to act on it.
    pub fn class(&self) -> Class {
        match self {
            Self::Unreachable { .. }
            | Self::Deadline { .. }
            | Self::BrokenOff { .. }
            | Self::TooManyRequests { .. }
            | Self::Paused { .. }
            | Self::OutOfOrder { .. } => Class::TryAgain,
            Self::Astray { .. } | Self::ForeignRealm { .. } | Self::WrongDigest { .. } => Class::Refused,
            Self::Credentials { source, .. } => source.class(),
            Self::Settings(source) => source.class(),
            _ => Class::Failed,
        }
    }

    /// What to do next, if there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Certificate { .. } => Some(
                "if the registry's certificate is from an authority of your own, give its file as an extra CA",
            ),
            Self::Connections { .. } => {
                Some("install the system's certificate authorities (Debian: apt-get install ca-certificates)")
            }
            Self::Denied { github: true, anonymous: true, .. } => {
                Some("private packages of ghcr.io need a token with the scope read:packages")
            }
            Self::Denied { github: true, .. } => Some(
                "the token needs the scope read:packages, access to this package and, where the organisation wants it, SSO authorisation",
            ),
            Self::Denied { anonymous: true, .. } => Some("give credentials for this registry"),
            Self::Denied { .. } => {
                Some("see whether the credentials are still valid and may pull this repository")
            }
            Self::NotFound { anonymous: true, .. } => Some(
                "see whether the name is right; without credentials, many registries answer the same for private images",
            ),
            Self::NotFound { .. } => {
                Some("see whether the name is right and whether the credentials may pull this repository")
            }
            Self::WebPage { .. } => Some(
                "see whether the host is a registry, and whether a proxy or a login page stands before it",
            ),
            Self::TooManyRequests { .. } | Self::Paused { .. } => {
                Some("wait, poll less often, or give credentials that have a higher limit")
            }
            Self::ForeignRealm { .. } => Some(
                "if that host does issue this registry's tokens, over https, name it among its token realm hosts",
            ),
            Self::Credentials { source, .. } => source.hint(),
            Self::Settings(source) => source.hint(),
            _ => None,
        }
    }

    /// Whether the same request may well succeed in a moment.
    pub(super) fn is_passing(&self) -> bool {
        self.class() == Class::TryAgain && !matches!(self, Self::Paused { .. } | Self::Credentials { .. })
    }

    /// How long the registry asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. } | Self::OutOfOrder { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub(super) fn malformed(
        at: String,
        wanted: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Malformed { at, wanted, source: Some(source.into()) }
    }
}
