//! Authentication: makes the `Authorization` header that the registry's challenge requires, caches it until it expires,
//! and fetches it once for concurrent requests.
//!
//! Must not know images or manifests.

mod cache;
mod challenge;
mod credential;
mod docker_config;
mod helper;
mod realm;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use self::cache::CredentialCache;
pub(super) use self::challenge::Challenge;
pub use self::credential::CredentialsError;
use self::realm::RealmRule;
use super::error::RequestError;
use super::operation::Budget;
use super::settings::HostSettings;
use super::status::Identity;
use super::transport::{Request, Response, Transport};

/// Credentials are read again after this time.
const CREDENTIALS_LAST: Duration = Duration::from_mins(1);

/// The `Authorization` of a request.
#[derive(Debug)]
pub(super) struct Authorization {
    /// Marked as sensitive.
    pub(super) header: HeaderValue,
    pub(super) identity: Arc<Identity>,
    expires_at: Instant,
}

type Slot = Arc<AsyncMutex<Option<Arc<Authorization>>>>;

/// The grants of one registry.
#[derive(Debug)]
pub(super) struct Authenticator {
    realm_rule: RealmRule,
    credentials: CredentialCache,
    challenge: Mutex<Option<Arc<Challenge>>>,
    slots: Mutex<HashMap<String, Slot>>,
    anonymous: Arc<Identity>,
}

impl Authenticator {
    /// Authentication for `settings`; `asked_host` is the endpoint's host.
    pub(super) fn new(settings: &HostSettings, asked_host: &str) -> Self {
        let anonymous = Arc::new(Identity::anonymous(&settings.host));
        let helper_host = if settings.endpoint.is_some() { asked_host } else { &settings.host };
        Self {
            realm_rule: RealmRule::new(asked_host, &settings.token_realm_hosts, settings.plain_http),
            credentials: CredentialCache::new(settings, helper_host),
            challenge: Mutex::new(None),
            slots: Mutex::new(HashMap::new()),
            anonymous,
        }
    }

    /// The identity behind `authorization`.
    pub(super) fn identity<'a>(&'a self, authorization: Option<&'a Arc<Authorization>>) -> &'a Identity {
        authorization.map_or(&self.anonymous, |authorization| &authorization.identity)
    }

    /// The registry's challenge, once it sent one.
    pub(super) fn challenge(&self) -> Option<Arc<Challenge>> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The authorization for a request in `scope`; none until the registry sent a challenge.
    pub(super) async fn authorization(
        &self,
        scope: &str,
        transport: &Transport,
        budget: &mut Budget,
    ) -> Result<Option<Arc<Authorization>>, RequestError> {
        match self.challenge() {
            Some(challenge) => self.authorization_for(&challenge, scope, None, transport, budget).await,
            None => Ok(None),
        }
    }

    /// Another authorization after `response` rejected `refused`; none when there is nothing better to send.
    pub(super) async fn reauthorize(
        &self,
        request: &Request,
        response: &Response,
        scope: &str,
        refused: Option<&Arc<Authorization>>,
        transport: &Transport,
        budget: &mut Budget,
    ) -> Result<Option<Arc<Authorization>>, RequestError> {
        let Some(challenge) = Challenge::of(request, response)? else {
            return Ok(None);
        };
        let challenge = Arc::new(challenge);
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&challenge));
        self.authorization_for(&challenge, scope, refused, transport, budget).await
    }

    async fn authorization_for(
        &self,
        challenge: &Challenge,
        scope: &str,
        refused: Option<&Arc<Authorization>>,
        transport: &Transport,
        budget: &mut Budget,
    ) -> Result<Option<Arc<Authorization>>, RequestError> {
        let slot = self.slot(challenge, scope);
        // A concurrent request waits here for the first one's result.
        let mut held = budget.lock(&slot).await.ok_or_else(|| self.credentials.wait_timeout())?;
        if let Some(authorization) = held.as_ref()
            && authorization.expires_at > Instant::now()
            && !refused.is_some_and(|refused| Arc::ptr_eq(refused, authorization))
        {
            return Ok(Some(Arc::clone(authorization)));
        }
        if refused.is_some() {
            self.credentials.forget().await;
        }
        *held = match self.fetch(challenge, scope, transport, budget).await {
            Ok(authorization) => authorization.map(Arc::new),
            Err(error) => {
                // Takes up a rotated password on the next request.
                self.credentials.forget().await;
                return Err(error);
            }
        };
        Ok(held.clone())
    }

    async fn fetch(
        &self,
        challenge: &Challenge,
        scope: &str,
        transport: &Transport,
        budget: &mut Budget,
    ) -> Result<Option<Authorization>, RequestError> {
        let credentials = self.credentials.get(budget).await?;
        match challenge {
            Challenge::Basic => Ok(credentials.basic_header().map(|header| Authorization {
                header,
                identity: Arc::clone(&credentials.identity),
                expires_at: Instant::now() + CREDENTIALS_LAST,
            })),
            Challenge::Bearer(bearer) => {
                self.realm_rule.check(bearer)?;
                token::fetch(bearer, scope, &credentials, transport, budget).await.map(Some)
            }
        }
    }

    /// The cache slot: a password is good for every scope, a token for one.
    fn slot(&self, challenge: &Challenge, scope: &str) -> Slot {
        let key = match challenge {
            Challenge::Basic => "",
            Challenge::Bearer(_) => scope,
        };
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        Arc::clone(slots.entry(key.to_owned()).or_default())
    }
}
