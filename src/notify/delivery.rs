//! Delivery: takes the messages of one channel from the outbox, in order, until the other side has them.
//!
//! A message is settled after it was accepted, so a crash in between sends that one again and loses none. Pauses are not
//! stored: after a restart the channel is tried at once.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backon::ExponentialBackoff;
use chrono::{TimeDelta, Utc};
use tokio::sync::Notify;

use crate::metrics::{ChannelDeliveries, DeliveryResult};
use crate::model::{Delivery, Fault, OutboxMessage, Printable, Timestamp};

use super::channel::{Parcel, Sender, Undelivered};
use super::event::Event;
use super::message::{Message, Wording};
use super::retry::pauses;

/// Maximum events in a digest.
const MAX_DIGEST: usize = 500;

/// How often a message that the other side refuses is sent, in case the refusal was not meant.
const MAX_REFUSALS: u32 = 3;

/// The longest sleep without a look at the outbox.
const LONGEST_SLEEP: Duration = Duration::from_mins(10);

/// Where messages wait.
pub trait Outbox: Send + Sync + 'static {
    /// The messages of a channel that are due, oldest first.
    fn due(
        &self,
        channel: &str,
        now: Timestamp,
        most: usize,
    ) -> impl Future<Output = Result<Vec<OutboxMessage>, Fault>> + Send;

    /// When the next message of a channel is due, if one waits.
    fn next_due(&self, channel: &str) -> impl Future<Output = Result<Option<Timestamp>, Fault>> + Send;

    /// Notes what became of messages.
    fn settle(
        &self,
        ordinals: &[i64],
        delivery: Delivery,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// A channel, as delivery sees it.
pub struct ChannelSettings {
    /// Its name.
    pub name: String,
    /// How long a message is tried.
    pub give_up_after: Duration,
    /// Whether due messages go as one.
    pub is_digest: bool,
    /// Its texts.
    pub wording: Wording,
    /// Brings messages there.
    pub sender: Arc<dyn Sender>,
    /// Counts what becomes of them.
    pub deliveries: ChannelDeliveries,
}

/// Delivers the messages of one channel for ever. `wake` is notified when messages were written.
pub async fn deliver<O: Outbox>(outbox: Arc<O>, channel: ChannelSettings, wake: Arc<Notify>) {
    let mut worker = Worker { outbox, channel, failing: None, has_told_template: false };
    loop {
        // Registered before the look, so that a message written in between wakes it.
        let woken = wake.notified();
        match worker.next().await {
            Next::AtOnce => {}
            // A new message does not shorten a pause.
            Next::Pause(pause) => tokio::time::sleep(pause).await,
            Next::Sleep(sleep) => {
                tokio::select! {
                    () = woken => {}
                    () = tokio::time::sleep(sleep) => {}
                }
            }
        }
    }
}

/// What to do after a look at the outbox.
enum Next {
    /// There may be another message.
    AtOnce,
    /// The channel fails: wait.
    Pause(Duration),
    /// Nothing is due.
    Sleep(Duration),
}

struct Worker<O> {
    outbox: Arc<O>,
    channel: ChannelSettings,
    failing: Option<Failing>,
    has_told_template: bool,
}

/// The failures since the last success.
struct Failing {
    since: Timestamp,
    pauses: ExponentialBackoff,
    /// How often the message with this ordinal was refused.
    refused: (i64, u32),
}

impl<O: Outbox> Worker<O> {
    async fn next(&mut self) -> Next {
        match self.try_next().await {
            Ok(next) => next,
            Err(fault) => {
                tracing::debug!(channel = self.channel.name, error = %fault.in_one_line(), "cannot use the outbox");
                Next::Pause(Duration::from_secs(30))
            }
        }
    }

    async fn try_next(&mut self) -> Result<Next, Fault> {
        let now = Utc::now();
        let most = if self.channel.is_digest { MAX_DIGEST } else { 1 };
        let due = self.outbox.due(&self.channel.name, now, most).await?;
        if due.is_empty() {
            let next = self.outbox.next_due(&self.channel.name).await?;
            let sleep = next.and_then(|next| (next - now).to_std().ok());
            return Ok(Next::Sleep(sleep.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP)));
        }
        let Some(parcel) = self.parcel(&due) else {
            // Written by another version; nobody can read it.
            self.give_up(&due, "the stored event cannot be read").await?;
            return Ok(Next::AtOnce);
        };
        match self.channel.sender.send(&parcel).await {
            Ok(_) => {
                let ordinals: Vec<i64> = due.iter().map(|message| message.ordinal).collect();
                self.outbox.settle(&ordinals, Delivery::Delivered, Utc::now()).await?;
                self.channel.deliveries.count(DeliveryResult::Delivered);
                self.recovered();
                Ok(Next::AtOnce)
            }
            Err(error) => self.failed(&due, &error).await,
        }
    }

    fn parcel(&mut self, due: &[OutboxMessage]) -> Option<Parcel> {
        let events: Vec<Event> = due.iter().filter_map(|message| Event::from_json(&message.event)).collect();
        let last = due.last().filter(|_| !events.is_empty())?;
        let (message, template_error) = Message::digest(&events, &self.channel.wording);
        if let Some(error) = template_error.filter(|_| !self.has_told_template) {
            self.has_told_template = true;
            tracing::warn!(
                channel = self.channel.name,
                error,
                "cannot fill in the template; using the usual text"
            );
        }
        Some(Parcel { id: last.id.clone(), events, message })
    }

    async fn failed(&mut self, due: &[OutboxMessage], error: &Undelivered) -> Result<Next, Fault> {
        self.channel.deliveries.count(DeliveryResult::Failed);
        let now = Utc::now();
        let reason = Printable::new(error.reason()).to_string();
        if self.failing.is_none() {
            tracing::warn!(
                channel = self.channel.name,
                error = reason,
                hint = "messages wait in the outbox; `tidegate notify test` tries the channel",
                "cannot deliver notifications"
            );
        }
        let first = due.first().map_or(0, |message| message.ordinal);
        let failing =
            self.failing.get_or_insert_with(|| Failing { since: now, pauses: pauses(), refused: (first, 0) });
        let is_refused = matches!(error, Undelivered::Rejected { .. });
        if is_refused {
            let before = if failing.refused.0 == first { failing.refused.1 } else { 0 };
            failing.refused = (first, before + 1);
        }
        if is_refused && failing.refused.1 >= MAX_REFUSALS {
            self.give_up(due, &reason).await?;
            return Ok(Next::AtOnce);
        }
        let limit = TimeDelta::from_std(self.channel.give_up_after).unwrap_or(TimeDelta::MAX);
        let old: Vec<OutboxMessage> =
            due.iter().filter(|message| now - message.written_at >= limit).cloned().collect();
        let asked = match error {
            Undelivered::Later { pause, .. } => *pause,
            Undelivered::Rejected { .. } => None,
        };
        let pause = asked.or_else(|| failing.pauses.next()).unwrap_or(LONGEST_SLEEP);
        // A digest waits for its hour, which is no attempt.
        if !old.is_empty() && (!self.channel.is_digest || now - failing.since >= limit) {
            self.give_up(&old, &reason).await?;
        }
        Ok(Next::Pause(pause))
    }

    async fn give_up(&self, messages: &[OutboxMessage], reason: &str) -> Result<(), Fault> {
        let ordinals: Vec<i64> = messages.iter().map(|message| message.ordinal).collect();
        self.outbox.settle(&ordinals, Delivery::GivenUp, Utc::now()).await?;
        self.channel.deliveries.count(DeliveryResult::GivenUp);
        for message in messages {
            let event = Event::from_json(&message.event);
            let title = event.map(|event| Message::of(&event, &Wording::default()).0.title);
            tracing::error!(
                channel = self.channel.name,
                message = message.id,
                title,
                written_at = %message.written_at.to_rfc3339(),
                reason,
                "gave up a notification"
            );
        }
        Ok(())
    }

    fn recovered(&mut self) {
        if let Some(failing) = self.failing.take() {
            let lasted = (Utc::now() - failing.since).num_seconds();
            tracing::info!(
                channel = self.channel.name,
                failed_for_s = lasted,
                "notifications are delivered again"
            );
        }
    }
}

impl fmt::Debug for ChannelSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ChannelSettings").field("name", &self.name).finish_non_exhaustive()
    }
}
