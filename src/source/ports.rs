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

/// What a source repository says of two images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The commits that they were built from.
    pub found: [Found; 2],
    /// What lies between these; nothing when one is missing, or both are the same.
    pub between: Option<Between>,
}

impl Answer {
    /// The two commits, if both were found and they differ.
    pub fn ends(found: &[Found; 2]) -> Option<[CommitId; 2]> {
        let commit = |found: &Found| match found {
            Found::Revision(commit) | Found::Tag(commit, _) => Some(*commit),
            Found::Missing => None,
        };
        let ends = [commit(&found[0])?, commit(&found[1])?];
        (ends[0] != ends[1]).then_some(ends)
    }
}

/// What lies between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Between {
    /// The commits, in whatever order.
    pub range: SourceRange,
    /// Every tag of the repository, with its commit.
    pub tags: Vec<(CommitId, String)>,
}

/// Reads source repositories.
pub trait Histories: Send + Sync + 'static {
    /// Finds the commits that two images were built from, and reads what lies between them.
    fn read(
        &self,
        source: &Source,
        scope: &Scope,
        sought: [&Sought; 2],
    ) -> impl Future<Output = Result<Answer, Fault>> + Send;
}

/// Keeps what was read, by what never changes: digests and commits. What it can't keep or give back is read again.
pub trait Cache: Send + Sync + 'static {
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
