//! Auto-merge: GitHub knows no windows and freezes, so Tidegate turns it off while a gate is closed or a review is missing, and on
//! again afterwards.
//!
//! A mark in the text, written first, says that Tidegate turned it off. Whoever else turns it off or on is left alone.

use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::{PullRequestPolicy, RepositoryPolicy};
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::plan::edit_plan::EditPlan;
use crate::engine::proposals::marks::{OPENING, has_mark};
use crate::engine::proposals::pull_requests::{Proposal, target_of};
use crate::model::{AutoMerge, Class, Fault, ServiceName};
use crate::policy::{self, Answer, Candidate, GateName, GateReport, Override};
use crate::port::Forge;

use super::body::{is_paused_for, paused, unpaused};
use super::report::{AutoMergeAction, PullRequestReport, PullRequestState};

/// Why these must not merge now.
pub(in crate::engine) fn closed_for_now(plans: &[EditPlan]) -> Option<String> {
    let approved = plans.iter().map(|plan| (&plan.service, &plan.approved));
    approved.into_iter().find_map(|(service, one)| closed_of(service, one.gates(), one.overrides()))
}

fn closed_of(service: &ServiceName, gates: &[GateReport], passed: &[Override]) -> Option<String> {
    let is_passed = |report: &GateReport| passed.iter().any(|one| one.gate() == report.gate);
    let closed = gates.iter().find(|report| pauses(report) && !is_passed(report))?;
    Some(format!("{service}: {}", stable_text(closed)))
}

/// Whether a gate is closed until a time or until a person acts. A newer version that soaks does not hold back what was
/// approved.
fn pauses(report: &GateReport) -> bool {
    match report.gate {
        GateName::Freeze | GateName::Window | GateName::Approval => !report.is_open(),
        GateName::Soak => matches!(report.answer, Answer::ClosedUntil(_)),
        _ => false,
    }
}

/// A text that changes only with the reason.
fn stable_text(report: &GateReport) -> String {
    match (report.gate, report.answer) {
        (GateName::Soak, Answer::ClosedUntil(at)) => {
            format!("soak until {}", at.format("%Y-%m-%d %H:%M UTC"))
        }
        _ => report.to_string(),
    }
}

/// Sets what is to be done about auto-merge in each report.
pub(in crate::engine) fn plan(repository_policy: &RepositoryPolicy, reports: &mut [PullRequestReport]) {
    for report in reports {
        let method = rules_of(repository_policy, report).extras.auto_merge;
        report.auto_merge = method.and_then(|method| Some((action(report)?, method)));
    }
}

/// How pull requests into the environment of a report are made.
pub(in crate::engine) fn rules_of(
    repository_policy: &RepositoryPolicy,
    report: &PullRequestReport,
) -> PullRequestPolicy {
    let environment = repository_policy.find(&report.environment);
    let rules = environment.and_then(|at| repository_policy.requests.get(&at).cloned());
    rules.unwrap_or_default()
}

/// Why a pull request must not merge now, as far as the gates tell without the registry.
pub(in crate::engine) fn closed_without_registry(
    repository_policy: &RepositoryPolicy,
    evaluation: &Evaluation,
    proposal: &Proposal,
) -> Option<String> {
    let known = evaluation.facts(repository_policy);
    proposal.promotions.iter().find_map(|promotion| {
        let target = target_of(promotion, &evaluation.state.deployed, repository_policy)?;
        let tag = promotion.image.tag.clone()?;
        let version = evaluation.state.deployed.targets[target].rules.version_of(&tag)?;
        let candidate = Candidate { tag, version };
        let facts = known.facts_without_registry(target);
        let evaluation = policy::evaluate(&known.policy(target), &facts, &candidate, evaluation.now);
        closed_of(&promotion.service, evaluation.reports(), &promotion.overrides)
    })
}

/// Does what is planned about auto-merge. Turns it off even where the text cannot be written.
pub(in crate::engine) async fn apply<F: Forge>(
    forge: &F,
    report: &PullRequestReport,
    problems: &mut Vec<Problem>,
) -> Result<(), Fault> {
    let (Some((action, method)), Some(proposal)) = (report.auto_merge, report.standing.proposal()) else {
        return Ok(());
    };
    let request = &proposal.request;
    let text = match &report.standing {
        PullRequestState::Reviewed(_, text) => text,
        _ => &request.body,
    };
    let body = match &report.closed_by {
        Some(why) if action == AutoMergeAction::TurnOff || request.auto_merge.is_none() => paused(text, why),
        _ => unpaused(text),
    };
    match action {
        AutoMergeAction::UpdateText => forge.amend(request.number, None, &body).await,
        AutoMergeAction::TurnOff => {
            match forge.amend(request.number, None, &body).await {
                Err(fault) if fault.class() != Class::TryAgain => problems.push(report.problem(&fault)),
                // Without the mark the next pass would take it for a person's doing.
                done => done?,
            }
            forge.keep_open(request.number).await
        }
        AutoMergeAction::TurnOn => {
            match forge.let_merge(request.number, request.head, method).await {
                Err(fault) if fault.class() == Class::TryAgain => return Err(fault),
                // The forge refuses to merge it: report once, and leave it to people.
                Err(fault) => problems.push(report.problem(&fault)),
                Ok(()) => {}
            }
            forge.amend(request.number, None, &body).await
        }
    }
}

impl PullRequestReport {
    /// Why auto-merge is off, where Tidegate turned it off.
    pub fn pause(&self) -> Option<&str> {
        let request = &self.standing.proposal()?.request;
        let is_off = request.auto_merge.is_none() && is_paused_for(&request.body, None);
        let is_turned_off = matches!(self.auto_merge, Some((AutoMergeAction::TurnOff, _)));
        let why = self.closed_by.as_deref().unwrap_or("every gate is open; the next pass turns it on again");
        (is_turned_off || (is_off && !self.turns_on())).then_some(why)
    }

    /// Whether it is to merge by itself again.
    pub fn turns_on(&self) -> bool {
        matches!(self.auto_merge, Some((AutoMergeAction::TurnOn, _)))
    }
}

fn action(report: &PullRequestReport) -> Option<AutoMergeAction> {
    let is_meant = !matches!(report.standing, PullRequestState::Obsolete(_) | PullRequestState::TakenOver(_));
    let request = &report.standing.proposal().filter(|_| is_meant)?.request;
    // Its setup is not finished.
    if has_mark(&request.body, OPENING) {
        return None;
    }
    let is_marked = is_paused_for(&request.body, None);
    match (request.auto_merge, report.closed_by.as_deref()) {
        // Whoever turned it on meant the commit that is there, not the one that replaces it.
        (Some(_), Some(_)) if matches!(report.standing, PullRequestState::Outdated(_)) => {
            Some(AutoMergeAction::TurnOff)
        }
        (Some(AutoMerge::ByOpener), Some(_)) => Some(AutoMergeAction::TurnOff),
        (Some(AutoMerge::ByAnother), _) | (Some(AutoMerge::ByOpener), None) => {
            is_marked.then_some(AutoMergeAction::UpdateText)
        }
        (None, Some(why)) => {
            (is_marked && !is_paused_for(&request.body, Some(why))).then_some(AutoMergeAction::UpdateText)
        }
        // Its branch may be about to change.
        (None, None) => {
            let lies_there =
                matches!(report.standing, PullRequestState::Current(_) | PullRequestState::Reviewed(..));
            (is_marked && lies_there).then_some(AutoMergeAction::TurnOn)
        }
    }
}

#[cfg(test)]
mod tests;
