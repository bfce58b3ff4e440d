//! Requests with conditional caching; reads are retried, writes are not.
//!
//! A write whose response was lost shows in the next pass. During a pause that GitHub asked for, nothing is sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::forge::api::{self, Api, ApiRequest, GRAPHQL};
use crate::model::{Class, Fault, Printable, Secrets};

use super::Bearer;
use super::cache::{CachedResponse, ResponseCache};

const MAX_ATTEMPTS: u32 = 3;

/// The first retry delay; each next one is four times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A page of a hundred pull requests with their repositories and bodies.
const MAX_BYTES: usize = 16 * 1024 * 1024;

const PERMISSIONS: &str = "check forge.github.repository, and that the token sees it and has `contents: write` and \
                           `pull requests: write`, and `issues: write` for labels";

pub(super) struct Connection {
    api: Api,
    bearer: Bearer,
    cached: Mutex<ResponseCache>,
}

/// The response to a write.
pub(super) struct ChangeResponse(api::ApiResponse);

impl Connection {
    pub(super) fn new(api: Api, bearer: Bearer) -> Self {
        Self { api, bearer, cached: Mutex::default() }
    }

    /// See [`Api::hourly_limit`].
    pub(super) fn hourly_limit(&self) -> Option<(u64, u64)> {
        self.api.hourly_limit()
    }

    /// Reads; an unchanged response costs nothing of the limit.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..MAX_ATTEMPTS {
            match self.get_once(path).await {
                Err(fault) if fault.class() == Class::TryAgain && !self.api.is_paused() => {
                    tracing::debug!(path, error = %fault.in_one_line(), "asking again");
                    tokio::time::sleep(pause).await;
                    pause *= 4;
                }
                answered => return read(path, &answered?),
            }
        }
        read(path, &self.get_once(path).await?)
    }

    async fn get_once(&self, path: &str) -> Result<Arc<Vec<u8>>, Fault> {
        let cached = self.cached().find(path);
        let etag = cached.as_ref().map(|cached| cached.etag.as_str());
        let response = self.send(Method::GET, path, None, etag).await?;
        if let Some(cached) = cached.filter(|_| response.status == 304) {
            return Ok(cached.body);
        }
        let response = ChangeResponse(response).succeeded(path)?;
        let body = Arc::new(response.body);
        if let Some(etag) = response.etag {
            self.cached().keep(path, CachedResponse { etag, body: Arc::clone(&body) });
        }
        Ok(body)
    }

    /// Sends a write, once.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<ChangeResponse, Fault> {
        self.send(method, path, Some(body), None).await.map(ChangeResponse)
    }

    /// Sends a GraphQL mutation, for what REST lacks.
    pub(super) async fn mutate(&self, query: &str, variables: Value) -> Result<(), Fault> {
        let body = json!({"query": query, "variables": variables});
        let response: Value = self.change(Method::POST, GRAPHQL, body).await?.read(GRAPHQL)?;
        match response["errors"][0]["message"].as_str() {
            None => Ok(()),
            Some(why) => Err(Fault::new(Class::Failed, Printable::new(why).to_string())),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        etag: Option<&str>,
    ) -> Result<api::ApiResponse, Fault> {
        let body = body.map(masked);
        let bearer = Arc::clone(&self.bearer);
        // Reading or creating a token blocks.
        let token = tokio::task::spawn_blocking(move || bearer()).await;
        let token = token.map_err(|error| Fault::new(Class::Failed, "no token").with_source(error))??;
        let request = ApiRequest { method, path, token: Some(&token), body, etag, max_bytes: MAX_BYTES };
        self.api.send(request).await.map_err(|fault| match fault.class() {
            Class::Failed => fault.with_hint(PERMISSIONS),
            _ => fault,
        })
    }

    fn cached(&self) -> MutexGuard<'_, ResponseCache> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChangeResponse {
    /// The response, or an error with GitHub's explanation.
    pub(super) fn succeeded(self, path: &str) -> Result<api::ApiResponse, Fault> {
        if (200..300).contains(&self.0.status) {
            return Ok(self.0);
        }
        let path = Printable::bounded(path, 300);
        let message = format!("GitHub rejected {path}: {}", self.0.reason());
        Err(Fault::new(Class::Failed, message).with_hint(PERMISSIONS))
    }

    /// The parsed response.
    pub(super) fn read<T: DeserializeOwned>(self, path: &str) -> Result<T, Fault> {
        read(path, &self.succeeded(path)?.body)
    }

    /// Whether GitHub reports that the object exists.
    pub(super) fn is_there_already(&self) -> bool {
        self.0.status == 422 && self.0.reason().contains("already exists")
    }
}

fn read<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("GitHub's response to {} does not parse", Printable::bounded(path, 300));
        Fault::new(Class::TryAgain, message).with_source(error)
    })
}

/// A body without the secrets of this process: it may quote a server's message.
fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(Secrets::mask(&text).into_owned()),
        Value::Array(values) => Value::Array(values.into_iter().map(masked).collect()),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, masked(value))).collect(),
        other => other,
    }
}
