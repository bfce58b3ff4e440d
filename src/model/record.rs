//! What was seen and done, as it is kept: tag changes of tags through history, digests of tags, intents.

use std::sync::Arc;

use super::{
    CommitId, Digest, EnvironmentName, ImageName, PromotionId, RepoPath, ServiceName, Tag, Timestamp,
};

/// The tags that a registry has for an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagList {
    /// Every tag, once, sorted as text.
    pub tags: Vec<Tag>,
    /// How many entries of the answer were no tags by the specification's grammar.
    pub ignored: usize,
}

/// A tag as a manifest holds it, with the digest that it may be pinned to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PinnedTag {
    /// The tag.
    pub tag: Tag,
    /// The digest in the manifest, if there is one.
    pub digest: Option<Digest>,
}

/// The digest of a tag, and when it was first seen to be that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What the registry said.
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
}

/// Tags of an image that were seen in its registry for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagsSeen {
    /// The tags.
    pub tags: Vec<Tag>,
    /// When.
    pub at: Timestamp,
    /// Whether it was the first answer about the image: then nobody knows since when the tags had been there.
    pub is_first: bool,
}

/// When a commit was known to be on the branch, by the fetches around its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchEvidence {
    /// The last time at which the branch was seen without it, if it was ever seen so.
    pub absent_at: Option<Timestamp>,
    /// The first time at which it was seen.
    pub fetched_at: Timestamp,
}

/// A commit that moved a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChangeCommit {
    /// The commit.
    pub id: CommitId,
    /// The committer's time.
    pub committed_at: Timestamp,
    /// The committer's time of its first parent.
    pub parent_committed_at: Option<Timestamp>,
    /// Who wrote it; somebody else's text.
    pub author_name: String,
    /// When it came.
    pub fetched: FetchEvidence,
}

/// What a promotion's trailers say of the tag change that they stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionMark {
    /// The promotion.
    pub id: PromotionId,
    /// Who asked for it; somebody else's text.
    pub requested_by: String,
    /// The digest that was promoted.
    pub digest: Option<Digest>,
    /// Tidegate pushed the commit to this very branch, so its time is when it came.
    pub is_pushed_here: bool,
}

/// One image of one service changing in one file by one commit on the first-parent line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChange {
    /// The place of the commit on the line: higher is newer.
    pub sequence: u64,
    /// The commit, shared by all its tag changes.
    pub commit: Arc<TagChangeCommit>,
    /// The file.
    pub path: RepoPath,
    /// The service.
    pub service: ServiceName,
    /// The image.
    pub image: ImageName,
    /// What the file held before, sorted; nothing when the commit added it.
    pub before: Vec<PinnedTag>,
    /// What it held after, sorted; nothing when the commit removed it.
    pub after: Vec<PinnedTag>,
    /// The promotion, if Tidegate made the tag change.
    pub promotion: Option<PromotionMark>,
    /// The commit lies beside the line, on a branch that was merged: a verdict, but never what ran.
    pub is_beside: bool,
    /// The service and image that the file held in place of these before the commit renamed them.
    pub renamed_from: Option<(ServiceName, ImageName)>,
}

/// How far the kept history goes, and of which making it is: what is read of another one is not mixed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEnd {
    /// The newest commit that it covers.
    pub head: CommitId,
    /// The place that the next commit will have on the line.
    pub next_sequence: u64,
    /// Another one whenever something of it was taken away.
    pub generation: i64,
}

/// What is to be read of the kept history, newest first.
#[derive(Clone, Debug)]
pub struct TagChangeQuery {
    /// Only of these services; of all without any.
    pub services: Vec<ServiceName>,
    /// Only what was committed at that time or after it.
    pub since: Option<Timestamp>,
    /// How many at most.
    pub most: usize,
    /// Where the last part ended, if there was one.
    pub rest: Option<HistoryRest>,
}

/// Where a part of the kept history ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryRest {
    /// The place of the commit on the line.
    pub sequence: i64,
    /// The place of the tag change in the commit.
    pub ordinal: i64,
}

/// A part of the kept history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChangePart {
    /// Newest first.
    pub tag_changes: Vec<TagChange>,
    /// Where the next part begins; nothing at the end.
    pub rest: Option<HistoryRest>,
}

/// A promotion that is about to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The promotion.
    pub id: PromotionId,
    /// The service that is moved.
    pub service: ServiceName,
    /// Where.
    pub environment: EnvironmentName,
    /// The image.
    pub image: ImageName,
    /// The tag that runs.
    pub from: Tag,
    /// The tag that comes.
    pub to: Tag,
    /// The digest of that tag.
    pub digest: Digest,
    /// The head that the decision was made from.
    pub base: CommitId,
    /// Who asked for it.
    pub requested_by: String,
    /// When.
    pub at: Timestamp,
}

/// What became of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on the branch, by this commit.
    Landed(CommitId),
    /// It is not, and will not be.
    Abandoned,
}
