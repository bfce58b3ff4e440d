//! Loading the index. It is believed whole or not at all: one text that isn't what was saved drops everything.

use std::collections::HashMap;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::model::{CommitId, FetchEvidence, Index, Movement};
use crate::store::connection::Connection;
use crate::store::row::{self, Unreadable};
use crate::store::{Store, StoreError, sql};

use super::{clear, segment};

impl Store {
    /// The index, if there is one of this `scope`: a fingerprint of the paths that were looked at and of the parser's
    /// version, which the caller makes up.
    ///
    /// An index that can't be read back is dropped, and is none.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn load_index(&self, scope: &str) -> Result<Option<Index>, StoreError> {
        let operation = "load the history index";
        let mut reading = self.database.read(operation).await?;
        match read_index(&mut reading, scope).await {
            Err(error @ (sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. })) => {
                drop(reading);
                tracing::warn!(%error, "the history index can't be read; it is dropped, to be made again from Git");
                self.drop_index().await?;
                Ok(None)
            }
            result => result.map_err(self.database.failed(operation)),
        }
    }

    /// The newest commit that the index of this `scope` covers, if there is one. The movements are not read.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn index_head(&self, scope: &str) -> Result<Option<CommitId>, StoreError> {
        let operation = "read the head of the history index";
        let mut reading = self.database.read(operation).await?;
        let found = state(&mut reading).await.map_err(self.database.failed(operation))?;
        Ok(found.filter(|found| found.scope == scope).and_then(|found| found.head.parse().ok()))
    }

    /// When each commit of the index came, whatever its scope: what an index of another scope can't read from Git.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn evidence(&self) -> Result<HashMap<CommitId, FetchEvidence>, StoreError> {
        let operation = "read what the history index says of fetches";
        let mut reading = self.database.read(operation).await?;
        let found = state(&mut reading).await.map_err(self.database.failed(operation))?;
        drop(reading);
        let Some(found) = found else { return Ok(HashMap::new()) };
        let movements = self.load_index(&found.scope).await?.map(|index| index.movements).unwrap_or_default();
        Ok(movements.iter().map(|movement| (movement.commit.id, movement.commit.fetched)).collect())
    }

    async fn drop_index(&self) -> Result<(), StoreError> {
        let operation = "drop the history index";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        clear(&mut writing).await.map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }
}

/// What the index is of.
#[derive(sqlx::FromRow)]
pub(super) struct State {
    pub(super) scope: String,
    pub(super) head: String,
}

/// What the index is of, if there is one.
pub(super) async fn state(connection: &mut Connection) -> Result<Option<State>, sqlx::Error> {
    sqlx::query_as(sql::INDEX).fetch_optional(connection).await
}

async fn read_index(connection: &mut Connection, scope: &str) -> Result<Option<Index>, sqlx::Error> {
    let Some(found) = state(connection).await?.filter(|found| found.scope == scope) else { return Ok(None) };
    let head = row::parse(&found.head, "head")?;
    let segments: Vec<(String, String)> = sqlx::query_as(sql::SEGMENTS).fetch_all(connection).await?;
    let movements = read_segments(&segments)?;
    Ok(Some(Index { head, movements }))
}

/// What segments hold, one after the other. To read them is most of what a command costs on a long history.
fn read_segments(segments: &[(String, String)]) -> Result<Vec<Movement>, Unreadable> {
    let read = segments.par_iter().map(|(content, checksum)| {
        let mut movements = Vec::new();
        read_segment(content, checksum, &mut movements).map(|()| movements)
    });
    let read: Vec<Vec<Movement>> = read.collect::<Result<_, _>>()?;
    Ok(read.into_iter().flatten().collect())
}

/// Adds what a segment holds, if it is what was saved.
pub(super) fn read_segment(
    content: &str,
    checksum: &str,
    movements: &mut Vec<Movement>,
) -> Result<(), Unreadable> {
    if self::checksum(content) != checksum {
        return Err(Unreadable::new("content", "its checksum is another"));
    }
    segment::from_text(content, movements)
}

/// What a damaged text is told by. `SQLite` has no checksums of its own.
pub(super) fn checksum(content: &str) -> String {
    format!("{:x}", Sha256::digest(content))
}
