//! The outbox of the store, and messages to put into it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tidegate::metrics::Metrics;
use tidegate::model::{Delivery, EventKind, Fault, NewMessage, NotificationChange, OutboxMessage, Timestamp};
use tidegate::notify::{
    ChannelSettings, Event, HttpClient, Outbox, Phase, Post, PostForm, ReadSecret, Wording,
};
use tidegate::store::{MAX_WAITING, Store};

/// The store as delivery sees it.
pub(super) struct StoreOutbox(pub(super) Arc<Store>);

impl Outbox for StoreOutbox {
    async fn due(&self, channel: &str, now: Timestamp, most: usize) -> Result<Vec<OutboxMessage>, Fault> {
        Ok(self.0.due_messages(channel, now, most).await?)
    }

    async fn next_due(&self, channel: &str) -> Result<Option<Timestamp>, Fault> {
        Ok(self.0.next_message_due(channel).await?)
    }

    async fn settle(&self, ordinals: &[i64], delivery: Delivery, at: Timestamp) -> Result<(), Fault> {
        Ok(self.0.settle_messages(ordinals, delivery, at).await?)
    }
}

pub(super) async fn open(file: &Path) -> Arc<Store> {
    Arc::new(Store::open(file, "file:///srv/gitops.git main", Duration::MAX).await.unwrap().store)
}

/// A message that tells its number as the tag.
pub(super) fn message(channel: &str, number: u64, due_at: Timestamp) -> NewMessage {
    let mut event = Event::new(EventKind::Promoted, Phase::Happened, Utc::now());
    (event.service, event.environment) = (Some("common/app".to_owned()), Some("prod".to_owned()));
    event.to = Some(format!("v{number}"));
    NewMessage { id: format!("id-{number}"), channel: channel.to_owned(), event: event.to_json(), due_at }
}

pub(super) fn change(messages: Vec<NewMessage>) -> NotificationChange {
    NotificationChange { messages, ..NotificationChange::default() }
}

pub(super) fn secret(text: &str) -> ReadSecret {
    let secret = SecretString::from(text.to_owned());
    Arc::new(move || Ok(secret.clone()))
}

/// A signed webhook at this URL.
pub(super) fn webhook(name: &str, url: &str) -> ChannelSettings {
    let form = PostForm::Webhook { secret: secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") };
    ChannelSettings {
        name: name.to_owned(),
        give_up_after: Duration::from_hours(1),
        is_digest: false,
        wording: Wording::default(),
        sender: Arc::new(Post::new(HttpClient::new().unwrap(), secret(url), form)),
        deliveries: Metrics::new("test").notifications.channel(name),
    }
}

fn at(second: i64) -> Timestamp {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

async fn ids(store: &Store, channel: &str, now: Timestamp) -> Vec<String> {
    let due = store.due_messages(channel, now, 10_000).await.unwrap();
    due.into_iter().map(|message| message.id).collect()
}

#[tokio::test]
async fn messages_come_in_order_when_they_are_due() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("t.db")).await;
    let stored = change(vec![message("a", 1, at(0)), message("b", 2, at(0)), message("a", 3, at(10))]);
    assert_eq!(store.save_notifications(&stored, at(0)).await.unwrap(), 0);
    assert_eq!(ids(&store, "a", at(0)).await, ["id-1"]);
    assert_eq!(ids(&store, "a", at(10)).await, ["id-1", "id-3"]);
    assert_eq!(store.next_message_due("a").await.unwrap(), Some(at(0)));
    let first = store.due_messages("a", at(10), 1).await.unwrap()[0].ordinal;
    store.settle_messages(&[first], Delivery::Delivered, at(11)).await.unwrap();
    assert_eq!(ids(&store, "a", at(20)).await, ["id-3"]);
    let backlog = store.outbox_backlog().await.unwrap();
    let backlog: Vec<_> = backlog.into_iter().map(|one| (one.channel, one.messages, one.oldest)).collect();
    assert_eq!(backlog, [("a".to_owned(), 1, at(0)), ("b".to_owned(), 1, at(0))]);
}

#[tokio::test]
async fn conditions_and_messages_are_stored_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("t.db")).await;
    let mut stored = change(vec![message("a", 1, at(0))]);
    stored.marks.push(("head".to_owned(), "abc".to_owned()));
    store.save_notifications(&stored, at(0)).await.unwrap();
    // The id is taken: nothing of this is stored.
    stored.marks[0].1 = "def".to_owned();
    store.save_notifications(&stored, at(1)).await.unwrap_err();
    assert_eq!(store.notification_state().await.unwrap().marks["head"], "abc");
}

#[tokio::test]
async fn a_full_outbox_gives_up_the_oldest_of_that_channel() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("t.db")).await;
    let most = u64::try_from(MAX_WAITING).unwrap();
    store.save_notifications(&change(vec![message("b", 0, at(0))]), at(0)).await.unwrap();
    let many = change((1..=most + 3).map(|number| message("a", number, at(0))).collect());
    assert_eq!(store.save_notifications(&many, at(0)).await.unwrap(), 3);
    let waiting = ids(&store, "a", at(0)).await;
    assert_eq!((waiting.len() as u64, waiting[0].as_str()), (most, "id-4"));
    assert_eq!(ids(&store, "b", at(0)).await, ["id-0"]);
}
