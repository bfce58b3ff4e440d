//! Requests to container registries.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::labels::{in_seconds, registered};

/// Files in the repository name hosts.
const MAX_HOSTS: usize = 50;

const DURATION_BUCKETS: [f64; 8] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Metrics of requests to registries.
#[derive(Debug)]
pub struct RegistryMetrics {
    hosts: BoundedValues,
    requests: Family<RequestLabels, Counter>,
    durations: Family<HostLabel, Histogram, fn() -> Histogram>,
    retries: Family<HostLabel, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    host: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HostLabel {
    host: String,
}

impl RegistryMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let requests = "HTTP requests to registries and their token servers, by registry and result; \
                        rateLimited is a status 429";
        let took = "How long requests to registries took";
        let durations: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS));
        let retries = "Requests to registries that were repeated after a failure that may pass";
        Self {
            hosts: BoundedValues::new(MAX_HOSTS),
            requests: registered(registry, "registry_requests", requests, Family::default()),
            durations: in_seconds(registry, "registry_request_duration", took, durations),
            retries: registered(registry, "registry_retries", retries, Family::default()),
        }
    }

    /// A request ended, with a result of a closed set.
    pub fn finished(&self, host: &str, result: &'static str, took: Duration) {
        let host = self.hosts.value(host);
        self.durations.get_or_create(&HostLabel { host: host.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { host, result }).inc();
    }

    /// A request is about to be repeated.
    pub fn retried(&self, host: &str) {
        self.retries.get_or_create(&HostLabel { host: self.hosts.value(host) }).inc();
    }
}

/// The value of every label beyond the bound.
const OTHER: &str = "other";

/// The first `most` values of a label from outside; later ones become `other`.
#[derive(Debug)]
struct BoundedValues {
    known: RwLock<BTreeSet<String>>,
    most: usize,
}

impl BoundedValues {
    fn new(most: usize) -> Self {
        Self { known: RwLock::default(), most }
    }

    /// The value to use.
    fn value(&self, value: &str) -> String {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(value) {
            return value.to_owned();
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most && !known.contains(value) {
            return OTHER.to_owned();
        }
        known.insert(value.to_owned());
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_bound_share_one_series() {
        let values = BoundedValues::new(2);
        for (value, used) in [("a", "a"), ("b", "b"), ("c", "other"), ("a", "a"), ("d", "other")] {
            assert_eq!(values.value(value), used);
        }
    }
}
