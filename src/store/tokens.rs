//! Access tokens, and the audit log.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use sqlx::sqlite::SqliteRow;

use crate::model::{AccessToken, AuditEntry, Timestamp, TokenId};

use super::connection::Connection;
use super::open::Store;
use super::row::{self, Unreadable};
use super::{StoreError, sql};

/// The most entries of the audit log; older ones are deleted.
const MOST_ENTRIES: i64 = 100_000;

impl Store {
    /// Adds a token, and an entry about it.
    ///
    /// # Errors
    /// The database cannot be written, or has a token of this id.
    pub async fn add_token(&self, token: &AccessToken, entry: &AuditEntry) -> Result<(), StoreError> {
        let operation = "write a token";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        sqlx::query(sql::ADD_TOKEN)
            .bind(token.id.as_str())
            .bind(token.name.as_str())
            .bind(&token.secret_hash)
            .bind(token.created_at.timestamp_millis())
            .bind(&token.created_by)
            .bind(token.expires_at.timestamp_millis())
            .bind(words(&token.scopes))
            .bind(words(&token.environments))
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        add_entry(&mut writing, entry).await.map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }

    /// Every token, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn tokens(&self) -> Result<Vec<AccessToken>, StoreError> {
        let operation = "read the tokens";
        let mut reading = self.database.read(operation).await?;
        let rows = sqlx::query(sql::TOKENS).fetch_all(&mut *reading).await;
        let rows = rows.map_err(self.database.failed(operation))?;
        Ok(row::read_rows(&rows, "token", read_token))
    }

    /// A token by its id. One that cannot be read is none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn token(&self, id: &TokenId) -> Result<Option<AccessToken>, StoreError> {
        let operation = "read a token";
        let mut reading = self.database.read(operation).await?;
        let rows = sqlx::query(sql::TOKEN).bind(id.as_str()).fetch_all(&mut *reading).await;
        let rows = rows.map_err(self.database.failed(operation))?;
        Ok(row::read_rows(&rows, "token", read_token).pop())
    }

    /// Revokes a token, with an entry about it. Returns whether it counted until now.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn revoke_token(&self, id: &TokenId, entry: &AuditEntry) -> Result<bool, StoreError> {
        let operation = "revoke a token";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        let revoked = sqlx::query(sql::REVOKE_TOKEN)
            .bind(id.as_str())
            .bind(entry.at.timestamp_millis())
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        if revoked.rows_affected() == 0 {
            return Ok(false);
        }
        add_entry(&mut writing, entry).await.map_err(&failed)?;
        writing.commit().await.map_err(failed)?;
        Ok(true)
    }

    /// Adds an entry to the audit log.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn add_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let operation = "write the audit log";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        add_entry(&mut writing, entry).await.map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }

    /// The last entries of the audit log since a time, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn audit(&self, since: Option<Timestamp>, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let operation = "read the audit log";
        let mut reading = self.database.read(operation).await?;
        let rows = sqlx::query(sql::AUDIT)
            .bind(since.map_or(i64::MIN, |at| at.timestamp_millis()))
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        Ok(row::read_rows(&rows, "audit", read_entry))
    }
}

async fn add_entry(connection: &mut Connection, entry: &AuditEntry) -> Result<(), sqlx::Error> {
    sqlx::query(sql::ADD_AUDIT)
        .bind(entry.at.timestamp_millis())
        .bind(&entry.actor)
        .bind(entry.token.as_ref().map(TokenId::as_str))
        .bind(&entry.action)
        .bind(&entry.subject)
        .execute(&mut *connection)
        .await?;
    sqlx::query(sql::PRUNE_AUDIT).bind(MOST_ENTRIES).execute(connection).await.map(drop)
}

/// Words of a set in one column.
fn words(set: &BTreeSet<impl ToString>) -> String {
    set.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn read_words<T: FromStr<Err: Display> + Ord>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<BTreeSet<T>, Unreadable> {
    let text: String = row::plain(row, column)?;
    text.split_whitespace().map(|word| row::parse(word, column)).collect()
}

fn read_token(row: &SqliteRow) -> Result<AccessToken, Unreadable> {
    Ok(AccessToken {
        id: row::parsed(row, "token")?,
        name: row::parsed(row, "name")?,
        scopes: read_words(row, "scopes")?,
        environments: read_words(row, "environments")?,
        secret_hash: row::plain(row, "secret_hash")?,
        created_at: row::timestamp(row, "created_at_ms")?,
        created_by: row::plain(row, "created_by")?,
        expires_at: row::timestamp(row, "expires_at_ms")?,
        revoked_at: row::optional_timestamp(row, "revoked_at_ms")?,
    })
}

fn read_entry(row: &SqliteRow) -> Result<AuditEntry, Unreadable> {
    let token: Option<String> = row::plain(row, "token")?;
    Ok(AuditEntry {
        at: row::timestamp(row, "at_ms")?,
        actor: row::plain(row, "actor")?,
        token: token.map(|text| row::parse(&text, "token")).transpose()?,
        action: row::plain(row, "action")?,
        subject: row::plain(row, "subject")?,
    })
}
