//! Who Tidegate is to a registry: what to send with a request, learnt from the registry's challenge, held until it
//! expires and fetched once however many ask for it.
//!
//! Knows no image and no manifest.

mod challenge;
mod credentials;
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

pub(super) use self::challenge::Challenge;
use self::credentials::CredentialCache;
pub use self::credentials::CredentialsError;
use self::realm::RealmRule;
use super::error::Problem;
use super::operation::Budget;
use super::settings::HostSettings;
use super::verdict::Asker;
use super::wire::{Answer, Request, Wire};

/// How long credentials are used before they are read again.
const CREDENTIALS_LAST: Duration = Duration::from_mins(1);

/// What is sent with a request to be let in.
#[derive(Debug)]
pub(super) struct Grant {
    /// The value of `Authorization`, marked as sensitive.
    pub(super) header: HeaderValue,
    /// Whose it is.
    pub(super) asker: Arc<Asker>,
    expires_at: Instant,
}

type Slot = Arc<AsyncMutex<Option<Arc<Grant>>>>;

/// The grants of one registry.
#[derive(Debug)]
pub(super) struct Authority {
    realm_rule: RealmRule,
    credentials: CredentialCache,
    challenge: Mutex<Option<Arc<Challenge>>>,
    slots: Mutex<HashMap<String, Slot>>,
    /// Who asks when nothing is sent.
    nobody: Arc<Asker>,
}

impl Authority {
    /// The authority over `settings`, whose registry is really asked at `asked_host`.
    pub(super) fn new(settings: &HostSettings, asked_host: &str) -> Self {
        let nobody = Arc::new(Asker::nobody(&settings.host));
        let helper_host = if settings.endpoint.is_some() { asked_host } else { &settings.host };
        Self {
            realm_rule: RealmRule::new(asked_host, &settings.token_realm_hosts, settings.plain_http),
            credentials: CredentialCache::new(settings, helper_host),
            challenge: Mutex::new(None),
            slots: Mutex::new(HashMap::new()),
            nobody,
        }
    }

    /// Who asks with `grant`.
    pub(super) fn asker<'a>(&'a self, grant: Option<&'a Arc<Grant>>) -> &'a Asker {
        grant.map_or(&self.nobody, |grant| &grant.asker)
    }

    /// What the registry wants to be sent, if it said so yet.
    pub(super) fn challenge(&self) -> Option<Arc<Challenge>> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What to send with a request in `scope`: nothing as long as the registry has not asked for anything.
    pub(super) async fn grant(
        &self,
        scope: &str,
        wire: &Wire,
        budget: &mut Budget,
    ) -> Result<Option<Arc<Grant>>, Problem> {
        match self.challenge() {
            Some(challenge) => self.grant_for(&challenge, scope, None, wire, budget).await,
            None => Ok(None),
        }
    }

    /// What to send after `answer` refused `refused` (or nothing): nothing when there is nothing better to send.
    pub(super) async fn grant_after(
        &self,
        request: &Request,
        answer: &Answer,
        scope: &str,
        refused: Option<&Arc<Grant>>,
        wire: &Wire,
        budget: &mut Budget,
    ) -> Result<Option<Arc<Grant>>, Problem> {
        let Some(challenge) = Challenge::of(request, answer)? else {
            return Ok(None);
        };
        let challenge = Arc::new(challenge);
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&challenge));
        self.grant_for(&challenge, scope, refused, wire, budget).await
    }

    async fn grant_for(
        &self,
        challenge: &Challenge,
        scope: &str,
        refused: Option<&Arc<Grant>>,
        wire: &Wire,
        budget: &mut Budget,
    ) -> Result<Option<Arc<Grant>>, Problem> {
        let slot = self.slot(challenge, scope);
        // Whoever comes second waits here and finds what the first has fetched.
        let mut held = budget.lock(&slot).await.ok_or_else(|| self.credentials.too_late())?;
        if let Some(grant) = held.as_ref()
            && grant.expires_at > Instant::now()
            && !refused.is_some_and(|refused| Arc::ptr_eq(refused, grant))
        {
            return Ok(Some(Arc::clone(grant)));
        }
        if refused.is_some() {
            self.credentials.forget().await;
        }
        *held = match self.fetch(challenge, scope, wire, budget).await {
            Ok(grant) => grant.map(Arc::new),
            Err(problem) => {
                // A password that was just rotated is taken up the next time.
                self.credentials.forget().await;
                return Err(problem);
            }
        };
        Ok(held.clone())
    }

    async fn fetch(
        &self,
        challenge: &Challenge,
        scope: &str,
        wire: &Wire,
        budget: &mut Budget,
    ) -> Result<Option<Grant>, Problem> {
        let credentials = self.credentials.get(budget).await?;
        match challenge {
            Challenge::Basic => Ok(credentials.basic_header().map(|header| Grant {
                header,
                asker: Arc::clone(&credentials.asker),
                expires_at: Instant::now() + CREDENTIALS_LAST,
            })),
            Challenge::Bearer(bearer) => {
                self.realm_rule.check(bearer)?;
                token::fetch(bearer, scope, &credentials, wire, budget).await.map(Some)
            }
        }
    }

    /// The place of a grant. A password is good for every scope, a token for one.
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
