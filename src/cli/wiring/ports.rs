//! The engine's ports, over the rooms that do the work.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::engine::{self, TaggedImage};
use crate::forge::GitHub;
use crate::git::{Mirror, SignatureCheck};
use crate::model::{
    Artifact, BlobId, CommitChanges, CommitDraft, CommitId, Content, Digest, Fault, FetchEvidence,
    FileChange, Held, ImageName, IndexEnd, Intent, Line, Listing, Observation, Outcome, PromotionId,
    Proposed, Publication, PullRequestBranch, ReplacedHead, RepoPath, Secrets, ServiceName, Tag, TagChange,
    TagChangePart, TagChangeQuery, TagList, TagsSeen, Timestamp,
};
use crate::registry::Client;
use crate::store::{Extended, Store};

use super::changelog::Changes;

/// The parts that the program runs with.
#[derive(Debug)]
pub(crate) struct Real;

impl engine::Ports for Real {
    type Registry = Client;
    type Repository = Mirror;
    type Publisher = Mirror;
    type Store = Store;
    type Changelog = Changes;
    type Forge = GitHub;
    type Clock = SystemClock;
}

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl engine::Clock for SystemClock {
    fn now(&self) -> Timestamp {
        chrono::Utc::now()
    }
}

impl engine::Registry for Client {
    async fn tags(&self, image: &ImageName) -> Result<Arc<TagList>, Fault> {
        Ok(Self::tags(self, image).await?)
    }

    async fn digest(&self, image: &ImageName, tag: &Tag) -> Result<Digest, Fault> {
        Ok(Self::digest(self, image, tag).await?)
    }

    async fn artifact(&self, image: &ImageName, digest: &Digest) -> Result<Artifact, Fault> {
        Ok(Self::artifact(self, image, digest).await?)
    }
}

impl engine::Repository for Mirror {
    fn fetch(&self) -> Result<CommitId, Fault> {
        Ok(Self::fetch(self)?.head)
    }

    fn last_head(&self) -> Result<Option<CommitId>, Fault> {
        Ok(self.head()?)
    }

    fn files(&self, commit: CommitId, scope: &[RepoPath]) -> Result<Listing, Fault> {
        Ok(Self::files(self, commit, scope)?)
    }

    fn changed_files(
        &self,
        from: CommitId,
        to: CommitId,
        scope: &[RepoPath],
    ) -> Result<Vec<FileChange>, Fault> {
        Ok(Self::changed_files(self, from, to, scope)?)
    }

    fn read_each<T: Send>(
        &self,
        blobs: &[BlobId],
        visit: impl Fn(usize, Content<'_>) -> T + Sync,
    ) -> Result<Vec<T>, Fault> {
        Ok(Self::read_each(self, blobs, visit)?)
    }

    fn held(&self, commit: CommitId, path: &RepoPath) -> Result<Held, Fault> {
        Ok(Self::held(self, commit, path)?)
    }

    fn line(&self, tip: CommitId, known: Option<CommitId>) -> Result<Line, Fault> {
        Ok(Self::line(self, tip, known)?)
    }

    fn changes(&self, line: &[CommitId], scope: &[RepoPath]) -> Result<Vec<CommitChanges>, Fault> {
        Ok(Self::changes(self, line, scope)?)
    }

    fn removed(&self, commit: CommitId) -> Result<Vec<(RepoPath, BlobId)>, Fault> {
        Ok(Self::removed(self, commit)?)
    }

    fn replaced_heads(&self) -> Result<Vec<ReplacedHead>, Fault> {
        Ok(Self::replaced_heads(self)?)
    }

    fn requires_signatures(&self) -> bool {
        Self::requires_signatures(self)
    }

    fn unsigned(&self, commit: CommitId) -> Result<Option<String>, Fault> {
        Ok(match self.signed(commit)? {
            SignatureCheck::Valid => None,
            SignatureCheck::Invalid { reason } => Some(reason),
        })
    }

    fn contains(&self, ancestor: CommitId, tip: CommitId) -> Result<bool, Fault> {
        Ok(Self::contains(self, ancestor, tip)?)
    }

    fn messages(&self, commits: &[CommitId]) -> Result<Vec<Vec<String>>, Fault> {
        Ok(Self::messages(self, commits)?)
    }

    fn request_tip(&self, branch: &PullRequestBranch) -> Result<Option<CommitId>, Fault> {
        Ok(Self::request_tip(self, branch)?)
    }

    fn proposed(
        &self,
        branch: &PullRequestBranch,
        tip: CommitId,
        files: &[RepoPath],
    ) -> Result<Proposed, Fault> {
        Ok(Self::proposed(self, branch, tip, files)?)
    }

    fn find_in_messages(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        needles: &[String],
    ) -> Result<Vec<(String, CommitId)>, Fault> {
        Ok(Self::find_in_messages(self, tip, until, needles)?)
    }
}

/// A commit whose message has no secret of this process: it may quote what a server said.
fn masked(draft: &CommitDraft) -> CommitDraft {
    CommitDraft { message: Secrets::mask(&draft.message).into_owned(), edits: draft.edits.clone() }
}

impl engine::Publisher for Mirror {
    fn publish(&self, base: CommitId, drafts: &[CommitDraft], at: Timestamp) -> Result<Publication, Fault> {
        let drafts: Vec<CommitDraft> = drafts.iter().map(masked).collect();
        Ok(Self::publish(self, base, &drafts, at)?)
    }

    fn propose(
        &self,
        branch: &PullRequestBranch,
        seen: Option<CommitId>,
        base: CommitId,
        draft: &CommitDraft,
        at: Timestamp,
    ) -> Result<Publication, Fault> {
        Ok(Self::propose(self, branch, seen, base, &masked(draft), at)?)
    }

    fn withdraw(&self, branch: &PullRequestBranch, seen: CommitId) -> Result<(), Fault> {
        if !Self::withdraw(self, branch, seen)? {
            tracing::info!(%branch, "the branch is elsewhere by now, so it stays");
        }
        Ok(())
    }
}

impl engine::Store for Store {
    async fn observe(&self, seen: &[(ImageName, Tag, Digest)], at: Timestamp) -> Result<(), Fault> {
        Self::observe(self, seen, at).await?;
        Ok(())
    }

    async fn observations(
        &self,
        of: &[TaggedImage],
    ) -> Result<HashMap<TaggedImage, Vec<Observation>>, Fault> {
        Ok(Self::observations(self, of).await?)
    }

    async fn all_observations(
        &self,
        of: &[ImageName],
    ) -> Result<HashMap<TaggedImage, Vec<Observation>>, Fault> {
        Ok(Self::all_observations(self, of).await?)
    }

    async fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> Result<Option<BTreeMap<String, String>>, Fault> {
        Ok(Self::labels(self, image, digest).await?)
    }

    async fn tags_seen(&self, of: &[ImageName]) -> Result<HashMap<ImageName, Vec<TagsSeen>>, Fault> {
        Ok(Self::tags_seen(self, of).await?)
    }

    async fn note_tags(&self, new: &[(ImageName, Vec<Tag>)], at: Timestamp) -> Result<(), Fault> {
        Ok(Self::note_tags(self, new, at).await?)
    }

    async fn latest_fetch(&self) -> Result<Option<(CommitId, Timestamp)>, Fault> {
        Ok(Self::latest_fetch(self).await?)
    }

    async fn record_fetch(
        &self,
        head: CommitId,
        absent_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        Ok(Self::record_fetch(self, head, absent_at, at).await?)
    }

    async fn index_end(&self) -> Result<Option<(String, IndexEnd)>, Fault> {
        Ok(Self::index_end(self).await?)
    }

    async fn drop_other_index(&self, scope: &str) -> Result<(), Fault> {
        Ok(Self::drop_other_index(self, scope).await?)
    }

    async fn extend_index(
        &self,
        scope: &str,
        onto: Option<(IndexEnd, u64)>,
        head: CommitId,
        tag_changes: &[TagChange],
    ) -> Result<Option<IndexEnd>, Fault> {
        Ok(match Self::extend_index(self, scope, onto, head, tag_changes).await? {
            Extended::To(end) => Some(end),
            Extended::Overtaken => None,
        })
    }

    async fn tag_changes_of(
        &self,
        end: IndexEnd,
        subjects: &[(ServiceName, ImageName)],
    ) -> Result<Vec<TagChange>, Fault> {
        Ok(Self::tag_changes_of(self, end, subjects).await?)
    }

    async fn tag_changes(&self, end: IndexEnd, wanted: &TagChangeQuery) -> Result<TagChangePart, Fault> {
        Ok(Self::tag_changes(self, end, wanted).await?)
    }

    async fn evidence(&self, of: &[CommitId]) -> Result<HashMap<CommitId, FetchEvidence>, Fault> {
        Ok(Self::evidence(self, of).await?)
    }

    async fn begin(&self, intents: &[Intent]) -> Result<(), Fault> {
        Ok(Self::begin(self, intents).await?)
    }

    async fn pending(&self) -> Result<Vec<Intent>, Fault> {
        Ok(Self::pending(self).await?)
    }

    async fn settle(&self, outcomes: &[(PromotionId, Outcome)], at: Timestamp) -> Result<(), Fault> {
        Ok(Self::settle_all(self, outcomes, at).await?)
    }
}
