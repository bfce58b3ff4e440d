//! Pushes to the GitOps repository.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::labels::{OfResult, registered};

/// How a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushResult {
    /// The commits are on the branch.
    Pushed,
    /// Somebody else's push came first; the pass decides again.
    Moved,
    /// The server declined it.
    Declined,
    /// It failed, or its outcome is unknown.
    Failed,
}

impl PushResult {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Moved => "moved",
            Self::Declined => "declined",
            Self::Failed => "failed",
        }
    }
}

/// Metrics of pushes.
#[derive(Debug)]
pub struct PushMetrics {
    pushes: Family<OfResult, Counter>,
}

impl PushMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let help = "Pushes to the branch and to branches of pull requests; \
                    each that is not pushed leads to another try";
        let metrics = Self { pushes: registered(registry, "pushes", help, Family::default()) };
        for result in [PushResult::Pushed, PushResult::Moved, PushResult::Declined, PushResult::Failed] {
            drop(metrics.pushes.get_or_create(&OfResult { result: result.as_str() }));
        }
        metrics
    }

    /// A push ended.
    pub fn ended(&self, result: PushResult) {
        self.pushes.get_or_create(&OfResult { result: result.as_str() }).inc();
    }
}
