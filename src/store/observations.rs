//! Observations: which digest each tag had, and when it changed.
//!
//! A log of changes per tag: D, then D', then D again makes three rows; the same digest as last time makes none.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use crate::model::{Digest, ImageName, Observation, Tag, Timestamp};
use crate::port::Observations;

use super::connection::{Connection, ROWS_PER_STATEMENT, insert};
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
        let positioned: Vec<_> = (0_i64..).zip(of).collect();
        for images in positioned.chunks(ROWS_PER_STATEMENT) {
            let mut query = QueryBuilder::<Sqlite>::new(sql::ALL_OBSERVATIONS.0);
            query.push_values(images, |mut values, (position, image)| {
                values.push_bind(*position).push_bind(image.to_string());
            });
            query.push(sql::ALL_OBSERVATIONS.1);
            let rows = query.build().fetch_all(&mut *reading).await.map_err(&failed)?;
            for (tagged, observation) in row::read_rows(&rows, "observation", |row| read_any(row, of)) {
                observations.entry(tagged).or_default().push(observation);
            }
        }
        Ok(observations)
    }
}

fn read_any(row: &SqliteRow, of: &[ImageName]) -> Result<((ImageName, Tag), Observation), Unreadable> {
    let position: i64 = row::plain(row, "position")?;
    let image = usize::try_from(position).ok().and_then(|position| of.get(position));
    let image = image.ok_or_else(|| Unreadable::new("position", "nothing was asked for there"))?;
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

/// The rows of these keys with their key's position.
async fn of_keys(
    connection: &mut Connection,
    (before, after): (&'static str, &'static str),
    keys: &[Key<'_>],
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    let positioned: Vec<_> = (0_i64..).zip(keys).collect();
    let mut rows = Vec::new();
    for keys in positioned.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new(before);
        query.push_values(keys, |mut values, (position, (image, tag))| {
            values.push_bind(*position).push_bind(image.to_string()).push_bind(tag.as_str());
        });
        query.push(after);
        rows.append(&mut query.build().fetch_all(&mut *connection).await?);
    }
    Ok(rows)
}

fn read_key<'seen>(row: &SqliteRow, keys: &[Key<'seen>]) -> Result<Key<'seen>, Unreadable> {
    let position: i64 = row::plain(row, "position")?;
    let key = usize::try_from(position).ok().and_then(|position| keys.get(position));
    key.copied().ok_or_else(|| Unreadable::new("position", "nothing was asked for there"))
}

fn read_observation<'seen>(
    row: &SqliteRow,
    keys: &[Key<'seen>],
) -> Result<(Key<'seen>, Observation), Unreadable> {
    let observation =
        Observation { digest: row::parsed(row, "digest")?, at: row::timestamp(row, "observed_at_ms")? };
    Ok((read_key(row, keys)?, observation))
}

/// The digest stays text: an unreadable one differs from every digest, so a good row follows it.
fn read_last<'seen>(row: &SqliteRow, keys: &[Key<'seen>]) -> Result<(Key<'seen>, (i64, String)), Unreadable> {
    Ok((read_key(row, keys)?, (row::plain(row, "ordinal")?, row::plain(row, "digest")?)))
}
