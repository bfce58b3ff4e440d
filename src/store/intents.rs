//! Intents: promotions recorded durably before their push, and afterwards an audit copy of their outcome.

use chrono::TimeDelta;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use crate::model::{Intent, Outcome, PromotionId, Timestamp};
use crate::port::Intents;

use super::connection::{Connection, ROWS_PER_STATEMENT, insert};
use super::open::Store;
use super::row::{self, Unreadable};
use super::{StoreError, sql};

/// How long an abandoned intent is kept. Of a promotion that landed, Git has the original.
const ABANDONED_KEPT: TimeDelta = TimeDelta::days(1);

impl Intents for Store {
    type Error = StoreError;

    async fn begin(&self, intents: &[Intent]) -> Result<(), StoreError> {
        let operation = "record intents";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        insert(&mut writing, sql::ADD_INTENTS, intents, |mut values, intent| {
            values
                .push_bind(intent.id.to_string())
                .push_bind(intent.service.to_string())
                .push_bind(intent.environment.to_string())
                .push_bind(intent.image.to_string())
                .push_bind(intent.from.to_string())
                .push_bind(intent.to.to_string())
                .push_bind(intent.digest.to_string())
                .push_bind(intent.base.to_string())
                .push_bind(intent.requested_by.clone())
                .push_bind(intent.at.timestamp_millis());
        })
        .await
        .map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }

    async fn pending(&self) -> Result<Vec<Intent>, StoreError> {
        let operation = "read intents";
        let mut reading = self.database.read(operation).await?;
        let rows = sqlx::query(sql::PENDING_INTENTS)
            .fetch_all(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        Ok(row::read_rows(&rows, "intent", read_intent))
    }

    async fn settle(&self, outcomes: &[(PromotionId, Outcome)], at: Timestamp) -> Result<(), StoreError> {
        let operation = "record what came of intents";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        // One statement per intent would dominate the recording of a big pass.
        for outcomes in outcomes.chunks(ROWS_PER_STATEMENT) {
            settle(&mut writing, outcomes, at).await.map_err(&failed)?;
        }
        sqlx::query(sql::PRUNE_INTENTS)
            .bind((at - ABANDONED_KEPT).timestamp_millis())
            .bind((at - self.retention).timestamp_millis())
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }
}

async fn settle(
    connection: &mut Connection,
    outcomes: &[(PromotionId, Outcome)],
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let (before, after) = sql::SETTLE_INTENTS;
    let mut query = QueryBuilder::<Sqlite>::new(before);
    query.push_values(outcomes, |mut values, (id, outcome)| {
        let (name, commit) = match outcome {
            Outcome::Landed(commit) => ("landed", Some(commit.to_string())),
            Outcome::Abandoned => ("abandoned", None),
        };
        values.push_bind(id.to_string()).push_bind(name).push_bind(commit).push_bind(at.timestamp_millis());
    });
    query.push(after);
    // A statement of another length is rarely used again: do not cache it.
    let repeats = outcomes.len() == ROWS_PER_STATEMENT;
    query.build().persistent(repeats).execute(connection).await.map(drop)
}

fn read_intent(row: &SqliteRow) -> Result<Intent, Unreadable> {
    Ok(Intent {
        id: row::parsed(row, "promotion")?,
        service: row::parsed(row, "service")?,
        environment: row::parsed(row, "environment")?,
        image: row::parsed(row, "image")?,
        from: row::parsed(row, "from_tag")?,
        to: row::parsed(row, "to_tag")?,
        digest: row::parsed(row, "digest")?,
        base: row::parsed(row, "base")?,
        requested_by: row::plain(row, "requested_by")?,
        at: row::timestamp(row, "begun_at_ms")?,
    })
}
