//! The history index: what changed in which file of which commit. Derived from Git, so that a pass need not walk
//! history again; may be dropped at any time.
//!
//! It is kept in segments of many movements, each one row: it is always read whole, and only grows at its end.

mod load;
mod pinned;
mod save;
mod segment;

pub use save::Saved;

use super::connection::Connection;
use super::sql;

/// Drops the index.
pub(super) async fn clear(connection: &mut Connection) -> Result<(), sqlx::Error> {
    for statement in sql::CLEAR_INDEX {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}
