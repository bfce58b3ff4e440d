//! Secrets that authenticate: what they are, how they are read, and why reading fails.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::model::Class;
use crate::registry::settings::SecretSource;

const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Why the credentials of a registry are missing.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// An environment variable is not set, or is not UTF-8.
    #[error("environment variable {name} is not set")]
    Environment {
        /// The variable.
        name: String,
    },
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file or variable is empty or cannot be a header.
    #[error("{place} contains no usable password")]
    Unusable {
        /// The file or variable.
        place: String,
    },
    /// Docker's configuration does not parse.
    #[error("{} is not a Docker config.json", path.display())]
    DockerConfig {
        /// The file.
        path: PathBuf,
    },
    /// A credential helper's name that Tidegate refuses to run.
    #[error("{} names a credential helper with characters other than letters, digits and `-`", path.display())]
    HelperName { path: PathBuf },
    #[error("cannot run {program}")]
    HelperRun {
        /// The helper.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    #[error("{program} did not end within {} s", waited.as_secs())]
    HelperTimeout {
        /// The helper.
        program: String,
        waited: std::time::Duration,
    },
    /// Another operation held them until the timeout.
    #[error("timed out waiting for another request to get them")]
    WaitTimeout,
    /// A credential helper failed or printed something else.
    #[error("{program} gave no credentials ({how})")]
    Helper {
        /// The helper.
        program: String,
        /// What went wrong.
        how: String,
    },
}

impl CredentialsError {
    /// Whether to retry or to fix the configuration.
    pub(in crate::registry) fn class(&self) -> Class {
        match self {
            Self::HelperTimeout { .. } | Self::WaitTimeout => Class::TryAgain,
            _ => Class::Usage,
        }
    }

    /// What the reader can do next.
    pub(in crate::registry) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Environment { .. } => Some("set the variable for the process that runs tidegate"),
            Self::File { .. } => {
                Some("check that the file exists and is readable for the user that runs tidegate")
            }
            Self::HelperRun { .. } => Some("install the credential helper into a folder of PATH"),
            Self::Helper { .. } | Self::HelperTimeout { .. } => {
                Some("run the helper by hand: `echo HOST | docker-credential-NAME get`")
            }
            _ => None,
        }
    }
}

/// What authenticates Tidegate.
#[derive(Debug)]
pub(super) enum Credential {
    None,
    Password { username: String, password: SecretString },
    IdentityToken(SecretString),
}

/// Reads a secret; also returns the name of its source.
pub(super) async fn read_secret(source: &SecretSource) -> Result<(SecretString, String), CredentialsError> {
    let (secret, place) = match source {
        SecretSource::Environment(name) => {
            let value =
                std::env::var(name).map_err(|_| CredentialsError::Environment { name: name.clone() })?;
            (SecretString::from(value), name.clone())
        }
        SecretSource::File(path) => {
            let text = read_file(path).await?;
            let secret = text.expose_secret().trim_end_matches(['\r', '\n']);
            (SecretString::from(secret), path.display().to_string())
        }
    };
    let is_sendable =
        !secret.expose_secret().is_empty() && !secret.expose_secret().contains(['\r', '\n', '\0']);
    if is_sendable { Ok((secret, place)) } else { Err(CredentialsError::Unusable { place }) }
}

/// Reads a small file without blocking the runtime.
pub(super) async fn read_file(path: &Path) -> Result<SecretString, CredentialsError> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_bounded(&owned)).await;
    read.unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)))
        .map_err(|source| CredentialsError::File { path: path.to_owned(), source })
}

fn read_bounded(path: &Path) -> std::io::Result<SecretString> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(SecretString::from(text))
}
