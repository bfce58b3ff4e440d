//! What several groups share: label sets, and how a metric is registered.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::registry::{Metric, Registry, Unit};

/// Registers a metric.
pub(super) fn registered<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// Registers a metric of seconds.
pub(super) fn in_seconds<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

/// One environment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfEnvironment {
    pub(super) environment: String,
}

impl OfEnvironment {
    pub(super) fn new(environment: &str) -> Self {
        Self { environment: environment.to_owned() }
    }
}

/// A result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfResult {
    pub(super) result: &'static str,
}
