//! Rows of a tag change: its own, its place's and its commit's.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::model::{FetchEvidence, HistoryRest, PromotionMark, TagChange, TagChangeCommit, Timestamp};
use crate::store::row::{self, Unreadable};

use super::{checksum, pinned};

/// Reads the rows of a query for tag changes, where a commit repeats for each of its changes.
#[derive(Default)]
pub(super) struct Reader {
    commits: HashMap<i64, Arc<TagChangeCommit>>,
}

impl Reader {
    /// The tag change of a row, with its sequence.
    pub(super) fn read(&mut self, row: &SqliteRow) -> Result<(HistoryRest, TagChange), Unreadable> {
        let sequence: i64 = at(row, 0)?;
        let commit = if let Some(commit) = self.commits.get(&sequence) {
            Arc::clone(commit)
        } else {
            let commit = Arc::new(commit(row, sequence)?);
            self.commits.insert(sequence, Arc::clone(&commit));
            commit
        };
        let (before, after): (&str, &str) = (at(row, 2)?, at(row, 3)?);
        let (promotion, requested_by): (Option<&str>, Option<&str>) = (at(row, 4)?, at(row, 5)?);
        let digest: Option<&str> = at(row, 6)?;
        let (service, image, path): (&str, &str, &str) = (at(row, 8)?, at(row, 9)?, at(row, 10)?);
        let (is_pushed_here, is_beside): (Option<bool>, bool) = (at(row, 18)?, at(row, 19)?);
        let (from_service, from_image): (Option<&str>, Option<&str>) = (at(row, 20)?, at(row, 21)?);
        let text = TagChangeText {
            before,
            after,
            promotion,
            requested_by,
            digest,
            is_pushed_here,
            is_beside,
            from_service,
            from_image,
            service,
            image,
            path,
        };
        if text.checksum(sequence) != at::<i64>(row, 7)? {
            return Err(Unreadable::new("checksum", "a movement is not what was written"));
        }
        let tag_change = TagChange {
            sequence: u64::try_from(sequence).map_err(|error| Unreadable::new("sequence", error))?,
            commit,
            path: row::parse(path, "path")?,
            service: row::parse(service, "service")?,
            image: row::parse(image, "image")?,
            before: pinned::from_text(before, "before")?,
            after: pinned::from_text(after, "after")?,
            promotion: promotion
                .map(|id| mark(id, requested_by, digest, is_pushed_here == Some(true)))
                .transpose()?,
            is_beside,
            renamed_from: match (from_service, from_image) {
                (Some(service), Some(image)) => {
                    Some((row::parse(service, "from_service")?, row::parse(image, "from_image")?))
                }
                _ => None,
            },
        };
        Ok((HistoryRest { sequence, ordinal: at(row, 1)? }, tag_change))
    }
}

/// The columns of a tag change and its place.
pub(super) struct TagChangeText<'a> {
    pub(super) before: &'a str,
    pub(super) after: &'a str,
    pub(super) promotion: Option<&'a str>,
    pub(super) requested_by: Option<&'a str>,
    pub(super) digest: Option<&'a str>,
    pub(super) is_pushed_here: Option<bool>,
    pub(super) is_beside: bool,
    pub(super) from_service: Option<&'a str>,
    pub(super) from_image: Option<&'a str>,
    pub(super) service: &'a str,
    pub(super) image: &'a str,
    pub(super) path: &'a str,
}

impl TagChangeText<'_> {
    pub(super) fn checksum(&self, sequence: i64) -> i64 {
        checksum([
            Some(sequence.to_string().as_str()),
            Some(self.service),
            Some(self.image),
            Some(self.path),
            Some(self.before),
            Some(self.after),
            self.promotion,
            self.requested_by,
            self.digest,
            self.is_pushed_here.map(|is| if is { "1" } else { "0" }),
            self.is_beside.then_some("beside"),
            self.from_service,
            self.from_image,
        ])
    }
}

/// The columns of a commit, without its sequence.
pub(super) struct CommitRow<'a> {
    pub(super) id: &'a str,
    pub(super) committed_at_ms: i64,
    pub(super) parent_committed_at_ms: Option<i64>,
    pub(super) author: &'a str,
    pub(super) absent_at_ms: Option<i64>,
    pub(super) fetched_at_ms: i64,
}

impl<'a> CommitRow<'a> {
    pub(super) fn of(commit: &'a TagChangeCommit, id: &'a str) -> Self {
        Self {
            id,
            committed_at_ms: commit.committed_at.timestamp_millis(),
            parent_committed_at_ms: commit.parent_committed_at.map(|at| at.timestamp_millis()),
            author: &commit.author_name,
            absent_at_ms: commit.fetched.absent_at.map(|at| at.timestamp_millis()),
            fetched_at_ms: commit.fetched.fetched_at.timestamp_millis(),
        }
    }

    pub(super) fn checksum(&self, sequence: i64) -> i64 {
        let text = |number: i64| number.to_string();
        let parent_committed_at = self.parent_committed_at_ms.map(text);
        let absent_at = self.absent_at_ms.map(text);
        checksum([
            Some(text(sequence).as_str()),
            Some(self.id),
            Some(text(self.committed_at_ms).as_str()),
            parent_committed_at.as_deref(),
            Some(self.author),
            absent_at.as_deref(),
            Some(text(self.fetched_at_ms).as_str()),
        ])
    }
}

fn commit(row: &SqliteRow, sequence: i64) -> Result<TagChangeCommit, Unreadable> {
    let stored = CommitRow {
        id: at(row, 11)?,
        committed_at_ms: at(row, 12)?,
        parent_committed_at_ms: at(row, 13)?,
        author: at(row, 14)?,
        absent_at_ms: at(row, 15)?,
        fetched_at_ms: at(row, 16)?,
    };
    if stored.checksum(sequence) != at::<i64>(row, 17)? {
        return Err(Unreadable::new("checksum", "a commit is not what was written"));
    }
    let timestamp = |millis, column| -> Result<Timestamp, Unreadable> { row::from_millis(millis, column) };
    Ok(TagChangeCommit {
        id: row::parse(stored.id, "commit_id")?,
        committed_at: timestamp(stored.committed_at_ms, "committed_at_ms")?,
        parent_committed_at: stored
            .parent_committed_at_ms
            .map(|at| timestamp(at, "parent_committed_at_ms"))
            .transpose()?,
        author_name: stored.author.to_owned(),
        fetched: FetchEvidence {
            absent_at: stored.absent_at_ms.map(|at| timestamp(at, "absent_at_ms")).transpose()?,
            fetched_at: timestamp(stored.fetched_at_ms, "fetched_at_ms")?,
        },
    })
}

fn mark(
    id: &str,
    requested_by: Option<&str>,
    digest: Option<&str>,
    is_pushed_here: bool,
) -> Result<PromotionMark, Unreadable> {
    let requested_by = requested_by.ok_or_else(|| Unreadable::new("requested_by", "a promotion has one"))?;
    Ok(PromotionMark {
        id: row::parse(id, "promotion")?,
        requested_by: requested_by.to_owned(),
        digest: digest.map(|digest| row::parse(digest, "digest")).transpose()?,
        is_pushed_here,
    })
}

/// A column by number: looking up names in a hundred thousand rows takes longer than reading them.
fn at<'row, T>(row: &'row SqliteRow, column: usize) -> Result<T, Unreadable>
where
    T: Decode<'row, Sqlite> + Type<Sqlite>,
{
    row.try_get(column).map_err(|error| Unreadable::new("one of a movement", error))
}
