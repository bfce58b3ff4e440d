//! The schema: ownership, integrity check and migrations.

use std::path::Path;

use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::model::Printable;

use super::connection::{Connection, Database};
use super::error::{FailureKind, StoreError};
use super::sql;

/// Every SQLite migration: version, description and text. `sqlx::migrate!` would do the same, and have sqlx and its SQLite
/// driver built a second time, for the macro.
const MIGRATIONS: [(i64, &str, &str); 10] = [
    (1, "foundation", include_str!("../../migrations/sqlite/0001_foundation.sql")),
    (2, "changelogs", include_str!("../../migrations/sqlite/0002_changelogs.sql")),
    (3, "tags", include_str!("../../migrations/sqlite/0003_tags.sql")),
    (4, "history", include_str!("../../migrations/sqlite/0004_history.sql")),
    (5, "verdicts", include_str!("../../migrations/sqlite/0005_verdicts.sql")),
    (6, "notifications", include_str!("../../migrations/sqlite/0006_notifications.sql")),
    (7, "health", include_str!("../../migrations/sqlite/0007_health.sql")),
    (8, "tokens", include_str!("../../migrations/sqlite/0008_tokens.sql")),
    (9, "scopes", include_str!("../../migrations/sqlite/0009_scopes.sql")),
    (10, "answers", include_str!("../../migrations/sqlite/0010_answers.sql")),
];

fn migrator() -> Migrator {
    let migration = |(version, description, sql): (i64, &'static str, &'static str)| {
        let kind = MigrationType::Simple;
        Migration::new(version, description.into(), kind, SqlStr::from_static(sql), false)
    };
    Migrator::with_migrations(MIGRATIONS.into_iter().map(migration).collect())
}

/// Marks a file as Tidegate's: the letters `TIDE` as SQLite's `application_id` (sqlite.org/pragma.html).
const APPLICATION: i64 = 0x5449_4445;

/// The content of the database before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Empty,
    /// Tidegate's tables.
    Ours,
}

/// Refuses another program's database, and migrates the schema.
///
/// In one write transaction: two processes that start at once do not migrate twice, and a crash leaves the schema unchanged.
pub(super) async fn bring_up_to_date(database: &Database) -> Result<Found, StoreError> {
    let operation = "bring the schema up to date";
    let path = database.path();
    let mut transaction = database.write(operation).await?;
    let found = identify(&mut transaction, path).await?;
    if found == Found::Empty {
        mark_as_ours(&mut transaction).await.map_err(database.failed(operation))?;
    }
    match migrator().run_direct(None, &mut *transaction, false).await {
        Err(MigrateError::VersionMissing(version)) => return Err(newer(path, version)),
        result => result.map_err(|error| StoreError::migration(path, error))?,
    }
    transaction.commit().await.map_err(database.failed(operation))?;
    Ok(found)
}

/// Fails with [`FailureKind::Damaged`] when a page or an index is inconsistent.
pub(super) async fn check(database: &Database) -> Result<(), StoreError> {
    check_by(database, sql::CHECK).await
}

/// As [`check`], and that indexes match their tables.
pub(super) async fn check_whole(database: &Database) -> Result<(), StoreError> {
    check_by(database, sql::CHECK_WHOLE).await
}

async fn check_by(database: &Database, pragma: &'static str) -> Result<(), StoreError> {
    let operation = "check the pages";
    let mut connection = database.read(operation).await?;
    let verdict: String =
        sqlx::query_scalar(pragma).fetch_one(&mut *connection).await.map_err(database.failed(operation))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Database {
        operation,
        path: database.path().to_owned(),
        failure: FailureKind::Damaged,
        source: Printable::new(&verdict).to_string().into(),
    })
}

async fn identify(connection: &mut Connection, path: &Path) -> Result<Found, StoreError> {
    let failed = |error| StoreError::database("read the schema", path, error);
    let application: i64 =
        sqlx::query_scalar(sql::APPLICATION).fetch_one(&mut *connection).await.map_err(failed)?;
    if application == APPLICATION {
        return Ok(Found::Ours);
    }
    let tables: i64 = sqlx::query_scalar(sql::TABLES).fetch_one(connection).await.map_err(failed)?;
    if tables == 0 { Ok(Found::Empty) } else { Err(StoreError::NotOurs { path: path.to_owned() }) }
}

async fn mark_as_ours(connection: &mut Connection) -> Result<(), sqlx::Error> {
    let mark = format!("PRAGMA application_id = {APPLICATION}");
    sqlx::query(sqlx::AssertSqlSafe(mark)).execute(connection).await.map(drop)
}

fn newer(path: &Path, found: i64) -> StoreError {
    let known = MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or_default();
    StoreError::NewerSchema { path: path.to_owned(), found, known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_file_is_in_the_binary() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed = MIGRATIONS.map(|(version, description, _)| format!("{version:04}_{description}.sql"));
        assert_eq!(files, listed);
    }
}
