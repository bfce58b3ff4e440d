//! Which pull requests there should be, by what was approved, and how far those that are open are from that.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::assess::Assessment;
use crate::engine::board::Track;
use crate::engine::edit_plan::{EditPlan, Planned, WayBack, plan_edits};
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::ports::{Ports, Repository};
use crate::engine::problem::Problem;
use crate::engine::refresh::blocking;
use crate::engine::rulebook::Rulebook;
use crate::engine::view::View;
use crate::model::{Class, CommitId, Fault, RepoPath, RepoPathError, RequestBranch};
use crate::policy::{ApprovalReason, GateReport, Reason};

use super::auto_merge::closed_for_now;
use super::body::{CLOSED, OPENING, has_mark, is_of, reviewed};
use super::{Grouping, Proposal, ProposedMove, RequestReport, RequestState, Standing};

/// What was approved, by the branch that proposes it, in the order of their names.
type ByBranch = BTreeMap<String, (RequestBranch, Vec<Planned>)>;

/// The branch by which a track's promotions are proposed; nothing where they are pushed.
pub(super) fn branch_of(
    rulebook: &Rulebook,
    track: &Track,
    goes_back: bool,
) -> Option<Result<RequestBranch, RepoPathError>> {
    let rules = rulebook.requests.get(&track.environment)?;
    let name = &rulebook.environments[track.environment].policy.name;
    Some(match (goes_back, rules.grouping, rulebook.group_of(track.service())) {
        (true, ..) => RequestBranch::back(name, track.service()),
        (false, Grouping::Environment, _) => RequestBranch::of_environment(name),
        // A set ships together or not at all.
        (false, Grouping::Service, Some(set)) => RequestBranch::of_set(name, &set.name),
        (false, Grouping::Service, None) => RequestBranch::of_service(name, track.service()),
    })
}

impl<P: Ports> Engine<P> {
    /// These tracks, and those whose promotions go by the same branches.
    pub(in crate::engine) fn with_those_beside(&self, view: &View, tracks: Vec<usize>) -> Vec<usize> {
        let all = &view.board.tracks;
        let branch = |track: &Track| branch_of(&self.rulebook, track, false).and_then(Result::ok);
        let branches: HashSet<RequestBranch> =
            tracks.iter().filter_map(|track| branch(&all[*track])).collect();
        if branches.is_empty() {
            return tracks;
        }
        let is_beside = |track: &Track| branch(track).is_some_and(|branch| branches.contains(&branch));
        let beside = all.iter().enumerate().filter(|(_, track)| is_beside(track)).map(|(at, _)| at);
        beside.chain(tracks).collect::<BTreeSet<usize>>().into_iter().collect()
    }

    /// Plans the pull requests of what was approved, each by itself: what another one changes in the same file is not in it.
    pub(in crate::engine) async fn plan_requests(
        &self,
        assessment: &Assessment,
        approved: Vec<Planned>,
        beside: &mut BTreeMap<usize, WayBack>,
        is_by_hand: bool,
    ) -> Result<(Vec<RequestReport>, Vec<Problem>), Fault> {
        let (mut by_branch, mut problems) = self.by_branch(assessment, approved, beside);
        if !is_by_hand {
            // What is open stays open, though nothing new goes by it.
            for proposal in assessment.requests.open.iter().filter(|proposal| proposal.is_own) {
                let branch = &proposal.request.branch;
                by_branch.entry(branch.to_string()).or_insert_with(|| (branch.clone(), Vec::new()));
            }
        }
        let mut reports = Vec::new();
        for (branch, approved) in by_branch.into_values() {
            let Some(mut whole) = self.whole(assessment, &branch, approved, is_by_hand) else {
                problems.extend(is_by_hand.then(|| unclear(&branch)));
                continue;
            };
            let planned = std::mem::take(&mut whole.planned);
            let repository = Arc::clone(&self.ports.repository);
            let (rulebook, view) = (Arc::clone(&self.rulebook), Arc::clone(&assessment.view));
            let (mut plans, refused) =
                blocking(move || plan_edits(&*repository, &rulebook, &view, planned)).await?;
            problems.extend(refused);
            for plan in &mut plans {
                plan.beside = beside.remove(&plan.track);
            }
            if plans.is_empty() || !whole.mark(&mut plans) {
                continue;
            }
            match self.standing(assessment, &branch, &plans).await {
                Ok(standing) => {
                    let standing = if whole.is_renewed { standing.renewed() } else { standing };
                    if matches!(standing, Standing::Outdated(_)) {
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
        assessment: &Assessment,
        approved: Vec<Planned>,
        beside: &BTreeMap<usize, WayBack>,
    ) -> (ByBranch, Vec<Problem>) {
        let mut by_branch = ByBranch::new();
        let mut problems = Vec::new();
        if !assessment.requests.is_known {
            return (by_branch, problems);
        }
        for planned in approved {
            let track = &assessment.view.board.tracks[planned.0];
            match branch_of(&self.rulebook, track, beside.contains_key(&planned.0)) {
                Some(Ok(branch)) if !assessment.requests.unknown.contains(&branch) => {
                    let entry = by_branch.entry(branch.to_string());
                    entry.or_insert_with(|| (branch, Vec::new())).1.push(planned);
                }
                Some(Err(_)) => {
                    let message = "no branch can be named after it, so it cannot be proposed";
                    let environment = &self.rulebook.environments[track.environment].policy.name;
                    problems.push(Problem::error(Class::Failed, message).of(environment, track.service()));
                }
                Some(Ok(_)) | None => {}
            }
        }
        (by_branch, problems)
    }

    /// How far the open pull request of a branch is from these plans.
    async fn standing(
        &self,
        assessment: &Assessment,
        branch: &RequestBranch,
        plans: &[EditPlan],
    ) -> Result<Standing, Fault> {
        let Some(proposal) = assessment.requests.of(branch).cloned() else { return Ok(Standing::Missing) };
        if !proposal.is_own {
            return Ok(Standing::Theirs(proposal));
        }
        let base = assessment.view.commit();
        if self.lies_at(branch, proposal.request.head, base, plans).await?.is_none() {
            return Ok(Standing::Outdated(proposal));
        }
        let body = &proposal.request.body;
        Ok(if has_mark(body, OPENING) {
            Standing::Unfinished(proposal)
        } else if has_mark(body, CLOSED) {
            Standing::Reopened(proposal)
        } else if !is_of(body, &proposal.told) {
            Standing::Mute(proposal)
        } else {
            match plans.iter().find_map(|plan| reviewed(body, plan.approved.gates())) {
                Some(text) => Standing::Reviewed(proposal, text),
                None => Standing::Current(proposal),
            }
        })
    }

    /// Whether just these plans lie at the tip of a branch of Tidegate's own: the promotions that it tells of, if so.
    pub(super) async fn lies_at(
        &self,
        branch: &RequestBranch,
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
        branch: RequestBranch,
        plans: Vec<EditPlan>,
        over: Vec<String>,
        standing: Standing,
    ) -> Option<RequestReport> {
        let environment = self.rulebook.environments[plans.first()?.environment].policy.name.clone();
        let moves = plans.iter().map(move_of).collect();
        let closed_by = closed_for_now(&plans);
        let review = plans.iter().find_map(|plan| review_in(plan.approved.gates()));
        let (state, plans) = match &standing {
            Standing::Missing => (RequestState::Opens, plans),
            Standing::Outdated(_) => (RequestState::Updates, plans),
            // What is said anew is said of what lies there.
            Standing::Mute(proposal) => (RequestState::Waits, under_ids_of(plans, &proposal.told)),
            Standing::Theirs(_) => (RequestState::Theirs, Vec::new()),
            Standing::Current(_)
            | Standing::Unfinished(_)
            | Standing::Reopened(_)
            | Standing::Reviewed(..)
            | Standing::Over(_) => (RequestState::Waits, Vec::new()),
        };
        let request = standing.proposal().map(|proposal| &proposal.request);
        Some(RequestReport {
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

impl Standing {
    /// The same, if what lies there is to be told anew.
    fn renewed(self) -> Self {
        match self {
            Self::Missing | Self::Theirs(_) => self,
            other => other.proposal().cloned().map_or(Self::Missing, Self::Outdated),
        }
    }

    pub(super) fn proposal(&self) -> Option<&Arc<Proposal>> {
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
fn unclear(branch: &RequestBranch) -> Problem {
    let message = format!("what else the open pull request of {branch} proposes cannot be looked at now");
    Problem::error(Class::TryAgain, message)
        .hint("nothing was changed; try again, or merge or close it first")
}

/// What the approval gate says of reviews, if one of them is an approval.
pub(super) fn review_in(gates: &[GateReport]) -> Option<String> {
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
pub(super) fn under_ids_of(mut plans: Vec<EditPlan>, told: &[Trailers]) -> Vec<EditPlan> {
    let ids = super::ids_of(told);
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
