//! Reads the index from its newest end backwards, part by part.

use crate::model::{Fault, IndexEnd, ServiceName, TagChange, TagChangeQuery, Timestamp};
use crate::port::Store;

/// Tag changes per query; few in tests, so that they span several.
const TAG_CHANGES_PER_PART: usize = if cfg!(test) { 2 } else { 5_000 };

/// A reading of the kept history, part by part.
pub(in crate::engine) struct NewestFirst {
    end: IndexEnd,
    query: TagChangeQuery,
    is_over: bool,
}

impl NewestFirst {
    /// Of every service or of some, from the beginning or since a time.
    pub(in crate::engine) fn of(end: IndexEnd, services: Vec<ServiceName>, since: Option<Timestamp>) -> Self {
        let query = TagChangeQuery { services, since, most: TAG_CHANGES_PER_PART, rest: None };
        Self { end, query, is_over: false }
    }

    /// The next part; none at the end.
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

    /// Ends the reading early.
    pub(in crate::engine) fn end(&mut self) {
        self.is_over = true;
    }
}
