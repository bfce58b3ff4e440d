//! Reads the index: its end, a service's history, and the latest tag changes.
//!
//! A row with a wrong checksum drops the index: it is rebuilt from Git, and nothing false is returned meanwhile.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, Transaction};

use crate::model::{
    CommitId, FetchEvidence, HistoryRest, ImageName, IndexEnd, ServiceName, TagChange, TagChangePart,
    TagChangeQuery,
};
use crate::port::IndexReader;
use crate::store::connection::ROWS_PER_STATEMENT;
use crate::store::row::{self, Unreadable};
use crate::store::{Store, StoreError, sql};

use super::rows::Reader;
use super::state;

impl Store {
    /// A transaction in which the index still has this end.
    async fn reading(
        &self,
        operation: &'static str,
        end: IndexEnd,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        let mut reading = self.database.read(operation).await?;
        let found = state(&mut reading).await.map_err(self.database.failed(operation))?;
        match found {
            Some(found) if found.generation == end.generation => Ok(reading),
            _ => Err(StoreError::IndexGone),
        }
    }

    async fn read_rows(&self, rows: &[SqliteRow]) -> Result<Vec<(HistoryRest, TagChange)>, StoreError> {
        let mut reader = Reader::default();
        self.whole(rows.iter().map(|row| reader.read(row)).collect()).await
    }

    /// Drops an index with an unreadable part.
    async fn whole<T>(&self, read: Result<Vec<T>, Unreadable>) -> Result<Vec<T>, StoreError> {
        match read {
            Ok(read) => Ok(read),
            Err(error) => {
                self.drop_index(&error).await?;
                Err(StoreError::IndexGone)
            }
        }
    }

    async fn drop_index(&self, because: &(dyn std::error::Error + Sync + 'static)) -> Result<(), StoreError> {
        tracing::warn!(
            error = because,
            "the history index can't be read; it is dropped, to be made again from Git"
        );
        self.drop_index_unless(|_| false).await
    }
}

impl IndexReader for Store {
    type Error = StoreError;

    async fn index_end(&self) -> Result<Option<(String, IndexEnd)>, StoreError> {
        let operation = "read the end of the history index";
        let mut reading = self.database.read(operation).await?;
        let found = state(&mut reading).await;
        drop(reading);
        let ends = found.and_then(|found| {
            let found = found.filter(|found| !found.scope.is_empty());
            found.map(|found| Ok((found.scope.clone(), found.end()?))).transpose()
        });
        match ends {
            Err(error) if is_unreadable(&error) => {
                self.drop_index(&error).await?;
                Ok(None)
            }
            ends => ends.map_err(self.database.failed(operation)),
        }
    }

    async fn tag_changes_of(
        &self,
        end: IndexEnd,
        subjects: &[(ServiceName, ImageName)],
    ) -> Result<Vec<TagChange>, StoreError> {
        let operation = OPERATION;
        let mut reading = self.reading(operation, end).await?;
        let mut rows = Vec::new();
        for subjects in subjects.chunks(ROWS_PER_STATEMENT) {
            let mut query = QueryBuilder::<Sqlite>::new(sql::OF_SUBJECTS);
            query.push_values(subjects, |mut values, (service, image)| {
                values.push_bind(service.to_string()).push_bind(image.to_string());
            });
            query.push(") ").push(sql::MOVEMENTS.0).push(sql::PLACES_OF_SUBJECTS).push(sql::MOVEMENTS.1);
            query.push_bind(i64::try_from(end.next_sequence).unwrap_or(i64::MAX));
            let found = query.build().fetch_all(&mut *reading).await;
            rows.append(&mut found.map_err(self.database.failed(operation))?);
        }
        drop(reading);
        let mut tag_changes = self.read_rows(&rows).await?;
        tag_changes.sort_by_key(|(place, _)| *place);
        Ok(tag_changes.into_iter().map(|(_, tag_change)| tag_change).collect())
    }

    async fn tag_changes(&self, end: IndexEnd, wanted: &TagChangeQuery) -> Result<TagChangePart, StoreError> {
        let operation = OPERATION;
        let mut reading = self.reading(operation, end).await?;
        let mut query = QueryBuilder::<Sqlite>::new(sql::MOVEMENTS.0);
        query.push(sql::ALL_PLACES).push(sql::MOVEMENTS.1);
        query.push_bind(i64::try_from(end.next_sequence).unwrap_or(i64::MAX));
        if let Some(HistoryRest { sequence, ordinal }) = wanted.rest {
            query.push(" AND (moved.sequence, moved.ordinal) < (").push_bind(sequence);
            query.push(", ").push_bind(ordinal).push(")");
        }
        if !wanted.services.is_empty() {
            query.push(" AND place.service IN (");
            let mut names = query.separated(", ");
            for service in &wanted.services {
                names.push_bind(service.to_string());
            }
            query.push(")");
        }
        if let Some(since) = wanted.since {
            let since = since.timestamp_millis();
            query.push(sql::SINCE.0).push_bind(since).push(sql::SINCE.1).push_bind(since);
        }
        query.push(" ORDER BY moved.sequence DESC, moved.ordinal DESC LIMIT ");
        query.push_bind(i64::try_from(wanted.most).unwrap_or(i64::MAX));
        let rows = query.build().fetch_all(&mut *reading).await.map_err(self.database.failed(operation))?;
        drop(reading);
        let tag_changes = self.read_rows(&rows).await?;
        let rest = tag_changes.last().filter(|_| tag_changes.len() == wanted.most);
        let rest = rest.map(|(place, _)| *place);
        Ok(TagChangePart {
            tag_changes: tag_changes.into_iter().map(|(_, tag_change)| tag_change).collect(),
            rest,
        })
    }

    async fn evidence(&self, of: &[CommitId]) -> Result<HashMap<CommitId, FetchEvidence>, StoreError> {
        let operation = "read when commits came";
        let mut reading = self.database.read(operation).await?;
        let mut evidence = HashMap::new();
        for commits in of.chunks(ROWS_PER_STATEMENT) {
            let mut query = QueryBuilder::<Sqlite>::new(sql::EVIDENCE.0);
            query.push_values(commits, |mut values, commit| {
                values.push_bind(commit.to_string());
            });
            query.push(sql::EVIDENCE.1);
            let rows = query.build().fetch_all(&mut *reading).await;
            let rows = rows.map_err(self.database.failed(operation))?;
            evidence.extend(row::read_rows(&rows, "time of a commit", |row: &SqliteRow| {
                let fetched = FetchEvidence {
                    absent_at: row::optional_timestamp(row, "absent_at_ms")?,
                    fetched_at: row::timestamp(row, "fetched_at_ms")?,
                };
                Ok((row::parsed(row, "commit_id")?, fetched))
            }));
        }
        Ok(evidence)
    }
}

const OPERATION: &str = "read the history index";

fn is_unreadable(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. })
}
