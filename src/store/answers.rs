//! What became of requests that may be sent again.

use chrono::TimeDelta;

use crate::model::{Timestamp, TokenId};

use super::open::Store;
use super::{StoreError, row, sql};

/// How long an answer is kept.
const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// The most answers; older ones are deleted.
const MOST: i64 = 1000;

/// What was asked, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Differs between requests.
    pub fingerprint: String,
    /// The answer.
    pub answer: String,
}

impl Store {
    /// The answer to the request with this key, within a day.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn kept_answer(
        &self,
        token: &TokenId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let operation = "read an answer";
        let mut reading = self.database.read(operation).await?;
        let rows = sqlx::query(sql::ANSWER)
            .bind(token.as_str())
            .bind(key)
            .bind((now - LIFETIME).timestamp_millis())
            .fetch_all(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            Ok(KeptAnswer {
                fingerprint: row::plain(row, "fingerprint")?,
                answer: row::plain(row, "answer")?,
            })
        };
        Ok(row::read_rows(&rows, "answer", read).pop())
    }

    /// Keeps an answer, and deletes old ones.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn keep_answer(
        &self,
        token: &TokenId,
        key: &str,
        kept: &KeptAnswer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let operation = "write an answer";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        sqlx::query(sql::KEEP_ANSWER)
            .bind(token.as_str())
            .bind(key)
            .bind(&kept.fingerprint)
            .bind(&kept.answer)
            .bind(now.timestamp_millis())
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        sqlx::query(sql::PRUNE_ANSWERS)
            .bind((now - LIFETIME).timestamp_millis())
            .bind(MOST)
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }
}
