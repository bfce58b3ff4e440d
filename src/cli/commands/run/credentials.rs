//! Looks up when tokens end, now and then.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::cli::wiring::tokens;
use crate::config::Config;
use crate::metrics::Metrics;

/// A token lasts for days; GitHub does not count the request.
const INTERVAL: Duration = Duration::from_hours(1);

/// Looks up the ends of a configuration's tokens until it is dropped.
pub(super) struct CredentialWatch(JoinHandle<()>);

impl CredentialWatch {
    pub(super) fn start(config: &Config, metrics: &Arc<Metrics>) -> Self {
        let (tokens, metrics) = (tokens(config), Arc::clone(metrics));
        Self(tokio::spawn(async move {
            while !tokens.is_empty() {
                for token in &tokens {
                    match token.ends().await {
                        Ok(end) => metrics.forge.set_credential_end(token.key, end),
                        // The pass that needs it reports the error.
                        Err(fault) => {
                            tracing::debug!(credential = token.key, error = %fault.in_one_line(), "cannot look up its expiry");
                        }
                    }
                }
                tokio::time::sleep(INTERVAL).await;
            }
        }))
    }
}

impl Drop for CredentialWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
