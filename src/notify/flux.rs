//! Flux Receivers: called after a push, so that Flux reconciles at once. It looks by itself later, so a call that fails is
//! not repeated.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::channel::{Accepted, Undelivered};
use super::http::{HttpClient, PlainHttp, ReadSecret, Request};
use super::signature;

/// A Receiver of notification-controller: `generic-hmac` with a secret, else `generic`.
pub struct FluxReceiver {
    name: String,
    client: HttpClient,
    url: ReadSecret,
    secret: Option<ReadSecret>,
    is_failing: AtomicBool,
}

impl FluxReceiver {
    /// A Receiver at the URL that `url` reads.
    pub fn new(name: String, client: HttpClient, url: ReadSecret, secret: Option<ReadSecret>) -> Self {
        Self { name, client, url, secret, is_failing: AtomicBool::new(false) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells Flux that the branch is at this commit. Logs when calls begin to fail and when they succeed again.
    pub async fn call(&self, commit: &str) {
        match self.try_call(commit).await {
            Ok(_) if self.is_failing.swap(false, Ordering::Relaxed) => {
                tracing::info!(receiver = self.name, "the Flux Receiver answers again");
            }
            Ok(_) => tracing::debug!(receiver = self.name, "called the Flux Receiver"),
            Err(error) if !self.is_failing.swap(true, Ordering::Relaxed) => tracing::warn!(
                receiver = self.name,
                error = error.reason(),
                hint = "Flux reconciles at its own interval; nothing is lost",
                "cannot call the Flux Receiver"
            ),
            Err(error) => {
                tracing::debug!(
                    receiver = self.name,
                    error = error.reason(),
                    "cannot call the Flux Receiver"
                );
            }
        }
    }

    /// Whether its host answers; calls nothing.
    ///
    /// # Errors
    /// When the URL or the secret cannot be read, or the host does not answer.
    pub async fn check(&self) -> Result<Accepted, Undelivered> {
        if let Some(secret) = &self.secret {
            secret().map_err(|fault| Undelivered::later(fault.in_one_line()))?;
        }
        self.client.reach(&self.url, PlainHttp::Anywhere).await
    }

    /// Calls it once.
    ///
    /// # Errors
    /// When it cannot be reached, or does not take the call.
    pub async fn try_call(&self, commit: &str) -> Result<Accepted, Undelivered> {
        // Flux reads nothing from it, but its signature covers it.
        let body = json!({"source": "tidegate", "revision": commit}).to_string().into_bytes();
        let mut headers = Vec::new();
        if let Some(secret) = &self.secret {
            let secret = secret().map_err(|fault| Undelivered::later(fault.in_one_line()))?;
            headers.push(("x-signature", signature::flux(secret.expose_secret(), &body)));
        }
        let request = Request { url: &self.url, body, headers, plain_http: PlainHttp::Anywhere };
        self.client.post(request).await
    }
}

impl fmt::Debug for FluxReceiver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FluxReceiver").field("name", &self.name).finish_non_exhaustive()
    }
}
