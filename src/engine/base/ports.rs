//! The traits by which the engine reaches the outside world. Reading ports cannot write.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::changelog::Notes;
use crate::history::Subject;
use crate::model::{
    Artifact, BlobId, ClosedBy, ClosedPage, ClosedPullRequest, CommitChanges, CommitDraft, CommitId, Content,
    Digest, Fault, FetchEvidence, FileChange, Held, ImageName, IndexEnd, Intent, Line, Listing, MergeMethod,
    Observation, OpenPullRequest, Outcome, PromotionId, Proposed, Publication, PullRequestBranch,
    PullRequestDraft, PullRequestOptions, PullRequestReview, ReplacedHead, RepoPath, ServiceName, Tag,
    TagChange, TagChangePart, TagChangeQuery, TagList, TagsSeen, Timestamp,
};

/// The ports of one engine.
pub trait Ports: Send + Sync + 'static {
    /// Asks registries.
    type Registry: Registry;
    /// Reads the repository.
    type Repository: Repository;
    /// Writes to the repository.
    type Publisher: Publisher;
    /// Stores observations, the index and intents.
    type Store: Store;
    /// Finds out what changed between two images.
    type Changelog: Changelog;
    /// Reads and writes pull requests.
    type Forge: Forge;
    /// The time.
    type Clock: Clock;
}

/// Asks registries.
pub trait Registry: Send + Sync + 'static {
    /// Every tag of an image. An unchanged answer is the same allocation as last time.
    fn tags(&self, image: &ImageName) -> impl Future<Output = Result<Arc<TagList>, Fault>> + Send;

    /// The digest that a tag has now.
    fn digest(&self, image: &ImageName, tag: &Tag) -> impl Future<Output = Result<Digest, Fault>> + Send;

    /// What the manifest with this digest describes. Never changes, so it is requested once.
    fn artifact(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Future<Output = Result<Artifact, Fault>> + Send;
}

/// Reads the repository. Every method blocks.
pub trait Repository: Send + Sync + 'static {
    /// Lists the head of the branch, and fetches if it moved.
    ///
    /// # Errors
    /// When the remote can't be reached or read, or has no such branch.
    fn fetch(&self) -> Result<CommitId, Fault>;

    /// The head of the last fetch; works offline.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn last_head(&self) -> Result<Option<CommitId>, Fault>;

    /// The manifests under `scope`.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn files(&self, commit: CommitId, scope: &[RepoPath]) -> Result<Listing, Fault>;

    /// What differs under `scope` between two commits.
    ///
    /// # Errors
    /// When the mirror can't be read, or has lost `from`.
    fn changed_files(
        &self,
        from: CommitId,
        to: CommitId,
        scope: &[RepoPath],
    ) -> Result<Vec<FileChange>, Fault>;

    /// Calls `visit` with the index and content of each blob, in parallel. Results keep the order of `blobs`.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn read_each<T: Send>(
        &self,
        blobs: &[BlobId],
        visit: impl Fn(usize, Content<'_>) -> T + Sync,
    ) -> Result<Vec<T>, Fault>;

    /// What a commit has at a path.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn held(&self, commit: CommitId, path: &RepoPath) -> Result<Held, Fault>;

    /// The first-parent line from above `known` to `tip`; the whole line if `known` is not on it, or none.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn line(&self, tip: CommitId, known: Option<CommitId>) -> Result<Line, Fault>;

    /// The manifest changes under `scope` of consecutive commits, oldest first. Commits without any are left out.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn changes(&self, line: &[CommitId], scope: &[RepoPath]) -> Result<Vec<CommitChanges>, Fault>;

    /// Lists the manifests in the whole repository that `commit` removed, with their blobs.
    ///
    /// # Errors
    /// The mirror cannot be read.
    fn removed(&self, commit: CommitId) -> Result<Vec<(RepoPath, BlobId)>, Fault>;

    /// The force pushes that were seen, oldest first.
    ///
    /// # Errors
    /// The mirror cannot be read.
    fn replaced_heads(&self) -> Result<Vec<ReplacedHead>, Fault>;

    /// Whether commits count only with an allowed signature.
    fn requires_signatures(&self) -> bool {
        false
    }

    /// Why a commit does not count, if its signature is missing or not allowed.
    ///
    /// # Errors
    /// When the commit or its signature can't be read.
    fn unsigned(&self, _commit: CommitId) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    /// Whether `tip` is or descends from `ancestor`, by any parent.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn contains(&self, ancestor: CommitId, tip: CommitId) -> Result<bool, Fault>;

    /// For each commit its message, then those of the commits that it merged. Empty for one that is gone.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn messages(&self, commits: &[CommitId]) -> Result<Vec<Vec<String>>, Fault>;

    /// The tip of one of Tidegate's own branches, if it exists.
    ///
    /// # Errors
    /// When the remote can't be reached.
    fn request_tip(&self, branch: &PullRequestBranch) -> Result<Option<CommitId>, Fault>;

    /// What one of Tidegate's own branches holds at `tip`.
    ///
    /// # Errors
    /// When it can't be read, or has moved.
    fn proposed(
        &self,
        branch: &PullRequestBranch,
        tip: CommitId,
        files: &[RepoPath],
    ) -> Result<Proposed, Fault>;

    /// Finds `needles` in the messages of the commits that `tip` has and `until` has not.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn find_in_messages(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        needles: &[String],
    ) -> Result<Vec<(String, CommitId)>, Fault>;
}

/// Reads and writes pull requests from Tidegate's own branches to the branch that Flux follows, and no others.
pub trait Forge: Send + Sync + 'static {
    /// The open ones.
    fn open_requests(&self) -> impl Future<Output = Result<Vec<OpenPullRequest>, Fault>> + Send;

    /// A page of the closed ones of a branch, last changed first; pages count from 1.
    fn closed_requests(
        &self,
        branch: &PullRequestBranch,
        page: usize,
    ) -> impl Future<Output = Result<ClosedPage, Fault>> + Send;

    /// The closed ones of every branch that changed last, last changed first.
    fn recently_closed(&self) -> impl Future<Output = Result<Vec<ClosedPullRequest>, Fault>> + Send;

    /// How a closed one was closed.
    fn closed_by(&self, number: u64) -> impl Future<Output = Result<ClosedBy, Fault>> + Send;

    /// The reviews of one, oldest first.
    fn reviews(&self, number: u64) -> impl Future<Output = Result<Vec<PullRequestReview>, Fault>> + Send;

    /// The message of a pull request's commit, even if its branch is gone.
    fn message(&self, commit: CommitId) -> impl Future<Output = Result<String, Fault>> + Send;

    /// Opens one, or returns the open one of that branch.
    fn open(&self, draft: &PullRequestDraft) -> impl Future<Output = Result<OpenPullRequest, Fault>> + Send;

    /// Replaces the text, and the title if given.
    fn amend(
        &self,
        number: u64,
        title: Option<&str>,
        body: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Closes one and replaces its text.
    fn close(&self, number: u64, body: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Comments on one.
    fn comment(&self, number: u64, text: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Sets labels, reviewers and auto-merge; returns what failed.
    fn give(&self, number: u64, extras: &PullRequestOptions) -> impl Future<Output = Vec<Fault>> + Send;

    /// Turns auto-merge on for one at `head`.
    fn let_merge(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Turns auto-merge off.
    fn keep_open(&self, number: u64) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Writes to the repository. Blocks.
pub trait Publisher: Send + Sync + 'static {
    /// Makes a chain of commits on `base` and pushes it if `base` is still the head.
    ///
    /// # Errors
    /// When the commits can't be made, or it is unknown whether the push arrived.
    fn publish(&self, base: CommitId, drafts: &[CommitDraft], at: Timestamp) -> Result<Publication, Fault>;

    /// Makes one commit on `base` and moves one of Tidegate's own branches to it, if the branch is still at `seen`.
    ///
    /// # Errors
    /// When the commit can't be made, or it is unknown whether the push arrived.
    fn propose(
        &self,
        branch: &PullRequestBranch,
        seen: Option<CommitId>,
        base: CommitId,
        draft: &CommitDraft,
        at: Timestamp,
    ) -> Result<Publication, Fault>;

    /// Deletes one of Tidegate's own branches, if it is still at `seen`.
    ///
    /// # Errors
    /// When the remote can't be reached.
    fn withdraw(&self, branch: &PullRequestBranch, seen: CommitId) -> Result<(), Fault>;
}

/// An image and one of its tags.
pub type TaggedImage = (ImageName, Tag);

/// Stores observations, first sightings of tags, the index and intents.
pub trait Store: Send + Sync + 'static {
    /// Records digests that differ from the last observed ones.
    fn observe(
        &self,
        seen: &[(ImageName, Tag, Digest)],
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Every change of the digests of these tags, oldest first.
    fn observations(
        &self,
        of: &[TaggedImage],
    ) -> impl Future<Output = Result<HashMap<TaggedImage, Vec<Observation>>, Fault>> + Send;

    /// Every change of the digests of all tags of these images, oldest first.
    fn all_observations(
        &self,
        of: &[ImageName],
    ) -> impl Future<Output = Result<HashMap<TaggedImage, Vec<Observation>>, Fault>> + Send;

    /// The labels of an image, if they were read before.
    fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Future<Output = Result<Option<BTreeMap<String, String>>, Fault>> + Send;

    /// The tags that these images were seen with, oldest first.
    fn tags_seen(
        &self,
        of: &[ImageName],
    ) -> impl Future<Output = Result<HashMap<ImageName, Vec<TagsSeen>>, Fault>> + Send;

    /// Writes tags that were seen for the first time.
    fn note_tags(
        &self,
        new: &[(ImageName, Vec<Tag>)],
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The newest head that was fetched, and when.
    fn latest_fetch(&self) -> impl Future<Output = Result<Option<(CommitId, Timestamp)>, Fault>> + Send;

    /// Writes that the branch was seen at `head`, and when it was last seen elsewhere.
    fn record_fetch(
        &self,
        head: CommitId,
        absent_at: Option<Timestamp>,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Of which scope the kept history is, and how far it goes.
    fn index_end(&self) -> impl Future<Output = Result<Option<(String, IndexEnd)>, Fault>> + Send;

    /// Drops the kept history of every scope but this. When its commits came stays known.
    fn drop_other_index(&self, scope: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Adds tag changes, oldest first, to the kept history: `onto` the end that is known, cut down first to what came before
    /// a place on the line, or as the first of it. `head` is the last commit that was looked at.
    /// Nothing when it ends elsewhere by now, since another process wrote it: nothing is written then.
    fn extend_index(
        &self,
        scope: &str,
        onto: Option<(IndexEnd, u64)>,
        head: CommitId,
        tag_changes: &[TagChange],
    ) -> impl Future<Output = Result<Option<IndexEnd>, Fault>> + Send;

    /// Every tag change of these images of these services in the history that ends so, oldest first.
    ///
    /// # Errors
    /// To be tried again when the kept history is not the one that had this end.
    fn tag_changes_of(
        &self,
        end: IndexEnd,
        subjects: &[Subject],
    ) -> impl Future<Output = Result<Vec<TagChange>, Fault>> + Send;

    /// What moved last in the history that ends so, newest first.
    ///
    /// # Errors
    /// As [`tag_changes_of`](Self::tag_changes_of).
    fn tag_changes(
        &self,
        end: IndexEnd,
        wanted: &TagChangeQuery,
    ) -> impl Future<Output = Result<TagChangePart, Fault>> + Send;

    /// When those of these commits came that were in a kept history once and are in none now.
    fn evidence(
        &self,
        of: &[CommitId],
    ) -> impl Future<Output = Result<HashMap<CommitId, FetchEvidence>, Fault>> + Send;

    /// Writes intents; they are durable when it returns.
    fn begin(&self, intents: &[Intent]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The intents of which it is not known what became of them.
    fn pending(&self) -> impl Future<Output = Result<Vec<Intent>, Fault>> + Send;

    /// Writes what became of intents.
    fn settle(
        &self,
        outcomes: &[(PromotionId, Outcome)],
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Of which promotion notes are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NotesWanted {
    /// The service.
    pub service: ServiceName,
    /// Its image.
    pub image: ImageName,
    /// The tag that runs.
    pub from: Tag,
    /// The tag that comes.
    pub to: Tag,
    /// Its digest.
    pub digest: Digest,
}

/// Tells what changed between two images.
pub trait Changelog: Send + Sync + 'static {
    /// The notes of a promotion. What can't be had is told in them.
    fn notes(&self, wanted: &NotesWanted) -> impl Future<Output = Notes> + Send;
}

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits for so long.
    fn sleep(&self, how_long: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(how_long)
    }
}
