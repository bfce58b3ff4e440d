//! What reading notes needs of the world, as traits. None of them can write but the shelf, which keeps what was read.

use std::collections::BTreeMap;
use std::future::Future;

use crate::changelog::{Found, Sought, Source};
use crate::model::{CommitId, Digest, Fault, ImageName, SourceRange};

use super::settings::Scope;

/// Asks registries what images say of themselves.
pub trait Images: Send + Sync + 'static {
    /// The labels and annotations of an image.
    fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Future<Output = Result<BTreeMap<String, String>, Fault>> + Send;
}

/// Two commits whose difference is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The commit that runs.
    pub from: CommitId,
    /// The new commit.
    pub to: CommitId,
}

/// Reads source repositories.
pub trait Histories: Send + Sync + 'static {
    /// Finds the commits that two images were built from.
    fn find(
        &self,
        source: &Source,
        scope: &Scope,
        sought: [&Sought; 2],
    ) -> impl Future<Output = Result<[Found; 2], Fault>> + Send;

    /// What lies between two commits that were found.
    fn between(
        &self,
        source: &Source,
        scope: &Scope,
        span: Span,
    ) -> impl Future<Output = Result<SourceRange, Fault>> + Send;

    /// The tags of the repository, with their commits.
    fn tags(
        &self,
        source: &Source,
        scope: &Scope,
    ) -> impl Future<Output = Result<Vec<(CommitId, String)>, Fault>> + Send;
}

/// Keeps what was read, by what never changes: digests and commits. What it can't keep or give back is read again.
pub trait Shelf: Send + Sync + 'static {
    /// The kept labels of an image.
    fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Future<Output = Option<BTreeMap<String, String>>> + Send;

    /// Keeps the labels of an image.
    fn keep_labels(
        &self,
        image: &ImageName,
        digest: &Digest,
        labels: &BTreeMap<String, String>,
    ) -> impl Future<Output = ()> + Send;

    /// What was kept of the range between two images, as text.
    fn range(
        &self,
        image: &ImageName,
        digests: [&Digest; 2],
        scope: &str,
    ) -> impl Future<Output = Option<String>> + Send;

    /// Keeps the range between two images.
    fn keep_range(
        &self,
        image: &ImageName,
        digests: [&Digest; 2],
        scope: &str,
        content: &str,
    ) -> impl Future<Output = ()> + Send;
}
