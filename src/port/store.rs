//! What the engine remembers between passes. Losing it loses no decision.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;

use crate::model::{
    CommitId, Digest, FetchEvidence, HealthObservation, HealthSubject, ImageName, IndexEnd, Intent,
    IntoFault, Observation, Outcome, PromotionId, Subject, Tag, TagChange, TagChangePart, TagChangeQuery,
    TagList, TagsSeen, Timestamp,
};

/// An image and one of its tags.
pub type TaggedImage = (ImageName, Tag);

/// Everything that an engine remembers.
pub trait Store:
    Observations + Labels + SeenTags + Fetches + Health + IndexReader + IndexWriter + Intents
{
}

impl<S: Observations + Labels + SeenTags + Fetches + Health + IndexReader + IndexWriter + Intents> Store
    for S
{
}

/// Which digest each tag had, and when it changed.
pub trait Observations: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// Records the digests that differ from the last observed ones, all or none. Returns their number.
    fn observe(
        &self,
        seen: &[(ImageName, Tag, Digest)],
        at: Timestamp,
    ) -> impl Future<Output = Result<usize, Self::Error>> + Send;

    /// The observations of these tags, oldest first; tags that were never seen are missing.
    fn observations(
        &self,
        of: &[TaggedImage],
    ) -> impl Future<Output = Result<HashMap<TaggedImage, Vec<Observation>>, Self::Error>> + Send;

    /// The observations of all tags of these images, oldest first.
    fn all_observations(
        &self,
        of: &[ImageName],
    ) -> impl Future<Output = Result<HashMap<TaggedImage, Vec<Observation>>, Self::Error>> + Send;
}

/// The labels of images.
pub trait Labels: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// The labels of an image, if they were read before.
    fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Future<Output = Result<Option<BTreeMap<String, String>>, Self::Error>> + Send;
}

/// When each tag was first seen.
pub trait SeenTags: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// The tags that these images were seen with, oldest first.
    fn tags_seen(
        &self,
        of: &[ImageName],
    ) -> impl Future<Output = Result<HashMap<ImageName, Vec<TagsSeen>>, Self::Error>> + Send;

    /// Writes tags that were seen for the first time.
    fn note_tags(
        &self,
        new: &[(ImageName, Vec<Tag>)],
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Forgets first sights and digests that are older than the store keeps them: of tags that these lists lack, and of images
    /// that are not in `used`. A tag that comes back is new.
    fn forget_tags(
        &self,
        lists: &[(ImageName, Arc<TagList>)],
        used: &HashSet<&ImageName>,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// When the branch was fetched.
pub trait Fetches: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// The newest head that was fetched, and when.
    fn latest_fetch(&self)
    -> impl Future<Output = Result<Option<(CommitId, Timestamp)>, Self::Error>> + Send;

    /// Records that the branch was seen at `head`, and when it was last seen elsewhere.
    fn record_fetch(
        &self,
        head: CommitId,
        absent_at: Option<Timestamp>,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What was observed of the health of targets.
pub trait Health: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// Appends changes, all or none. Of each target, only the newest stay.
    fn record_health(
        &self,
        changes: &[(HealthSubject, HealthObservation)],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The changes of these targets, oldest first; those without any are missing.
    fn health(
        &self,
        of: &[HealthSubject],
    ) -> impl Future<Output = Result<HashMap<HealthSubject, Vec<HealthObservation>>, Self::Error>> + Send;
}

/// Reads the index of tag changes: which commit changed which tag in which file.
pub trait IndexReader: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// The scope and the end of the index, if there is one. The caller defines the scope: a fingerprint of the paths read and
    /// of the parser's version.
    fn index_end(&self) -> impl Future<Output = Result<Option<(String, IndexEnd)>, Self::Error>> + Send;

    /// All tag changes of these images of these services in the index up to `end`, oldest first.
    ///
    /// # Errors
    /// Class `TryAgain` when the index was rebuilt since this end.
    fn tag_changes_of(
        &self,
        end: IndexEnd,
        subjects: &[Subject],
    ) -> impl Future<Output = Result<Vec<TagChange>, Self::Error>> + Send;

    /// The tag changes that match in the index up to `end`, newest first.
    ///
    /// # Errors
    /// As [`tag_changes_of`](Self::tag_changes_of).
    fn tag_changes(
        &self,
        end: IndexEnd,
        wanted: &TagChangeQuery,
    ) -> impl Future<Output = Result<TagChangePart, Self::Error>> + Send;

    /// The fetches that brought these commits, for commits that an earlier index had.
    fn evidence(
        &self,
        of: &[CommitId],
    ) -> impl Future<Output = Result<HashMap<CommitId, FetchEvidence>, Self::Error>> + Send;
}

/// Extends the index of tag changes.
pub trait IndexWriter: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// Drops an index of another scope, but keeps when its commits arrived.
    fn drop_other_index(&self, scope: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Appends tag changes, oldest commit first, all or none, and returns the new end.
    ///
    /// `onto` is the known end of the index and the sequence from which it is truncated first; without it the tag changes
    /// replace an index of another scope. `head` is the newest commit read, even if it changed no tag. Returns nothing and
    /// writes nothing if another process changed the index meanwhile.
    fn extend_index(
        &self,
        scope: &str,
        onto: Option<(IndexEnd, u64)>,
        head: CommitId,
        tag_changes: &[TagChange],
    ) -> impl Future<Output = Result<Option<IndexEnd>, Self::Error>> + Send;
}

/// Promotions recorded before their push.
pub trait Intents: Send + Sync + 'static {
    /// The error.
    type Error: IntoFault;

    /// Records intents, all or none. Once this returns they survive a power cut.
    fn begin(&self, intents: &[Intent]) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The intents without an outcome, oldest first.
    fn pending(&self) -> impl Future<Output = Result<Vec<Intent>, Self::Error>> + Send;

    /// Records outcomes, all or none, at most one per intent.
    ///
    /// Idempotent. A rollout commit replaces an abandonment, because it was seen in Git; nothing replaces a rollout commit.
    /// Ignores an intent that a lost store does not have.
    fn settle(
        &self,
        outcomes: &[(PromotionId, Outcome)],
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
