//! GitHub's hourly limit, and the ends of credentials.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{in_seconds, registered};
use super::passes::unix_seconds;
use crate::model::Timestamp;

/// Metrics of GitHub and of credentials.
#[derive(Debug)]
pub struct ForgeMetrics {
    limit: Family<ApiLabel, Gauge>,
    remaining: Family<ApiLabel, Gauge>,
    credentials: Family<CredentialLabel, Gauge<f64, AtomicU64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiLabel {
    api: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CredentialLabel {
    credential: &'static str,
}

impl ForgeMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let limit = "Requests per hour that GitHub allows, as its last response said";
        let remaining = "Requests that GitHub still allows in this hour, as its last response said";
        let ends = "When a credential ends, as Unix time; credentials without a known end have no series";
        Self {
            limit: registered(registry, "github_rate_limit", limit, Family::default()),
            remaining: registered(registry, "github_rate_limit_remaining", remaining, Family::default()),
            credentials: in_seconds(registry, "credential_expiry_timestamp", ends, Family::default()),
        }
    }

    /// Records GitHub's remaining requests. `api` names their use.
    pub fn set_limit(&self, api: &'static str, limit: u64, remaining: u64) {
        for (gauges, value) in [(&self.limit, limit), (&self.remaining, remaining)] {
            gauges.get_or_create(&ApiLabel { api }).set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    /// A credential, by its key in the configuration, ends then, or at no known time.
    pub fn set_credential_end(&self, credential: &'static str, at: Option<Timestamp>) {
        let label = CredentialLabel { credential };
        match at {
            Some(at) => drop(self.credentials.get_or_create(&label).set(unix_seconds(at))),
            None => drop(self.credentials.remove(&label)),
        }
    }
}
