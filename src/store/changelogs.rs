//! What changelogs are made of: labels of images, and the commits between two of them. Kept by digest, which never
//! changes, and read again when it is lost.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::model::{Digest, ImageName, Timestamp};

use super::open::Store;
use super::{StoreError, sql};

/// How many ranges are kept; the ones that were read longest ago go first.
const MAX_RANGES: i64 = 500;

/// The largest range that is kept.
const MAX_RANGE_BYTES: usize = 16 * 1024 * 1024;

/// The most labels of one image that are kept, in bytes.
const MAX_LABEL_BYTES: usize = 256 * 1024;

/// Between which images, and what of their source was looked into.
#[derive(Clone, Copy, Debug)]
pub struct RangeKey<'a> {
    /// The image.
    pub image: &'a ImageName,
    /// The digest that runs.
    pub from: &'a Digest,
    /// The new digest.
    pub to: &'a Digest,
    /// The source repository and the folders in it.
    pub scope: &'a str,
}

impl Store {
    /// The kept labels of an image.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> Result<Option<BTreeMap<String, String>>, StoreError> {
        let operation = "read the labels of an image";
        let mut reading = self.database.read(operation).await?;
        let text: Option<String> = sqlx::query_scalar(sql::LABELS)
            .bind(image.to_string())
            .bind(digest.as_str())
            .fetch_optional(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps the labels of an image. More than anybody writes are not kept.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn keep_labels(
        &self,
        image: &ImageName,
        digest: &Digest,
        labels: &BTreeMap<String, String>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let operation = "keep the labels of an image";
        let Ok(text) = serde_json::to_string(labels) else { return Ok(()) };
        if text.len() > MAX_LABEL_BYTES {
            return Ok(());
        }
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        sqlx::query(sql::KEEP_LABELS)
            .bind(image.to_string())
            .bind(digest.as_str())
            .bind(text)
            .bind(at.timestamp_millis())
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }

    /// The kept commits between two images, as text.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn source_range(&self, key: RangeKey<'_>) -> Result<Option<String>, StoreError> {
        let operation = "read the commits between two images";
        let mut reading = self.database.read(operation).await?;
        let row: Option<(String, String)> = sqlx::query_as(sql::SOURCE_RANGE)
            .bind(key.image.to_string())
            .bind(key.from.as_str())
            .bind(key.to.as_str())
            .bind(key.scope)
            .fetch_optional(&mut *reading)
            .await
            .map_err(self.database.failed(operation))?;
        Ok(row.filter(|(content, checksum)| *checksum == hash(content)).map(|(content, _)| content))
    }

    /// Keeps the commits between two images. A range that is too long for it is not kept.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn keep_source_range(
        &self,
        key: RangeKey<'_>,
        content: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let operation = "keep the commits between two images";
        if content.len() > MAX_RANGE_BYTES {
            return Ok(());
        }
        let failed = self.database.failed(operation);
        let mut writing = self.database.write(operation).await?;
        sqlx::query(sql::KEEP_SOURCE_RANGE)
            .bind(key.image.to_string())
            .bind(key.from.as_str())
            .bind(key.to.as_str())
            .bind(key.scope)
            .bind(content)
            .bind(hash(content))
            .bind(at.timestamp_millis())
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        sqlx::query(sql::FORGET_SOURCE_RANGES)
            .bind(MAX_RANGES)
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }
}

fn hash(content: &str) -> String {
    format!("{:x}", Sha256::digest(content))
}
