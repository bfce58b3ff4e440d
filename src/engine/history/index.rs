//! Extends the index of tag changes up to the head, part by part: memory holds one part at a time, and a restart after a
//! crash continues where the last written part ends.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::history::Subject;
use crate::model::{Class, CommitId, Fault, FetchEvidence, IndexEnd, RepoPath, TagChange, Timestamp};

use super::newest_first::NewestFirst;
use super::reader::{Advance, HistoryReader, removed_by_force_push};
use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::ports::{Ports, Store};
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::flux_policies::Resolver;
use crate::engine::state::snapshot::Snapshot;

/// Raised when the same manifests or messages are read differently, so that an older index is rebuilt.
const INDEX_VERSION: u32 = 5;

/// Commits per part; few in tests, so that they span several parts.
pub(in crate::engine) const COMMITS_PER_PART: usize = if cfg!(test) { 3 } else { 4_000 };

/// How many indexed commits are searched at once for one that is still on the branch.
const COMMITS_PER_SEARCH: usize = if cfg!(test) { 2 } else { 1_000 };

/// How often an extension starts again because another process changed the index.
const MOST_OVERTAKEN: usize = 100;

/// The index, extended to the head.
#[derive(Debug)]
pub(in crate::engine) struct Indexed {
    pub(in crate::engine) end: IndexEnd,
    /// The subjects that moved since the last known end; none if that is unknown and any may have.
    pub(in crate::engine) moved: Option<BTreeSet<Subject>>,
}

pub(in crate::engine) struct Reading {
    pub(in crate::engine) snapshot: Arc<Snapshot>,
    pub(in crate::engine) resolver: Resolver,
    /// The end of the index at the last refresh.
    pub(in crate::engine) last: Option<IndexEnd>,
    pub(in crate::engine) now: Timestamp,
}

/// Reads what came since the end of the index, and writes it. `last_seen` is the last fetched head, and when.
pub(in crate::engine) async fn extend<P: Ports>(
    context: Context<'_, P>,
    reading: Reading,
    last_seen: Option<(CommitId, Timestamp)>,
) -> Result<Indexed, Fault> {
    let store = context.store;
    let head = reading.snapshot.commit;
    let stored_fetch = store.latest_fetch().await?;
    let seen = [stored_fetch, last_seen].into_iter().flatten().max_by_key(|(_, at)| *at);
    let extension = Extension {
        context,
        scope: scope(context.policy, &reading.resolver),
        evidence: evidence(head, stored_fetch, seen, reading.now),
        seen,
        reading: Arc::new(reading),
    };
    let mut indexed = None;
    for _ in 0..MOST_OVERTAKEN {
        indexed = extension.to_head().await?;
        if indexed.is_some() {
            break;
        }
    }
    let indexed = indexed.ok_or_else(|| {
        let message =
            format!("other processes changed the history index {MOST_OVERTAKEN} times during this pass");
        Fault::new(Class::TryAgain, message)
    })?;
    // After the index: a crash in between then leaves the commits' evidence to be written again, not lost.
    if stored_fetch.is_none_or(|(seen, _)| seen != head) {
        store.record_fetch(head, extension.evidence.absent_at, extension.reading.now).await?;
    }
    Ok(indexed)
}

/// Whether an index of this scope was made with this configuration, whichever images Flux's policies name.
pub(in crate::engine) fn is_for(scope: &str, repository_policy: &RepositoryPolicy) -> bool {
    scope.starts_with(&configured(repository_policy))
}

/// When the commits that are new at `head` were fetched.
fn evidence(
    head: CommitId,
    stored: Option<(CommitId, Timestamp)>,
    seen: Option<(CommitId, Timestamp)>,
    now: Timestamp,
) -> FetchEvidence {
    if let Some((_, fetched_at)) = stored.filter(|(seen, _)| *seen == head) {
        return FetchEvidence { absent_at: None, fetched_at };
    }
    let absent_at = seen.filter(|(seen, _)| *seen != head).map(|(_, at)| at);
    FetchEvidence { absent_at, fetched_at: now }
}

struct Extension<'a, P: Ports> {
    context: Context<'a, P>,
    scope: String,
    /// When the new commits were fetched.
    evidence: FetchEvidence,
    /// The last head that was fetched, and when.
    seen: Option<(CommitId, Timestamp)>,
    reading: Arc<Reading>,
}

impl<P: Ports> Extension<'_, P> {
    /// Extends the index from its end to the head. None if another process changed it meanwhile.
    async fn to_head(&self) -> Result<Option<Indexed>, Fault> {
        let head = self.reading.snapshot.commit;
        let stored = self.context.store.index_end().await?;
        let end = stored.filter(|(scope, _)| *scope == self.scope).map(|(_, end)| end);
        let is_last = end.is_some() && end == self.reading.last;
        let repository = Arc::clone(self.context.repository);
        let known = end.map(|end| end.head);
        let advance = blocking(move || Advance::find(&*repository, known, head)).await?;
        let mut moved = BTreeSet::new();
        let end = match (advance, end) {
            (Advance::FastForward(line), end) => self.append(end, &line, &mut moved).await?,
            (Advance::MergedAside, Some(end)) => {
                let tag_changes = self.read(move |reader| reader.aside(end.head, end.next_sequence)).await?;
                self.write(Some((end, end.next_sequence)), head, &tag_changes, &mut moved).await?
            }
            (Advance::ForcePushed(line), Some(end)) => {
                return Ok(self.replace(end, line).await?.map(|end| Indexed { end, moved: None }));
            }
            (Advance::MergedAside | Advance::ForcePushed(_), None) => None,
        };
        Ok(end.map(|end| Indexed { end, moved: Some(moved).filter(|_| is_last) }))
    }

    /// Adds commits to the end of the index, or begins it with them.
    async fn append(
        &self,
        end: Option<IndexEnd>,
        line: &[CommitId],
        moved: &mut BTreeSet<Subject>,
    ) -> Result<Option<IndexEnd>, Fault> {
        let mut end = end;
        if end.is_none() {
            // `read_line` still asks it when commits were fetched.
            self.context.store.drop_other_index(&self.scope).await?;
        }
        let seen = self.seen_of(line);
        for (done, commits) in (0..).step_by(COMMITS_PER_PART).zip(line.chunks(COMMITS_PER_PART)) {
            if line.len() > COMMITS_PER_PART {
                tracing::info!("reading history: {done} of {} commits", line.len());
            }
            let first = end.map_or(0, |end| end.next_sequence);
            let tag_changes = self.read_line(commits, first, seen.saturating_sub(done)).await?;
            let head = commits.last().copied().unwrap_or(self.reading.snapshot.commit);
            let onto = end.map(|end| (end, end.next_sequence));
            end = self.write(onto, head, &tag_changes, moved).await?;
            if end.is_none() {
                break;
            }
        }
        Ok(end)
    }

    /// Replaces what is indexed above the last common commit by the commits of `line`.
    async fn replace(&self, end: IndexEnd, line: Vec<CommitId>) -> Result<Option<IndexEnd>, Fault> {
        let store = self.context.store;
        let (from, common) = self.fork(end, &line).await?;
        let removed = self.changes_from(end, from).await?;
        let mut tag_changes: Vec<TagChange> = Vec::new();
        let next = |tag_changes: &[TagChange]| tag_changes.last().map_or(from, |last| last.sequence + 1);
        let line = &line[common..];
        let seen = self.seen_of(line);
        for (done, part) in (0..).step_by(COMMITS_PER_PART).zip(line.chunks(COMMITS_PER_PART)) {
            let more = self.read_line(part, next(&tag_changes), seen.saturating_sub(done)).await?;
            tag_changes.extend(more);
        }
        let head = self.reading.snapshot.commit;
        let sequence = next(&tag_changes);
        tag_changes.extend(removed_by_force_push(&removed, &tag_changes, head, sequence, self.evidence));
        // In one write: no reader may see the new line without what the force push removed.
        store.extend_index(&self.scope, Some((end, from)), head, &tag_changes).await
    }

    /// The sequence after the last indexed commit that `line` has too, and how many commits of `line` are indexed.
    async fn fork(&self, end: IndexEnd, line: &[CommitId]) -> Result<(u64, usize), Fault> {
        let places: HashMap<CommitId, usize> = line.iter().copied().zip(1..).collect();
        let mut below = end.next_sequence;
        loop {
            let store = self.context.store;
            let commits = store.commits_below(end, below, COMMITS_PER_SEARCH).await?;
            let common = commits.iter().find_map(|(sequence, id)| Some((sequence + 1, *places.get(id)?)));
            match (common, commits.last()) {
                (Some(common), _) => return Ok(common),
                (None, Some((sequence, _))) => below = *sequence,
                (None, None) => return Ok((0, 0)),
            }
        }
    }

    /// The indexed tag changes from a sequence on, oldest first.
    async fn changes_from(&self, end: IndexEnd, from: u64) -> Result<Vec<TagChange>, Fault> {
        let mut changes = Vec::new();
        let mut newest = NewestFirst::of(end, Vec::new(), None);
        'parts: while let Some(tag_changes) = newest.next(&**self.context.store).await? {
            for tag_change in tag_changes {
                if tag_change.sequence < from {
                    break 'parts;
                }
                changes.push(tag_change);
            }
        }
        changes.reverse();
        Ok(changes)
    }

    /// How many of these commits, oldest first, were on the branch at the last fetch.
    fn seen_of(&self, line: &[CommitId]) -> usize {
        let last = self.seen.and_then(|(seen, _)| line.iter().position(|id| *id == seen));
        last.map_or(0, |last| last + 1)
    }

    /// The tag changes of commits, of which the first `seen` are not new.
    async fn read_line(&self, line: &[CommitId], first: u64, seen: usize) -> Result<Vec<TagChange>, Fault> {
        let mut met = self.context.store.evidence(line).await?;
        if let Some((_, fetched_at)) = self.seen {
            for commit in line.iter().take(seen) {
                met.entry(*commit).or_insert(FetchEvidence { absent_at: None, fetched_at });
            }
        }
        let line = line.to_vec();
        self.read(move |reader| reader.of(&line, first, &met)).await
    }

    async fn read(
        &self,
        read: impl FnOnce(HistoryReader<'_, P::Repository>) -> Result<Vec<TagChange>, Fault> + Send + 'static,
    ) -> Result<Vec<TagChange>, Fault> {
        let repository = Arc::clone(self.context.repository);
        let repository_policy = Arc::clone(self.context.policy);
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

    async fn write(
        &self,
        onto: Option<(IndexEnd, u64)>,
        head: CommitId,
        tag_changes: &[TagChange],
        moved: &mut BTreeSet<Subject>,
    ) -> Result<Option<IndexEnd>, Fault> {
        let resolver = &self.reading.resolver;
        let subject = |one: &TagChange| (resolver.service_of(&one.path, &one.service), one.image.clone());
        moved.extend(tag_changes.iter().map(subject));
        self.context.store.extend_index(&self.scope, onto, head, tag_changes).await
    }
}

/// What an index depends on besides commits: [`configured`], and the Flux policies that name images.
fn scope(repository_policy: &RepositoryPolicy, resolver: &Resolver) -> String {
    format!("{}{:x}", configured(repository_policy), Sha256::digest(resolver.fingerprint()))
}

/// The environments with their folders, excluded files, and [`INDEX_VERSION`].
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
    for glob in &repository_policy.exclude.texts {
        hash.update(glob);
        hash.update(b"\n");
    }
    format!("{:x}-", hash.finalize())
}

#[cfg(test)]
mod tests;
