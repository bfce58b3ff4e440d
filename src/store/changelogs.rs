//! Cached changelog inputs: image labels, and the commits between two images. Keyed by digest, so never stale; a lost row is
//! fetched again.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::model::{Digest, ImageName, Timestamp};
use crate::port::Labels;

use super::open::Store;
use super::{StoreError, sql};

/// Maximum cached ranges; the least recently read are deleted first.
const MAX_RANGES: i64 = 500;

/// Maximum size of a cached range, in bytes.
const MAX_RANGE_BYTES: usize = 16 * 1024 * 1024;

/// Maximum size of one image's labels, in bytes.
const MAX_LABEL_BYTES: usize = 256 * 1024;

/// The key of a cached range of commits.
#[derive(Clone, Copy, Debug)]
pub struct RangeKey<'a> {
    pub image: &'a ImageName,
    pub from: &'a Digest,
    pub to: &'a Digest,
    /// The source repository and the folders in it.
    pub scope: &'a str,
}

impl Store {
    /// Caches the labels of an image, unless they are too large.
    ///
    /// # Errors
    /// The database cannot be written.
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
        let failed = self.caches.failed(operation);
        let mut writing = self.caches.write(operation).await?;
        sqlx::query(sql::KEEP_LABELS)
            .bind(image.to_string())
            .bind(digest.as_str())
            .bind(text)
            .bind(at.timestamp_millis())
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        sqlx::query(sql::FORGET_LABELS)
            .bind((at - self.retention).timestamp_millis())
            .execute(&mut *writing)
            .await
            .map_err(&failed)?;
        writing.commit().await.map_err(failed)
    }

    /// The cached commits between two images, as text.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn source_range(&self, key: RangeKey<'_>) -> Result<Option<String>, StoreError> {
        let operation = "read the commits between two images";
        let mut reading = self.caches.read(operation).await?;
        let row: Option<(String, String)> = sqlx::query_as(sql::SOURCE_RANGE)
            .bind(key.image.to_string())
            .bind(key.from.as_str())
            .bind(key.to.as_str())
            .bind(key.scope)
            .fetch_optional(&mut *reading)
            .await
            .map_err(self.caches.failed(operation))?;
        Ok(row.filter(|(content, checksum)| *checksum == hash(content)).map(|(content, _)| content))
    }

    /// Caches the commits between two images, unless they exceed the size limit.
    ///
    /// # Errors
    /// The database cannot be written.
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
        let failed = self.caches.failed(operation);
        let mut writing = self.caches.write(operation).await?;
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

impl Labels for Store {
    type Error = StoreError;

    async fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> Result<Option<BTreeMap<String, String>>, StoreError> {
        let operation = "read the labels of an image";
        let mut reading = self.caches.read(operation).await?;
        let text: Option<String> = sqlx::query_scalar(sql::LABELS)
            .bind(image.to_string())
            .bind(digest.as_str())
            .fetch_optional(&mut *reading)
            .await
            .map_err(self.caches.failed(operation))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

fn hash(content: &str) -> String {
    format!("{:x}", Sha256::digest(content))
}
