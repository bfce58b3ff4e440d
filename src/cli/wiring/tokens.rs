//! Tokens and the audit log of a store, for the server.

use std::sync::{Arc, PoisonError, RwLock};

use crate::model::{AccessToken, AuditEntry, Timestamp, TokenId};
use crate::server::{Answering, Tokens};
use crate::store::Store;

/// The tokens of the store in use, which a new configuration replaces.
#[derive(Debug)]
pub(crate) struct StoredTokens(RwLock<Arc<Store>>);

impl StoredTokens {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self(RwLock::new(store))
    }

    /// Looks into another store from now on.
    pub(crate) fn set_store(&self, store: Arc<Store>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = store;
    }

    fn store(&self) -> Arc<Store> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tokens for StoredTokens {
    fn token<'a>(&'a self, id: &'a TokenId) -> Answering<'a, Option<AccessToken>> {
        Box::pin(async move { Ok(self.store().token(id).await?) })
    }

    fn record<'a>(&'a self, entry: &'a AuditEntry) -> Answering<'a, ()> {
        Box::pin(async move { Ok(self.store().add_audit(entry).await?) })
    }

    fn audit(&self, since: Option<Timestamp>, most: usize) -> Answering<'_, Vec<AuditEntry>> {
        Box::pin(async move { Ok(self.store().audit(since, most).await?) })
    }
}
