//! Looking at the repository: fetch, read what changed, bring the kept history up to it.

use std::sync::Arc;

use crate::model::{Class, CommitId, Fault};

use super::Engine;
use super::flux::Resolver;
use super::index::Reading;
use super::ports::{Clock, Ports, Repository};
use super::repository_state::RepositoryState;
use super::signatures::unsigned_files;
use super::snapshot::Snapshot;

impl<P: Ports> Engine<P> {
    /// Looks at the repository, and asks nobody else.
    ///
    /// # Errors
    /// When the repository can't be reached or read, or the store can't be used.
    pub async fn look(&mut self) -> Result<Arc<RepositoryState>, Fault> {
        self.refresh().await
    }

    /// Fetches, and takes in what changed since last time.
    pub(super) async fn refresh(&mut self) -> Result<Arc<RepositoryState>, Fault> {
        let head = self.fetch().await?;
        Box::pin(self.take_in(head)).await
    }

    /// Asks where the branch is, and brings what is new.
    pub(super) async fn fetch(&self) -> Result<CommitId, Fault> {
        let repository = Arc::clone(&self.ports.repository);
        blocking(move || repository.fetch()).await
    }

    /// What was there when somebody last looked, without asking anybody.
    pub(super) async fn remember(&mut self) -> Result<Arc<RepositoryState>, Fault> {
        let repository = Arc::clone(&self.ports.repository);
        let head = blocking(move || repository.last_head()).await?.ok_or_else(|| {
            Fault::new(Class::Failed, "nothing is known of the repository yet")
                .with_hint("run `tidegate plan` once, which fetches it")
        })?;
        Box::pin(self.take_in(head)).await
    }

    /// Takes in what changed up to a commit that is in the mirror.
    pub(super) async fn take_in(&mut self, head: CommitId) -> Result<Arc<RepositoryState>, Fault> {
        let now = self.ports.clock.now();
        if let Some(state) =
            self.memory.state.as_ref().filter(|state| state.commit() == head && !state.is_stale())
        {
            self.memory.last_seen = Some((head, now));
            return Ok(Arc::clone(state));
        }
        let last = self.memory.state.take();
        let repository = Arc::clone(&self.ports.repository);
        let scope = self.repository_policy.reading_scope();
        let (snapshot, unsigned, last) = blocking(move || {
            let snapshot =
                Snapshot::take(&*repository, head, &scope, last.as_deref().map(|state| &*state.snapshot))?;
            let unsigned = unsigned_files(&*repository, head, snapshot.controls.keys())?;
            Ok((Arc::new(snapshot), unsigned, last))
        })
        .await?;
        let resolver = Resolver::of(&snapshot);
        let reading = Reading {
            snapshot: Arc::clone(&snapshot),
            resolver: resolver.clone(),
            last: last.as_ref().filter(|last| last.resolver == resolver).map(|last| last.end),
            now,
        };
        let indexed = self.extend_index(reading).await?;
        self.memory.last_seen = Some((head, now));
        let state = RepositoryState::new(snapshot, resolver, indexed.end, unsigned, &self.repository_policy);
        if let (Some(last), Some(moved)) = (last, &indexed.moved) {
            state.take_over(&last, moved);
        }
        let state = Arc::new(state);
        self.memory.state = Some(Arc::clone(&state));
        Ok(state)
    }
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
