//! What was observed of the health of targets: a log of changes for each.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;

use crate::model::{HealthObservation, HealthSubject};
use crate::port::Health;

use super::connection::{Connection, insert, rows_of};
use super::open::Store;
use super::row::{self, Unreadable};
use super::{StoreError, sql};

/// How many changes of a target stay. A soak looks back to the start of one run.
const MOST_CHANGES: i64 = 200;

impl Health for Store {
    type Error = StoreError;

    async fn record_health(&self, changes: &[(HealthSubject, HealthObservation)]) -> Result<(), StoreError> {
        let operation = "record health";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        let subjects: Vec<&HealthSubject> = changes.iter().map(|(subject, _)| subject).collect();
        let rows = of_subjects(&mut writing, sql::LAST_HEALTH, &subjects).await.map_err(&failed)?;
        let mut last: HashMap<&HealthSubject, i64> =
            row::read_rows(&rows, "health", |row| read_last(row, &subjects)).into_iter().collect();
        let numbered: Vec<(i64, &HealthSubject, &HealthObservation)> = changes
            .iter()
            .map(|(subject, change)| {
                let ordinal = last.entry(subject).or_default();
                *ordinal += 1;
                (*ordinal, subject, change)
            })
            .collect();
        insert(&mut writing, sql::ADD_HEALTH, &numbered, |mut values, (ordinal, subject, change)| {
            values
                .push_bind(subject.environment.to_string())
                .push_bind(subject.service.to_string())
                .push_bind(subject.image.to_string())
                .push_bind(*ordinal)
                .push_bind(change.commit.to_string())
                .push_bind(change.ready_since.map(|at| at.timestamp_millis()))
                .push_bind(change.at.timestamp_millis());
        })
        .await
        .map_err(&failed)?;
        for (ordinal, subject, _) in numbered.iter().filter(|(ordinal, ..)| *ordinal > MOST_CHANGES) {
            sqlx::query(sql::FORGET_HEALTH)
                .bind(subject.environment.to_string())
                .bind(subject.service.to_string())
                .bind(subject.image.to_string())
                .bind(ordinal - MOST_CHANGES)
                .execute(&mut *writing)
                .await
                .map_err(&failed)?;
        }
        writing.commit().await.map_err(failed)
    }

    async fn health(
        &self,
        of: &[HealthSubject],
    ) -> Result<HashMap<HealthSubject, Vec<HealthObservation>>, StoreError> {
        let operation = "read health";
        let subjects: Vec<&HealthSubject> = of.iter().collect();
        let mut reading = self.database.read(operation).await?;
        let rows = of_subjects(&mut reading, sql::HEALTH, &subjects)
            .await
            .map_err(self.database.failed(operation))?;
        let mut health: HashMap<_, Vec<_>> = HashMap::new();
        for (subject, change) in row::read_rows(&rows, "health", |row| read(row, &subjects)) {
            health.entry(subject.clone()).or_default().push(change);
        }
        Ok(health)
    }
}

async fn of_subjects(
    connection: &mut Connection,
    query: (&'static str, &'static str),
    subjects: &[&HealthSubject],
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    rows_of(connection, query, subjects, |values, subject| {
        values
            .push_bind(subject.environment.to_string())
            .push_bind(subject.service.to_string())
            .push_bind(subject.image.to_string());
    })
    .await
}

fn read<'s>(
    row: &SqliteRow,
    subjects: &[&'s HealthSubject],
) -> Result<(&'s HealthSubject, HealthObservation), Unreadable> {
    let change = HealthObservation {
        commit: row::parsed(row, "commit_id")?,
        ready_since: row::optional_timestamp(row, "ready_since_ms")?,
        at: row::timestamp(row, "seen_at_ms")?,
    };
    Ok((*row::key(row, subjects)?, change))
}

fn read_last<'s>(
    row: &SqliteRow,
    subjects: &[&'s HealthSubject],
) -> Result<(&'s HealthSubject, i64), Unreadable> {
    Ok((*row::key(row, subjects)?, row::plain(row, "ordinal")?))
}
