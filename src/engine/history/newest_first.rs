//! Reads the index from its newest end backwards, part by part.

use crate::engine::base::ports::Store;
use crate::model::{Fault, IndexEnd, ServiceName, TagChange, TagChangeQuery, Timestamp};

/// How many tag changes are read at once; few in tests, so that they meet several parts.
const MOVEMENTS_A_PART: usize = if cfg!(test) { 2 } else { 5_000 };

/// A reading of the kept history, part by part.
pub(in crate::engine) struct NewestFirst {
    end: IndexEnd,
    query: TagChangeQuery,
    is_over: bool,
}

impl NewestFirst {
    /// The kept history up to its end, from there backwards; perhaps only of a service, and of what was committed since a
    /// time.
    pub(in crate::engine) fn of(
        end: IndexEnd,
        service: Option<ServiceName>,
        since: Option<Timestamp>,
    ) -> Self {
        let query = TagChangeQuery { service, since, most: MOVEMENTS_A_PART, rest: None };
        Self { end, query, is_over: false }
    }

    /// The next part; nothing at the end.
    pub(in crate::engine) async fn next(
        &mut self,
        store: &impl Store,
    ) -> Result<Option<Vec<TagChange>>, Fault> {
        if self.is_over {
            return Ok(None);
        }
        let part = store.tag_changes(self.end, &self.query).await?;
        self.query.rest = part.rest;
        self.is_over = part.rest.is_none();
        Ok(Some(part.tag_changes))
    }

    /// What comes is not wanted.
    pub(in crate::engine) fn end(&mut self) {
        self.is_over = true;
    }
}
