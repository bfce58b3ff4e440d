//! Looking at the repository: fetch, read what changed, bring the kept history up to it.

use std::sync::Arc;

use crate::model::{Class, CommitId, Fault, RepoPath};

use super::index::Reading;
use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Clock, Ports, Repository};
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::control_files;
use crate::engine::state::flux_policies::Resolver;
use crate::engine::state::repository_state::RepositoryState;
use crate::engine::state::signatures::unsigned_files;
use crate::engine::state::snapshot::Snapshot;

impl<P: Ports> Engine<P> {
    /// Looks at the repository, and asks nobody else.
    ///
    /// # Errors
    /// When the repository can't be reached or read, or the store can't be used.
    pub async fn look(&mut self) -> Result<Arc<RepositoryState>, Fault> {
        self.refresh().await
    }

    /// Fetches, and takes in what changed since last time.
    pub(in crate::engine) async fn refresh(&mut self) -> Result<Arc<RepositoryState>, Fault> {
        let head = self.fetch().await?;
        Box::pin(self.take_in(head)).await
    }

    /// Asks where the branch is, and brings what is new.
    pub(in crate::engine) async fn fetch(&self) -> Result<CommitId, Fault> {
        let repository = Arc::clone(&self.ports.repository);
        blocking(move || repository.fetch()).await
    }

    /// What was there when somebody last looked, without asking anybody.
    pub(in crate::engine) async fn remember(&mut self) -> Result<Arc<RepositoryState>, Fault> {
        let repository = Arc::clone(&self.ports.repository);
        let head = blocking(move || repository.last_head()).await?.ok_or_else(|| {
            Fault::new(Class::Failed, "nothing is known of the repository yet")
                .with_hint("run `tidegate plan` once, which fetches it")
        })?;
        Box::pin(self.take_in(head)).await
    }

    /// Takes in what changed up to a commit that is in the mirror.
    pub(in crate::engine) async fn take_in(&mut self, head: CommitId) -> Result<Arc<RepositoryState>, Fault> {
        let now = self.ports.clock.now();
        if let Some(state) =
            self.memory.state.as_ref().filter(|state| state.commit() == head && !state.is_stale())
        {
            self.memory.last_seen = Some((head, now));
            return Ok(Arc::clone(state));
        }
        let last = self.memory.state.take();
        let repository = Arc::clone(&self.ports.repository);
        let scope = reading_scope(&self.repository_policy);
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

/// The folders of every environment, and that of the control files.
pub(in crate::engine) fn reading_scope(repository_policy: &RepositoryPolicy) -> Vec<RepoPath> {
    repository_policy.scope().into_iter().chain(control_files::folder()).collect()
}
