//! Bringing the kept history up to the head: part by part, so that no more of it is in memory than a part, and what was
//! read before a crash is not read again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::history::Subject;
use crate::model::{Class, CommitId, Fault, FetchEvidence, IndexEnd, RepoPath, TagChange, Timestamp};

use super::newest_first::NewestFirst;
use super::reader::{Advance, HistoryReader, taken_away};
use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Ports, Store};
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::flux_policies::Resolver;
use crate::engine::state::snapshot::Snapshot;

/// Raised when what is read out of a manifest or a message changes its meaning, so that an old index is not used.
const INDEX_VERSION: u32 = 4;

/// How many commits are read and kept at once; few in tests, so that they meet several parts.
pub(in crate::engine) const COMMITS_A_PART: usize = if cfg!(test) { 3 } else { 4_000 };

/// How many commits of the kept history are looked at together for one that is still on the line.
const COMMITS_A_SEARCH: usize = if cfg!(test) { 2 } else { 1_000 };

/// How often a pass goes on from where another process left the kept history.
const MOST_OVERTAKEN: usize = 100;

/// The kept history, up to the head.
#[derive(Debug)]
pub(in crate::engine) struct Indexed {
    pub(in crate::engine) end: IndexEnd,
    /// What moved since the end that was known; nothing when that can't be told, so that anything may have.
    pub(in crate::engine) moved: Option<BTreeSet<Subject>>,
}

/// What the history is read for.
pub(in crate::engine) struct Reading {
    pub(in crate::engine) snapshot: Arc<Snapshot>,
    pub(in crate::engine) resolver: Resolver,
    /// The end of the kept history when it was last looked at.
    pub(in crate::engine) last: Option<IndexEnd>,
    pub(in crate::engine) now: Timestamp,
}

impl<P: Ports> Engine<P> {
    /// The end of the kept history, which reaches up to where the branch is now. Files are read only where it does not yet:
    /// which images Flux's policies name at a commit is no news to an index that ends there.
    pub(in crate::engine) async fn end_of_history(&mut self) -> Result<IndexEnd, Fault> {
        let head = self.fetch().await?;
        match self.ports.store.index_end().await? {
            Some((scope, end))
                if end.head == head && scope.starts_with(&configured(&self.repository_policy)) =>
            {
                Ok(end)
            }
            _ => Ok(self.take_in(head).await?.end),
        }
    }

    /// Reads what came since the kept history ends, and keeps it.
    pub(in crate::engine) async fn extend_index(&self, reading: Reading) -> Result<Indexed, Fault> {
        let store = &self.ports.store;
        let head = reading.snapshot.commit;
        let kept_fetch = store.latest_fetch().await?;
        let seen = [kept_fetch, self.memory.last_seen].into_iter().flatten().max_by_key(|(_, at)| *at);
        let extending = Extending {
            engine: self,
            scope: scope(&self.repository_policy, &reading.resolver),
            evidence: evidence(head, kept_fetch, seen, reading.now),
            seen,
            reading: Arc::new(reading),
        };
        let mut indexed = None;
        for _ in 0..MOST_OVERTAKEN {
            indexed = extending.to_head().await?;
            if indexed.is_some() {
                break;
            }
        }
        let indexed = indexed.ok_or_else(|| {
            let message = "other processes wrote the history index again and again in the middle of a pass";
            Fault::new(Class::TryAgain, message)
        })?;
        // After the index, so that a crash in between leaves the commits' evidence to be written again, not lost.
        if kept_fetch.is_none_or(|(seen, _)| seen != head) {
            store.record_fetch(head, extending.evidence.absent_at, extending.reading.now).await?;
        }
        Ok(indexed)
    }
}

/// When the commits that are new at `head` came, by the fetches before.
fn evidence(
    head: CommitId,
    kept: Option<(CommitId, Timestamp)>,
    seen: Option<(CommitId, Timestamp)>,
    now: Timestamp,
) -> FetchEvidence {
    if let Some((_, fetched_at)) = kept.filter(|(seen, _)| *seen == head) {
        return FetchEvidence { absent_at: None, fetched_at };
    }
    let absent_at = seen.filter(|(seen, _)| *seen != head).map(|(_, at)| at);
    FetchEvidence { absent_at, fetched_at: now }
}

/// The work in hand.
struct Extending<'a, P: Ports> {
    engine: &'a Engine<P>,
    scope: String,
    /// When what is new came.
    evidence: FetchEvidence,
    /// Where the branch was when it was last seen, and when.
    seen: Option<(CommitId, Timestamp)>,
    reading: Arc<Reading>,
}

impl<P: Ports> Extending<'_, P> {
    /// Goes on from where the kept history ends. Nothing when another process was first.
    async fn to_head(&self) -> Result<Option<Indexed>, Fault> {
        let head = self.reading.snapshot.commit;
        let kept = self.engine.ports.store.index_end().await?;
        let end = kept.filter(|(scope, _)| *scope == self.scope).map(|(_, end)| end);
        let is_last = end.is_some() && end == self.reading.last;
        let repository = Arc::clone(&self.engine.ports.repository);
        let known = end.map(|end| end.head);
        let way = blocking(move || Advance::find(&*repository, known, head)).await?;
        let mut moved = BTreeSet::new();
        let end = match (way, end) {
            (Advance::FastForward(line), end) => self.onward(end, &line, &mut moved).await?,
            (Advance::MergedAside, Some(end)) => {
                let tag_changes = self.read(move |news| news.aside(end.head, end.next_sequence)).await?;
                self.keep(Some((end, end.next_sequence)), head, &tag_changes, &mut moved).await?
            }
            (Advance::ForcePushed(line), Some(end)) => {
                return Ok(self.instead(end, line).await?.map(|end| Indexed { end, moved: None }));
            }
            (Advance::MergedAside | Advance::ForcePushed(_), None) => None,
        };
        Ok(end.map(|end| Indexed { end, moved: Some(moved).filter(|_| is_last) }))
    }

    /// Adds commits on top of what is kept, or makes the history of them.
    async fn onward(
        &self,
        end: Option<IndexEnd>,
        line: &[CommitId],
        moved: &mut BTreeSet<Subject>,
    ) -> Result<Option<IndexEnd>, Fault> {
        let mut end = end;
        if end.is_none() {
            // What it says of when commits came is asked for below.
            self.engine.ports.store.drop_other_index(&self.scope).await?;
        }
        let seen = self.seen_of(line);
        for (done, commits) in (0..).step_by(COMMITS_A_PART).zip(line.chunks(COMMITS_A_PART)) {
            if line.len() > COMMITS_A_PART {
                tracing::info!("reading history: {done} of {} commits", line.len());
            }
            let first = end.map_or(0, |end| end.next_sequence);
            let tag_changes = self.read_line(commits, first, seen.saturating_sub(done)).await?;
            let head = commits.last().copied().unwrap_or(self.reading.snapshot.commit);
            let onto = end.map(|end| (end, end.next_sequence));
            end = self.keep(onto, head, &tag_changes, moved).await?;
            if end.is_none() {
                break;
            }
        }
        Ok(end)
    }

    /// Puts the line in place of what was kept of it above the last commit that both have.
    async fn instead(&self, end: IndexEnd, line: Vec<CommitId>) -> Result<Option<IndexEnd>, Fault> {
        let store = &self.engine.ports.store;
        let (from, kept) = self.fork(end, &line).await?;
        let forgotten = self.forgotten(end, from).await?;
        let mut tag_changes: Vec<TagChange> = Vec::new();
        let next = |tag_changes: &[TagChange]| tag_changes.last().map_or(from, |last| last.sequence + 1);
        let line = &line[kept..];
        let seen = self.seen_of(line);
        for (done, part) in (0..).step_by(COMMITS_A_PART).zip(line.chunks(COMMITS_A_PART)) {
            let more = self.read_line(part, next(&tag_changes), seen.saturating_sub(done)).await?;
            tag_changes.extend(more);
        }
        let head = self.reading.snapshot.commit;
        let sequence = next(&tag_changes);
        tag_changes.extend(taken_away(&forgotten, &tag_changes, head, sequence, self.evidence));
        // All at once: nobody may find the branch as it is now without what was taken away from it.
        store.extend_index(&self.scope, Some((end, from)), head, &tag_changes).await
    }

    /// The place on the kept line after the last commit that the new line has too, and how many of the new one's commits
    /// that covers.
    async fn fork(&self, end: IndexEnd, line: &[CommitId]) -> Result<(u64, usize), Fault> {
        let places: HashMap<CommitId, usize> = line.iter().copied().zip(1..).collect();
        let mut below = end.next_sequence;
        loop {
            let store = &self.engine.ports.store;
            let commits = store.commits_below(end, below, COMMITS_A_SEARCH).await?;
            let common = commits.iter().find_map(|(sequence, id)| Some((sequence + 1, *places.get(id)?)));
            match (common, commits.last()) {
                (Some(common), _) => return Ok(common),
                (None, Some((sequence, _))) => below = *sequence,
                (None, None) => return Ok((0, 0)),
            }
        }
    }

    /// What is kept from a place on the line on, oldest first.
    async fn forgotten(&self, end: IndexEnd, from: u64) -> Result<Vec<TagChange>, Fault> {
        let mut forgotten = Vec::new();
        let mut newest = NewestFirst::of(end, None, None);
        'parts: while let Some(tag_changes) = newest.next(&*self.engine.ports.store).await? {
            for tag_change in tag_changes {
                if tag_change.sequence < from {
                    break 'parts;
                }
                forgotten.push(tag_change);
            }
        }
        forgotten.reverse();
        Ok(forgotten)
    }

    /// How many of these commits, which come oldest first, were on the branch when it was last seen.
    fn seen_of(&self, line: &[CommitId]) -> usize {
        let last = self.seen.and_then(|(seen, _)| line.iter().position(|id| *id == seen));
        last.map_or(0, |last| last + 1)
    }

    /// What moved by commits of which the first `seen` are not new.
    async fn read_line(&self, line: &[CommitId], first: u64, seen: usize) -> Result<Vec<TagChange>, Fault> {
        let mut met = self.engine.ports.store.evidence(line).await?;
        if let Some((_, fetched_at)) = self.seen {
            for commit in line.iter().take(seen) {
                met.entry(*commit).or_insert(FetchEvidence { absent_at: None, fetched_at });
            }
        }
        let line = line.to_vec();
        self.read(move |news| news.of(&line, first, &met)).await
    }

    async fn read(
        &self,
        read: impl FnOnce(HistoryReader<'_, P::Repository>) -> Result<Vec<TagChange>, Fault> + Send + 'static,
    ) -> Result<Vec<TagChange>, Fault> {
        let repository = Arc::clone(&self.engine.ports.repository);
        let repository_policy = Arc::clone(&self.engine.repository_policy);
        let (reading, evidence) = (Arc::clone(&self.reading), self.evidence);
        blocking(move || {
            read(HistoryReader {
                repository: &*repository,
                repository_policy: &repository_policy,
                snapshot: &reading.snapshot,
                resolver: &reading.resolver,
                evidence,
            })
        })
        .await
    }

    async fn keep(
        &self,
        onto: Option<(IndexEnd, u64)>,
        head: CommitId,
        tag_changes: &[TagChange],
        moved: &mut BTreeSet<Subject>,
    ) -> Result<Option<IndexEnd>, Fault> {
        moved.extend(tag_changes.iter().map(|one| (one.service.clone(), one.image.clone())));
        self.engine.ports.store.extend_index(&self.scope, onto, head, tag_changes).await
    }
}

/// What an index depends on beside the commits: what [`configured`] tells, and the Flux policies that name images.
fn scope(repository_policy: &RepositoryPolicy, resolver: &Resolver) -> String {
    format!("{}{:x}", configured(repository_policy), Sha256::digest(resolver.fingerprint()))
}

/// The part of it that is in no commit: the environments and their folders, and this program.
fn configured(repository_policy: &RepositoryPolicy) -> String {
    let mut hash = Sha256::new();
    hash.update(INDEX_VERSION.to_be_bytes());
    for environment in &repository_policy.environments {
        let folders = environment.paths.iter().map(RepoPath::as_str);
        for line in std::iter::once(environment.policy.name.as_str()).chain(folders).chain([""]) {
            hash.update(line);
            hash.update(b"\n");
        }
    }
    format!("{:x}-", hash.finalize())
}

#[cfg(test)]
mod tests;
