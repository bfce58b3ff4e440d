//! What the engine needs of the world, as traits. Reading ports cannot write.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::changelog::Notes;
use crate::history::Subject;
use crate::model::{
    Artifact, BlobId, ClosedPage, CommitDraft, CommitId, CommitInfo, Content, Digest, Fault, FetchEvidence,
    FileChange, Held, ImageName, IndexEnd, Intent, Line, Listing, MergeMethod, Observation, OpenPullRequest,
    Outcome, PromotionId, Proposed, Publication, PullRequestBranch, PullRequestDraft, PullRequestOptions,
    PullRequestReview, RepoPath, ServiceName, Tag, TagChange, TagChangePart, TagChangeQuery, TagList,
    TagsSeen, Timestamp,
};

/// The parts that one engine is made of.
pub trait Ports: Send + Sync + 'static {
    /// Asks registries.
    type Registry: Registry;
    /// Reads the repository.
    type Repository: Repository;
    /// Writes to the repository.
    type Publisher: Publisher;
    /// Keeps what was seen and what is about to be done.
    type Store: Store;
    /// Tells what changed between two images.
    type Changelog: Changelog;
    /// Reads and writes pull requests.
    type Forge: Forge;
    /// Tells the time.
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
    /// Asks where the branch is, and brings what is new if it moved.
    ///
    /// # Errors
    /// When the remote can't be reached or read, or has no such branch.
    fn fetch(&self) -> Result<CommitId, Fault>;

    /// Where the branch was when it was last asked, without asking again.
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

    /// Calls `visit` with the place and the content of each blob, in parallel; the answers come in the blobs' order.
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

    /// The commits along first parents from `tip` down to what is `known`, which is not among them; where that is not on
    /// the line, or nothing is known, all of them.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn line(&self, tip: CommitId, known: Option<CommitId>) -> Result<Line, Fault>;

    /// Of commits that follow one another, oldest first, those that change a manifest under `scope`, and what they change
    /// against their first parents.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn changes(
        &self,
        line: &[CommitId],
        scope: &[RepoPath],
    ) -> Result<Vec<(CommitInfo, Vec<FileChange>)>, Fault>;

    /// Whether commits count only when somebody who is allowed to signed them.
    fn requires_signatures(&self) -> bool {
        false
    }

    /// Why a commit does not count, if it does not, since nobody who is allowed to signed it.
    ///
    /// # Errors
    /// When the commit or its signature can't be looked at.
    fn unsigned(&self, _commit: CommitId) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    /// The commit of the first-parent line of `head` that last changed a file.
    ///
    /// # Errors
    /// When the mirror can't be read, or no commit has the file.
    fn last_change(&self, head: CommitId, _file: &RepoPath) -> Result<CommitId, Fault> {
        Ok(head)
    }

    /// Whether `ancestor` is `tip` or lies under it, by any parent.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn contains(&self, ancestor: CommitId, tip: CommitId) -> Result<bool, Fault>;

    /// What each of `commits` says: its own message, and behind it those of the commits that it merged. Nothing for one
    /// that is not there any more.
    ///
    /// # Errors
    /// When the mirror can't be read.
    fn messages(&self, commits: &[CommitId]) -> Result<Vec<Vec<String>>, Fault>;

    /// Where one of Tidegate's own branches is, if it is there.
    ///
    /// # Errors
    /// When the remote can't be reached.
    fn request_tip(&self, branch: &PullRequestBranch) -> Result<Option<CommitId>, Fault>;

    /// What lies on one of Tidegate's own branches that was seen at `tip`.
    ///
    /// # Errors
    /// When it can't be read, or is elsewhere by now.
    fn proposed(
        &self,
        branch: &PullRequestBranch,
        tip: CommitId,
        files: &[RepoPath],
    ) -> Result<Proposed, Fault>;

    /// Which of `needles` stand in the messages of the commits that `tip` has and `until` has not.
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

/// Reads and writes pull requests: those from Tidegate's own branches to the branch that Flux follows, and no others.
pub trait Forge: Send + Sync + 'static {
    /// Those that are open.
    fn open_requests(&self) -> impl Future<Output = Result<Vec<OpenPullRequest>, Fault>> + Send;

    /// Those of a branch that are closed, the last ones to change first: a page of them, from the first on.
    fn closed_requests(
        &self,
        branch: &PullRequestBranch,
        page: usize,
    ) -> impl Future<Output = Result<ClosedPage, Fault>> + Send;

    /// What people said of an open one as a whole, the earliest first.
    fn reviews(&self, number: u64) -> impl Future<Output = Result<Vec<PullRequestReview>, Fault>> + Send;

    /// What a commit says of which a pull request was made, even if its branch is gone.
    fn message(&self, commit: CommitId) -> impl Future<Output = Result<String, Fault>> + Send;

    /// Opens one; an open one of that branch is as good.
    fn open(&self, draft: &PullRequestDraft) -> impl Future<Output = Result<OpenPullRequest, Fault>> + Send;

    /// Writes another text, and perhaps another title.
    fn amend(
        &self,
        number: u64,
        title: Option<&str>,
        body: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Closes one, with another text.
    fn close(&self, number: u64, body: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Says something below one.
    fn comment(&self, number: u64, text: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Gives one what it is given once; what could not be given is told.
    fn give(&self, number: u64, extras: &PullRequestOptions) -> impl Future<Output = Vec<Fault>> + Send;

    /// Merges one as it is at `head`, as soon as the forge has all that is required of it.
    fn let_merge(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Has one merge by itself no more, if it would.
    fn keep_open(&self, number: u64) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Writes to the repository. Blocks.
pub trait Publisher: Send + Sync + 'static {
    /// Makes a chain of commits on `base` and pushes it if the branch is still there.
    ///
    /// # Errors
    /// When the commits can't be made, or it can't be known whether the push arrived.
    fn publish(&self, base: CommitId, drafts: &[CommitDraft], at: Timestamp) -> Result<Publication, Fault>;

    /// Makes one commit on `base` and puts one of Tidegate's own branches to it, if that is still where it was `seen`, or
    /// still not there.
    ///
    /// # Errors
    /// When the commit can't be made, or it can't be known whether the push arrived.
    fn propose(
        &self,
        branch: &PullRequestBranch,
        seen: Option<CommitId>,
        base: CommitId,
        draft: &CommitDraft,
        at: Timestamp,
    ) -> Result<Publication, Fault>;

    /// Removes one of Tidegate's own branches, if it is still where it was `seen`.
    ///
    /// # Errors
    /// When the remote can't be reached.
    fn withdraw(&self, branch: &PullRequestBranch, seen: CommitId) -> Result<(), Fault>;
}

/// An image and one of its tags.
pub type TaggedImage = (ImageName, Tag);

/// Keeps what was seen and what is about to be done.
pub trait Store: Send + Sync + 'static {
    /// Writes the digests that differ from what was last seen.
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

    /// The commits before a place on the line that moved anything, newest first, and where they stand.
    ///
    /// # Errors
    /// As [`tag_changes_of`](Self::tag_changes_of).
    fn commits_below(
        &self,
        end: IndexEnd,
        sequence: u64,
        most: usize,
    ) -> impl Future<Output = Result<Vec<(u64, CommitId)>, Fault>> + Send;

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
