//! Observations and intents as the store keeps them: tag changes, digests, first sightings, promotions in progress.

use std::sync::Arc;

use super::{
    CommitId, Digest, EnvironmentName, ImageName, PromotionId, RepoPath, ServiceName, Tag, Timestamp,
};

/// The tags that a registry has for an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagList {
    /// The tags, without duplicates, sorted as text.
    pub tags: Vec<Tag>,
    /// Number of entries that are no valid tags.
    pub ignored: usize,
}

/// A tag as a manifest holds it, with the digest that it is pinned to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PinnedTag {
    /// The tag.
    pub tag: Tag,
    /// The pinned digest.
    pub digest: Option<Digest>,
}

/// A digest of a tag, and when it was first observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The digest.
    pub digest: Digest,
    /// When it was first observed.
    pub at: Timestamp,
}

/// Tags first seen in one answer of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagsSeen {
    /// The tags.
    pub tags: Vec<Tag>,
    /// When they were seen.
    pub at: Timestamp,
    /// Whether this was the first answer about the image: then the tags may be older.
    pub is_first: bool,
}

/// When a commit arrived on the branch, bounded by two fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchEvidence {
    /// The last fetch without it, if any.
    pub absent_at: Option<Timestamp>,
    /// The first fetch with it.
    pub fetched_at: Timestamp,
}

/// A commit that changed a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChangeCommit {
    /// The commit.
    pub id: CommitId,
    /// Committer time.
    pub committed_at: Timestamp,
    /// Committer time of its first parent.
    pub parent_committed_at: Option<Timestamp>,
    /// Author; untrusted text.
    pub author_name: String,
    /// When it arrived on the branch.
    pub fetched: FetchEvidence,
}

/// The trailers of a promotion's commit about its tag change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionMark {
    /// Id of the promotion.
    pub id: PromotionId,
    /// Who requested it; untrusted text.
    pub requested_by: String,
    /// The promoted digest.
    pub digest: Option<Digest>,
    /// Whether Tidegate pushed the commit to this branch, so that its time is when it arrived.
    pub is_pushed_here: bool,
}

/// One image of one service changing in one file by one commit on the first-parent line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChange {
    /// Position of the commit on the first-parent line; higher is newer.
    pub sequence: u64,
    /// The commit, shared by its tag changes.
    pub commit: Arc<TagChangeCommit>,
    /// The file.
    pub path: RepoPath,
    /// The service.
    pub service: ServiceName,
    /// The image.
    pub image: ImageName,
    /// The tags before, sorted; empty if the commit added the image.
    pub before: Vec<PinnedTag>,
    /// The tags after, sorted; empty if the commit removed it.
    pub after: Vec<PinnedTag>,
    /// The promotion, if Tidegate made the change.
    pub promotion: Option<PromotionMark>,
    /// Whether the commit lies on a merged side branch: it may count as a rollback, but never as having run.
    pub is_beside: bool,
    /// Service and image before the commit renamed them.
    pub renamed_from: Option<(ServiceName, ImageName)>,
}

/// Where the history index ends. `generation` changes whenever entries are removed, so that parts of different
/// generations are never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEnd {
    /// The newest commit in the index.
    pub head: CommitId,
    /// Position of the next commit.
    pub next_sequence: u64,
    /// The generation.
    pub generation: i64,
}

/// A query of the history index, newest first.
#[derive(Clone, Debug)]
pub struct TagChangeQuery {
    /// Only these services; all if empty.
    pub services: Vec<ServiceName>,
    /// Only commits at or after this time.
    pub since: Option<Timestamp>,
    /// Maximum number of entries.
    pub most: usize,
    /// Where the previous page ended.
    pub rest: Option<HistoryRest>,
}

/// Where a page of history ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryRest {
    /// Position of the commit.
    pub sequence: i64,
    /// Position of the tag change in the commit.
    pub ordinal: i64,
}

/// A page of history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChangePart {
    /// The entries, newest first.
    pub tag_changes: Vec<TagChange>,
    /// Where the next page begins; `None` at the end.
    pub rest: Option<HistoryRest>,
}

/// A promotion about to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Id of the promotion.
    pub id: PromotionId,
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The image.
    pub image: ImageName,
    /// The running tag.
    pub from: Tag,
    /// The new tag.
    pub to: Tag,
    /// The digest of the new tag.
    pub digest: Digest,
    /// The head that the decision was made from.
    pub base: CommitId,
    /// Who requested it.
    pub requested_by: String,
    /// When it was decided.
    pub at: Timestamp,
}

/// The outcome of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Pushed, as this commit.
    Landed(CommitId),
    /// Not on the branch, and never will be.
    Abandoned,
}
