//! Which pull requests there should be, by what was approved, and how far those that are open are from that.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Ports, Repository};
use crate::engine::base::problem::Problem;
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::plan::edit_plan::{EditPlan, Planned, Rollback, plan_edits};
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{Class, CommitId, Fault, PullRequestBranch, RepoPath};
use crate::policy::{ApprovalReason, GateReport, Reason};

use super::auto_merge::closed_for_now;
use super::body::{is_of, reviewed};
use crate::engine::proposals::marks::{CLOSED, OPENING, has_mark};
use crate::engine::proposals::pull_requests::{Proposal, ProposedMove, branch_of};
use crate::engine::reconcile::report::{PullRequestAction, PullRequestReport, PullRequestState};

/// What was approved, by the branch that proposes it, in the order of their names.
type ByBranch = BTreeMap<String, (PullRequestBranch, Vec<Planned>)>;

impl<P: Ports> Engine<P> {
    /// These targets, and those whose promotions go by the same branches.
    pub(in crate::engine) fn with_those_beside(
        &self,
        state: &RepositoryState,
        targets: Vec<usize>,
    ) -> Vec<usize> {
        let all = &state.deployed.targets;
        let branch = |target: &Target| branch_of(&self.repository_policy, target, false).and_then(Result::ok);
        let branches: HashSet<PullRequestBranch> =
            targets.iter().filter_map(|target| branch(&all[*target])).collect();
        if branches.is_empty() {
            return targets;
        }
        let is_beside = |target: &Target| branch(target).is_some_and(|branch| branches.contains(&branch));
        let beside = all.iter().enumerate().filter(|(_, target)| is_beside(target)).map(|(at, _)| at);
        beside.chain(targets).collect::<BTreeSet<usize>>().into_iter().collect()
    }

    /// Plans the pull requests of what was approved, each by itself: what another one changes in the same file is not in it.
    pub(in crate::engine) async fn plan_requests(
        &self,
        evaluation: &Evaluation,
        approved: Vec<Planned>,
        beside: &mut BTreeMap<usize, Rollback>,
        is_by_hand: bool,
    ) -> Result<(Vec<PullRequestReport>, Vec<Problem>), Fault> {
        let (mut by_branch, mut problems) = self.by_branch(evaluation, approved, beside);
        if !is_by_hand {
            // What is open stays open, though nothing new goes by it.
            for proposal in evaluation.requests.open.iter().filter(|proposal| proposal.is_own) {
                let branch = &proposal.request.branch;
                by_branch.entry(branch.to_string()).or_insert_with(|| (branch.clone(), Vec::new()));
            }
        }
        let mut reports = Vec::new();
        for (branch, approved) in by_branch.into_values() {
            let Some(mut whole) = self.whole(evaluation, &branch, approved, is_by_hand) else {
                problems.extend(is_by_hand.then(|| unclear(&branch)));
                continue;
            };
            let planned = std::mem::take(&mut whole.planned);
            let repository = Arc::clone(&self.ports.repository);
            let (repository_policy, state) =
                (Arc::clone(&self.repository_policy), Arc::clone(&evaluation.state));
            let (mut plans, refused) =
                blocking(move || plan_edits(&*repository, &repository_policy, &state, planned)).await?;
            problems.extend(refused);
            for plan in &mut plans {
                plan.beside = beside.remove(&plan.target);
            }
            if plans.is_empty() || !whole.mark(&mut plans) {
                continue;
            }
            match self.standing(evaluation, &branch, &plans).await {
                Ok(standing) => {
                    let standing = if whole.is_renewed { standing.renewed() } else { standing };
                    if matches!(standing, PullRequestState::Outdated(_)) {
                        for plan in &mut plans {
                            plan.approved.void_reviews();
                        }
                    }
                    reports.extend(self.report_on(branch, plans, whole.over, standing));
                }
                Err(fault) => problems.push(Problem::from_fault(&fault)),
            }
        }
        Ok((reports, problems))
    }

    /// What was approved, by the branch that proposes it. Nothing is proposed while it is not known what is open or refused.
    fn by_branch(
        &self,
        evaluation: &Evaluation,
        approved: Vec<Planned>,
        beside: &BTreeMap<usize, Rollback>,
    ) -> (ByBranch, Vec<Problem>) {
        let mut by_branch = ByBranch::new();
        let mut problems = Vec::new();
        if !evaluation.requests.is_known {
            return (by_branch, problems);
        }
        for planned in approved {
            let target = &evaluation.state.deployed.targets[planned.0];
            match branch_of(&self.repository_policy, target, beside.contains_key(&planned.0)) {
                Some(Ok(branch)) if !evaluation.requests.unknown.contains(&branch) => {
                    let entry = by_branch.entry(branch.to_string());
                    entry.or_insert_with(|| (branch, Vec::new())).1.push(planned);
                }
                Some(Err(_)) => {
                    let message = "no branch can be named after it, so it cannot be proposed";
                    let environment = &self.repository_policy.environments[target.environment].policy.name;
                    problems.push(Problem::error(Class::Failed, message).of(environment, target.service()));
                }
                Some(Ok(_)) | None => {}
            }
        }
        (by_branch, problems)
    }

    /// How far the open pull request of a branch is from these plans.
    async fn standing(
        &self,
        evaluation: &Evaluation,
        branch: &PullRequestBranch,
        plans: &[EditPlan],
    ) -> Result<PullRequestState, Fault> {
        let Some(proposal) = evaluation.requests.of(branch).cloned() else {
            return Ok(PullRequestState::Missing);
        };
        if !proposal.is_own {
            return Ok(PullRequestState::Theirs(proposal));
        }
        let base = evaluation.state.commit();
        if self.lies_at(branch, proposal.request.head, base, plans).await?.is_none() {
            return Ok(PullRequestState::Outdated(proposal));
        }
        let body = &proposal.request.body;
        Ok(if has_mark(body, OPENING) {
            PullRequestState::Unfinished(proposal)
        } else if has_mark(body, CLOSED) {
            PullRequestState::Reopened(proposal)
        } else if !is_of(body, &proposal.told) {
            PullRequestState::Mute(proposal)
        } else {
            match plans.iter().find_map(|plan| reviewed(body, plan.approved.gates())) {
                Some(text) => PullRequestState::Reviewed(proposal, text),
                None => PullRequestState::Current(proposal),
            }
        })
    }

    /// Whether just these plans lie at the tip of a branch of Tidegate's own: the promotions that it tells of, if so.
    pub(in crate::engine) async fn lies_at(
        &self,
        branch: &PullRequestBranch,
        tip: CommitId,
        base: CommitId,
        plans: &[EditPlan],
    ) -> Result<Option<Vec<Trailers>>, Fault> {
        let texts = texts(plans);
        let changelog = self.changelog_of(plans);
        let repository = Arc::clone(&self.ports.repository);
        let files: Vec<RepoPath> = texts.keys().chain(changelog).cloned().collect();
        let branch = branch.clone();
        let there = blocking(move || repository.proposed(&branch, tip, &files)).await?;
        let told = read_trailers(&there.message);
        let is_told = |plan: &EditPlan| told.iter().any(|told| is_the_same(told, plan));
        let are_texts_there =
            texts.values().zip(&there.files).all(|(text, there)| there.as_deref() == Some(&**text));
        if let (Some(file), Some(kept)) = (changelog, there.files.get(texts.len()))
            && !self.is_on_top_of(base, file, kept.as_deref()).await?
        {
            return Ok(None);
        }
        let lies = there.is_own && told.len() == plans.len() && plans.iter().all(is_told) && are_texts_there;
        Ok(lies.then_some(told))
    }

    fn report_on(
        &self,
        branch: PullRequestBranch,
        plans: Vec<EditPlan>,
        over: Vec<String>,
        standing: PullRequestState,
    ) -> Option<PullRequestReport> {
        let environment = self.repository_policy.environments[plans.first()?.environment].policy.name.clone();
        let moves = plans.iter().map(move_of).collect();
        let closed_by = closed_for_now(&plans);
        let review = plans.iter().find_map(|plan| review_in(plan.approved.gates()));
        let (state, plans) = match &standing {
            PullRequestState::Missing => (PullRequestAction::Opens, plans),
            PullRequestState::Outdated(_) => (PullRequestAction::Updates, plans),
            // What is said anew is said of what lies there.
            PullRequestState::Mute(proposal) => {
                (PullRequestAction::Waits, under_ids_of(plans, &proposal.told))
            }
            PullRequestState::Theirs(_) => (PullRequestAction::Theirs, Vec::new()),
            PullRequestState::Current(_)
            | PullRequestState::Unfinished(_)
            | PullRequestState::Reopened(_)
            | PullRequestState::Reviewed(..)
            | PullRequestState::Over(_) => (PullRequestAction::Waits, Vec::new()),
        };
        let request = standing.proposal().map(|proposal| &proposal.request);
        Some(PullRequestReport {
            number: request.map(|request| request.number),
            url: request.map(|request| request.url.clone()),
            opened_at: request.map(|request| request.opened_at),
            is_done: false,
            branch,
            environment,
            moves,
            state,
            review,
            plans,
            closed_by,
            over,
            standing,
            turn: None,
        })
    }
}

impl PullRequestState {
    /// The same, if what lies there is to be told anew.
    fn renewed(self) -> Self {
        match self {
            Self::Missing | Self::Theirs(_) => self,
            other => other.proposal().cloned().map_or(Self::Missing, Self::Outdated),
        }
    }

    pub(in crate::engine) fn proposal(&self) -> Option<&Arc<Proposal>> {
        match self {
            Self::Missing => None,
            Self::Current(proposal)
            | Self::Mute(proposal)
            | Self::Unfinished(proposal)
            | Self::Reviewed(proposal, _)
            | Self::Reopened(proposal)
            | Self::Outdated(proposal)
            | Self::Theirs(proposal)
            | Self::Over(proposal) => Some(proposal),
        }
    }
}

/// Said to whoever asks by hand for something that would go by a pull request which can't be written anew now.
fn unclear(branch: &PullRequestBranch) -> Problem {
    let message = format!("what else the open pull request of {branch} proposes cannot be looked at now");
    Problem::error(Class::TryAgain, message)
        .hint("nothing was changed; try again, or merge or close it first")
}

/// What the approval gate says of reviews, if one of them is an approval.
pub(in crate::engine) fn review_in(gates: &[GateReport]) -> Option<String> {
    let of_review =
        gates.iter().find(|report| matches!(report.reason, Reason::Approval(ApprovalReason::Review(_))));
    of_review.map(|report| report.reason.to_string())
}

fn move_of(plan: &EditPlan) -> ProposedMove {
    ProposedMove {
        service: plan.service.clone(),
        image: plan.image.clone(),
        from: plan.approved.from().tag.clone(),
        to: plan.approved.candidate().tag.clone(),
    }
}

/// The plans as the promotions that they are told as already.
pub(in crate::engine) fn under_ids_of(mut plans: Vec<EditPlan>, told: &[Trailers]) -> Vec<EditPlan> {
    let ids = crate::engine::proposals::pull_requests::ids_of(told);
    for plan in &mut plans {
        if let Some(id) = ids.get(&(&plan.service, &plan.image)) {
            plan.id = *id;
        }
    }
    plans
}

fn is_the_same(told: &Trailers, plan: &EditPlan) -> bool {
    told.is_of(&plan.service, &plan.image)
        && told.environment == *plan.approved.environment()
        && told.image.tag.as_ref() == Some(&plan.approved.candidate().tag)
        && told.mark.digest.as_ref() == Some(plan.approved.digest())
        && told.has_passed(&plan.approved)
}

/// The files of plans as they will be; of a later plan when several change one.
fn texts(plans: &[EditPlan]) -> BTreeMap<RepoPath, Arc<[u8]>> {
    let files = plans.iter().flat_map(|plan| &plan.files);
    let texts = files.map(|file| (file.path.clone(), Arc::clone(&file.after)));
    let beside = plans.iter().filter_map(|plan| plan.beside.as_ref()?.quarantine.as_ref());
    texts.chain(beside.map(|(path, text)| (path.clone(), Arc::from(text.as_bytes())))).collect()
}
