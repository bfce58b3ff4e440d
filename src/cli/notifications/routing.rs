//! Which channel gets which news, and when. Pure but for the ids of messages.

use uuid::Uuid;

use crate::config::Channel;
use crate::model::{EventKind, NewMessage, Timestamp};

use super::news::News;

/// The messages of the news, in their order.
pub(super) fn messages(channels: &[Channel], news: &[News], now: Timestamp) -> Vec<NewMessage> {
    let to_channels = |news| {
        channels.iter().filter(move |channel| wants(channel, news)).map(move |channel| (channel, news))
    };
    news.iter()
        .flat_map(to_channels)
        .map(|(channel, news)| NewMessage {
            id: Uuid::now_v7().to_string(),
            channel: channel.name.clone(),
            event: news.event.to_json(),
            due_at: due_at(channel, now),
        })
        .collect()
}

fn wants(channel: &Channel, News { event, limit_s }: &News) -> bool {
    let environment = event.environment.as_ref().and_then(|name| name.parse().ok());
    let service = event.service.as_ref().and_then(|name| name.parse().ok());
    let is_its_limit = event.kind != EventKind::Blocked || *limit_s == Some(channel.blocked_after.as_secs());
    is_its_limit && channel.wants(event.kind, environment.as_ref(), service.as_ref())
}

fn due_at(channel: &Channel, now: Timestamp) -> Timestamp {
    channel.digest.as_ref().and_then(|digest| digest.value.next_after(now)).unwrap_or(now)
}
