//! What moved, read back from Git: promotions, and what people changed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::{
    Class, CommitId, EnvironmentName, Fault, ImageName, PromotionId, ServiceName, ServicePattern, Tag,
    TagChange, Timestamp,
};

use super::newest_first::NewestFirst;
use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Ports, Repository};
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::message;
use crate::engine::state::repository_state::RepositoryState;

/// Which tag changes are asked for.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// Only these services; all of them when empty.
    pub services: Vec<ServicePattern>,
    /// Only these environments; all of them when empty.
    pub environments: Vec<EnvironmentName>,
    /// Only what was committed at that time or after it.
    pub since: Option<Timestamp>,
    /// Only what was committed before that time.
    pub until: Option<Timestamp>,
    /// How many, newest first.
    pub most: usize,
}

impl HistoryQuery {
    fn covers(&self, tag_change: &TagChange, environment: &EnvironmentName) -> bool {
        (self.services.is_empty() || self.services.iter().any(|pattern| pattern.matches(&tag_change.service)))
            && (self.environments.is_empty() || self.environments.contains(environment))
            && self.until.is_none_or(|until| tag_change.commit.committed_at < until)
    }
}

/// One service's image going from one tag to another in one environment.
#[derive(Clone, Debug)]
pub struct Move {
    /// When it was committed.
    pub at: Timestamp,
    /// By which commit.
    pub commit: CommitId,
    /// The service.
    pub service: ServiceName,
    /// Where.
    pub environment: EnvironmentName,
    /// The image.
    pub image: ImageName,
    /// The tags that were there before.
    pub from: Vec<Tag>,
    /// The tags that were there after.
    pub to: Vec<Tag>,
    /// Who did it.
    pub by: Mover,
    /// Why: of a person's commit its subject, of a promotion the reasons that somebody gave, if there are any. Somebody
    /// else's text.
    pub why: Option<String>,
}

/// Who moved a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mover {
    /// A promotion.
    Tidegate {
        /// Its identity.
        promotion: String,
        /// Who asked for it; somebody else's text.
        requested_by: String,
    },
    /// A person's commit.
    Person {
        /// Who wrote it; somebody else's text.
        author: String,
    },
}

impl<P: Ports> Engine<P> {
    /// What moved, newest first.
    ///
    /// # Errors
    /// When the repository can't be read, or no environment is called so.
    pub async fn history(&mut self, query: &HistoryQuery) -> Result<Vec<Move>, Fault> {
        if let Some(unknown) =
            query.environments.iter().find(|name| self.repository_policy.find(name).is_none())
        {
            return Err(Fault::new(Class::Usage, format!("there is no environment {unknown}")));
        }
        let end = Box::pin(self.end_of_history()).await?;
        let mut moves: Vec<(u64, Move)> = Vec::new();
        let one = match query.services.as_slice() {
            [pattern] => pattern.exact().cloned(),
            _ => None,
        };
        let mut newest = NewestFirst::of(end, one, query.since);
        while let Some(tag_changes) = newest.next(&*self.ports.store).await? {
            for tag_change in tag_changes {
                // Those of one commit are put in order below, so that none of it is left out before that.
                let is_full = moves.len() >= query.most;
                if is_full && moves.last().is_none_or(|(last, _)| *last != tag_change.sequence) {
                    newest.end();
                    break;
                }
                let Some(environment) = self.repository_policy.environment_of(&tag_change.path) else {
                    continue;
                };
                let name = &environment.policy.name;
                if query.covers(&tag_change, name) {
                    moves.push((tag_change.sequence, read(&tag_change, name)));
                }
            }
        }
        moves.sort_by(|(one, left), (other, right)| {
            other
                .cmp(one)
                .then_with(|| left.environment.cmp(&right.environment))
                .then_with(|| left.service.cmp(&right.service))
        });
        let moves = moves.into_iter().map(|(_, told)| told).take(query.most).collect();
        let repository = Arc::clone(&self.ports.repository);
        blocking(move || say_why(&*repository, moves)).await
    }

    /// What moved in an environment since a time, oldest first.
    ///
    /// # Errors
    /// When the store can't be read, or its history is not the one of the view any more.
    pub async fn moves_since(
        &self,
        state: &RepositoryState,
        environment: usize,
        since: Timestamp,
    ) -> Result<Vec<Move>, Fault> {
        let here = &self.repository_policy.environments[environment];
        let is_here = |tag_change: &TagChange| here.paths.iter().any(|path| tag_change.path.is_within(path));
        let mut moves = Vec::new();
        let mut newest = NewestFirst::of(state.end, None, Some(since));
        while let Some(tag_changes) = state.heed(newest.next(&*self.ports.store).await)? {
            let here_moved = tag_changes.iter().filter(|tag_change| is_here(tag_change));
            moves.extend(here_moved.map(|tag_change| read(tag_change, &here.policy.name)));
        }
        moves.reverse();
        Ok(moves)
    }
}

impl RepositoryState {
    /// How a target came to hold exactly what it holds now: when, by which commit, and who; nothing where its past was not
    /// learned.
    pub fn arrival(&self, repository_policy: &RepositoryPolicy, target: usize) -> Option<Move> {
        let arrival = self.past_of(target)?.arrival.as_ref()?;
        let environment = self.deployed.targets[target].environment;
        Some(read(arrival, &repository_policy.environments[environment].policy.name))
    }
}

/// Adds why each of the moves was made, as their commits tell it.
fn say_why(repository: &impl Repository, mut moves: Vec<Move>) -> Result<Vec<Move>, Fault> {
    let commits: BTreeSet<CommitId> = moves.iter().map(|told| told.commit).collect();
    let commits: Vec<CommitId> = commits.into_iter().collect();
    let messages: HashMap<CommitId, Vec<String>> =
        commits.iter().copied().zip(repository.messages(&commits)?).collect();
    let mut reasons: HashMap<CommitId, HashMap<PromotionId, String>> = HashMap::new();
    for told in &mut moves {
        let messages = &messages[&told.commit];
        told.why = match &told.by {
            Mover::Tidegate { promotion, .. } => {
                let of_commit = reasons
                    .entry(told.commit)
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

fn read(tag_change: &TagChange, environment: &EnvironmentName) -> Move {
    let tags = |held: &[crate::model::PinnedTag]| held.iter().map(|held| held.tag.clone()).collect();
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
