//! Database connections: their settings, and the two kinds of transaction.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::query_builder::Separated;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, QueryBuilder, Sqlite, SqliteConnection, Transaction};

use super::error::StoreError;

/// Timeout of a writer that waits for another. The longest write, a whole index, takes a fraction of this.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// One connection, so one thread and one page cache: the queries of a process queue in memory instead of polling SQLite's
/// file lock, and none takes long. A transaction must end before the next one begins.
const CONNECTIONS: u32 = 1;

/// The database and its path.
#[derive(Debug)]
pub(super) struct Database {
    pool: SqlitePool,
    path: PathBuf,
}

impl Database {
    /// Connects to an existing file, lazily: the first query reads it.
    ///
    /// Every commit is synced, because an intent must survive a power cut before its push. Commits are few: an unchanged
    /// pass writes nothing.
    pub(super) fn at(path: &Path) -> Self {
        Self::connect(path, SqliteSynchronous::Full)
    }

    /// Connects for writing what can be fetched again. A power cut may lose the last commits, never damage the file; the
    /// next synced commit of any connection keeps them (<https://sqlite.org/pragma.html#pragma_synchronous>).
    pub(super) fn for_caches(path: &Path) -> Self {
        Self::connect(path, SqliteSynchronous::Normal)
    }

    fn connect(path: &Path, synchronous: SqliteSynchronous) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            // Detects damage when a page is read, before its content is used.
            .pragma("cell_size_check", "ON")
            .pragma("trusted_schema", "OFF")
            // The first index leaves a long write-ahead log, truncated to this at the next checkpoint.
            .pragma("journal_size_limit", "1048576")
            .row_buffer_size(512)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(2 * BUSY_TIMEOUT)
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(is_at_rest(connection)))
            // Either would wake the idle daemon to look for connections to close.
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        Self { pool, path: path.to_owned() }
    }

    /// Begins a read transaction: all its queries see one state.
    pub(super) async fn read(
        &self,
        operation: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin().await.map_err(self.failed(operation))
    }

    /// A connection outside a transaction.
    pub(super) async fn connection(
        &self,
        operation: &'static str,
    ) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.pool.acquire().await.map_err(self.failed(operation))
    }

    /// Begins a write transaction. It is exclusive from the start, so what it reads cannot change.
    pub(super) async fn write(
        &self,
        operation: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(self.failed(operation))
    }

    /// Adds the operation and the path to an error.
    pub(super) fn failed(&self, operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
        move |error| StoreError::database(operation, &self.path, error)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Closes every connection; the last process to do so merges the write-ahead log into the file.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether a connection is reusable. SQLite may roll back by itself when the disk is full; sqlx then keeps assuming an open
/// transaction and cannot begin another.
async fn is_at_rest(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    // Waits for the rollback of a dropped transaction.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// A connection, or a transaction as one.
pub(super) type Connection = SqliteConnection;

/// Binds one row of an insert, column by column.
pub(super) type RowOfValues<'query> = Separated<'query, Sqlite, &'static str>;

/// Rows per statement: enough to amortise the hop to the database's thread, few enough for every parameter limit.
pub(super) const ROWS_PER_STATEMENT: usize = 100;

/// The rows that a query finds for `keys`, many keys per statement. The query takes the position of each key before the key,
/// and selects it as `position`, so that [`row::key`](super::row::key) finds the key of a row.
pub(super) async fn rows_of<K>(
    connection: &mut Connection,
    (before, after): (&'static str, &'static str),
    keys: &[K],
    bind: impl Fn(&mut RowOfValues<'_>, &K),
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    let positioned: Vec<(i64, &K)> = (0..).zip(keys).collect();
    let mut rows = Vec::new();
    for keys in positioned.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new(before);
        query.push_values(keys, |mut values, (position, key)| {
            values.push_bind(*position);
            bind(&mut values, key);
        });
        query.push(after);
        rows.append(&mut query.build().fetch_all(&mut *connection).await?);
    }
    Ok(rows)
}

/// Inserts rows, many per statement.
pub(super) async fn insert<T>(
    connection: &mut Connection,
    into: &'static str,
    rows: &[T],
    bind: impl Fn(RowOfValues<'_>, &T),
) -> Result<(), sqlx::Error> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::new(into);
        query.push_values(rows, &bind);
        // A statement of another length is rarely used again: do not cache it.
        let repeats = rows.len() == ROWS_PER_STATEMENT;
        query.build().persistent(repeats).execute(&mut *connection).await?;
    }
    Ok(())
}
