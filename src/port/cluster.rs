//! The clusters that environments run in.

use std::future::Future;
use std::time::Duration;

use crate::model::{ClusterReport, EnvironmentName};

/// Reads what Flux and Kubernetes report in the clusters of environments. It cannot write.
pub trait Clusters: Send + Sync + 'static {
    /// What is known of the clusters of an environment; empty where none is configured. Waits for clusters that have neither
    /// answered nor failed yet, at most for `wait`.
    fn look(
        &self,
        environment: &EnvironmentName,
        wait: Duration,
    ) -> impl Future<Output = Vec<ClusterReport>> + Send;
}
