//! Reading rows back into words of the model. What is in a file may have been changed by anybody: nothing is believed.

use std::fmt::Display;
use std::str::FromStr;

use chrono::DateTime;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use thiserror::Error;

use crate::model::{Printable, Timestamp};

/// A row that can't be what was written.
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

/// A column's value as SQL knows it.
pub(super) fn plain<'row, T>(row: &'row SqliteRow, column: &'static str) -> Result<T, Unreadable>
where
    T: sqlx::Decode<'row, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(|error| Unreadable::new(column, error))
}

/// A column that holds the text of a parsed of the model.
pub(super) fn parsed<T>(row: &SqliteRow, column: &'static str) -> Result<T, Unreadable>
where
    T: FromStr<Err: Display>,
{
    parse(plain(row, column)?, column)
}

/// A column that holds an timestamp.
pub(super) fn timestamp(row: &SqliteRow, column: &'static str) -> Result<Timestamp, Unreadable> {
    from_millis(plain(row, column)?, column)
}

/// The same, or nothing.
pub(super) fn optional_timestamp(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<Timestamp>, Unreadable> {
    let millis: Option<i64> = plain(row, column)?;
    millis.map(|millis| from_millis(millis, column)).transpose()
}

/// The text of a parsed of the model.
pub(super) fn parse<T>(text: &str, column: &'static str) -> Result<T, Unreadable>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|error| Unreadable::new(column, error))
}

/// An timestamp by its number.
pub(super) fn from_millis(millis: i64, column: &'static str) -> Result<Timestamp, Unreadable> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| Unreadable::new(column, "no such time"))
}

/// Keeps the rows that can be read; tells of those that can't, which is the reason why `what` is named.
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
