//! Clusters: what Flux and Kubernetes report in them. Reads only: it lists and watches, and never writes.
//!
//! [`ClusterWatcher`] begins to watch a cluster when it is first asked about it. `watch` talks to the API server, `read` reduces
//! each object to what decides, `watched` keeps that.

mod access;
mod error;
mod inspect;
mod read;
mod watch;
mod watched;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::model::{ClusterReport, EnvironmentName};
use crate::port::Clusters;

pub use access::Access;
use watched::Watched;

/// Watches the clusters of environments. Ends its watches when it is dropped.
#[derive(Debug)]
pub struct ClusterWatcher {
    environments: BTreeMap<EnvironmentName, Vec<Access>>,
    clusters: Mutex<BTreeMap<Access, Running>>,
    changed: Arc<Notify>,
}

/// A cluster that is watched.
#[derive(Debug)]
struct Running {
    watched: Arc<Watched>,
    task: AbortHandle,
}

impl ClusterWatcher {
    /// A watcher of the clusters of these environments. It asks nothing yet.
    pub fn new(environments: BTreeMap<EnvironmentName, Vec<Access>>) -> Self {
        Self { environments, clusters: Mutex::default(), changed: Arc::default() }
    }

    /// Returns when something in a cluster changed since the last time, or whether it can be asked.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The cluster, which is watched from now on.
    fn watched(&self, access: &Access) -> Arc<Watched> {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let running = clusters.entry(access.clone()).or_insert_with(|| {
            let watched = Arc::new(Watched::new(access.name().to_owned(), Arc::clone(&self.changed)));
            let task = tokio::spawn(watch::run(Arc::clone(&watched), access.clone())).abort_handle();
            Running { watched, task }
        });
        Arc::clone(&running.watched)
    }
}

impl Clusters for ClusterWatcher {
    async fn look(&self, environment: &EnvironmentName, wait: Duration) -> Vec<ClusterReport> {
        let deadline = Instant::now() + wait;
        let accesses = self.environments.get(environment).map(Vec::as_slice).unwrap_or_default();
        let watched: Vec<Arc<Watched>> = accesses.iter().map(|access| self.watched(access)).collect();
        let mut reports = Vec::with_capacity(watched.len());
        for cluster in watched {
            reports.push(cluster.report_by(watch::WATCHES.len(), deadline).await);
        }
        reports
    }
}

impl Drop for ClusterWatcher {
    fn drop(&mut self) {
        let clusters = self.clusters.get_mut().unwrap_or_else(PoisonError::into_inner);
        for running in clusters.values() {
            running.task.abort();
        }
    }
}
