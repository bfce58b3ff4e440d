//! What a pass does about a pull request.

use std::sync::Arc;

use crate::engine::base::problem::Problem;
use crate::engine::plan::edit_plan::EditPlan;
use crate::engine::proposals::pull_requests::{Proposal, ProposedMove};
use crate::model::{EnvironmentName, MergeMethod, PullRequestBranch, Timestamp};

use super::auto_merge::Turn;

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
    pub(in crate::engine) closed_by: Option<String>,
    /// Why something that was proposed is in it no more.
    pub(in crate::engine) over: Vec<String>,
    pub(in crate::engine) standing: PullRequestState,
    /// What there is to do about its merging by itself.
    pub(in crate::engine) turn: Option<(Turn, MergeMethod)>,
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
pub(in crate::engine) enum PullRequestState {
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
    pub(in crate::engine) fn taken_over(&self) -> Option<Problem> {
        let number = self.number.filter(|_| self.state == PullRequestAction::Theirs)?;
        let message =
            format!("somebody pushed to the branch of pull request #{number}, so it is left to them");
        let mut problem = Problem::warning(message).hint("merge it, or close it");
        problem.environment = Some(self.environment.clone());
        problem.service = self.moves.first().map(|one| one.service.clone());
        Some(problem)
    }
}
