//! The store: what was observed, an index of history that can be derived again, and the audit copy of promotions.
//!
//! Owns the database file, its schema and every query. Knows no engine, no HTTP and no Git: it keeps words of
//! [`crate::model`] and gives them back.
//!
//! Git is the record. Deleting the database loses no decision, so a file that is damaged is set aside and a new one
//! made ([`OpenState::Rebuilt`]), and a row that can't be read back is left out rather than guessed at.

mod changelogs;
mod connection;
mod error;
mod fetches;
mod index;
mod intents;
mod lock;
mod observations;
mod open;
mod row;
mod schema;
mod sql;
mod tags;

#[cfg(test)]
mod tests;

pub use changelogs::RangeKey;
pub use error::{FailureKind, StoreError};
pub use fetches::Fetch;
pub use index::Extended;
pub use lock::{DataFolder, FolderLock};
pub use open::{OpenState, OpenedStore, Store};
