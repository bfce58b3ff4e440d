//! Notifications: the state that was notified, and the outbox. One transaction stores a message and marks its condition
//! as notified, so a crash neither loses nor repeats one.

use chrono::TimeDelta;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use crate::model::{
    ConditionRecord, Delivery, NotificationChange, NotificationState, OutboxBacklog, OutboxMessage, Timestamp,
};

use super::connection::{Connection, ROWS_PER_STATEMENT, insert};
use super::open::Store;
use super::row::{self, Unreadable};
use super::{StoreError, sql};

/// Days until a settled message is deleted.
const SETTLED_KEPT_DAYS: i64 = 7;

/// Maximum messages that wait in a channel. Newer ones displace the oldest.
pub const MAX_WAITING: i64 = 1_000;

impl Store {
    /// Reads what was notified so far.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn notification_state(&self) -> Result<NotificationState, StoreError> {
        let operation = "read what was notified";
        let failed = self.database.failed(operation);
        let mut reading = self.database.read(operation).await?;
        let conditions = sqlx::query(sql::CONDITIONS).fetch_all(&mut *reading).await.map_err(&failed)?;
        let marks = sqlx::query(sql::MARKS).fetch_all(&mut *reading).await.map_err(failed)?;
        Ok(NotificationState {
            conditions: row::read_rows(&conditions, "condition", read_condition).into_iter().collect(),
            marks: row::read_rows(&marks, "mark", |row| {
                Ok((row::plain(row, "mark")?, row::plain(row, "value")?))
            })
            .into_iter()
            .collect(),
        })
    }

    /// Stores a change with its messages. Returns how many older messages were given up for lack of room.
    ///
    /// # Errors
    /// The database cannot be written; nothing is stored.
    pub async fn save_notifications(
        &self,
        change: &NotificationChange,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let operation = "write notifications";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        let given_up = save(&mut writing, change, at).await.map_err(&failed)?;
        writing.commit().await.map_err(failed)?;
        Ok(given_up)
    }

    /// The messages of a channel that are due, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn due_messages(
        &self,
        channel: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        let operation = "read the outbox";
        let mut reading = self.database.read(operation).await?;
        let rows = sqlx::query(sql::DUE_MESSAGES)
            .bind(channel)
            .bind(now.timestamp_millis())
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        Ok(row::read_rows(&rows, "message", read_message))
    }

    /// When the next message of a channel is due, if one waits.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn next_message_due(&self, channel: &str) -> Result<Option<Timestamp>, StoreError> {
        let operation = "read the outbox";
        let mut reading = self.database.read(operation).await?;
        let due: Option<i64> = sqlx::query_scalar(sql::NEXT_DUE)
            .bind(channel)
            .fetch_one(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        Ok(due.and_then(chrono::DateTime::from_timestamp_millis))
    }

    /// Settles messages, and deletes old ones.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn settle_messages(
        &self,
        ordinals: &[i64],
        delivery: Delivery,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let operation = "settle messages";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        for ordinals in ordinals.chunks(ROWS_PER_STATEMENT) {
            let mut query = QueryBuilder::<Sqlite>::new(sql::SETTLE_MESSAGES.0);
            query.push_bind(name(delivery)).push(sql::SETTLE_MESSAGES.1).push_bind(at.timestamp_millis());
            query.push(sql::SETTLE_MESSAGES.2);
            let mut list = query.separated(", ");
            for ordinal in ordinals {
                list.push_bind(*ordinal);
            }
            query.push(")");
            query.build().persistent(false).execute(&mut *writing).await.map_err(&failed)?;
        }
        let before = (at - TimeDelta::days(SETTLED_KEPT_DAYS)).timestamp_millis();
        sqlx::query(sql::PRUNE_MESSAGES).bind(before).execute(&mut *writing).await.map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }

    /// The waiting messages of each channel.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn outbox_backlog(&self) -> Result<Vec<OutboxBacklog>, StoreError> {
        let operation = "read the outbox";
        let mut reading = self.database.read(operation).await?;
        let rows = sqlx::query(sql::BACKLOG)
            .fetch_all(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        Ok(row::read_rows(&rows, "message", |row| {
            let messages: i64 = row::plain(row, "messages")?;
            Ok(OutboxBacklog {
                channel: row::plain(row, "channel")?,
                messages: u64::try_from(messages).unwrap_or_default(),
                oldest: row::timestamp(row, "oldest_ms")?,
            })
        }))
    }
}

async fn save(
    connection: &mut Connection,
    change: &NotificationChange,
    at: Timestamp,
) -> Result<u64, sqlx::Error> {
    for key in &change.ended {
        sqlx::query(sql::END_CONDITION).bind(key).execute(&mut *connection).await?;
    }
    for (key, condition) in &change.conditions {
        sqlx::query(sql::SET_CONDITION)
            .bind(key)
            .bind(condition.since.timestamp_millis())
            .bind(&condition.notified)
            .bind(&condition.event)
            .execute(&mut *connection)
            .await?;
    }
    for (mark, value) in &change.marks {
        sqlx::query(sql::SET_MARK).bind(mark).bind(value).execute(&mut *connection).await?;
    }
    let written_at_ms = at.timestamp_millis();
    insert(&mut *connection, sql::ADD_MESSAGES, &change.messages, |mut values, message| {
        values
            .push_bind(message.id.clone())
            .push_bind(message.channel.clone())
            .push_bind(message.event.clone())
            .push_bind(written_at_ms)
            .push_bind(message.due_at.timestamp_millis());
    })
    .await?;
    if change.messages.is_empty() {
        return Ok(0);
    }
    let given_up =
        sqlx::query(sql::GIVE_UP_OLDEST).bind(MAX_WAITING).bind(written_at_ms).execute(connection).await?;
    Ok(given_up.rows_affected())
}

fn name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Delivered => "delivered",
        Delivery::GivenUp => "givenUp",
    }
}

fn read_condition(row: &SqliteRow) -> Result<(String, ConditionRecord), Unreadable> {
    let notified = row.try_get("told").map_err(|error| Unreadable::new("told", error))?;
    let record = ConditionRecord {
        since: row::timestamp(row, "since_ms")?,
        notified,
        event: row::plain(row, "event")?,
    };
    Ok((row::plain(row, "condition")?, record))
}

fn read_message(row: &SqliteRow) -> Result<OutboxMessage, Unreadable> {
    Ok(OutboxMessage {
        ordinal: row::plain(row, "ordinal")?,
        id: row::plain(row, "message")?,
        event: row::plain(row, "event")?,
        written_at: row::timestamp(row, "written_at_ms")?,
    })
}
