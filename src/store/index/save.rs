//! Saving the index: all of it, or what is new at its end.

use crate::model::{CommitId, Movement};
use crate::store::connection::Connection;
use crate::store::{Store, StoreError, sql};

use super::{clear, load, segment};

/// How many movements make a segment: enough to make a row's cost small, few enough to write the last one anew each
/// time that history grows.
const SEGMENT: usize = 1024;

/// What came of saving the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is saved.
    Written,
    /// What is there is not what these movements follow, since another process has saved meanwhile. Nothing was
    /// written; load it again.
    Overtaken,
}

impl Store {
    /// Saves movements, oldest commit first; all or none of them.
    ///
    /// With `after`, the head of the index that was loaded, they are appended to it; without, they take the place of
    /// whatever there is. `head` is the newest commit that was looked at, even if it moved nothing.
    ///
    /// # Errors
    /// When the database can't be written, the movements are not in order, or two tell different facts of one commit.
    pub async fn save_index(
        &self,
        scope: &str,
        head: CommitId,
        after: Option<CommitId>,
        movements: &[Movement],
    ) -> Result<Saved, StoreError> {
        check(movements)?;
        let operation = "save the history index";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        match after {
            None => clear(&mut writing).await.map_err(&failed)?,
            Some(after) => {
                let found = load::state(&mut writing).await.map_err(&failed)?;
                if found.is_none_or(|state| state.scope != scope || state.head != after.to_string()) {
                    return Ok(Saved::Overtaken);
                }
            }
        }
        append(&mut writing, movements).await.map_err(&failed)?;
        sqlx::query(sql::SET_INDEX)
            .bind(scope)
            .bind(head.to_string())
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        writing.commit().await.map_err(failed)?;
        Ok(Saved::Written)
    }
}

/// Whether the movements can be put one after the other.
fn check(movements: &[Movement]) -> Result<(), StoreError> {
    for (one, next) in movements.iter().zip(movements.iter().skip(1)) {
        if next.sequence < one.sequence {
            return Err(StoreError::UnfitIndex { reason: "the movements are not in the order of commits" });
        }
        if next.sequence == one.sequence && next.commit != one.commit {
            let reason = "two movements of one sequence tell different facts of its commit";
            return Err(StoreError::UnfitIndex { reason });
        }
    }
    Ok(())
}

/// Fills up the last segment, and begins new ones.
async fn append(connection: &mut Connection, movements: &[Movement]) -> Result<(), sqlx::Error> {
    if movements.is_empty() {
        return Ok(());
    }
    let Last { ordinal, movements: mut first } = take_last(connection).await?;
    let (fill, rest) = movements.split_at(movements.len().min(SEGMENT - first.len()));
    first.extend_from_slice(fill);
    for (ordinal, movements) in (ordinal..).zip(std::iter::once(&*first).chain(rest.chunks(SEGMENT))) {
        let content = segment::to_text(movements).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let checksum = load::checksum(&content);
        sqlx::query(sql::ADD_SEGMENT)
            .bind(ordinal)
            .bind(content)
            .bind(checksum)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The segment that is written next, and what it holds already.
struct Last {
    ordinal: i64,
    movements: Vec<Movement>,
}

/// Takes the last segment out, if there is room in it.
async fn take_last(connection: &mut Connection) -> Result<Last, sqlx::Error> {
    let row: Option<(i64, String, String)> =
        sqlx::query_as(sql::LAST_SEGMENT).fetch_optional(&mut *connection).await?;
    let mut movements = Vec::new();
    let Some((ordinal, content, checksum)) = row else { return Ok(Last { ordinal: 1, movements }) };
    load::read_segment(&content, &checksum, &mut movements)?;
    if movements.len() >= SEGMENT {
        return Ok(Last { ordinal: ordinal + 1, movements: Vec::new() });
    }
    sqlx::query(sql::DROP_SEGMENT).bind(ordinal).execute(connection).await?;
    Ok(Last { ordinal, movements })
}
