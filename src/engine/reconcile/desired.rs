//! Which pull requests should exist for what was approved, and how the open ones differ from that.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::plan::edit_plan::{EditPlan, Planned, Rollback, plan_edits};
use crate::engine::proposals::marks::{CLOSED, OPENING, has_mark};
use crate::engine::proposals::pull_requests::{ProposedMove, branch_of, ids_of};
use crate::model::{Class, CommitId, Fault, PullRequestBranch, RepoPath, TargetId};
use crate::policy::{ApprovalReason, GateReport, Reason};
use crate::port::{Ports, Repository};

use super::auto_merge::closed_for_now;
use super::body::{describes, reviewed};
use super::report::{PullRequestAction, PullRequestReport, PullRequestState};
use super::{carry_over, changelog};

/// What was approved, by the name of the branch that proposes it.
type ByBranch = BTreeMap<String, (PullRequestBranch, Vec<Planned>)>;

/// Plans the pull requests of what was approved, each for itself: none has another one's change of the same file.
pub(in crate::engine) async fn plan<P: Ports>(
    context: Context<'_, P>,
    evaluation: &Evaluation,
    approved: Vec<Planned>,
    rollbacks: &mut BTreeMap<TargetId, Rollback>,
    is_manual: bool,
) -> Result<(Vec<PullRequestReport>, Vec<Problem>), Fault> {
    let (mut by_branch, mut problems) = by_branch(context.policy, evaluation, approved, rollbacks);
    if !is_manual {
        // What is open stays open, even if nothing new is added to it.
        for proposal in evaluation.pull_requests.open.iter().filter(|proposal| proposal.is_own) {
            let branch = &proposal.request.branch;
            by_branch.entry(branch.to_string()).or_insert_with(|| (branch.clone(), Vec::new()));
        }
    }
    let mut reports = Vec::new();
    for (branch, approved) in by_branch.into_values() {
        let contents = carry_over::contents(context.policy, evaluation, &branch, approved, is_manual);
        let Some(mut contents) = contents else {
            problems.extend(is_manual.then(|| unclear(&branch)));
            continue;
        };
        let planned = std::mem::take(&mut contents.planned);
        let repository = Arc::clone(context.repository);
        let (repository_policy, state) = (Arc::clone(context.policy), Arc::clone(&evaluation.state));
        let (mut plans, refused) =
            blocking(move || plan_edits(&*repository, &repository_policy, &state, planned)).await?;
        problems.extend(refused);
        for plan in &mut plans {
            plan.rollback = rollbacks.remove(&plan.target);
        }
        if plans.is_empty() || !contents.mark(&mut plans) {
            continue;
        }
        match standing(context, evaluation, &branch, &plans).await {
            Ok(standing) => {
                let standing = if contents.is_renewed { standing.renewed() } else { standing };
                if matches!(standing, PullRequestState::Outdated(_)) {
                    for plan in &mut plans {
                        plan.approved.void_reviews();
                    }
                }
                reports.extend(report(context.policy, branch, plans, contents.removed_because, standing));
            }
            Err(fault) => problems.push(Problem::from_fault(&fault)),
        }
    }
    Ok((reports, problems))
}

/// What was approved, by the branch that proposes it. Nothing is proposed from a branch whose open or closed pull requests are
/// unknown.
fn by_branch(
    repository_policy: &RepositoryPolicy,
    evaluation: &Evaluation,
    approved: Vec<Planned>,
    rollbacks: &BTreeMap<TargetId, Rollback>,
) -> (ByBranch, Vec<Problem>) {
    let mut by_branch = ByBranch::new();
    let mut problems = Vec::new();
    if !evaluation.pull_requests.is_known {
        return (by_branch, problems);
    }
    for planned in approved {
        let target = &evaluation.state.deployed.targets[planned.target];
        match branch_of(repository_policy, target, rollbacks.contains_key(&planned.target)) {
            Some(Ok(branch)) if !evaluation.pull_requests.unknown.contains(&branch) => {
                let entry = by_branch.entry(branch.to_string());
                entry.or_insert_with(|| (branch, Vec::new())).1.push(planned);
            }
            Some(Err(_)) => {
                let message = "cannot be proposed: its name makes no valid branch name";
                let environment = &repository_policy.environments[target.environment].policy.name;
                problems.push(Problem::error(Class::Failed, message).of(environment, target.service()));
            }
            Some(Ok(_)) | None => {}
        }
    }
    (by_branch, problems)
}

/// How the open pull request of a branch differs from these plans.
async fn standing<P: Ports>(
    context: Context<'_, P>,
    evaluation: &Evaluation,
    branch: &PullRequestBranch,
    plans: &[EditPlan],
) -> Result<PullRequestState, Fault> {
    let Some(proposal) = evaluation.pull_requests.of(branch).cloned() else {
        return Ok(PullRequestState::Missing);
    };
    if !proposal.is_own {
        return Ok(PullRequestState::TakenOver(proposal));
    }
    let base = evaluation.state.commit();
    if find_at_tip(context, branch, proposal.request.head, base, plans).await?.is_none() {
        return Ok(PullRequestState::Outdated(proposal));
    }
    let body = &proposal.request.body;
    Ok(if has_mark(body, OPENING) {
        PullRequestState::SetupPending(proposal)
    } else if has_mark(body, CLOSED) {
        PullRequestState::Reopened(proposal)
    } else if !describes(body, &proposal.promotions) {
        PullRequestState::StaleBody(proposal)
    } else {
        match plans.iter().find_map(|plan| reviewed(body, plan.approved.gates())) {
            Some(text) => PullRequestState::Reviewed(proposal, text),
            None => PullRequestState::Current(proposal),
        }
    })
}

/// The promotions in the commit at the tip of one of Tidegate's branches, if that commit is exactly these plans.
pub(in crate::engine) async fn find_at_tip<P: Ports>(
    context: Context<'_, P>,
    branch: &PullRequestBranch,
    tip: CommitId,
    base: CommitId,
    plans: &[EditPlan],
) -> Result<Option<Vec<Trailers>>, Fault> {
    let texts = texts(plans);
    let changelog = changelog::file_of(context.policy, plans);
    let repository = Arc::clone(context.repository);
    let files: Vec<RepoPath> = texts.keys().chain(changelog).cloned().collect();
    let branch = branch.clone();
    let there = blocking(move || Ok(repository.proposed(&branch, tip, &files)?)).await?;
    let promotions = read_trailers(&there.message);
    let is_there = |plan: &EditPlan| promotions.iter().any(|promotion| is_same(promotion, plan));
    let are_texts_there =
        texts.values().zip(&there.files).all(|(text, there)| there.as_deref() == Some(&**text));
    if let (Some(file), Some(text)) = (changelog, there.files.get(texts.len()))
        && !changelog::is_on_top_of(context, base, file, text.as_deref()).await?
    {
        return Ok(None);
    }
    let is_same = promotions.len() == plans.len() && plans.iter().all(is_there) && are_texts_there;
    Ok((there.is_own && is_same).then_some(promotions))
}

fn report(
    repository_policy: &RepositoryPolicy,
    branch: PullRequestBranch,
    plans: Vec<EditPlan>,
    removed_because: Vec<String>,
    standing: PullRequestState,
) -> Option<PullRequestReport> {
    let environment = repository_policy.environments[plans.first()?.environment].policy.name.clone();
    let moves = plans.iter().map(move_of).collect();
    let closed_by = closed_for_now(&plans);
    let review = plans.iter().find_map(|plan| review_in(plan.approved.gates()));
    let (state, plans) = match &standing {
        PullRequestState::Missing => (PullRequestAction::Opens, plans),
        PullRequestState::Outdated(_) => (PullRequestAction::Updates, plans),
        // The new text describes the commit that is there.
        PullRequestState::StaleBody(proposal) => {
            (PullRequestAction::Waits, under_ids_of(plans, &proposal.promotions))
        }
        PullRequestState::TakenOver(_) => (PullRequestAction::Theirs, Vec::new()),
        PullRequestState::Current(_)
        | PullRequestState::SetupPending(_)
        | PullRequestState::Reopened(_)
        | PullRequestState::Reviewed(..)
        | PullRequestState::Obsolete(_) => (PullRequestAction::Waits, Vec::new()),
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
        removed_because,
        standing,
        auto_merge: None,
    })
}

fn unclear(branch: &PullRequestBranch) -> Problem {
    let message =
        format!("cannot decide now about the other promotions in the open pull request of {branch}");
    Problem::error(Class::TryAgain, message)
        .hint("nothing was changed; try again, or merge or close it first")
}

/// What the approval gate says of reviews, where a review counts as an approval.
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

/// The plans under the ids of the same promotions in `promotions`.
pub(in crate::engine) fn under_ids_of(mut plans: Vec<EditPlan>, promotions: &[Trailers]) -> Vec<EditPlan> {
    let ids = ids_of(promotions);
    for plan in &mut plans {
        if let Some(id) = ids.get(&(&plan.service, &plan.image)) {
            plan.id = *id;
        }
    }
    plans
}

fn is_same(promotion: &Trailers, plan: &EditPlan) -> bool {
    promotion.is_of(&plan.service, &plan.image)
        && promotion.environment == *plan.approved.environment()
        && promotion.image.tag.as_ref() == Some(&plan.approved.candidate().tag)
        && promotion.mark.digest.as_ref() == Some(plan.approved.digest())
        && promotion.has_passed(&plan.approved)
}

/// The new texts of all files of plans; the last plan's where several change one.
fn texts(plans: &[EditPlan]) -> BTreeMap<RepoPath, Arc<[u8]>> {
    let files = plans.iter().flat_map(|plan| &plan.files);
    let texts = files.map(|file| (file.path.clone(), Arc::clone(&file.after)));
    let quarantines = plans.iter().filter_map(|plan| plan.rollback.as_ref()?.quarantine.as_ref());
    texts.chain(quarantines.map(|(path, text)| (path.clone(), Arc::from(text.as_bytes())))).collect()
}
