//! Asking registries.

use std::future::Future;
use std::sync::Arc;

use crate::model::{Artifact, Digest, ImageName, IntoFault, Tag, TagList};

/// Asks registries.
pub trait Registry: Send + Sync + 'static {
    /// What can go wrong.
    type Error: IntoFault;

    /// Every tag of an image. An unchanged answer is the same allocation as last time.
    fn tags(&self, image: &ImageName) -> impl Future<Output = Result<Arc<TagList>, Self::Error>> + Send;

    /// The digest that a tag has now.
    fn digest(
        &self,
        image: &ImageName,
        tag: &Tag,
    ) -> impl Future<Output = Result<Digest, Self::Error>> + Send;

    /// What the manifest with this digest describes. Never changes, so it is requested once.
    fn artifact(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Future<Output = Result<Artifact, Self::Error>> + Send;
}
