//! Credentials: read where the settings say, held for a minute, never shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{CREDENTIALS_LAST, docker_config};
use crate::model::Class;
use crate::registry::error::Problem;
use crate::registry::operation::Budget;
use crate::registry::settings::{Credentials, HostSettings, SecretSource};
use crate::registry::verdict::Asker;

/// The largest file of a password or of Docker's configuration that is read.
const MOST_FILE_BYTES: u64 = 1024 * 1024;

/// Credentials cannot be had.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// An environment variable is not set, or is not text.
    #[error("the environment variable {name} is not set")]
    Environment {
        /// The variable.
        name: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file or variable has nothing in it, or what cannot be sent.
    #[error("{place} holds no password that can be sent")]
    Unusable {
        /// Where it was looked for.
        place: String,
    },
    /// Docker's configuration does not read as such.
    #[error("{} is not a Docker config.json", path.display())]
    DockerConfig {
        /// The file.
        path: PathBuf,
    },
    /// A credential helper's name is none that is run.
    #[error("the credential helper in {} has a name other than letters, digits and `-`", path.display())]
    HelperName {
        /// The file that names it.
        path: PathBuf,
    },
    /// A credential helper cannot be run.
    #[error("cannot run {program}")]
    HelperRun {
        /// The helper.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A credential helper did not end in time.
    #[error("{program} did not end within {} s", waited.as_secs())]
    HelperDeadline {
        /// The helper.
        program: String,
        /// How long it was waited for.
        waited: std::time::Duration,
    },
    /// Another operation was waiting for the same credentials or token, until this one's time was over.
    #[error("they did not come in time")]
    TooLate,
    /// A credential helper failed or said something else than credentials.
    #[error("{program} gave no credentials ({how})")]
    Helper {
        /// The helper.
        program: String,
        /// How it ended.
        how: String,
    },
}

impl CredentialsError {
    /// What it means for the one who has to act on it.
    pub(in crate::registry) fn class(&self) -> Class {
        match self {
            Self::HelperDeadline { .. } | Self::TooLate => Class::TryAgain,
            _ => Class::Usage,
        }
    }

    /// What to do next, if there is something to say.
    pub(in crate::registry) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Environment { .. } => Some("set the variable for the process that runs tidegate"),
            Self::File { .. } => {
                Some("see whether the file exists and may be read by the user that runs tidegate")
            }
            Self::HelperRun { .. } => Some("install the credential helper into a folder of PATH"),
            Self::Helper { .. } | Self::HelperDeadline { .. } => {
                Some("run the helper by hand: write the registry's host to it with the argument `get`")
            }
            _ => None,
        }
    }
}

/// What is sent to prove who asks.
#[derive(Debug)]
pub(super) enum Proof {
    Nothing,
    Password {
        username: String,
        password: SecretString,
    },
    /// A refresh token for the token server.
    IdentityToken(SecretString),
}

/// Credentials as they were found.
#[derive(Debug)]
pub(super) struct Resolved {
    proof: Proof,
    pub(super) asker: Arc<Asker>,
}

impl Resolved {
    /// The value of `Authorization` for a user and a password, marked as sensitive.
    pub(super) fn basic_header(&self) -> Option<HeaderValue> {
        let Proof::Password { username, password } = &self.proof else {
            return None;
        };
        let pair = SecretString::from(format!("{username}:{}", password.expose_secret()));
        let encoded = BASE64_STANDARD.encode(pair.expose_secret());
        let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// The refresh token, if that is what there is.
    pub(super) fn identity_token(&self) -> Option<&SecretString> {
        match &self.proof {
            Proof::IdentityToken(token) => Some(token),
            _ => None,
        }
    }
}

/// One registry's credentials, read when they are needed and held for a minute.
#[derive(Debug)]
pub(super) struct CredentialCache {
    host: String,
    /// The host that Docker's configuration is searched for.
    helper_host: String,
    source: Credentials,
    held: Mutex<Option<(Instant, Arc<Resolved>)>>,
}

impl CredentialCache {
    pub(super) fn new(settings: &HostSettings, helper_host: &str) -> Self {
        Self {
            host: settings.host.clone(),
            helper_host: helper_host.to_owned(),
            source: settings.credentials.clone(),
            held: Mutex::new(None),
        }
    }

    /// Drops what is held, so that it is read again.
    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    /// The credentials. However many ask, they are read once.
    pub(super) async fn get(&self, budget: &Budget) -> Result<Arc<Resolved>, Problem> {
        let mut held = budget.lock(&self.held).await.ok_or_else(|| self.too_late())?;
        if let Some((read_at, resolved)) = held.as_ref()
            && read_at.elapsed() < CREDENTIALS_LAST
        {
            return Ok(Arc::clone(resolved));
        }
        let resolved = self.resolve(budget).await;
        let resolved = resolved
            .map(Arc::new)
            .map_err(|source| Problem::Credentials { host: self.host.clone(), source })?;
        *held = Some((Instant::now(), Arc::clone(&resolved)));
        Ok(resolved)
    }

    /// Somebody else was at it for so long that the time of this operation is over.
    pub(super) fn too_late(&self) -> Problem {
        Problem::Credentials { host: self.host.clone(), source: CredentialsError::TooLate }
    }

    async fn resolve(&self, budget: &Budget) -> Result<Resolved, CredentialsError> {
        let (proof, told) = match &self.source {
            Credentials::Anonymous => (Proof::Nothing, "no credentials".to_owned()),
            Credentials::Basic { username, password } => {
                let (password, place) = read_secret(password).await?;
                let told = format!("the user {username} with the password in {place}");
                (Proof::Password { username: username.clone(), password }, told)
            }
            Credentials::DockerConfig(path) => {
                let proof = docker_config::look_up(path, &self.helper_host, budget.for_one_request()).await?;
                let told = match proof {
                    Proof::Nothing => format!("no credentials ({} has none)", path.display()),
                    _ => format!("the credentials in {}", path.display()),
                };
                (proof, told)
            }
        };
        let is_anonymous = matches!(proof, Proof::Nothing);
        Ok(Resolved { proof, asker: Arc::new(Asker::new(&self.host, told, is_anonymous)) })
    }
}

/// A secret and the name of the place where it was.
async fn read_secret(source: &SecretSource) -> Result<(SecretString, String), CredentialsError> {
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

/// A small file, as a secret. Disks may be slow: not on a thread that serves others.
pub(super) async fn read_file(path: &Path) -> Result<SecretString, CredentialsError> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_bounded(&owned)).await;
    read.unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)))
        .map_err(|source| CredentialsError::File { path: path.to_owned(), source })
}

fn read_bounded(path: &Path) -> std::io::Result<SecretString> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST_FILE_BYTES).read_to_string(&mut text)?;
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::registry::settings::Limits;

    fn cache(credentials: Credentials) -> CredentialCache {
        CredentialCache::new(&HostSettings { credentials, ..HostSettings::new("ghcr.io") }, "ghcr.io")
    }

    fn budget() -> Budget {
        Budget::new(&Limits { operation_timeout: Duration::from_secs(5), ..Limits::default() })
    }

    fn from_file(path: &Path) -> Credentials {
        Credentials::Basic { username: "bot".to_owned(), password: SecretSource::File(path.to_owned()) }
    }

    #[tokio::test]
    async fn a_rotated_file_is_read_again_once_the_old_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "first\r\n").unwrap();
        let cache = cache(from_file(&path));
        let header = |resolved: Arc<Resolved>| resolved.basic_header().unwrap().to_str().unwrap().to_owned();
        let first = header(cache.get(&budget()).await.unwrap());
        assert_eq!(first, format!("Basic {}", BASE64_STANDARD.encode("bot:first")));
        std::fs::write(&path, "second\n").unwrap();
        assert_eq!(header(cache.get(&budget()).await.unwrap()), first, "held");
        cache.forget().await;
        let second = header(cache.get(&budget()).await.unwrap());
        assert_eq!(second, format!("Basic {}", BASE64_STANDARD.encode("bot:second")));
    }

    #[tokio::test]
    async fn secrets_are_in_no_debug_and_the_asker_names_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "hunter2").unwrap();
        let resolved = cache(from_file(&path)).get(&budget()).await.unwrap();
        let shown = format!("{resolved:?} {:?}", resolved.basic_header());
        assert!(
            !shown.contains("hunter2") && !shown.contains(&BASE64_STANDARD.encode("bot:hunter2")),
            "{shown}"
        );
        assert_eq!(
            resolved.asker.credentials,
            format!("the user bot with the password in {}", path.display())
        );
    }

    #[tokio::test]
    async fn a_variable_is_read() {
        // Tests cannot set a variable, but this one is always there.
        let password = SecretSource::Environment("PATH".to_owned());
        let cache = cache(Credentials::Basic { username: "bot".to_owned(), password });
        let header = cache.get(&budget()).await.unwrap().basic_header().unwrap();
        let pair = format!("bot:{}", std::env::var("PATH").unwrap());
        assert_eq!(header.to_str().unwrap(), format!("Basic {}", BASE64_STANDARD.encode(pair)));
    }

    #[tokio::test]
    async fn who_waits_for_another_is_done_at_its_deadline() {
        let cache = cache(Credentials::Anonymous);
        let _held = cache.held.lock().await;
        let short =
            Budget::new(&Limits { operation_timeout: Duration::from_millis(20), ..Limits::default() });
        let problem = cache.get(&short).await.unwrap_err();
        assert_eq!(problem.class(), Class::TryAgain);
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        let unset = SecretSource::Environment("TIDEGATE_TEST_NEVER_SET".to_owned());
        for (credentials, told) in [
            (from_file(&empty), "holds no password that can be sent"),
            (from_file(&folder.path().join("absent")), "cannot read "),
            (
                Credentials::Basic { username: "bot".to_owned(), password: unset },
                "the environment variable TIDEGATE_TEST_NEVER_SET is not set",
            ),
        ] {
            let problem = cache(credentials).get(&budget()).await.unwrap_err();
            assert_eq!(problem.to_string(), "the credentials for ghcr.io cannot be had");
            let cause = std::error::Error::source(&problem).unwrap().to_string();
            assert!(cause.contains(told), "{cause}");
        }
    }
}
