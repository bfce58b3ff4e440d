//! Webhooks that arrived.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::labels::registered;
use crate::model::WebhookSender;

/// The outcome of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookResult {
    /// A look was requested.
    Accepted,
    /// It names nothing that Tidegate looks at.
    Ignored,
    /// The secret is missing or wrong.
    Unauthorized,
    /// The body is not what this sender sends.
    Malformed,
    /// The secret cannot be read.
    Failed,
}

impl WebhookResult {
    const ALL: [Self; 5] = [Self::Accepted, Self::Ignored, Self::Unauthorized, Self::Malformed, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Unauthorized => "unauthorized",
            Self::Malformed => "malformed",
            Self::Failed => "failed",
        }
    }
}

/// Metrics of webhooks.
#[derive(Debug)]
pub struct WebhookMetrics {
    webhooks: Family<WebhookLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    sender: &'static str,
    result: &'static str,
}

impl WebhookMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let help = "Webhooks of configured senders, by what became of them";
        Self { webhooks: registered(registry, "webhooks", help, Family::default()) }
    }

    /// Begins the series of a sender at zero.
    pub fn begin(&self, sender: WebhookSender) {
        for result in WebhookResult::ALL {
            drop(self.webhooks.get_or_create(&labels(sender, result)));
        }
    }

    /// A webhook arrived.
    pub fn arrived(&self, sender: WebhookSender, result: WebhookResult) {
        self.webhooks.get_or_create(&labels(sender, result)).inc();
    }
}

fn labels(sender: WebhookSender, result: WebhookResult) -> WebhookLabels {
    WebhookLabels { sender: sender.as_str(), result: result.as_str() }
}
