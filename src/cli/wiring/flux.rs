//! Notifies Flux of pushes, so that it reconciles at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::config::Config;
use crate::engine::PassReport;
use crate::model::{EnvironmentName, Fault};
use crate::notify::{Accepted, FluxReceiver, HttpClient, Undelivered};

use super::secrets::read;

/// The Flux Receivers of a configuration.
#[derive(Debug)]
pub(crate) struct FluxReceivers(Vec<Subscription>);

#[derive(Debug)]
struct Subscription {
    receiver: FluxReceiver,
    /// The environments whose pushes are notified; empty for all.
    environments: BTreeSet<EnvironmentName>,
}

impl FluxReceivers {
    pub(super) fn new(config: &Config) -> Result<Self, Fault> {
        if config.flux_receivers.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let client = HttpClient::new()?;
        let subscription = |configured: &crate::config::FluxReceiver| Subscription {
            receiver: FluxReceiver::new(
                configured.name.clone(),
                client.clone(),
                read(&configured.url),
                configured.secret.as_ref().map(read),
            ),
            environments: configured.environments.clone(),
        };
        Ok(Self(config.flux_receivers.iter().map(subscription).collect()))
    }

    /// The Receivers' names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|one| one.receiver.name())
    }

    /// Whether the host of the Receiver at this place of [`Self::names`] answers.
    pub(crate) async fn check(&self, index: usize) -> Result<Accepted, Undelivered> {
        self.0[index].receiver.check().await
    }

    /// Calls the Receivers that what the pass pushed concerns, beside what follows. Nothing where there are none.
    pub(super) fn call(receivers: &Arc<Self>, report: &PassReport) -> Option<JoinHandle<()>> {
        let commit = report.promoted.last()?.commit.to_string();
        let pushed: BTreeSet<EnvironmentName> =
            report.promoted.iter().map(|promoted| promoted.environment.clone()).collect();
        let concerns = move |one: &Subscription| {
            one.environments.is_empty() || one.environments.iter().any(|name| pushed.contains(name))
        };
        if !receivers.0.iter().any(&concerns) {
            return None;
        }
        let receivers = Arc::clone(receivers);
        Some(tokio::spawn(async move {
            let mut calls = tokio::task::JoinSet::new();
            for (index, _) in receivers.0.iter().enumerate().filter(|(_, one)| concerns(one)) {
                let (receivers, commit) = (Arc::clone(&receivers), commit.clone());
                calls.spawn(async move { receivers.0[index].receiver.call(&commit).await });
            }
            calls.join_all().await;
        }))
    }
}
