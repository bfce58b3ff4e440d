//! What a pass does about a pull request.

use std::sync::Arc;

use crate::engine::base::problem::Problem;
use crate::engine::plan::edit_plan::EditPlan;
use crate::engine::proposals::pull_requests::{Proposal, ProposedMove};
use crate::model::{EnvironmentName, Fault, MergeMethod, PullRequestBranch, Timestamp};

/// One pull request in a pass: its contents, and the action taken.
#[derive(Clone, Debug)]
pub struct PullRequestReport {
    /// Its branch.
    pub branch: PullRequestBranch,
    /// The environment of its promotions.
    pub environment: EnvironmentName,
    /// Its promotions.
    pub moves: Vec<ProposedMove>,
    /// Its number; none before it is opened.
    pub number: Option<u64>,
    /// Its page; none before it is opened.
    pub url: Option<String>,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// What is to be done about it.
    pub state: PullRequestAction,
    /// Whether that was done.
    pub is_done: bool,
    /// What the approval gate says of its reviews, where a review counts as an approval.
    pub review: Option<String>,
    /// The edits to propose; empty where nothing changes.
    pub plans: Vec<EditPlan>,
    /// Why it must not merge now.
    pub(in crate::engine) closed_by: Option<String>,
    /// Why promotions were taken out of it.
    pub(in crate::engine) removed_because: Vec<String>,
    pub(in crate::engine) standing: PullRequestState,
    pub(in crate::engine) auto_merge: Option<(AutoMergeAction, MergeMethod)>,
}

/// What is to be done about a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullRequestAction {
    /// Nothing: it waits for people.
    Waits,
    /// Open it.
    Opens,
    /// Update it in place.
    Updates,
    /// Close it, because it no longer applies.
    Closes {
        /// Why it no longer applies.
        why: String,
    },
    /// Nothing: a person pushed to its branch.
    Theirs,
}

/// What is to be done about auto-merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum AutoMergeAction {
    /// Turn it off, and say why in the text.
    TurnOff,
    /// Only update what the text says of it.
    UpdateText,
    /// Turn it on again.
    TurnOn,
}

/// How a pull request differs from what it should be.
#[derive(Clone, Debug)]
pub(in crate::engine) enum PullRequestState {
    Missing,
    /// Branch and text are right.
    Current(Arc<Proposal>),
    /// The branch is right; the text describes an earlier one.
    StaleBody(Arc<Proposal>),
    /// The branch is right; labels, reviewers or auto-merge are not set yet.
    SetupPending(Arc<Proposal>),
    /// Tidegate closed it and somebody opened it again; the text still says closed.
    Reopened(Arc<Proposal>),
    /// The branch is right; its reviews changed, and this is the new text.
    Reviewed(Arc<Proposal>, String),
    /// The branch must change.
    Outdated(Arc<Proposal>),
    /// A person pushed to its branch.
    TakenOver(Arc<Proposal>),
    /// It no longer applies.
    Obsolete(Arc<Proposal>),
}

impl PullRequestReport {
    /// Whether anything is to be done at the forge.
    pub fn has_work(&self) -> bool {
        !matches!(self.state, PullRequestAction::Waits | PullRequestAction::Theirs)
            || self.auto_merge.is_some()
            || matches!(
                self.standing,
                PullRequestState::StaleBody(_)
                    | PullRequestState::SetupPending(_)
                    | PullRequestState::Reopened(_)
                    | PullRequestState::Reviewed(..)
            )
    }

    /// Whether a commit is to be made of its plans.
    pub(in crate::engine) fn needs_commit(&self) -> bool {
        matches!(self.standing, PullRequestState::Missing | PullRequestState::Outdated(_))
    }

    /// A warning if a person took it over.
    pub(in crate::engine) fn taken_over(&self) -> Option<Problem> {
        let number = self.number.filter(|_| self.state == PullRequestAction::Theirs)?;
        let message = format!("somebody pushed to the branch of pull request #{number}; it is left to them");
        let mut problem = Problem::warning(message).hint("merge it, or close it");
        problem.environment = Some(self.environment.clone());
        problem.service = self.moves.first().map(|one| one.service.clone());
        Some(problem)
    }

    /// A fault that happened while working on it.
    pub(in crate::engine) fn problem(&self, fault: &Fault) -> Problem {
        let mut problem = Problem::from_fault(fault);
        problem.environment = Some(self.environment.clone());
        if let [one] = self.moves.as_slice() {
            problem.service = Some(one.service.clone());
        }
        problem
    }
}

impl PullRequestState {
    /// The same, but with a new branch and text where there is a pull request.
    pub(in crate::engine) fn renewed(self) -> Self {
        match self {
            Self::Missing | Self::TakenOver(_) => self,
            other => other.proposal().cloned().map_or(Self::Missing, Self::Outdated),
        }
    }

    pub(in crate::engine) fn proposal(&self) -> Option<&Arc<Proposal>> {
        match self {
            Self::Missing => None,
            Self::Current(proposal)
            | Self::StaleBody(proposal)
            | Self::SetupPending(proposal)
            | Self::Reviewed(proposal, _)
            | Self::Reopened(proposal)
            | Self::Outdated(proposal)
            | Self::TakenOver(proposal)
            | Self::Obsolete(proposal) => Some(proposal),
        }
    }
}
