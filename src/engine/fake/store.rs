//! A store in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::{Calls, Fuse, lock};
use crate::engine::ports::{Store, TaggedImage};
use crate::model::{
    CommitId, Digest, Fault, FetchEvidence, ImageName, Index, Intent, Movement, Observation, Outcome,
    PromotionId, Tag, TagsSeen, Timestamp,
};

/// Counts what is written.
#[derive(Default)]
pub(in crate::engine) struct FakeStore {
    kept: Mutex<Kept>,
    pub(in crate::engine) calls: Calls,
}

#[derive(Default)]
struct Kept {
    observations: HashMap<TaggedImage, Vec<Observation>>,
    tags: HashMap<ImageName, Vec<TagsSeen>>,
    fetch: Option<(CommitId, Timestamp)>,
    index: Option<(String, Index)>,
    intents: Vec<(Intent, Option<Outcome>)>,
}

impl FakeStore {
    pub(super) fn until(fuse: &Arc<Fuse>) -> Self {
        Self { calls: Calls::until(fuse), ..Self::default() }
    }

    /// Loses everything.
    pub(in crate::engine) fn lose(&self) {
        *lock(&self.kept) = Kept::default();
    }

    /// What became of each intent, in their order.
    pub(in crate::engine) fn outcomes(&self) -> Vec<Option<Outcome>> {
        lock(&self.kept).intents.iter().map(|(_, outcome)| *outcome).collect()
    }

    fn index_of(&self, scope: &str) -> Option<Index> {
        lock(&self.kept).index.as_ref().filter(|(kept, _)| kept == scope).map(|(_, index)| index.clone())
    }
}

impl Store for FakeStore {
    async fn observe(&self, seen: &[(ImageName, Tag, Digest)], at: Timestamp) -> Result<(), Fault> {
        self.calls.count("observe");
        let mut kept = lock(&self.kept);
        for (image, tag, digest) in seen {
            let known = kept.observations.entry((image.clone(), tag.clone())).or_default();
            if known.last().is_none_or(|last| last.digest != *digest) {
                known.push(Observation { digest: digest.clone(), at });
            }
        }
        Ok(())
    }

    async fn observations(
        &self,
        of: &[TaggedImage],
    ) -> Result<HashMap<TaggedImage, Vec<Observation>>, Fault> {
        let kept = lock(&self.kept);
        let known = |tagged: &TaggedImage| Some((tagged.clone(), kept.observations.get(tagged)?.clone()));
        Ok(of.iter().filter_map(known).collect())
    }

    async fn all_observations(
        &self,
        of: &[ImageName],
    ) -> Result<HashMap<TaggedImage, Vec<Observation>>, Fault> {
        let kept = lock(&self.kept);
        let known = kept.observations.iter().filter(|((image, _), _)| of.contains(image));
        Ok(known.map(|(tagged, seen)| (tagged.clone(), seen.clone())).collect())
    }

    async fn labels(
        &self,
        _image: &ImageName,
        _digest: &Digest,
    ) -> Result<Option<BTreeMap<String, String>>, Fault> {
        Ok(None)
    }

    async fn tags_seen(&self, of: &[ImageName]) -> Result<HashMap<ImageName, Vec<TagsSeen>>, Fault> {
        let kept = lock(&self.kept);
        let known = |image: &ImageName| Some((image.clone(), kept.tags.get(image)?.clone()));
        Ok(of.iter().filter_map(known).collect())
    }

    async fn note_tags(&self, new: &[(ImageName, Vec<Tag>)], at: Timestamp) -> Result<(), Fault> {
        self.calls.count("note_tags");
        let mut kept = lock(&self.kept);
        for (image, tags) in new {
            let known = kept.tags.entry(image.clone()).or_default();
            known.push(TagsSeen { tags: tags.clone(), at, is_first: known.is_empty() });
        }
        Ok(())
    }

    async fn latest_fetch(&self) -> Result<Option<(CommitId, Timestamp)>, Fault> {
        Ok(lock(&self.kept).fetch)
    }

    async fn record_fetch(
        &self,
        head: CommitId,
        _absent_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        self.calls.count("record_fetch");
        lock(&self.kept).fetch = Some((head, at));
        Ok(())
    }

    async fn index_head(&self, scope: &str) -> Result<Option<CommitId>, Fault> {
        Ok(self.index_of(scope).map(|index| index.head))
    }

    async fn load_index(&self, scope: &str) -> Result<Option<Index>, Fault> {
        Ok(self.index_of(scope))
    }

    async fn evidence(&self) -> Result<HashMap<CommitId, FetchEvidence>, Fault> {
        let kept = lock(&self.kept);
        let movements = kept.index.iter().flat_map(|(_, index)| &index.movements);
        Ok(movements.map(|movement| (movement.commit.id, movement.commit.fetched)).collect())
    }

    async fn save_index(
        &self,
        scope: &str,
        head: CommitId,
        after: Option<CommitId>,
        movements: &[Movement],
    ) -> Result<bool, Fault> {
        self.calls.count("save_index");
        let mut known = match after {
            None => Vec::new(),
            Some(after) => match self.index_of(scope).filter(|index| index.head == after) {
                Some(index) => index.movements,
                None => return Ok(false),
            },
        };
        known.extend_from_slice(movements);
        assert!(known.is_sorted_by_key(|movement| movement.sequence), "movements are kept oldest first");
        lock(&self.kept).index = Some((scope.to_owned(), Index { head, movements: known }));
        Ok(true)
    }

    async fn begin(&self, intents: &[Intent]) -> Result<(), Fault> {
        self.calls.count("begin");
        lock(&self.kept).intents.extend(intents.iter().map(|intent| (intent.clone(), None)));
        Ok(())
    }

    async fn pending(&self) -> Result<Vec<Intent>, Fault> {
        let kept = lock(&self.kept);
        Ok(kept
            .intents
            .iter()
            .filter(|(_, outcome)| outcome.is_none())
            .map(|(intent, _)| intent.clone())
            .collect())
    }

    async fn settle(&self, outcomes: &[(PromotionId, Outcome)], _at: Timestamp) -> Result<(), Fault> {
        self.calls.count("settle");
        let mut kept = lock(&self.kept);
        for (id, outcome) in outcomes {
            for (_, known) in kept.intents.iter_mut().filter(|(intent, _)| intent.id == *id) {
                *known = Some(*outcome);
            }
        }
        Ok(())
    }
}
