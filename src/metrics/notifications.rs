//! Notifications: what became of deliveries, and what waits in the outbox.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{in_seconds, registered};
use super::passes::unix_seconds;
use crate::model::OutboxBacklog;

/// What became of an attempt to deliver, or of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryResult {
    /// The other side took it.
    Delivered,
    /// The attempt failed; there will be another.
    Failed,
    /// The message was given up.
    GivenUp,
}

/// Metrics of notifications. Channels are those of the configuration.
#[derive(Debug)]
pub struct NotificationMetrics {
    deliveries: Family<DeliveryLabels, Counter>,
    backlog: Family<ChannelLabel, Gauge>,
    oldest: Family<ChannelLabel, Gauge<f64, AtomicU64>>,
}

/// Counts the deliveries of one channel.
#[derive(Clone, Debug)]
pub struct ChannelDeliveries {
    delivered: Counter,
    failed: Counter,
    given_up: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    channel: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabel {
    channel: String,
}

impl NotificationMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let deliveries = "Attempts to deliver notifications, by channel and result; givenUp counts messages";
        let backlog = "Notifications that wait in the outbox, those of a later digest included";
        let oldest =
            "When the oldest notification that waits was written, as Unix time; no series while none waits";
        Self {
            deliveries: registered(registry, "notification_deliveries", deliveries, Family::default()),
            backlog: registered(registry, "notification_backlog", backlog, Family::default()),
            oldest: in_seconds(registry, "notification_oldest_timestamp", oldest, Family::default()),
        }
    }

    /// Begins the series of a channel at zero.
    pub fn channel(&self, channel: &str) -> ChannelDeliveries {
        let counter = |result| {
            let labels = DeliveryLabels { channel: channel.to_owned(), result };
            self.deliveries.get_or_create(&labels).clone()
        };
        ChannelDeliveries {
            delivered: counter("delivered"),
            failed: counter("failed"),
            given_up: counter("givenUp"),
        }
    }

    /// Forgets what waits: there are other channels now.
    pub fn forget_backlog(&self) {
        self.backlog.clear();
        self.oldest.clear();
    }

    /// The outbox has so much for these channels; what it has for others does not count.
    pub fn set_backlog<'a>(&self, channels: impl Iterator<Item = &'a str>, backlog: &[OutboxBacklog]) {
        for channel in channels {
            let waiting = backlog.iter().find(|one| one.channel == channel);
            let label = ChannelLabel { channel: channel.to_owned() };
            let messages = waiting.map_or(0, |one| one.messages);
            self.backlog.get_or_create(&label).set(i64::try_from(messages).unwrap_or(i64::MAX));
            match waiting {
                Some(waiting) => drop(self.oldest.get_or_create(&label).set(unix_seconds(waiting.oldest))),
                None => drop(self.oldest.remove(&label)),
            }
        }
    }
}

impl ChannelDeliveries {
    /// A delivery came to this.
    pub fn count(&self, result: DeliveryResult) {
        self.counter(result).inc();
    }

    /// How often it came to this.
    pub fn of(&self, result: DeliveryResult) -> u64 {
        self.counter(result).get()
    }

    fn counter(&self, result: DeliveryResult) -> &Counter {
        match result {
            DeliveryResult::Delivered => &self.delivered,
            DeliveryResult::Failed => &self.failed,
            DeliveryResult::GivenUp => &self.given_up,
        }
    }
}
