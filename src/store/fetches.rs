//! The fetch log: when the branch was first seen at each head. It exposes commits that claim to be older than they are.

use sqlx::sqlite::SqliteRow;

use crate::model::{CommitId, Timestamp};
use crate::port::Fetches;

use super::connection::Connection;
use super::open::Store;
use super::{StoreError, row, sql};

/// How many fetches stay in the log. Decisions use the last one; the others are for people.
const MOST_FETCHES: i64 = 1_000;

/// A first sight of a branch head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub head: CommitId,
    /// The last time the branch was seen without it; `None` at the first fetch.
    pub absent_at: Option<Timestamp>,
    pub at: Timestamp,
}

impl Store {
    /// The seen heads in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn fetches(&self) -> Result<Vec<Fetch>, StoreError> {
        let operation = "read the fetches";
        let mut reading = self.database.read(operation).await?;
        let rows = sqlx::query(sql::FETCHES)
            .fetch_all(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        Ok(row::read_rows(&rows, "fetch", |row| {
            Ok(Fetch {
                head: row::parsed(row, "head")?,
                absent_at: row::optional_timestamp(row, "absent_at_ms")?,
                at: row::timestamp(row, "fetched_at_ms")?,
            })
        }))
    }
}

impl Fetches for Store {
    type Error = StoreError;

    async fn latest_fetch(&self) -> Result<Option<(CommitId, Timestamp)>, StoreError> {
        let operation = "read the last fetch";
        let mut reading = self.database.read(operation).await?;
        let rows = sqlx::query(sql::LAST_FETCH)
            .fetch_all(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        let read = |row: &SqliteRow| Ok((row::parsed(row, "head")?, row::timestamp(row, "fetched_at_ms")?));
        Ok(row::read_rows(&rows, "fetch", read).pop())
    }

    async fn record_fetch(
        &self,
        head: CommitId,
        absent_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let operation = "record a fetch";
        let failed = self.database.failed(operation);
        let mut reading = self.database.read(operation).await?;
        if last(&mut reading).await.map_err(&failed)?.is_some_and(|last| last.is_at(head)) {
            return Ok(());
        }
        drop(reading);
        let mut writing = self.database.write(operation).await?;
        let last = last(&mut writing).await.map_err(&failed)?;
        if last.as_ref().is_some_and(|last| last.is_at(head)) {
            return Ok(());
        }
        let ordinal = last.map_or(1, |last| last.ordinal + 1);
        sqlx::query(sql::ADD_FETCH)
            .bind(ordinal)
            .bind(head.to_string())
            .bind(absent_at.map(|at| at.timestamp_millis()))
            .bind(at.timestamp_millis())
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        sqlx::query(sql::FORGET_FETCHES)
            .bind(ordinal - MOST_FETCHES)
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }
}

/// The newest row.
struct Last {
    ordinal: i64,
    head: String,
}

impl Last {
    fn is_at(&self, head: CommitId) -> bool {
        self.head == head.to_string()
    }
}

async fn last(connection: &mut Connection) -> Result<Option<Last>, sqlx::Error> {
    let row = sqlx::query(sql::LAST_FETCH).fetch_optional(connection).await?;
    let last = |row: &SqliteRow| -> Result<Last, row::Unreadable> {
        Ok(Last { ordinal: row::plain(row, "ordinal")?, head: row::plain(row, "head")? })
    };
    Ok(row.as_ref().map(last).transpose()?)
}
