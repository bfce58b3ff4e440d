//! Tags: when each tag was first seen in its registry.
//!
//! A log of new tags. The first answer for an image makes one row of all its tags, whose age is unknown; each later answer
//! with new tags makes one more. What comes makes room: tags that left long ago are forgotten when new ones are recorded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use crate::model::{ImageName, Tag, TagList, TagsSeen, Timestamp};
use crate::port::SeenTags;

use super::connection::{Connection, ROWS_PER_STATEMENT, insert, rows_of};
use super::open::Store;
use super::row::{self, Unreadable};
use super::{StoreError, sql};

impl SeenTags for Store {
    type Error = StoreError;

    async fn tags_seen(&self, of: &[ImageName]) -> Result<HashMap<ImageName, Vec<TagsSeen>>, StoreError> {
        let operation = "read the tags that were seen";
        let failed = self.database.failed(operation);
        let mut reading = self.database.read(operation).await?;
        let mut seen: HashMap<ImageName, Vec<TagsSeen>> = HashMap::new();
        let rows = rows_of(&mut reading, sql::TAGS_SEEN, of, |values, image| {
            values.push_bind(image.to_string());
        });
        for (image, tags) in row::read_rows(&rows.await.map_err(failed)?, "tags seen", |row| read(row, of)) {
            seen.entry(image.clone()).or_default().push(tags);
        }
        Ok(seen)
    }

    async fn note_tags(&self, new: &[(ImageName, Vec<Tag>)], at: Timestamp) -> Result<(), StoreError> {
        let new: Vec<&(ImageName, Vec<Tag>)> = new.iter().filter(|(_, tags)| !tags.is_empty()).collect();
        if new.is_empty() {
            return Ok(());
        }
        let operation = "record tags";
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        let mut last: HashMap<String, i64> = HashMap::new();
        for images in new.chunks(ROWS_PER_STATEMENT) {
            let mut query = QueryBuilder::<Sqlite>::new(sql::LAST_TAGS_SEEN.0);
            query.push_values(images, |mut values, (image, _)| {
                values.push_bind(image.to_string());
            });
            query.push(sql::LAST_TAGS_SEEN.1);
            let rows = query.build_query_as().fetch_all(&mut *writing).await.map_err(&failed)?;
            last.extend(rows);
        }
        let ordinal = |image: &str| last.get(image).copied().unwrap_or_default() + 1;
        insert(&mut writing, sql::ADD_TAGS_SEEN, &new, |mut values, (image, tags)| {
            let image = image.to_string();
            let ordinal = ordinal(&image);
            let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
            values
                .push_bind(image)
                .push_bind(ordinal)
                .push_bind(tags.join(" "))
                .push_bind(at.timestamp_millis());
        })
        .await
        .map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }

    async fn forget_tags(
        &self,
        lists: &[(ImageName, Arc<TagList>)],
        used: &HashSet<&ImageName>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let operation = "forget tags";
        let failed = self.database.failed(operation);
        let before_ms = (at - self.retention).timestamp_millis();
        let mut reading = self.database.read(operation).await?;
        let rows = rows_of(&mut reading, sql::OLD_TAGS_SEEN, lists, |values, (image, _)| {
            values.push_bind(image.to_string()).push_bind(before_ms);
        });
        let rows = rows.await.map_err(&failed)?;
        let gone = row::read_rows(&rows, "tags seen", |row| Gone::read(row, lists));
        let gone: Vec<Gone> = gone.into_iter().flatten().collect();
        let images: Vec<String> = sqlx::query_scalar(sql::OLD_IMAGES)
            .bind(before_ms)
            .fetch_all(&mut *reading)
            .await
            .map_err(&failed)?;
        drop(reading);
        let used: HashSet<String> = used.iter().map(ToString::to_string).collect();
        let images: Vec<String> = images.into_iter().filter(|image| !used.contains(image)).collect();
        if gone.is_empty() && images.is_empty() {
            return Ok(());
        }
        let mut writing = self.database.write(operation).await?;
        forget(&mut writing, &gone, &images).await.map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }
}

/// The tags of a row that left their registry.
struct Gone {
    image: String,
    ordinal: i64,
    /// The tags of the row that are still there.
    kept: String,
    left: Vec<String>,
}

impl Gone {
    /// `None` when all tags of the row are still there.
    fn read(row: &SqliteRow, lists: &[(ImageName, Arc<TagList>)]) -> Result<Option<Self>, Unreadable> {
        let (image, list) = row::key(row, lists)?;
        let tags: &str = row::plain(row, "tags")?;
        // A list is sorted.
        let is_listed = |tag: &&str| list.tags.binary_search_by(|listed| listed.as_str().cmp(tag)).is_ok();
        let (kept, gone): (Vec<&str>, Vec<&str>) = tags.split_whitespace().partition(is_listed);
        if gone.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            image: image.to_string(),
            ordinal: row::plain(row, "ordinal")?,
            kept: kept.join(" "),
            left: gone.into_iter().map(str::to_owned).collect(),
        }))
    }
}

async fn forget(connection: &mut Connection, gone: &[Gone], images: &[String]) -> Result<(), sqlx::Error> {
    for row in gone {
        let replace = sqlx::query(sql::REPLACE_TAGS_SEEN).bind(&row.image).bind(row.ordinal).bind(&row.kept);
        replace.execute(&mut *connection).await?;
        sqlx::query(sql::FORGET_EMPTY_TAGS_SEEN).bind(&row.image).execute(&mut *connection).await?;
        for tag in &row.left {
            sqlx::query(sql::FORGET_OBSERVATIONS)
                .bind(&row.image)
                .bind(tag)
                .execute(&mut *connection)
                .await?;
        }
    }
    for image in images {
        for statement in sql::FORGET_IMAGE {
            sqlx::query(statement).bind(image).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Skips an unreadable tag and keeps the others of its row.
fn read<'seen>(row: &SqliteRow, of: &'seen [ImageName]) -> Result<(&'seen ImageName, TagsSeen), Unreadable> {
    let image = row::key(row, of)?;
    let ordinal: i64 = row::plain(row, "ordinal")?;
    let tags: &str = row::plain(row, "tags")?;
    let tags = tags.split(' ').filter_map(|tag| tag.parse().ok()).collect();
    Ok((image, TagsSeen { tags, at: row::timestamp(row, "seen_at_ms")?, is_first: ordinal == 1 }))
}
