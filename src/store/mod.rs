//! The store: observations, a derived index of history, and the audit copy of promotions.
//!
//! Owns the database file, its schema and every query. Stores types of [`crate::model`]; knows no HTTP and no Git.
//!
//! Git is the record. Deleting the database loses no decision, so a damaged file is set aside and a new one created
//! ([`OpenState::Rebuilt`]), and an unreadable row is skipped, never guessed.

mod answers;
mod backup;
mod changelogs;
mod connection;
mod error;
mod fetches;
mod health;
mod index;
mod intents;
mod lock;
mod notifications;
mod observations;
mod open;
mod row;
mod schema;
mod sql;
mod tags;
mod tokens;

#[cfg(test)]
mod tests;

pub use answers::KeptAnswer;
pub use backup::Restored;
pub use changelogs::RangeKey;
pub use error::{FailureKind, StoreError};
pub use fetches::Fetch;
pub use lock::{DataFolder, FolderLock};
pub use notifications::MAX_WAITING;
pub use open::{OpenState, OpenedStore, Store};
