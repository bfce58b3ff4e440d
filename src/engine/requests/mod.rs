//! Promotions that people merge: each waits in a pull request from a branch of Tidegate's own.
//!
//! Nothing of it is kept here: the forge and its branches say what is open and what people refused, and each pass makes
//! the one fit what was decided. `look` reads what is there, `refusals` what people closed, `reviews` what people think of it, `wanted` says what is to be there, `kept`
//! what stays, `fate` what an open one has come to, `auto_merge` whether it may merge by itself now, `body` what one says, and
//! `write` does it. The branch that Flux follows is never written to.

mod auto_merge;
mod body;
mod changelog;
mod fate;
mod kept;
mod look;
mod refusals;
mod reviews;
mod wanted;
mod write;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::model::{
    EnvironmentName, ImageName, MergeMethod, OpenPullRequest, PromotionId, PullRequestBranch,
    PullRequestOptions, ServiceName, Tag, Timestamp,
};
use crate::policy::{RefusedPullRequest, ReviewedPullRequest};

use super::deployed::DeployedState;
use super::edit_plan::EditPlan;
use super::message::Trailers;
use super::problem::Problem;
use super::repository_policy::RepositoryPolicy;

pub(super) use look::Memory;

use auto_merge::Turn;

/// How the promotions into an environment are proposed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequestPolicy {
    /// What goes into one pull request.
    pub grouping: Grouping,
    /// Whether it is opened as a draft.
    pub is_draft: bool,
    /// What it is given when it is opened.
    pub extras: PullRequestOptions,
}

/// What goes into one pull request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// One service, or one set of services that ship together.
    #[default]
    Service,
    /// All that may go into the environment.
    Environment,
}

/// What a pass knows of pull requests.
#[derive(Debug, Default)]
pub struct PullRequests {
    /// Those that are open.
    pub open: Vec<Arc<Proposal>>,
    /// For each target that has one, what people refused.
    pub(crate) refused: HashMap<usize, RefusedPullRequest>,
    /// For each target whose approval may be a review and that has an open one, what its reviews come to.
    pub(crate) reviewed: HashMap<usize, ReviewedPullRequest>,
    /// Whether the forge said what is open.
    is_known: bool,
    /// The branches of which it did not say what people refused.
    unknown: HashSet<PullRequestBranch>,
}

/// An open pull request, and what its branch says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The pull request.
    pub request: OpenPullRequest,
    /// Whether the tip of its branch is Tidegate's, not a person's.
    is_own: bool,
    /// The promotions that it proposes.
    told: Vec<Trailers>,
}

/// What waits in an open pull request for people to merge it, as far as one image of a service in an environment goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmerged {
    /// The number of the pull request.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Since when it is open.
    pub opened_at: Timestamp,
    /// The tag that it would bring.
    pub tag: Tag,
}

/// One promotion of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedMove {
    /// The service.
    pub service: ServiceName,
    /// Its image.
    pub image: ImageName,
    /// The tag that ran when it was proposed.
    pub from: Tag,
    /// The tag that is proposed.
    pub to: Tag,
}

/// A pull request in a pass: what is there, and what became of it.
#[derive(Clone, Debug)]
pub struct PullRequestReport {
    /// Its branch.
    pub branch: PullRequestBranch,
    /// Where its promotions go.
    pub environment: EnvironmentName,
    /// The promotions.
    pub moves: Vec<ProposedMove>,
    /// Its number and its page; nothing before it is opened.
    pub number: Option<u64>,
    /// Its page.
    pub url: Option<String>,
    /// Since when it is open.
    pub opened_at: Option<Timestamp>,
    /// What there is to do, and what was done.
    pub state: PullRequestAction,
    /// Whether what there was to do is done.
    pub is_done: bool,
    /// What the approval gate says of its reviews, where one is an approval.
    pub review: Option<String>,
    /// The edits to be proposed; none where nothing is.
    pub plans: Vec<EditPlan>,
    /// Why it must not merge by itself now.
    closed_by: Option<String>,
    /// Why something that was proposed is in it no more.
    over: Vec<String>,
    standing: PullRequestState,
    /// What there is to do about its merging by itself.
    turn: Option<(Turn, MergeMethod)>,
}

/// What there is to do about a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullRequestAction {
    /// Nothing: it waits for people.
    Waits,
    /// It is opened.
    Opens,
    /// It is brought up to date, in place.
    Updates,
    /// It is closed, since it no longer applies.
    Closes {
        /// Why it no longer applies.
        why: String,
    },
    /// Nothing, since people took it over.
    Theirs,
}

/// How far a pull request is from what it should be.
#[derive(Clone, Debug)]
enum PullRequestState {
    /// There is none.
    Missing,
    /// Its branch is as it should be.
    Current(Arc<Proposal>),
    /// Its branch is as it should be, and what it says is of an earlier one.
    Mute(Arc<Proposal>),
    /// Its branch is as it should be, and it was not given everything yet.
    Unfinished(Arc<Proposal>),
    /// Tidegate closed it, and somebody opened it again; it still says that Tidegate closed it.
    Reopened(Arc<Proposal>),
    /// Its branch is as it should be, and people came to another opinion of it than it says: this text.
    Reviewed(Arc<Proposal>, String),
    /// Something else is to come.
    Outdated(Arc<Proposal>),
    /// A person pushed to its branch.
    Theirs(Arc<Proposal>),
    /// It no longer applies.
    Over(Arc<Proposal>),
}

impl PullRequests {
    /// The open one of a branch.
    fn of(&self, branch: &PullRequestBranch) -> Option<&Arc<Proposal>> {
        self.open.iter().find(|proposal| proposal.request.branch == *branch)
    }

    /// The targets that something is proposed for.
    pub(super) fn targets(
        &self,
        deployed: &DeployedState,
        repository_policy: &RepositoryPolicy,
    ) -> Vec<usize> {
        let told = self.open.iter().flat_map(|proposal| &proposal.told);
        let place = |told: &Trailers| {
            let subject = (told.service.clone(), told.image.name.clone());
            deployed.place(repository_policy.find(&told.environment)?, &subject)
        };
        told.filter_map(place).collect()
    }

    /// The open one that would move an image of a service in an environment.
    pub fn moving(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        image: &ImageName,
    ) -> Option<Unmerged> {
        self.open.iter().find_map(|proposal| {
            let is_it = |told: &&Trailers| told.environment == *environment && told.is_of(service, image);
            let told = proposal.told.iter().find(is_it)?;
            Some(Unmerged {
                number: proposal.request.number,
                url: proposal.request.url.clone(),
                opened_at: proposal.request.opened_at,
                tag: told.image.tag.clone()?,
            })
        })
    }
}

impl PullRequestReport {
    /// Whether anything is to be done at the forge.
    pub fn has_work(&self) -> bool {
        !matches!(self.state, PullRequestAction::Waits | PullRequestAction::Theirs)
            || self.turn.is_some()
            || matches!(
                self.standing,
                PullRequestState::Mute(_)
                    | PullRequestState::Unfinished(_)
                    | PullRequestState::Reopened(_)
                    | PullRequestState::Reviewed(..)
            )
    }
}

impl PullRequestReport {
    /// That people took it over, if they did.
    pub(super) fn taken_over(&self) -> Option<Problem> {
        let number = self.number.filter(|_| self.state == PullRequestAction::Theirs)?;
        let message =
            format!("somebody pushed to the branch of pull request #{number}, so it is left to them");
        let mut problem = Problem::warning(message).hint("merge it, or close it");
        problem.environment = Some(self.environment.clone());
        problem.service = self.moves.first().map(|one| one.service.clone());
        Some(problem)
    }
}

impl Proposal {
    fn moves(&self) -> Vec<ProposedMove> {
        let one = |told: &Trailers| {
            Some(ProposedMove {
                service: told.service.clone(),
                image: told.image.name.clone(),
                from: told.from.clone(),
                to: told.image.tag.clone()?,
            })
        };
        self.told.iter().filter_map(one).collect()
    }
}

/// The identity of the promotion of each image, by which a plan of the same is the same promotion.
fn ids_of(told: &[Trailers]) -> BTreeMap<(&ServiceName, &ImageName), PromotionId> {
    told.iter().map(|told| ((&told.service, &told.image.name), told.mark.id)).collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
