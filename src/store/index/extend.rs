//! Extends the index at its end, or rebuilds it.

use std::collections::HashMap;

use crate::model::{CommitId, IndexEnd, TagChange};
use crate::port::IndexWriter;
use crate::store::connection::{Connection, RowOfValues, insert, rows_of};
use crate::store::row;
use crate::store::{Store, StoreError, sql};

use super::rows::{CommitRow, TagChangeText};
use super::{State, clear, cut, pinned, state};

impl Store {
    /// Drops the index unless `stays` accepts its state.
    pub(super) async fn drop_index_unless(&self, stays: impl Fn(&State) -> bool) -> Result<(), StoreError> {
        let operation = "drop the history index";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        let found = state(&mut writing).await.map_err(&failed)?;
        if found.as_ref().is_none_or(stays) {
            return Ok(());
        }
        clear(&mut writing).await.map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }
}

impl IndexWriter for Store {
    type Error = StoreError;

    async fn drop_other_index(&self, scope: &str) -> Result<(), StoreError> {
        self.drop_index_unless(|found| found.scope.is_empty() || found.scope == scope).await
    }

    async fn extend_index(
        &self,
        scope: &str,
        onto: Option<(IndexEnd, u64)>,
        head: CommitId,
        tag_changes: &[TagChange],
    ) -> Result<Option<IndexEnd>, StoreError> {
        check(tag_changes)?;
        let operation = "save the history index";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        let found = state(&mut writing).await.map_err(&failed)?;
        let is_followed = match &onto {
            Some((end, _)) => found.as_ref().is_some_and(|found| found.is(scope, end)),
            None => found.as_ref().is_none_or(|found| found.scope != scope),
        };
        if !is_followed {
            return Ok(None);
        }
        let end =
            write(&mut writing, scope, found.as_ref(), onto, head, tag_changes).await.map_err(&failed)?;
        writing.commit().await.map_err(failed)?;
        Ok(Some(end))
    }
}

impl State {
    fn is(&self, scope: &str, end: &IndexEnd) -> bool {
        self.scope == scope && self.end().is_ok_and(|found| found == *end)
    }
}

async fn write(
    connection: &mut Connection,
    scope: &str,
    found: Option<&State>,
    onto: Option<(IndexEnd, u64)>,
    head: CommitId,
    tag_changes: &[TagChange],
) -> Result<IndexEnd, sqlx::Error> {
    let mut generation = found.map_or(0, |found| found.generation);
    let kept = match onto {
        None => {
            clear(connection).await?;
            generation += 1;
            0
        }
        Some((end, from)) if from < end.next_sequence => {
            cut(connection, number(from)?).await?;
            generation += 1;
            from
        }
        Some((end, _)) => end.next_sequence,
    };
    add_commits(connection, tag_changes).await?;
    add_tag_changes(connection, tag_changes).await?;
    let next_sequence = tag_changes.last().map_or(kept, |last| last.sequence + 1);
    sqlx::query(sql::SET_INDEX)
        .bind(scope)
        .bind(head.to_string())
        .bind(number(next_sequence)?)
        .bind(generation)
        .execute(connection)
        .await?;
    Ok(IndexEnd { head, next_sequence, generation })
}

/// Checks the order of the tag changes.
fn check(tag_changes: &[TagChange]) -> Result<(), StoreError> {
    for (one, next) in tag_changes.iter().zip(tag_changes.iter().skip(1)) {
        if next.sequence < one.sequence {
            return Err(StoreError::UnfitIndex { reason: "the movements are not in the order of commits" });
        }
        if next.sequence == one.sequence && next.commit != one.commit {
            let reason = "two movements of one sequence tell different facts of its commit";
            return Err(StoreError::UnfitIndex { reason });
        }
    }
    Ok(())
}

async fn add_commits(connection: &mut Connection, tag_changes: &[TagChange]) -> Result<(), sqlx::Error> {
    let mut commits = Vec::new();
    for of_one in tag_changes.chunk_by(|one, next| one.sequence == next.sequence) {
        commits.push((number(of_one[0].sequence)?, &of_one[0].commit));
    }
    insert(connection, sql::ADD_COMMITS, &commits, |mut values, (sequence, commit)| {
        let id = commit.id.to_string();
        let row = CommitRow::of(commit, &id);
        let checksum = row.checksum(*sequence);
        let (committed_at, parent, absent_at, fetched_at) =
            (row.committed_at_ms, row.parent_committed_at_ms, row.absent_at_ms, row.fetched_at_ms);
        values
            .push_bind(*sequence)
            .push_bind(id)
            .push_bind(committed_at)
            .push_bind(parent)
            .push_bind(commit.author_name.clone())
            .push_bind(absent_at)
            .push_bind(fetched_at)
            .push_bind(checksum);
    })
    .await
}

async fn add_tag_changes(connection: &mut Connection, tag_changes: &[TagChange]) -> Result<(), sqlx::Error> {
    let places = places(connection, tag_changes).await?;
    let mut rows = Vec::with_capacity(tag_changes.len());
    for of_one in tag_changes.chunk_by(|one, next| one.sequence == next.sequence) {
        for (ordinal, tag_change) in (0_i64..).zip(of_one) {
            rows.push((
                number(tag_change.sequence)?,
                ordinal,
                places[&PlaceText::of(tag_change)],
                tag_change,
            ));
        }
    }
    insert(connection, sql::ADD_MOVEMENTS, &rows, |mut values, (sequence, ordinal, place, tag_change)| {
        let (before, after) = (pinned::to_text(&tag_change.before), pinned::to_text(&tag_change.after));
        let promotion = tag_change.promotion.as_ref().map(|mark| mark.id.to_string());
        let requested_by = tag_change.promotion.as_ref().map(|mark| mark.requested_by.clone());
        let digest = tag_change.promotion.as_ref().and_then(|mark| mark.digest.as_ref());
        let digest = digest.map(|digest| digest.as_str().to_owned());
        let of = PlaceText::of(tag_change);
        let is_pushed_here = tag_change.promotion.as_ref().map(|mark| mark.is_pushed_here);
        let from = tag_change.renamed_from.as_ref();
        let (from_service, from_image) =
            (from.map(|from| from.0.to_string()), from.map(|from| from.1.to_string()));
        let text = TagChangeText {
            is_pushed_here,
            is_beside: tag_change.is_beside,
            from_service: from_service.as_deref(),
            from_image: from_image.as_deref(),
            before: &before,
            after: &after,
            promotion: promotion.as_deref(),
            requested_by: requested_by.as_deref(),
            digest: digest.as_deref(),
            service: &of.service,
            image: &of.image,
            path: of.path,
        };
        let checksum = text.checksum(*sequence);
        values
            .push_bind(*sequence)
            .push_bind(*ordinal)
            .push_bind(*place)
            .push_bind(before)
            .push_bind(after)
            .push_bind(promotion)
            .push_bind(requested_by)
            .push_bind(digest)
            .push_bind(is_pushed_here)
            .push_bind(tag_change.is_beside)
            .push_bind(from_service)
            .push_bind(from_image)
            .push_bind(checksum);
    })
    .await
}

/// The place of a tag change, as a row has it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct PlaceText<'a> {
    service: String,
    image: String,
    path: &'a str,
}

impl<'a> PlaceText<'a> {
    fn of(tag_change: &'a TagChange) -> Self {
        let (service, image) = (tag_change.service.to_string(), tag_change.image.to_string());
        Self { service, image, path: tag_change.path.as_str() }
    }
}

/// Numbers places in the order of their first tag change.
async fn places<'a>(
    connection: &mut Connection,
    tag_changes: &'a [TagChange],
) -> Result<HashMap<PlaceText<'a>, i64>, sqlx::Error> {
    let mut numbers: HashMap<PlaceText<'a>, i64> =
        tag_changes.iter().map(|tag_change| (PlaceText::of(tag_change), 0)).collect();
    let wanted: Vec<PlaceText<'a>> = numbers.keys().cloned().collect();
    for row in rows_of(connection, sql::PLACES, &wanted, bind_place).await? {
        numbers.insert(row::key(&row, &wanted)?.clone(), row::plain(&row, "place")?);
    }
    let last: i64 = sqlx::query_scalar(sql::LAST_PLACE).fetch_one(&mut *connection).await?;
    let new = wanted.iter().filter(|place| numbers[place] == 0);
    let new: Vec<(i64, &PlaceText<'a>)> = (last + 1..).zip(new).collect();
    insert(connection, sql::ADD_PLACES, &new, |mut values, (number, place)| {
        values.push_bind(*number);
        bind_place(&mut values, place);
    })
    .await?;
    let new: Vec<(PlaceText<'a>, i64)> =
        new.into_iter().map(|(number, place)| (place.clone(), number)).collect();
    numbers.extend(new);
    Ok(numbers)
}

fn bind_place(values: &mut RowOfValues<'_>, place: &PlaceText<'_>) {
    values.push_bind(place.service.clone()).push_bind(place.image.clone()).push_bind(place.path.to_owned());
}

/// A sequence number as SQL stores it.
fn number(sequence: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(sequence).map_err(|error| sqlx::Error::Encode(error.into()))
}
