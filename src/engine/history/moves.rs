//! Moves of tags, read back from Git: promotions and people's changes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::model::{
    CommitId, EnvironmentId, EnvironmentName, Fault, ImageName, IndexEnd, PinnedTag, PromotionId,
    ServiceName, ServicePattern, Tag, TagChange, TargetId, Timestamp,
};

use super::newest_first::NewestFirst;
use super::refresh::{Memory, state_at};
use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::message;
use crate::engine::state::repository_state::RepositoryState;
use crate::port::{Ports, Repository};

/// Which moves to list.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// Only these services; all if empty.
    pub services: Vec<ServicePattern>,
    /// Only these environments; all if empty.
    pub environments: Vec<EnvironmentName>,
    /// Only what was committed then or later.
    pub since: Option<Timestamp>,
    /// Only what was committed before.
    pub until: Option<Timestamp>,
    /// Maximum moves, newest first.
    pub most: usize,
}

impl HistoryQuery {
    fn covers(&self, tag_change: &TagChange, environment: &EnvironmentName) -> bool {
        (self.services.is_empty() || self.services.iter().any(|pattern| pattern.matches(&tag_change.service)))
            && (self.environments.is_empty() || self.environments.contains(environment))
            && self.until.is_none_or(|until| tag_change.commit.committed_at < until)
    }
}

/// One image of one service moved from one tag to another in one environment.
#[derive(Clone, Debug)]
pub struct Move {
    pub at: Timestamp,
    pub commit: CommitId,
    pub service: ServiceName,
    pub environment: EnvironmentName,
    pub image: ImageName,
    pub from: Vec<Tag>,
    pub to: Vec<Tag>,
    pub by: Mover,
    /// The subject of a person's commit, or the reasons given for a promotion. Untrusted text.
    pub why: Option<String>,
}

/// Who moved a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mover {
    /// A promotion.
    Tidegate {
        promotion: String,
        /// Untrusted text.
        requested_by: String,
    },
    /// A person's commit.
    Person {
        /// Untrusted text.
        author: String,
    },
}

/// The moves that match, newest first.
pub(in crate::engine) async fn moves<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    end: IndexEnd,
    query: &HistoryQuery,
) -> Result<Vec<Move>, Fault> {
    let mut moves: Vec<(u64, Move)> = Vec::new();
    let only_service = match query.services.as_slice() {
        [pattern] => pattern.exact(),
        _ => None,
    };
    // Files are read only where services need them for their names.
    let (mut state, written) = match only_service {
        Some(service) => {
            let state = state_at(context, memory, end).await?;
            let written = state.resolver.written_names(service).into_iter().collect();
            (Some(state), written)
        }
        None => (None, Vec::new()),
    };
    let mut newest = NewestFirst::of(end, written, query.since);
    while let Some(tag_changes) = newest.next(&**context.store).await? {
        if state.is_none() && tag_changes.iter().any(|one| !one.service.has_namespace()) {
            state = Some(state_at(context, memory, end).await?);
        }
        for mut tag_change in tag_changes {
            if let Some(state) = &state {
                state.resolver.place(&mut tag_change);
            }
            // The moves of one commit are sorted below, so none of them may be cut off here.
            let is_full = moves.len() >= query.most;
            if is_full && moves.last().is_none_or(|(last, _)| *last != tag_change.sequence) {
                newest.end();
                break;
            }
            let Some(environment) = context.policy.environment_of(&tag_change.path) else { continue };
            let name = &environment.policy.name;
            let is_move = !tag_change.is_beside && tag_change.before != tag_change.after;
            if is_move && query.covers(&tag_change, name) {
                moves.push((tag_change.sequence, move_of(&tag_change, name)));
            }
        }
    }
    moves.sort_by(|(one, left), (other, right)| {
        other
            .cmp(one)
            .then_with(|| left.environment.cmp(&right.environment))
            .then_with(|| left.service.cmp(&right.service))
    });
    let moves = moves.into_iter().map(|(_, one)| one).take(query.most).collect();
    let repository = Arc::clone(context.repository);
    blocking(move || with_reasons(&*repository, moves)).await
}

/// What moved in an environment since a time, oldest first.
pub(in crate::engine) async fn moves_since<P: Ports>(
    context: Context<'_, P>,
    state: &RepositoryState,
    environment: EnvironmentId,
    since: Timestamp,
) -> Result<Vec<Move>, Fault> {
    let here = &context.policy.environments[environment];
    let is_here = |tag_change: &TagChange| {
        !tag_change.is_beside && here.paths.iter().any(|path| tag_change.path.is_within(path))
    };
    let mut moves = Vec::new();
    let mut newest = NewestFirst::of(state.end, Vec::new(), Some(since));
    while let Some(tag_changes) = state.mark_stale_on_error(newest.next(&**context.store).await)? {
        for mut tag_change in tag_changes.into_iter().filter(is_here) {
            state.resolver.place(&mut tag_change);
            moves.push(move_of(&tag_change, &here.policy.name));
        }
    }
    moves.reverse();
    Ok(moves)
}

/// The latest moves of these commits, which are the newest of the line, oldest first: each service and image once a commit.
pub(in crate::engine) async fn moves_of_commits<P: Ports>(
    context: Context<'_, P>,
    state: &RepositoryState,
    commits: &HashSet<CommitId>,
    most: usize,
) -> Result<Vec<Move>, Fault> {
    let mut moves: Vec<Move> = Vec::new();
    let mut seen = HashSet::new();
    let mut newest = NewestFirst::of(state.end, Vec::new(), None);
    while let Some(tag_changes) = state.mark_stale_on_error(newest.next(&**context.store).await)? {
        // A commit beside the line is none of `commits`, and says nothing about where they end.
        for mut tag_change in tag_changes.into_iter().filter(|one| !one.is_beside) {
            if !commits.contains(&tag_change.commit.id) || moves.len() == most {
                newest.end();
                break;
            }
            state.resolver.place(&mut tag_change);
            let Some(environment) = context.policy.environment_of(&tag_change.path) else { continue };
            let name = &environment.policy.name;
            // A promotion moves every file of its service.
            let key =
                (tag_change.commit.id, name.clone(), tag_change.service.clone(), tag_change.image.clone());
            if tag_change.before != tag_change.after && seen.insert(key) {
                moves.push(move_of(&tag_change, name));
            }
        }
    }
    moves.reverse();
    let repository = Arc::clone(context.repository);
    blocking(move || with_reasons(&*repository, moves)).await
}

/// The move by which a target came to hold exactly what it holds now; none where its history was not read.
pub(in crate::engine) fn arrival(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    target: TargetId,
) -> Option<Move> {
    let arrival = state.history_of(target)?.arrival.as_ref()?;
    let environment = state.deployed.targets[target].environment;
    Some(move_of(arrival, &repository_policy.environments[environment].policy.name))
}

/// Adds the reason of each move, as its commit states it.
fn with_reasons(repository: &impl Repository, mut moves: Vec<Move>) -> Result<Vec<Move>, Fault> {
    let commits: BTreeSet<CommitId> = moves.iter().map(|one| one.commit).collect();
    let commits: Vec<CommitId> = commits.into_iter().collect();
    let messages: HashMap<CommitId, Vec<String>> =
        commits.iter().copied().zip(repository.messages(&commits)?).collect();
    let mut reasons: HashMap<CommitId, HashMap<PromotionId, String>> = HashMap::new();
    for one in &mut moves {
        let messages = &messages[&one.commit];
        one.why = match &one.by {
            Mover::Tidegate { promotion, .. } => {
                let of_commit = reasons
                    .entry(one.commit)
                    .or_insert_with(|| messages.iter().flat_map(|text| message::reasons(text)).collect());
                promotion.parse().ok().and_then(|promotion: PromotionId| of_commit.get(&promotion).cloned())
            }
            Mover::Person { .. } => {
                messages.first().map(|text| text.lines().next().unwrap_or_default().to_owned())
            }
        };
    }
    Ok(moves)
}

fn move_of(tag_change: &TagChange, environment: &EnvironmentName) -> Move {
    let tags = |held: &[PinnedTag]| held.iter().map(|pinned| pinned.tag.clone()).collect();
    Move {
        at: tag_change.commit.committed_at,
        commit: tag_change.commit.id,
        service: tag_change.service.clone(),
        environment: environment.clone(),
        image: tag_change.image.clone(),
        from: tags(&tag_change.before),
        to: tags(&tag_change.after),
        by: match &tag_change.promotion {
            Some(mark) => {
                Mover::Tidegate { promotion: mark.id.to_string(), requested_by: mark.requested_by.clone() }
            }
            None => Mover::Person { author: tag_change.commit.author_name.clone() },
        },
        why: None,
    }
}
