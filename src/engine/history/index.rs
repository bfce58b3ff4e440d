//! Extends the index of tag changes up to the head, part by part: memory holds one part at a time, and a restart after a
//! crash continues where the last written part ends.
//!
//! What happened on the branch is read from the commits and from the force pushes that the mirror has seen, so it is the
//! same whenever it is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::config::ConfiguredField;
use crate::history::Subject;
use crate::model::{
    Class, CommitId, Fault, FetchEvidence, IndexEnd, ReplacedHead, RepoPath, TagChange, Timestamp,
};

use super::former_paths::FormerPaths;
use super::reader::{HistoryPart, HistoryReader};
use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::flux_policies::Resolver;
use crate::engine::state::snapshot::Snapshot;
use crate::port::{Fetches, IndexReader, IndexWriter, Ports, Repository};

/// Raised when the same manifests or messages are read differently, so that an older index is rebuilt.
const INDEX_VERSION: u32 = 9;

/// How many commits are read and kept at once; few in tests, so that they meet several parts.
pub(in crate::engine) const COMMITS_PER_PART: usize = if cfg!(test) { 3 } else { 4_000 };

/// How often a pass starts over because another process wrote the index, or files were renamed.
const MAX_ATTEMPTS: usize = 100;

/// The kept history, up to the head.
#[derive(Debug)]
pub(in crate::engine) struct Indexed {
    pub(in crate::engine) end: IndexEnd,
    /// The targets that moved since the known end. None if that is unknown: any may have moved.
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

/// Reads what came since the end of the index, and writes it. `last_seen` is the last fetched head, and when; `replaced`
/// are the force pushes so far.
pub(in crate::engine) async fn extend<P: Ports>(
    context: Context<'_, P>,
    reading: Reading,
    last_seen: Option<(CommitId, Timestamp)>,
    replaced: Vec<ReplacedHead>,
) -> Result<Indexed, Fault> {
    let store = context.store;
    let head = reading.snapshot.commit;
    let stored_fetch = store.latest_fetch().await?;
    let seen = [stored_fetch, last_seen].into_iter().flatten().max_by_key(|(_, at)| *at);
    let mut extension = Extension {
        context,
        scope: scope(context.policy, &replaced, &reading.resolver),
        evidence: evidence(head, stored_fetch, seen, reading.now),
        seen,
        reading: Arc::new(reading),
        replaced,
        former_paths: Arc::default(),
    };
    let mut indexed = None;
    for _ in 0..MAX_ATTEMPTS {
        match extension.to_head().await? {
            Extended::ToHead(done) => {
                indexed = Some(done);
                break;
            }
            Extended::Overtaken => {}
            Extended::Renamed(renames) => {
                store.drop_other_index("").await?;
                Arc::make_mut(&mut extension.former_paths).add(renames);
            }
        }
    }
    let indexed = indexed.ok_or_else(|| {
        let message =
            format!("other processes changed the history index {MAX_ATTEMPTS} times during this pass");
        Fault::new(Class::TryAgain, message)
    })?;
    // After the index: a crash in between then leaves the commits' evidence to be written again, not lost.
    if stored_fetch.is_none_or(|(seen, _)| seen != head) {
        store.record_fetch(head, extension.evidence.absent_at, extension.reading.now).await?;
    }
    Ok(indexed)
}

/// Whether an index of this scope was made with this configuration, whichever images Flux's policies name.
pub(in crate::engine) fn is_for(
    scope: &str,
    repository_policy: &RepositoryPolicy,
    replaced: &[ReplacedHead],
) -> bool {
    scope.starts_with(&configured(repository_policy, replaced))
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

/// One step of what happened to the branch.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// These commits came, oldest first.
    Commits(Vec<CommitId>),
    /// A force push took away what came after `to`; everything where that is `None`.
    Rewind { from: CommitId, to: Option<CommitId>, by: ReplacedHead },
}

/// All that happened to the branch up to `head`, as far as the force pushes are known: commits that were replaced are
/// part of it.
fn events(
    repository: &impl Repository,
    replaced: &[ReplacedHead],
    head: CommitId,
) -> Result<Vec<Event>, Fault> {
    let mut events = Vec::new();
    let mut branch: Vec<CommitId> = Vec::new();
    let mut last = None;
    // Where a force push put the branch matters even if the branch went on, or back, from there.
    let forced = replaced.iter().flat_map(|by| [(by.old, None), (by.new, Some(*by))]);
    for (stop, by) in forced.chain([(head, None)]) {
        let line = match repository.line(stop, None) {
            Ok(line) => line.commits,
            // The mirror was made anew since, without what nothing refers to.
            Err(_) if stop != head => continue,
            Err(error) => return Err(error.into()),
        };
        last = by.or(last);
        let common = branch.iter().zip(&line).take_while(|(one, other)| one == other).count();
        if let (Some(from), Some(by)) = (branch.last().filter(|_| common < branch.len()), last) {
            events.push(Event::Rewind { from: *from, to: branch[..common].last().copied(), by });
        }
        if common < line.len() {
            events.push(Event::Commits(line[common..].to_vec()));
        }
        branch = line;
    }
    Ok(events)
}

struct Extension<'a, P: Ports> {
    context: Context<'a, P>,
    scope: String,
    /// When what is new came.
    evidence: FetchEvidence,
    /// Where the branch was when it was last seen, and when.
    seen: Option<(CommitId, Timestamp)>,
    reading: Arc<Reading>,
    replaced: Vec<ReplacedHead>,
    former_paths: Arc<FormerPaths>,
}

/// What came of one try to bring the index up to the head.
enum Extended {
    ToHead(Indexed),
    /// Another process was first.
    Overtaken,
    /// Files or folders had other paths before, by which the history must be read again.
    Renamed(Vec<(RepoPath, RepoPath)>),
}

impl<P: Ports> Extension<'_, P> {
    /// Goes on from where the index ends, or makes it anew where the branch does not.
    async fn to_head(&self) -> Result<Extended, Fault> {
        let head = self.reading.snapshot.commit;
        let kept = self.context.store.index_end().await?;
        let end = kept.filter(|(scope, _)| *scope == self.scope).map(|(_, end)| end);
        let is_last = end.is_some() && end == self.reading.last;
        if let Some(end) = end {
            let repository = Arc::clone(self.context.repository);
            let line = blocking(move || Ok(repository.line(head, Some(end.head))?)).await?;
            if line.is_down_to_known {
                return self.onward(Some(end), &line.commits, is_last).await;
            }
        }
        // The branch was merged into somebody's own work, or all is new.
        let nothing = if end.is_some() { "" } else { &self.scope };
        self.context.store.drop_other_index(nothing).await?;
        let (repository, replaced) = (Arc::clone(self.context.repository), self.replaced.clone());
        let events = blocking(move || events(&*repository, &replaced, head)).await?;
        match events.as_slice() {
            [Event::Commits(line)] => self.onward(None, line, false).await,
            _ => self.anew(&events).await,
        }
    }

    /// Adds consecutive commits of the line to the index.
    async fn onward(
        &self,
        end: Option<IndexEnd>,
        line: &[CommitId],
        is_last: bool,
    ) -> Result<Extended, Fault> {
        let (mut end, mut moved) = (end, BTreeSet::new());
        let seen = self.seen_of(line);
        for (done, commits) in (0..).step_by(COMMITS_PER_PART).zip(line.chunks(COMMITS_PER_PART)) {
            if line.len() > COMMITS_PER_PART {
                tracing::info!("reading history: {done} of {} commits", line.len());
            }
            let first = end.map_or(0, |end| end.next_sequence);
            let part = self.read_line(commits, first, seen.saturating_sub(done)).await?;
            if !part.renames.is_empty() {
                return Ok(Extended::Renamed(part.renames));
            }
            let head = commits.last().copied().unwrap_or(self.reading.snapshot.commit);
            let onto = end.map(|end| (end, end.next_sequence));
            let resolver = &self.reading.resolver;
            let subject = |one: &TagChange| (resolver.service_of(&one.path, &one.service), one.image.clone());
            moved.extend(part.tag_changes.iter().map(subject));
            let store = self.context.store;
            end = store.extend_index(&self.scope, onto, head, &part.tag_changes).await?;
            if end.is_none() {
                break;
            }
        }
        let moved = Some(moved).filter(|_| is_last);
        Ok(end.map_or(Extended::Overtaken, |end| Extended::ToHead(Indexed { end, moved })))
    }

    /// Makes the index of a branch that was force-pushed, all at once: nobody may find the branch as it is now without
    /// what was taken away from it.
    async fn anew(&self, events: &[Event]) -> Result<Extended, Fault> {
        let mut tag_changes: Vec<TagChange> = Vec::new();
        for event in events {
            let next = |all: &[TagChange]| all.last().map_or(0, |last| last.sequence + 1);
            match event {
                Event::Rewind { from, to, by } => {
                    let (from, to, by, first) = (*from, *to, *by, next(&tag_changes));
                    tag_changes.extend(self.read(move |reader| reader.rewind(from, to, by, first)).await?);
                }
                Event::Commits(line) => {
                    let seen = self.seen_of(line);
                    for (done, part) in (0..).step_by(COMMITS_PER_PART).zip(line.chunks(COMMITS_PER_PART)) {
                        let first = next(&tag_changes);
                        let part = self.read_line(part, first, seen.saturating_sub(done)).await?;
                        if !part.renames.is_empty() {
                            return Ok(Extended::Renamed(part.renames));
                        }
                        tag_changes.extend(part.tag_changes);
                    }
                }
            }
        }
        let head = self.reading.snapshot.commit;
        let end = self.context.store.extend_index(&self.scope, None, head, &tag_changes).await?;
        Ok(end.map_or(Extended::Overtaken, |end| Extended::ToHead(Indexed { end, moved: None })))
    }

    /// How many of these commits, oldest first, were on the branch at the last fetch.
    fn seen_of(&self, line: &[CommitId]) -> usize {
        let last = self.seen.and_then(|(seen, _)| line.iter().position(|id| *id == seen));
        last.map_or(0, |last| last + 1)
    }

    /// Reads commits of the line; the first `seen` are not new.
    async fn read_line(&self, line: &[CommitId], first: u64, seen: usize) -> Result<HistoryPart, Fault> {
        let mut met = self.context.store.evidence(line).await?;
        if let Some((_, fetched_at)) = self.seen {
            for commit in line.iter().take(seen) {
                met.entry(*commit).or_insert(FetchEvidence { absent_at: None, fetched_at });
            }
        }
        let line = line.to_vec();
        self.read(move |reader| reader.of(&line, first, &met)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(HistoryReader<'_, P::Repository>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let repository = Arc::clone(self.context.repository);
        let repository_policy = Arc::clone(self.context.policy);
        let (reading, evidence) = (Arc::clone(&self.reading), self.evidence);
        let former_paths = Arc::clone(&self.former_paths);
        blocking(move || {
            read(HistoryReader {
                repository: &*repository,
                repository_policy: &repository_policy,
                snapshot: &reading.snapshot,
                resolver: &reading.resolver,
                former_paths: &former_paths,
                evidence,
            })
        })
        .await
    }
}

/// What an index depends on beside the commits: what [`configured`] tells, the Flux policies that name images, and which Helm
/// values count.
fn scope(repository_policy: &RepositoryPolicy, replaced: &[ReplacedHead], resolver: &Resolver) -> String {
    format!("{}{:x}", configured(repository_policy, replaced), Sha256::digest(resolver.fingerprint()))
}

/// What is in no commit: the environments with their folders, excluded files, named fields,
/// [`INDEX_VERSION`], and force pushes.
fn configured(repository_policy: &RepositoryPolicy, replaced: &[ReplacedHead]) -> String {
    let mut hash = Sha256::new();
    for one in replaced {
        hash.update(one.old.as_bytes());
        hash.update(one.new.as_bytes());
    }
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
    for ConfiguredField { files, rule, .. } in &*repository_policy.fields {
        let service = rule.service.as_ref().map(ToString::to_string).unwrap_or_default();
        hash.update(format!("{files}\n{}\n{}\n{service}\n", rule.at, rule.image));
    }
    format!("{:x}-", hash.finalize())
}

#[cfg(test)]
mod tests;
