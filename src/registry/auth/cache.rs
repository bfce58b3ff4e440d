//! One registry's credentials, read where the settings say and cached for a minute.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::credential::{Credential, CredentialsError, read_secret};
use super::{CREDENTIALS_LAST, docker_config};
use crate::model::Secrets;
use crate::registry::error::RequestError;
use crate::registry::operation::Budget;
use crate::registry::settings::{Credentials, HostSettings};
use crate::registry::status::Identity;

/// A credential and its description.
#[derive(Debug)]
pub(super) struct ResolvedCredential {
    credential: Credential,
    pub(super) identity: Arc<Identity>,
}

impl ResolvedCredential {
    /// The Basic `Authorization` header, marked as sensitive.
    pub(super) fn basic_header(&self) -> Option<HeaderValue> {
        let Credential::Password { username, password } = &self.credential else {
            return None;
        };
        let pair = SecretString::from(format!("{username}:{}", password.expose_secret()));
        let encoded = BASE64_STANDARD.encode(pair.expose_secret());
        let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    pub(super) fn identity_token(&self) -> Option<&SecretString> {
        match &self.credential {
            Credential::IdentityToken(token) => Some(token),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct CredentialCache {
    host: String,
    /// The host to look up in Docker's configuration.
    helper_host: String,
    source: Credentials,
    held: Mutex<Option<(Instant, Arc<ResolvedCredential>)>>,
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

    /// Drops the cached credential.
    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    /// The credential, read once for concurrent requests.
    pub(super) async fn get(&self, budget: &Budget) -> Result<Arc<ResolvedCredential>, RequestError> {
        let mut held = budget.lock(&self.held).await.ok_or_else(|| self.wait_timeout())?;
        if let Some((read_at, resolved)) = held.as_ref()
            && read_at.elapsed() < CREDENTIALS_LAST
        {
            return Ok(Arc::clone(resolved));
        }
        let resolved = self.resolve(budget).await;
        let resolved = resolved
            .map(Arc::new)
            .map_err(|source| RequestError::Credentials { host: self.host.clone(), source })?;
        *held = Some((Instant::now(), Arc::clone(&resolved)));
        Ok(resolved)
    }

    /// Another operation held the lock until this one's time was over.
    pub(super) fn wait_timeout(&self) -> RequestError {
        RequestError::Credentials { host: self.host.clone(), source: CredentialsError::WaitTimeout }
    }

    async fn resolve(&self, budget: &Budget) -> Result<ResolvedCredential, CredentialsError> {
        let (credential, source) = match &self.source {
            Credentials::Anonymous => (Credential::None, "no credentials".to_owned()),
            Credentials::Basic { username, password } => {
                let (password, place) = read_secret(password).await?;
                let source = format!("user {username} (password in {place})");
                (Credential::Password { username: username.clone(), password }, source)
            }
            Credentials::DockerConfig(path) => {
                let credential =
                    docker_config::look_up(path, &self.helper_host, budget.for_one_request()).await?;
                let source = match credential {
                    Credential::None => format!("no credentials ({} has none)", path.display()),
                    _ => format!("credentials in {}", path.display()),
                };
                (credential, source)
            }
        };
        match &credential {
            Credential::Password { username, password } => {
                Secrets::learn_login(username, password.expose_secret());
            }
            Credential::IdentityToken(token) => Secrets::learn(token.expose_secret()),
            Credential::None => {}
        }
        let is_anonymous = matches!(credential, Credential::None);
        Ok(ResolvedCredential {
            credential,
            identity: Arc::new(Identity::new(&self.host, source, is_anonymous)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::model::Class;
    use crate::registry::settings::{Limits, SecretSource};

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
        let header =
            |resolved: Arc<ResolvedCredential>| resolved.basic_header().unwrap().to_str().unwrap().to_owned();
        let first = header(cache.get(&budget()).await.unwrap());
        assert_eq!(first, format!("Basic {}", BASE64_STANDARD.encode("bot:first")));
        std::fs::write(&path, "second\n").unwrap();
        assert_eq!(header(cache.get(&budget()).await.unwrap()), first, "held");
        cache.forget().await;
        let second = header(cache.get(&budget()).await.unwrap());
        assert_eq!(second, format!("Basic {}", BASE64_STANDARD.encode("bot:second")));
    }

    #[tokio::test]
    async fn debug_output_hides_secrets_and_the_identity_names_their_source() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "hunter2").unwrap();
        let resolved = cache(from_file(&path)).get(&budget()).await.unwrap();
        let shown = format!("{resolved:?} {:?}", resolved.basic_header());
        assert!(
            !shown.contains("hunter2") && !shown.contains(&BASE64_STANDARD.encode("bot:hunter2")),
            "{shown}"
        );
        assert_eq!(resolved.identity.credentials, format!("user bot (password in {})", path.display()));
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
    async fn waiting_for_another_operation_ends_at_the_deadline() {
        let cache = cache(Credentials::Anonymous);
        let _held = cache.held.lock().await;
        let short =
            Budget::new(&Limits { operation_timeout: Duration::from_millis(20), ..Limits::default() });
        let error = cache.get(&short).await.unwrap_err();
        assert_eq!(error.class(), Class::TryAgain);
    }

    #[tokio::test]
    async fn missing_secrets_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        let unset = SecretSource::Environment("TIDEGATE_TEST_NEVER_SET".to_owned());
        for (credentials, expected) in [
            (from_file(&empty), "contains no usable password"),
            (from_file(&folder.path().join("absent")), "cannot read "),
            (
                Credentials::Basic { username: "bot".to_owned(), password: unset },
                "environment variable TIDEGATE_TEST_NEVER_SET is not set",
            ),
        ] {
            let error = cache(credentials).get(&budget()).await.unwrap_err();
            assert_eq!(error.to_string(), "cannot get credentials for ghcr.io");
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains(expected), "{cause}");
        }
    }
}
