//! A store in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::{Calls, FakeError, Fuse, lock};
use crate::history::Subject;
use crate::model::{
    CommitId, Digest, FetchEvidence, HealthObservation, HealthSubject, HistoryRest, ImageName, IndexEnd,
    Intent, Observation, Outcome, PromotionId, Tag, TagChange, TagChangePart, TagChangeQuery, TagList,
    TagsSeen, Timestamp,
};
use crate::port::{
    Fetches, Health, IndexReader, IndexWriter, Intents, Labels, Observations, SeenTags, TaggedImage,
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
    index: Option<KeptIndex>,
    /// Of commits that were in an index once.
    evidence: HashMap<CommitId, FetchEvidence>,
    intents: Vec<(Intent, Option<Outcome>)>,
    health: HashMap<HealthSubject, Vec<HealthObservation>>,
}

struct KeptIndex {
    scope: String,
    end: IndexEnd,
    tag_changes: Vec<TagChange>,
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

    fn index_up_to(&self, end: IndexEnd) -> Result<Vec<TagChange>, FakeError> {
        let kept = lock(&self.kept);
        let index = kept.index.as_ref().filter(|index| index.end.generation == end.generation);
        let index = index.ok_or_else(|| FakeError::try_again("the index is another one"))?;
        let tag_changes =
            index.tag_changes.iter().filter(|tag_change| tag_change.sequence < end.next_sequence);
        Ok(tag_changes.cloned().collect())
    }
}

impl Health for FakeStore {
    type Error = FakeError;

    async fn record_health(&self, changes: &[(HealthSubject, HealthObservation)]) -> Result<(), FakeError> {
        self.calls.count("record_health");
        let mut kept = lock(&self.kept);
        for (subject, change) in changes {
            kept.health.entry(subject.clone()).or_default().push(change.clone());
        }
        Ok(())
    }

    async fn health(
        &self,
        of: &[HealthSubject],
    ) -> Result<HashMap<HealthSubject, Vec<HealthObservation>>, FakeError> {
        let kept = lock(&self.kept);
        Ok(of
            .iter()
            .filter_map(|subject| Some((subject.clone(), kept.health.get(subject)?.clone())))
            .collect())
    }
}

impl Observations for FakeStore {
    type Error = FakeError;

    async fn observe(&self, seen: &[(ImageName, Tag, Digest)], at: Timestamp) -> Result<usize, FakeError> {
        self.calls.count("observe");
        let mut kept = lock(&self.kept);
        let mut new_count = 0;
        for (image, tag, digest) in seen {
            let known = kept.observations.entry((image.clone(), tag.clone())).or_default();
            if known.last().is_none_or(|last| last.digest != *digest) {
                known.push(Observation { digest: digest.clone(), at });
                new_count += 1;
            }
        }
        Ok(new_count)
    }

    async fn observations(
        &self,
        of: &[TaggedImage],
    ) -> Result<HashMap<TaggedImage, Vec<Observation>>, FakeError> {
        let kept = lock(&self.kept);
        let known = |tagged: &TaggedImage| Some((tagged.clone(), kept.observations.get(tagged)?.clone()));
        Ok(of.iter().filter_map(known).collect())
    }

    async fn all_observations(
        &self,
        of: &[ImageName],
    ) -> Result<HashMap<TaggedImage, Vec<Observation>>, FakeError> {
        let kept = lock(&self.kept);
        let known = kept.observations.iter().filter(|((image, _), _)| of.contains(image));
        Ok(known.map(|(tagged, seen)| (tagged.clone(), seen.clone())).collect())
    }
}

impl Labels for FakeStore {
    type Error = FakeError;

    async fn labels(
        &self,
        _image: &ImageName,
        _digest: &Digest,
    ) -> Result<Option<BTreeMap<String, String>>, FakeError> {
        Ok(None)
    }
}

impl SeenTags for FakeStore {
    type Error = FakeError;

    async fn tags_seen(&self, of: &[ImageName]) -> Result<HashMap<ImageName, Vec<TagsSeen>>, FakeError> {
        let kept = lock(&self.kept);
        let known = |image: &ImageName| Some((image.clone(), kept.tags.get(image)?.clone()));
        Ok(of.iter().filter_map(known).collect())
    }

    async fn note_tags(&self, new: &[(ImageName, Vec<Tag>)], at: Timestamp) -> Result<(), FakeError> {
        self.calls.count("note_tags");
        let mut kept = lock(&self.kept);
        for (image, tags) in new {
            let known = kept.tags.entry(image.clone()).or_default();
            known.push(TagsSeen { tags: tags.clone(), at, is_first: known.is_empty() });
        }
        Ok(())
    }

    async fn forget_tags(
        &self,
        _lists: &[(ImageName, Arc<TagList>)],
        _used: &HashSet<&ImageName>,
        _at: Timestamp,
    ) -> Result<(), FakeError> {
        Ok(())
    }
}

impl Fetches for FakeStore {
    type Error = FakeError;

    async fn latest_fetch(&self) -> Result<Option<(CommitId, Timestamp)>, FakeError> {
        Ok(lock(&self.kept).fetch)
    }

    async fn record_fetch(
        &self,
        head: CommitId,
        _absent_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<(), FakeError> {
        self.calls.count("record_fetch");
        lock(&self.kept).fetch = Some((head, at));
        Ok(())
    }
}

impl IndexReader for FakeStore {
    type Error = FakeError;

    async fn index_end(&self) -> Result<Option<(String, IndexEnd)>, FakeError> {
        let kept = lock(&self.kept);
        let index = kept.index.as_ref().filter(|index| !index.scope.is_empty());
        Ok(index.map(|index| (index.scope.clone(), index.end)))
    }

    async fn tag_changes_of(&self, end: IndexEnd, subjects: &[Subject]) -> Result<Vec<TagChange>, FakeError> {
        let mut tag_changes = self.index_up_to(end)?;
        tag_changes.retain(|one| {
            subjects.iter().any(|(service, image)| (service, image) == (&one.service, &one.image))
        });
        Ok(tag_changes)
    }

    async fn tag_changes(&self, end: IndexEnd, wanted: &TagChangeQuery) -> Result<TagChangePart, FakeError> {
        let mut tag_changes: Vec<(HistoryRest, TagChange)> = Vec::new();
        for tag_change in self.index_up_to(end)? {
            let sequence = i64::try_from(tag_change.sequence).unwrap();
            let last = tag_changes.last().filter(|(place, _)| place.sequence == sequence);
            let ordinal = last.map_or(0, |(place, _)| place.ordinal + 1);
            tag_changes.push((HistoryRest { sequence, ordinal }, tag_change));
        }
        tag_changes.reverse();
        tag_changes.retain(|(place, tag_change)| {
            wanted.rest.is_none_or(|rest| *place < rest)
                && (wanted.services.is_empty() || wanted.services.contains(&tag_change.service))
                && wanted.since.is_none_or(|since| tag_change.commit.committed_at >= since)
        });
        tag_changes.truncate(wanted.most);
        let rest = tag_changes.last().filter(|_| tag_changes.len() == wanted.most).map(|(place, _)| *place);
        Ok(TagChangePart {
            tag_changes: tag_changes.into_iter().map(|(_, tag_change)| tag_change).collect(),
            rest,
        })
    }

    async fn evidence(&self, of: &[CommitId]) -> Result<HashMap<CommitId, FetchEvidence>, FakeError> {
        let kept = lock(&self.kept);
        Ok(of.iter().filter_map(|commit| Some((*commit, *kept.evidence.get(commit)?))).collect())
    }
}

impl IndexWriter for FakeStore {
    type Error = FakeError;

    async fn drop_other_index(&self, scope: &str) -> Result<(), FakeError> {
        self.calls.count("drop_other_index");
        let mut kept = lock(&self.kept);
        let Kept { index, evidence, .. } = &mut *kept;
        if let Some(index) = index.as_mut().filter(|index| index.scope != scope) {
            for gone in index.tag_changes.drain(..) {
                evidence.entry(gone.commit.id).or_insert(gone.commit.fetched);
            }
            index.scope.clear();
            index.end.generation += 1;
        }
        Ok(())
    }

    async fn extend_index(
        &self,
        scope: &str,
        onto: Option<(IndexEnd, u64)>,
        head: CommitId,
        tag_changes: &[TagChange],
    ) -> Result<Option<IndexEnd>, FakeError> {
        self.calls.count("extend_index");
        let mut kept = lock(&self.kept);
        let Kept { index, evidence, .. } = &mut *kept;
        let known = index.as_ref().map(|index| (index.scope.as_str(), index.end));
        let (from, generation) = match (onto, known) {
            (Some((end, from)), Some((kept, known))) if kept == scope && known == end => {
                (from, end.generation)
            }
            (None, Some((kept, end))) if kept != scope => (0, end.generation),
            (None, None) => (0, 0),
            _ => return Ok(None),
        };
        let mut is_cut = onto.is_none();
        let mut all = index.take().map(|index| index.tag_changes).unwrap_or_default();
        for gone in all.extract_if(.., |tag_change| tag_change.sequence >= from) {
            evidence.entry(gone.commit.id).or_insert(gone.commit.fetched);
            is_cut = true;
        }
        all.extend_from_slice(tag_changes);
        assert!(all.is_sorted_by_key(|tag_change| tag_change.sequence), "movements are kept oldest first");
        let next_sequence = all.last().map_or(from, |last| last.sequence + 1);
        let end = IndexEnd { head, next_sequence, generation: generation + i64::from(is_cut) };
        *index = Some(KeptIndex { scope: scope.to_owned(), end, tag_changes: all });
        Ok(Some(end))
    }
}

impl Intents for FakeStore {
    type Error = FakeError;

    async fn begin(&self, intents: &[Intent]) -> Result<(), FakeError> {
        self.calls.count("begin");
        lock(&self.kept).intents.extend(intents.iter().map(|intent| (intent.clone(), None)));
        Ok(())
    }

    async fn pending(&self) -> Result<Vec<Intent>, FakeError> {
        let kept = lock(&self.kept);
        Ok(kept
            .intents
            .iter()
            .filter(|(_, outcome)| outcome.is_none())
            .map(|(intent, _)| intent.clone())
            .collect())
    }

    async fn settle(&self, outcomes: &[(PromotionId, Outcome)], _at: Timestamp) -> Result<(), FakeError> {
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
