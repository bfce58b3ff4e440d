//! The engine: the ports, the policy, and what is remembered between two tasks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::engine::base::context::Context;
use crate::engine::base::mandate::Mandate;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::decide;
use crate::engine::deliver::declined;
use crate::engine::history::deployments::{self, Deployment};
use crate::engine::history::moves::{self, HistoryQuery, Move};
use crate::engine::history::refresh;
use crate::engine::history::target_history::read_histories;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{EnvironmentId, Fault, IndexEnd, TargetId, Timestamp};
use crate::port::Ports;

/// The ports of an engine.
pub struct Parts<P: Ports> {
    /// Asks registries.
    pub registry: Arc<P::Registry>,
    /// Reads the repository.
    pub repository: Arc<P::Repository>,
    /// Writes to the repository.
    pub publisher: Arc<P::Publisher>,
    /// Stores observations, the index and intents.
    pub store: Arc<P::Store>,
    /// Finds out what changed between two images.
    pub changelog: Arc<P::Changelog>,
    /// Reads and writes pull requests, if some environment uses them.
    pub forge: Option<Arc<P::Forge>>,
    /// Reads the clusters of environments.
    pub clusters: Arc<P::Clusters>,
    /// The time.
    pub clock: Arc<P::Clock>,
}

/// The engine. It remembers only what it could read again.
pub struct Engine<P: Ports> {
    pub(in crate::engine) ports: Parts<P>,
    pub(super) repository_policy: Arc<RepositoryPolicy>,
    pub(super) memory: Memory,
    pub(super) mandate: Mandate,
    pub(super) is_writing: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) history: refresh::Memory,
    pub(super) decide: decide::evaluation::Memory,
    pub(super) declined: declined::Memory,
}

impl<P: Ports> Engine<P> {
    /// An engine that remembers nothing yet.
    pub fn new(ports: Parts<P>, repository_policy: Arc<RepositoryPolicy>) -> Self {
        let (memory, mandate) = (Memory::default(), Mandate::default());
        Self { ports, repository_policy, memory, mandate, is_writing: Arc::default() }
    }

    /// Writes on this behalf from now on.
    pub fn set_mandate(&mut self, mandate: Mandate) {
        self.mandate = mandate;
    }

    /// Its policy.
    pub fn repository_policy(&self) -> &Arc<RepositoryPolicy> {
        &self.repository_policy
    }

    /// Whether a pass is writing to the repository or the forge: it should not be dropped then.
    pub fn is_writing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_writing)
    }

    /// Returns when a registry answered after the pass that asked it, so that another pass can use the answer, or when no
    /// request is left: whether there is such an answer. Cancelling it loses nothing.
    pub async fn late_answer(&mut self) -> bool {
        let memory = &mut self.memory.decide;
        loop {
            let (lists, digests) = (memory.tags.is_pending(), memory.digests.is_pending());
            let is_late = tokio::select! {
                is_late = memory.tags.late_answer(), if lists => is_late,
                is_late = memory.digests.late_answer(), if digests => is_late,
                else => return false,
            };
            if is_late {
                return true;
            }
        }
    }

    /// Fetches, and reads what changed. Asks no registry.
    ///
    /// # Errors
    /// When the repository can't be reached or read, or the store can't be used.
    pub async fn refresh(&mut self) -> Result<Arc<RepositoryState>, Fault> {
        refresh::refresh(context(&self.ports, &self.repository_policy), &mut self.memory.history).await
    }

    /// Reads the histories of these targets, and of the same images in every other environment.
    ///
    /// # Errors
    /// When the store can't be read, or another process rebuilt its index.
    pub async fn read_histories(
        &self,
        state: &Arc<RepositoryState>,
        targets: impl IntoIterator<Item = TargetId>,
    ) -> Result<(), Fault> {
        read_histories(context(&self.ports, &self.repository_policy), state, targets).await
    }

    /// The moves that match, newest first.
    ///
    /// # Errors
    /// When the repository can't be read, or there is no such environment.
    pub async fn history(&mut self, query: &HistoryQuery) -> Result<Vec<Move>, Fault> {
        for name in &query.environments {
            self.repository_policy.environment_named(name)?;
        }
        let context = context(&self.ports, &self.repository_policy);
        let end = Box::pin(refresh::index_at_head(context, &mut self.memory.history)).await?;
        moves::moves(context, &mut self.memory.history, end, query).await
    }

    /// The moves up to a state that match, newest first. Does not fetch.
    ///
    /// # Errors
    /// When the store can't be read, another process rebuilt its index, or there is no such environment.
    pub async fn history_at(
        &mut self,
        state: &RepositoryState,
        query: &HistoryQuery,
    ) -> Result<Vec<Move>, Fault> {
        for name in &query.environments {
            self.repository_policy.environment_named(name)?;
        }
        let context = context(&self.ports, &self.repository_policy);
        moves::moves(context, &mut self.memory.history, state.end, query).await
    }

    /// The versions that came to the branch between two states, oldest first. `since` is the end of the earlier one's index.
    ///
    /// # Errors
    /// When the store can't be read, or another process rebuilt its index.
    pub async fn deployments_since(
        &self,
        state: &Arc<RepositoryState>,
        since: IndexEnd,
    ) -> Result<Vec<Deployment>, Fault> {
        deployments::deployments_since(context(&self.ports, &self.repository_policy), state, since).await
    }

    /// What moved in an environment since a time, oldest first.
    ///
    /// # Errors
    /// When the store can't be read, or another process rebuilt its index.
    pub async fn moves_since(
        &self,
        state: &RepositoryState,
        environment: EnvironmentId,
        since: Timestamp,
    ) -> Result<Vec<Move>, Fault> {
        moves::moves_since(context(&self.ports, &self.repository_policy), state, environment, since).await
    }
}

/// Borrows what a step needs, next to the engine's memory.
pub(super) fn context<'a, P: Ports>(
    ports: &'a Parts<P>,
    repository_policy: &'a Arc<RepositoryPolicy>,
) -> Context<'a, P> {
    Context {
        registry: &ports.registry,
        repository: &ports.repository,
        store: &ports.store,
        changelog: &ports.changelog,
        forge: ports.forge.as_ref(),
        clusters: &ports.clusters,
        clock: &ports.clock,
        policy: repository_policy,
        registry_wait: Duration::ZERO,
    }
}

impl<P: Ports> fmt::Debug for Engine<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("repository_policy", &self.repository_policy)
            .finish_non_exhaustive()
    }
}

impl<P: Ports> fmt::Debug for Parts<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Parts").finish_non_exhaustive()
    }
}
