//! The history index: which commit changed which tag in which file. Derived from Git, so that a pass need not walk history
//! again; it can be dropped at any time.
//!
//! It grows at its end, and is read by service or from its end, so services nobody asks about cost nothing. A reader names the
//! end it knows, and gets the data as of that end or an error, whatever other processes write.

mod extend;
mod pinned;
mod read;
mod rows;

use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteRow;

use crate::model::IndexEnd;

use super::connection::Connection;
use super::row;
use super::sql;

/// The scope of the index.
struct State {
    scope: String,
    head: String,
    next_sequence: i64,
    generation: i64,
}

impl State {
    fn end(&self) -> Result<IndexEnd, row::Unreadable> {
        let next_sequence = u64::try_from(self.next_sequence);
        Ok(IndexEnd {
            head: row::parse(&self.head, "head")?,
            next_sequence: next_sequence.map_err(|error| row::Unreadable::new("next_sequence", error))?,
            generation: self.generation,
        })
    }
}

/// The scope of the index, even of an empty one.
async fn state(connection: &mut Connection) -> Result<Option<State>, sqlx::Error> {
    let row = sqlx::query(sql::INDEX).fetch_optional(connection).await?;
    let state = |row: &SqliteRow| -> Result<State, row::Unreadable> {
        Ok(State {
            scope: row::plain(row, "scope")?,
            head: row::plain(row, "head")?,
            next_sequence: row::plain(row, "next_sequence")?,
            generation: row::plain(row, "generation")?,
        })
    };
    Ok(row.as_ref().map(state).transpose()?)
}

/// Removes everything from a sequence number on.
async fn cut(connection: &mut Connection, from: i64) -> Result<(), sqlx::Error> {
    for statement in sql::CUT_INDEX {
        sqlx::query(statement).bind(from).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Drops the index. Its fetch evidence stays.
pub(super) async fn clear(connection: &mut Connection) -> Result<(), sqlx::Error> {
    cut(connection, 0).await?;
    sqlx::query(sql::CLEAR_PLACES).execute(&mut *connection).await?;
    sqlx::query(sql::NO_INDEX).execute(connection).await?;
    Ok(())
}

/// The checksum of a row; `SQLite` has none of its own.
fn checksum<'a>(fields: impl IntoIterator<Item = Option<&'a str>>) -> i64 {
    let mut hash = Sha256::new();
    for field in fields {
        match field {
            None => hash.update([0xff]),
            Some(field) => {
                hash.update(field);
                // Not valid in UTF-8, so different lists of fields give different bytes.
                hash.update([0xfe]);
            }
        }
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    i64::from_be_bytes(first)
}
