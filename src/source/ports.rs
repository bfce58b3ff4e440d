//! The ports of this room. Only the cache writes.

use std::collections::BTreeMap;
use std::future::Future;

use crate::changelog::{CommitMatch, CommitQuery, Source};
use crate::model::{CommitId, Digest, Fault, ImageName, SourceRange};

use super::settings::Scope;

pub trait Images: Send + Sync + 'static {
    /// The labels and annotations of an image.
    fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Future<Output = Result<BTreeMap<String, String>, Fault>> + Send;
}

/// The comparison of two images in their source repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The commits that the images were built from.
    pub found: [CommitMatch; 2],
    /// The commits between them; `None` if one is missing or both are the same.
    pub range: Option<CommitRange>,
}

impl Comparison {
    /// The two commits, if both were found and they differ.
    pub fn ends(found: &[CommitMatch; 2]) -> Option<[CommitId; 2]> {
        let commit = |found: &CommitMatch| match found {
            CommitMatch::Revision(commit) | CommitMatch::Tag(commit, _) => Some(*commit),
            CommitMatch::Missing => None,
        };
        let ends = [commit(&found[0])?, commit(&found[1])?];
        (ends[0] != ends[1]).then_some(ends)
    }
}

/// The commits between two others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRange {
    /// In any order.
    pub range: SourceRange,
    /// Every tag of the repository, with its commit.
    pub tags: Vec<(CommitId, String)>,
}

/// Reads source repositories.
pub trait Histories: Send + Sync + 'static {
    /// Finds the commits that two images were built from, and reads the commits between them.
    fn read(
        &self,
        source: &Source,
        scope: &Scope,
        queries: [&CommitQuery; 2],
    ) -> impl Future<Output = Result<Comparison, Fault>> + Send;
}

/// Caches by what never changes: digests and commits. A failure means reading again.
pub trait Cache: Send + Sync + 'static {
    /// The cached labels of an image.
    fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Future<Output = Option<BTreeMap<String, String>>> + Send;

    fn keep_labels(
        &self,
        image: &ImageName,
        digest: &Digest,
        labels: &BTreeMap<String, String>,
    ) -> impl Future<Output = ()> + Send;

    /// The cached range between two images, as text.
    fn range(
        &self,
        image: &ImageName,
        digests: [&Digest; 2],
        scope: &str,
    ) -> impl Future<Output = Option<String>> + Send;

    fn keep_range(
        &self,
        image: &ImageName,
        digests: [&Digest; 2],
        scope: &str,
        content: &str,
    ) -> impl Future<Output = ()> + Send;
}
