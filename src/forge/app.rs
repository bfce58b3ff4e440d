//! The installation of a GitHub App: creates its tokens, authenticated by a JSON Web Token (RFC 7519, RS256).
//!
//! ring signs, as it does for TLS: the RSA of the usual crates leaks keys by its timing (RUSTSEC-2023-0071).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Handle;

use super::api::{Api, bounded};
use crate::model::{Class, Fault, Secrets, Timestamp};

/// Renews a token this long before its end; it lives for an hour.
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
    cached: Mutex<Option<Token>>,
}

#[derive(Clone, Debug)]
struct Token {
    secret: SecretString,
    ends_at: Timestamp,
}

#[derive(Deserialize)]
struct TokenResponse {
    token: String,
    expires_at: Timestamp,
}

impl App {
    /// Creates the installation; sends nothing. Later requests run on `runtime`.
    pub fn new(
        api: Api,
        app_id: u64,
        installation_id: u64,
        private_key: PathBuf,
        runtime: Handle,
        now: fn() -> Timestamp,
    ) -> Self {
        Self { api, id: app_id, installation_id, private_key, runtime, now, cached: Mutex::default() }
    }

    /// A valid token. Blocks while one is created: do not call on a thread of the runtime.
    ///
    /// # Errors
    /// When no token can be created.
    pub fn token(&self) -> Result<SecretString, Fault> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        if let Some(token) = cached.as_ref().filter(|token| token.ends_at - MARGIN > now) {
            return Ok(token.secret.clone());
        }
        match self.runtime.block_on(self.mint(now)) {
            Ok(token) => Ok(cached.insert(token).secret.clone()),
            // The old token is valid for some minutes more.
            Err(fault) => match cached.as_ref().filter(|token| token.ends_at > now) {
                Some(token) if fault.class() == Class::TryAgain => Ok(token.secret.clone()),
                _ => Err(fault),
            },
        }
    }

    /// The end of the cached token.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|token| token.ends_at)
    }

    async fn mint(&self, now: Timestamp) -> Result<Token, Fault> {
        let key = read_key(&self.private_key)?;
        let path = format!("/app/installations/{}/access_tokens", self.installation_id);
        let response = self.api.ask(Method::POST, &path, &sign_jwt(self.id, &key, now)?).await;
        let response = response.map_err(|fault| {
            let message = format!(
                "cannot get a token for installation {} of GitHub App {}",
                self.installation_id, self.id
            );
            Fault::new(fault.class(), message)
                .with_source(fault)
                .with_hint("check appId, installationId, the private key and this machine's clock")
        })?;
        let unreadable = || Fault::new(Class::TryAgain, "GitHub's response contains no token");
        let body = bounded(response).await.ok_or_else(unreadable)?;
        // No source: the error would quote the token.
        let minted: TokenResponse = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        Secrets::learn(&minted.token);
        tracing::debug!(ends_at = %minted.expires_at, "created a GitHub App token");
        Ok(Token { secret: SecretString::from(minted.token), ends_at: minted.expires_at })
    }
}

/// Tolerates a clock ahead of GitHub's.
const LEEWAY: Duration = Duration::from_mins(1);

/// GitHub accepts at most ten minutes.
const LIFETIME: Duration = Duration::from_mins(9);

/// Reads a private key in PEM form: PKCS #1, as GitHub issues it, or PKCS #8.
fn read_key(file: &Path) -> Result<RsaKeyPair, Fault> {
    let failed = |what: &str| {
        Fault::new(Class::Failed, format!("cannot use the private key {}: {what}", file.display()))
            .with_hint("use the file that GitHub generated for the app, unchanged")
    };
    let key = match PrivateKeyDer::from_pem_file(file) {
        Ok(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        Ok(PrivateKeyDer::Pkcs8(key)) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        Ok(_) => return Err(failed("it is not an RSA key")),
        Err(rustls::pki_types::pem::Error::Io(error)) => {
            return Err(failed("it cannot be read").with_source(error));
        }
        Err(_) => return Err(failed("it is not PEM")),
    };
    key.map_err(|_| failed("it is not an RSA key of 2048 bits or more"))
}

fn sign_jwt(app_id: u64, key: &RsaKeyPair, now: Timestamp) -> Result<SecretString, Fault> {
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(&json!({"alg": "RS256", "typ": "JWT"}));
    let claims = encode(&json!({
        "iss": app_id.to_string(),
        "iat": (now - LEEWAY).timestamp(),
        "exp": (now + LIFETIME).timestamp(),
    }));
    let mut signature = vec![0; key.public().modulus_len()];
    let text = format!("{header}.{claims}");
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| Fault::new(Class::Failed, "cannot sign with the app's private key"))?;
    Ok(SecretString::from(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
}
