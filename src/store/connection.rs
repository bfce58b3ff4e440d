//! How the database is spoken to: the settings of a connection, and the two kinds of transaction.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::query_builder::Separated;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, QueryBuilder, Sqlite, SqliteConnection, Transaction};

use super::error::StoreError;

/// How long a writer waits for another one. The longest write, a whole index, takes a fraction of this.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// One connection, which is one thread and one page cache: the queries of a process take turns in memory instead of
/// polling SQLite's lock on the file, and none of them is long. A transaction must end before the next one begins.
const CONNECTIONS: u32 = 1;

/// The database, and where it lies.
#[derive(Debug)]
pub(super) struct Database {
    pool: SqlitePool,
    path: PathBuf,
}

impl Database {
    /// The database in this file, which must be there; it is first read by the first query.
    pub(super) fn at(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // An intent must survive a power cut before the push that it announces: every commit is synced. There
            // are few of them, since nothing is written when nothing changed.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            // Damage is noticed when a page is read, not when its content makes no sense.
            .pragma("cell_size_check", "ON")
            .pragma("trusted_schema", "OFF")
            // A first index leaves a long write-ahead log; it shrinks to this at the next checkpoint.
            .pragma("journal_size_limit", "1048576")
            .row_buffer_size(512)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(2 * BUSY_TIMEOUT)
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(is_at_rest(connection)))
            // Either of these would wake the idle daemon to look for connections to close.
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        Self { pool, path: path.to_owned() }
    }

    /// A transaction that sees one state of the database from its first query to its last.
    pub(super) async fn read(
        &self,
        operation: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin().await.map_err(self.failed(operation))
    }

    /// A transaction that writes. It is the only one from its begin on: what it reads can't change under it.
    pub(super) async fn write(
        &self,
        operation: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(self.failed(operation))
    }

    /// Names the operation and the database in an error.
    pub(super) fn failed(&self, operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
        move |error| StoreError::database(operation, &self.path, error)
    }

    /// The database's file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends every connection; the last one of all processes folds the write-ahead log into the file.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether a connection can be used again. When a disk is full SQLite may end a transaction by itself; sqlx then
/// believes for ever that there is one, and could not begin another.
async fn is_at_rest(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    // Waits for the rollback of a transaction that was dropped.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// What a query runs on: a connection, or a transaction seen as one.
pub(super) type Connection = SqliteConnection;

/// The place in a query where one row is bound, column by column.
pub(super) type RowOfValues<'query> = Separated<'query, Sqlite, &'static str>;

/// How many rows go into one statement: enough to make the way to the database's thread cheap, few enough for
/// every limit on parameters.
pub(super) const ROWS_PER_STATEMENT: usize = 100;

/// Adds rows, many in a statement.
pub(super) async fn insert<T>(
    connection: &mut Connection,
    into: &'static str,
    rows: &[T],
    bind: impl Fn(RowOfValues<'_>, &T),
) -> Result<(), sqlx::Error> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::new(into);
        query.push_values(rows, &bind);
        // A statement of another length is hardly met again.
        let repeats = rows.len() == ROWS_PER_STATEMENT;
        query.build().persistent(repeats).execute(&mut *connection).await?;
    }
    Ok(())
}
