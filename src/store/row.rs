//! Parses rows into model types. The file may have been edited, so every value is checked.

use std::fmt::Display;
use std::str::FromStr;

use chrono::DateTime;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use thiserror::Error;

use crate::model::{Printable, Timestamp};

/// A row that Tidegate cannot have written.
#[derive(Debug, Error)]
#[error("the column {column} can't be read: {}", Printable::new(reason))]
pub(super) struct Unreadable {
    column: &'static str,
    reason: String,
}

impl Unreadable {
    pub(super) fn new(column: &'static str, reason: impl Display) -> Self {
        Self { column, reason: reason.to_string() }
    }
}

impl From<Unreadable> for sqlx::Error {
    fn from(error: Unreadable) -> Self {
        Self::Decode(Box::new(error))
    }
}

/// A column's SQL value.
pub(super) fn plain<'row, T>(row: &'row SqliteRow, column: &'static str) -> Result<T, Unreadable>
where
    T: sqlx::Decode<'row, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(|error| Unreadable::new(column, error))
}

/// A column with the text of a model type.
pub(super) fn parsed<T>(row: &SqliteRow, column: &'static str) -> Result<T, Unreadable>
where
    T: FromStr<Err: Display>,
{
    parse(plain(row, column)?, column)
}

/// A timestamp column.
pub(super) fn timestamp(row: &SqliteRow, column: &'static str) -> Result<Timestamp, Unreadable> {
    from_millis(plain(row, column)?, column)
}

/// A nullable timestamp column.
pub(super) fn optional_timestamp(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<Timestamp>, Unreadable> {
    let millis: Option<i64> = plain(row, column)?;
    millis.map(|millis| from_millis(millis, column)).transpose()
}

/// Parses the text of a model type.
pub(super) fn parse<T>(text: &str, column: &'static str) -> Result<T, Unreadable>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|error| Unreadable::new(column, error))
}

/// A timestamp from milliseconds since 1970.
pub(super) fn from_millis(millis: i64, column: &'static str) -> Result<Timestamp, Unreadable> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| Unreadable::new(column, "no such time"))
}

/// The key that a row of [`rows_of`](super::connection::rows_of) was found for.
pub(super) fn key<'keys, K>(row: &SqliteRow, keys: &'keys [K]) -> Result<&'keys K, Unreadable> {
    let position: i64 = plain(row, "position")?;
    let key = usize::try_from(position).ok().and_then(|position| keys.get(position));
    key.ok_or_else(|| Unreadable::new("position", "no key has it"))
}

/// Keeps the readable rows; logs the number of others as `what`.
pub(super) fn read_rows<T>(
    rows: &[SqliteRow],
    what: &'static str,
    read: impl Fn(&SqliteRow) -> Result<T, Unreadable>,
) -> Vec<T> {
    let mut words = Vec::with_capacity(rows.len());
    for row in rows {
        match read(row) {
            Ok(parsed) => words.push(parsed),
            Err(error) => tracing::warn!(what, %error, "a row of the database can't be read and is left out"),
        }
    }
    words
}
