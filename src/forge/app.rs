//! An app's installation: its token, minted when it is first needed and again before it ends.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::runtime::Handle;

use super::api::{Api, bounded};
use super::jwt;
use crate::model::{Class, Fault, Timestamp};

/// So long before its end a token is renewed; it lives for an hour.
const MARGIN: Duration = Duration::from_mins(5);

/// An installation of a GitHub App.
#[derive(Debug)]
pub struct App {
    api: Api,
    id: u64,
    installation_id: u64,
    private_key: PathBuf,
    runtime: Handle,
    now: fn() -> Timestamp,
    kept: Mutex<Option<Token>>,
}

#[derive(Clone, Debug)]
struct Token {
    secret: SecretString,
    ends_at: Timestamp,
}

/// What the API answers.
#[derive(Deserialize)]
struct Minted {
    token: String,
    expires_at: Timestamp,
}

impl App {
    /// The installation; asks nobody yet. What it asks for later runs on `runtime`.
    pub fn new(
        api: Api,
        app_id: u64,
        installation_id: u64,
        private_key: PathBuf,
        runtime: Handle,
        now: fn() -> Timestamp,
    ) -> Self {
        Self { api, id: app_id, installation_id, private_key, runtime, now, kept: Mutex::default() }
    }

    /// The token that is good now. Blocks while one is minted, so not for a thread of the runtime.
    ///
    /// # Errors
    /// When there is none, and none can be minted.
    pub fn token(&self) -> Result<SecretString, Fault> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        if let Some(token) = kept.as_ref().filter(|token| token.ends_at - MARGIN > now) {
            return Ok(token.secret.clone());
        }
        match self.runtime.block_on(self.mint(now)) {
            Ok(token) => Ok(kept.insert(token).secret.clone()),
            // The old one is good for some minutes more, and GitHub for more than these.
            Err(fault) => match kept.as_ref().filter(|token| token.ends_at > now) {
                Some(token) if fault.class() == Class::TryAgain => Ok(token.secret.clone()),
                _ => Err(fault),
            },
        }
    }

    /// When the token that is kept ends.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|token| token.ends_at)
    }

    async fn mint(&self, now: Timestamp) -> Result<Token, Fault> {
        let key = jwt::read_key(&self.private_key)?;
        let path = format!("/app/installations/{}/access_tokens", self.installation_id);
        let response = self.api.ask(Method::POST, &path, &jwt::signed(self.id, &key, now)?).await;
        let response = response.map_err(|fault| {
            let message =
                format!("no token for installation {} of GitHub App {}", self.installation_id, self.id);
            Fault::new(fault.class(), message).with_source(fault).with_hint(
                "check appId, installationId and the private key, and that this machine's clock is right",
            )
        })?;
        let unreadable = || Fault::new(Class::TryAgain, "GitHub answered what is no token");
        let body = bounded(response).await.ok_or_else(unreadable)?;
        // The error would tell what it read.
        let minted: Minted = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        tracing::debug!(ends_at = %minted.expires_at, "minted a token of the GitHub App");
        Ok(Token { secret: SecretString::from(minted.token), ends_at: minted.expires_at })
    }
}
