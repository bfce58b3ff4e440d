//! Requests to registries.

use std::future::Future;
use std::sync::Arc;

use crate::model::{Artifact, Digest, ImageName, IntoFault, Tag, TagList};

/// Requests to registries.
pub trait Registry: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// Every tag of an image. An unchanged list is the same allocation as last time.
    fn tags(&self, image: &ImageName) -> impl Future<Output = Result<Arc<TagList>, Self::Error>> + Send;

    /// The digest that a tag has now.
    fn digest(
        &self,
        image: &ImageName,
        tag: &Tag,
    ) -> impl Future<Output = Result<Digest, Self::Error>> + Send;

    /// The kind of the manifest with this digest. It never changes, so it is requested once.
    fn artifact(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Future<Output = Result<Artifact, Self::Error>> + Send;
}
