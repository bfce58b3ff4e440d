//! Metrics: what Tidegate counts and measures, and their text for Prometheus. Knows neither the engine nor HTTP.
//!
//! Each file owns a group of metrics: its struct has the values, its `register` names them with unit and help. The values are
//! plain atomics, so whoever has a group may count in it at any time. Label values come from closed sets, from the
//! configuration, or are bounded. `docs/metrics.md` has a line for each metric; a test compares both.

mod deployed;
mod deployments;
mod forge;
mod labels;
mod notifications;
mod passes;
mod process;
mod pushes;
mod registries;
mod webhooks;

pub use deployed::{Decided, DeployedMetrics, GateCount, Running, TargetCount};
pub use deployments::{Deployment, DeploymentMetrics, Direction};
pub use forge::ForgeMetrics;
pub use notifications::{ChannelDeliveries, DeliveryResult, NotificationMetrics};
pub use passes::{PassEnd, PassMetrics, PassScope};
pub use pushes::{PushMetrics, PushResult};
pub use registries::RegistryMetrics;
pub use webhooks::{WebhookMetrics, WebhookResult};

use std::fmt::Write as _;

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    /// The daemon's passes.
    pub passes: PassMetrics,
    /// Running versions, and candidates by closed gate.
    pub deployed: DeployedMetrics,
    /// Promotions and rollbacks, as the branch has them.
    pub deployments: DeploymentMetrics,
    /// Requests to container registries.
    pub registries: RegistryMetrics,
    /// Pushes to the GitOps repository.
    pub pushes: PushMetrics,
    /// GitHub's limit, and the ends of tokens.
    pub forge: ForgeMetrics,
    /// Webhooks that arrived.
    pub webhooks: WebhookMetrics,
    /// Deliveries of notifications, and the outbox.
    pub notifications: NotificationMetrics,
    collected: Registry,
}

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenMetrics` 1.0, which Prometheus prefers.
    OpenMetrics,
    /// Prometheus' own text format, 0.0.4.
    Prometheus,
}

impl Format {
    /// The media type of the format.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
        }
    }
}

impl Metrics {
    /// Metrics with every counter at zero. `version` is that of this program.
    pub fn new(version: &'static str) -> Self {
        let mut collected = Registry::default();
        let root = &mut collected;
        process::register(root);
        let tidegate = root.sub_registry_with_prefix("tidegate");
        tidegate.register("build", "What was built", Info::new([("version", version)]));
        Self {
            passes: PassMetrics::register(tidegate),
            deployed: DeployedMetrics::register(tidegate),
            deployments: DeploymentMetrics::register(tidegate),
            registries: RegistryMetrics::register(tidegate),
            pushes: PushMetrics::register(tidegate),
            forge: ForgeMetrics::register(tidegate),
            webhooks: WebhookMetrics::register(tidegate),
            notifications: NotificationMetrics::register(tidegate),
            collected,
        }
    }

    /// Every metric as text.
    pub fn render(&self, format: Format) -> String {
        let mut rendered = String::new();
        let written = match format {
            Format::OpenMetrics => text::encode(&mut rendered, &self.collected),
            Format::Prometheus => prometheus_text::encode(&mut rendered, &self.collected),
        };
        if written.is_err() {
            // Writing to a string does not fail, so a group wrote nonsense; the other groups before it stand.
            let _ = write!(rendered, "\n# a metric cannot be written\n");
        }
        rendered
    }
}

#[cfg(test)]
mod tests;
