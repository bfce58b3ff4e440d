//! Looking at the repository: fetch, read what changed, extend the ledger.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::history::Ledger;
use crate::model::{Class, CommitId, Fault, FetchEvidence, RepoPath, Timestamp};

use super::Engine;
use super::flux::Resolver;
use super::news::{Since, read_news};
use super::ports::{Clock, Ports, Repository, Store};
use super::rulebook::Rulebook;
use super::signatures::unsigned_files;
use super::snapshot::Snapshot;
use super::view::View;

/// Raised when what is read out of a manifest or a message changes its meaning, so that an old index is not used.
const INDEX_VERSION: u32 = 3;

impl<P: Ports> Engine<P> {
    /// Looks at the repository, and asks nobody else.
    ///
    /// # Errors
    /// When the repository can't be reached or read, or the store can't be used.
    pub async fn look(&mut self) -> Result<Arc<View>, Fault> {
        self.refresh().await
    }

    /// Fetches, and takes in what changed since last time.
    pub(super) async fn refresh(&mut self) -> Result<Arc<View>, Fault> {
        let repository = Arc::clone(&self.ports.repository);
        let head = blocking(move || repository.fetch()).await?;
        Box::pin(self.take_in(head)).await
    }

    /// What was there when somebody last looked, without asking anybody.
    pub(super) async fn remember(&mut self) -> Result<Arc<View>, Fault> {
        let repository = Arc::clone(&self.ports.repository);
        let head = blocking(move || repository.last_head()).await?.ok_or_else(|| {
            Fault::new(Class::Failed, "nothing is known of the repository yet")
                .with_hint("run `tidegate plan` once, which fetches it")
        })?;
        Box::pin(self.take_in(head)).await
    }

    /// Takes in what changed up to a commit that is in the mirror.
    async fn take_in(&mut self, head: CommitId) -> Result<Arc<View>, Fault> {
        let now = self.ports.clock.now();
        if let Some(view) = self.memory.view.as_ref().filter(|view| view.commit() == head) {
            self.memory.last_seen = Some((head, now));
            return Ok(Arc::clone(view));
        }
        let last = self.memory.view.take();
        let repository = Arc::clone(&self.ports.repository);
        let scope = self.rulebook.reading_scope();
        let (snapshot, unsigned, last) = blocking(move || {
            let snapshot =
                Snapshot::take(&*repository, head, &scope, last.as_deref().map(|view| &view.snapshot))?;
            let unsigned = unsigned_files(&*repository, head, snapshot.controls.keys())?;
            Ok((snapshot, unsigned, last))
        })
        .await?;
        let resolver = Resolver::of(&snapshot);
        let last = last.and_then(Arc::into_inner);
        let (snapshot, ledger) = self.extend_ledger(snapshot, &resolver, last, now).await?;
        self.memory.last_seen = Some((head, now));
        let view = Arc::new(View::new(snapshot, resolver, ledger, unsigned, &self.rulebook));
        self.memory.view = Some(Arc::clone(&view));
        Ok(view)
    }

    /// Brings the ledger up to the snapshot: the one in hand, else the store's, else all of history.
    async fn extend_ledger(
        &self,
        snapshot: Snapshot,
        resolver: &Resolver,
        last: Option<View>,
        now: Timestamp,
    ) -> Result<(Snapshot, Ledger), Fault> {
        let store = &self.ports.store;
        let fingerprint = fingerprint(&self.rulebook, resolver);
        let kept_head = store.index_head(&fingerprint).await?;
        let (known, witnesses) = self.known_history(&fingerprint, kept_head, resolver, last).await?;
        let kept_fetch = store.latest_fetch().await?;
        let evidence = self.evidence(snapshot.commit, kept_fetch, now);
        let since =
            known.as_ref().map(|ledger| Since { commit: ledger.head(), sequence: ledger.next_sequence() });
        let repository = Arc::clone(&self.ports.repository);
        let resolver = resolver.clone();
        let rulebook = Arc::clone(&self.rulebook);
        let (snapshot, known, mut news) = blocking(move || {
            let earlier = || known.as_ref().map_or(witnesses, Ledger::evidence);
            let news = read_news(&*repository, &rulebook, &snapshot, since, &resolver, evidence, earlier)?;
            Ok((snapshot, known, news))
        })
        .await?;
        let head = snapshot.commit;
        if let Some(forgotten) = known.as_ref().filter(|_| news.replaces) {
            news.tell_rewriting(forgotten, head, evidence);
        }
        if kept_head != Some(head) || news.replaces {
            let after = since.map(|since| since.commit).filter(|_| !news.replaces);
            if !store.save_index(&fingerprint, head, after, &news.movements).await? {
                let message = "another process wrote the history index in the middle of a pass";
                return Err(Fault::new(Class::TryAgain, message));
            }
        }
        // After the index, so that a crash in between leaves the commits' evidence to be written again, not lost.
        if kept_fetch.is_none_or(|(seen, _)| seen != head) {
            store.record_fetch(head, evidence.absent_at, now).await?;
        }
        let mut ledger = known.filter(|_| !news.replaces).unwrap_or_else(|| Ledger::empty(head));
        ledger.append(head, news.movements);
        Ok((snapshot, ledger))
    }

    /// The ledger in hand, else the store's. Where there is none that fits, since the Flux policies or the folders are
    /// others, what is known of when commits came: Git does not tell that a second time.
    async fn known_history(
        &self,
        fingerprint: &str,
        kept_head: Option<CommitId>,
        resolver: &Resolver,
        last: Option<View>,
    ) -> Result<(Option<Ledger>, HashMap<CommitId, FetchEvidence>), Fault> {
        let last = match last {
            Some(last) if last.resolver == *resolver && Some(last.commit()) == kept_head => {
                return Ok((Some(last.ledger), HashMap::new()));
            }
            last => last,
        };
        let store = &self.ports.store;
        if let Some(index) = store.load_index(fingerprint).await? {
            return Ok((Some(Ledger::from_index(index)), HashMap::new()));
        }
        let witnesses = match last {
            Some(last) => last.ledger.evidence(),
            None => store.evidence().await?,
        };
        Ok((None, witnesses))
    }

    /// When the commits that are new at `head` came, by the fetches before.
    fn evidence(&self, head: CommitId, kept: Option<(CommitId, Timestamp)>, now: Timestamp) -> FetchEvidence {
        if let Some((_, fetched_at)) = kept.filter(|(seen, _)| *seen == head) {
            return FetchEvidence { absent_at: None, fetched_at };
        }
        let seen_elsewhere =
            [kept, self.memory.last_seen].into_iter().flatten().filter(|(seen, _)| *seen != head);
        FetchEvidence { absent_at: seen_elsewhere.map(|(_, at)| at).max(), fetched_at: now }
    }
}

/// What an index depends on beside the commits: the environments and their folders, the Flux policies that name images,
/// and this program.
fn fingerprint(rulebook: &Rulebook, resolver: &Resolver) -> String {
    let mut hash = Sha256::new();
    hash.update(INDEX_VERSION.to_be_bytes());
    for environment in &rulebook.environments {
        let folders = environment.paths.iter().map(RepoPath::as_str);
        for line in std::iter::once(environment.policy.name.as_str()).chain(folders).chain([""]) {
            hash.update(line);
            hash.update(b"\n");
        }
    }
    hash.update(resolver.fingerprint());
    format!("{:x}", hash.finalize())
}

/// Runs what blocks where it keeps nobody waiting.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => {
            Err(Fault::new(Class::Failed, "a worker thread stopped in the middle").with_source(error))
        }
    }
}
