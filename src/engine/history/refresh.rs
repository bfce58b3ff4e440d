//! Brings the state of the repository up to the head of the branch: fetches, reads what changed, and extends the index.

use std::sync::Arc;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::state::control_files::unsigned_files;
use crate::engine::state::flux_policies::Resolver;
use crate::engine::state::repository_state::RepositoryState;
use crate::engine::state::snapshot::Snapshot;
use crate::model::{Class, CommitId, Fault, IndexEnd, ReplacedHead, Timestamp};
use crate::port::{Clock, IndexReader, Ports, Repository};

use super::index::{self, Reading};

/// What is kept from one refresh to the next. All of it can be read again.
#[derive(Debug, Default)]
pub(in crate::engine) struct Memory {
    state: Option<Arc<RepositoryState>>,
    /// The last head that was fetched, and when.
    last_seen: Option<(CommitId, Timestamp)>,
    /// The force pushes that `state` takes into account.
    replaced: Vec<ReplacedHead>,
}

/// Fetches, and reads what changed since the last refresh.
pub(in crate::engine) async fn refresh<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
) -> Result<Arc<RepositoryState>, Fault> {
    let head = fetch(context.repository).await?;
    Box::pin(apply_head(context, memory, head)).await
}

/// The state at the last fetched head, without a request to the remote.
pub(in crate::engine) async fn last_fetched<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
) -> Result<Arc<RepositoryState>, Fault> {
    let repository = Arc::clone(context.repository);
    let head = blocking(move || Ok(repository.head()?)).await?.ok_or_else(|| {
        Fault::new(Class::Failed, "the repository was never fetched")
            .with_hint("run `tidegate plan` once; it fetches")
    })?;
    Box::pin(apply_head(context, memory, head)).await
}

/// The end of the index at the head of the branch. Reads files only where the index does not reach the head yet: an index
/// that does is valid whichever images Flux's policies name.
pub(in crate::engine) async fn index_at_head<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
) -> Result<IndexEnd, Fault> {
    let head = fetch(context.repository).await?;
    note_force_pushes(context.repository, memory).await?;
    match context.store.index_end().await? {
        Some((scope, end)) if end.head == head && index::is_for(&scope, context.policy, &memory.replaced) => {
            Ok(end)
        }
        _ => Ok(apply_head(context, memory, head).await?.end),
    }
}

async fn fetch<R: Repository>(repository: &Arc<R>) -> Result<CommitId, Fault> {
    let repository = Arc::clone(repository);
    blocking(move || Ok(repository.fetch()?.head)).await
}

/// Forgets the last state when the branch was force-pushed since, even if it is back where it was.
async fn note_force_pushes<R: Repository>(repository: &Arc<R>, memory: &mut Memory) -> Result<(), Fault> {
    let repository = Arc::clone(repository);
    let replaced = blocking(move || Ok(repository.replaced_heads()?)).await?;
    if replaced != memory.replaced {
        memory.state = None;
        memory.replaced = replaced;
    }
    Ok(())
}

/// Reads what changed up to a commit that is in the mirror.
async fn apply_head<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    head: CommitId,
) -> Result<Arc<RepositoryState>, Fault> {
    let now = context.clock.now();
    note_force_pushes(context.repository, memory).await?;
    if let Some(state) = memory.state.as_ref().filter(|state| state.commit() == head && !state.is_stale()) {
        memory.last_seen = Some((head, now));
        return Ok(Arc::clone(state));
    }
    let last = memory.state.take();
    let repository = Arc::clone(context.repository);
    let (exclude, fields) = (context.policy.exclude.clone(), Arc::clone(&context.policy.fields));
    let (snapshot, unsigned, last) = blocking(move || {
        let before = last.as_deref().map(|state| &*state.snapshot);
        let mut snapshot = Snapshot::take(&*repository, head, before, &fields)?;
        snapshot.files.retain(|path, _| !exclude.is_match(path));
        let unsigned = unsigned_files(&*repository, head)?;
        Ok((Arc::new(snapshot), unsigned, last))
    })
    .await?;
    let resolver = Resolver::of(&snapshot, context.policy);
    let reading = Reading {
        snapshot: Arc::clone(&snapshot),
        resolver: resolver.clone(),
        last: last.as_ref().filter(|last| last.resolver == resolver).map(|last| last.end),
        now,
    };
    let indexed = index::extend(context, reading, memory.last_seen, memory.replaced.clone()).await?;
    memory.last_seen = Some((head, now));
    let state = RepositoryState::new(snapshot, resolver, indexed.end, unsigned, context.policy);
    if let (Some(last), Some(moved)) = (last, &indexed.moved) {
        state.copy_histories(&last, moved);
    }
    let state = Arc::new(state);
    memory.state = Some(Arc::clone(&state));
    Ok(state)
}

/// The state at the end of the index, for the names of the services in it.
pub(in crate::engine) async fn state_at<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    end: IndexEnd,
) -> Result<Arc<RepositoryState>, Fault> {
    Box::pin(apply_head(context, memory, end.head)).await
}
