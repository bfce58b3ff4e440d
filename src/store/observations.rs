//! Observations: which digest each tag had, and when it changed.
//!
//! A log of changes per tag: D, then D', then D again makes three rows; the same digest as last time makes none.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteRow;

use crate::model::{Digest, ImageName, Observation, Tag, Timestamp};
use crate::port::Observations;

use super::connection::{Connection, insert, rows_of};
use super::open::Store;
use super::row::{self, Unreadable};
use super::{StoreError, sql};

impl Observations for Store {
    type Error = StoreError;

    async fn observe(&self, seen: &[(ImageName, Tag, Digest)], at: Timestamp) -> Result<usize, StoreError> {
        let operation = "record observations";
        let failed = self.database.failed(operation);
        let mut reading = self.database.read(operation).await?;
        if changes(&mut reading, seen).await.map_err(&failed)?.is_empty() {
            return Ok(0);
        }
        drop(reading);
        let mut writing = self.database.write(operation).await?;
        let changes = changes(&mut writing, seen).await.map_err(&failed)?;
        insert(&mut writing, sql::ADD_OBSERVATIONS, &changes, |mut values, change| {
            values
                .push_bind(change.key.0.to_string())
                .push_bind(change.key.1.as_str())
                .push_bind(change.ordinal)
                .push_bind(change.digest.as_str())
                .push_bind(at.timestamp_millis());
        })
        .await
        .map_err(&failed)?;
        writing.commit().await.map_err(failed)?;
        Ok(changes.len())
    }

    async fn observations(
        &self,
        of: &[(ImageName, Tag)],
    ) -> Result<HashMap<(ImageName, Tag), Vec<Observation>>, StoreError> {
        let operation = "read observations";
        let keys: Vec<Key<'_>> =
            of.iter().map(|(image, tag)| (image, tag)).collect::<HashSet<_>>().into_iter().collect();
        let mut reading = self.database.read(operation).await?;
        let rows =
            of_keys(&mut reading, sql::OBSERVATIONS, &keys).await.map_err(self.database.failed(operation))?;
        let mut observations: HashMap<_, Vec<_>> = HashMap::new();
        for (key, observation) in row::read_rows(&rows, "observation", |row| read_observation(row, &keys)) {
            let (image, tag) = key;
            observations.entry((image.clone(), tag.clone())).or_default().push(observation);
        }
        Ok(observations)
    }

    async fn all_observations(
        &self,
        of: &[ImageName],
    ) -> Result<HashMap<(ImageName, Tag), Vec<Observation>>, StoreError> {
        let operation = "read observations";
        let failed = self.database.failed(operation);
        let mut reading = self.database.read(operation).await?;
        let mut observations: HashMap<_, Vec<_>> = HashMap::new();
        let rows = rows_of(&mut reading, sql::ALL_OBSERVATIONS, of, |values, image| {
            values.push_bind(image.to_string());
        });
        let rows = rows.await.map_err(failed)?;
        for (tagged, observation) in row::read_rows(&rows, "observation", |row| read_any(row, of)) {
            observations.entry(tagged).or_default().push(observation);
        }
        Ok(observations)
    }
}

fn read_any(row: &SqliteRow, of: &[ImageName]) -> Result<((ImageName, Tag), Observation), Unreadable> {
    let image = row::key(row, of)?;
    let observation =
        Observation { digest: row::parsed(row, "digest")?, at: row::timestamp(row, "observed_at_ms")? };
    Ok(((image.clone(), row::parsed(row, "tag")?), observation))
}

/// The key of an observation.
type Key<'seen> = (&'seen ImageName, &'seen Tag);

/// A row to insert.
struct Change<'seen> {
    key: Key<'seen>,
    ordinal: i64,
    digest: &'seen Digest,
}

/// The entries of `seen` that differ from the last observation.
async fn changes<'seen>(
    connection: &mut Connection,
    seen: &'seen [(ImageName, Tag, Digest)],
) -> Result<Vec<Change<'seen>>, sqlx::Error> {
    let keys: Vec<Key<'seen>> = seen.iter().map(|(image, tag, _)| (image, tag)).collect();
    let rows = of_keys(connection, sql::LAST_OBSERVATIONS, &keys).await?;
    let mut last: HashMap<Key<'seen>, (i64, String)> =
        row::read_rows(&rows, "observation", |row| read_last(row, &keys)).into_iter().collect();
    let mut changes = Vec::new();
    for (key, (_, _, digest)) in keys.into_iter().zip(seen) {
        let (ordinal, known) = last.entry(key).or_default();
        if known == digest.as_str() {
            continue;
        }
        *ordinal += 1;
        digest.as_str().clone_into(known);
        changes.push(Change { key, ordinal: *ordinal, digest });
    }
    Ok(changes)
}

async fn of_keys(
    connection: &mut Connection,
    query: (&'static str, &'static str),
    keys: &[Key<'_>],
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    rows_of(connection, query, keys, |values, (image, tag)| {
        values.push_bind(image.to_string()).push_bind(tag.as_str().to_owned());
    })
    .await
}

fn read_observation<'seen>(
    row: &SqliteRow,
    keys: &[Key<'seen>],
) -> Result<(Key<'seen>, Observation), Unreadable> {
    let observation =
        Observation { digest: row::parsed(row, "digest")?, at: row::timestamp(row, "observed_at_ms")? };
    Ok((*row::key(row, keys)?, observation))
}

/// The digest stays text: an unreadable one differs from every digest, so a good row follows it.
fn read_last<'seen>(row: &SqliteRow, keys: &[Key<'seen>]) -> Result<(Key<'seen>, (i64, String)), Unreadable> {
    Ok((*row::key(row, keys)?, (row::plain(row, "ordinal")?, row::plain(row, "digest")?)))
}
