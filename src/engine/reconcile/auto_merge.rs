//! Merging by itself: GitHub knows no window and no freeze, so it is turned off while a gate is closed, and on again after.
//!
//! So it is while people are to review it first. A mark in the text says that Tidegate turned it off, and comes before that is done: whoever else turns it off or on, means
//! it, and is left alone.

use crate::engine::Engine;
use crate::engine::base::ports::{Forge, Ports};
use crate::engine::base::problem::Problem;
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::plan::edit_plan::EditPlan;
use crate::model::{AutoMerge, Class, Fault, ServiceName};
use crate::policy::{self, Answer, Candidate, GateName, GateReport, Override};

use super::body::{is_paused_for, paused, unpaused};
use super::write::about;
use crate::engine::proposals::marks::{OPENING, has_mark};
use crate::engine::proposals::pull_requests::Proposal;
use crate::engine::reconcile::report::{PullRequestReport, PullRequestState};

/// What there is to do about a pull request's merging by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Turn {
    /// It is turned off, and the text says why.
    Off,
    /// The text says why it is off, or no more that it is.
    Say,
    /// It is turned on again.
    On,
}

/// What speaks against merging these now.
pub(in crate::engine) fn closed_for_now(plans: &[EditPlan]) -> Option<String> {
    let approved = plans.iter().map(|plan| (&plan.service, &plan.approved));
    approved.into_iter().find_map(|(service, one)| closed_of(service, one.gates(), one.overrides()))
}

fn closed_of(service: &ServiceName, gates: &[GateReport], passed: &[Override]) -> Option<String> {
    let is_passed = |report: &GateReport| passed.iter().any(|one| one.gate() == report.gate);
    let closed = gates.iter().find(|report| pauses(report) && !is_passed(report))?;
    Some(format!("{service}: {}", said(closed)))
}

/// Whether a gate is closed, and is so for no longer than time or a person takes: a newer version that soaks keeps nothing
/// back that was let through.
fn pauses(report: &GateReport) -> bool {
    match report.gate {
        GateName::Freeze | GateName::Window | GateName::Approval => !report.is_open(),
        GateName::Soak => matches!(report.answer, Answer::ClosedUntil(_)),
        _ => false,
    }
}

/// Why, in words that stay the same as long as the reason does.
fn said(report: &GateReport) -> String {
    match (report.gate, report.answer) {
        (GateName::Soak, Answer::ClosedUntil(at)) => {
            format!("soak until {}", at.format("%Y-%m-%d %H:%M UTC"))
        }
        _ => report.to_string(),
    }
}

impl<P: Ports> Engine<P> {
    /// Says of each pull request what there is to do about its merging by itself.
    pub(in crate::engine) fn turn_auto_merge(&self, reports: &mut [PullRequestReport]) {
        for report in reports {
            let method = self.rules_of(report).extras.auto_merge;
            report.turn = method.and_then(|method| Some((turn(report)?, method)));
        }
    }

    /// What speaks against merging a pull request now of which not all can be said.
    pub(in crate::engine) fn closed_unasked(
        &self,
        evaluation: &Evaluation,
        proposal: &Proposal,
    ) -> Option<String> {
        let known = evaluation.known(&self.repository_policy);
        proposal.told.iter().find_map(|told| {
            let target = self.target_of(&evaluation.state, told)?;
            let tag = told.image.tag.clone()?;
            let version = evaluation.state.deployed.targets[target].rules.version_of(&tag)?;
            let candidate = Candidate { tag, version };
            let facts = known.facts_unasked(target);
            let evaluation = policy::evaluate(&known.policy(target), &facts, &candidate, evaluation.now);
            closed_of(&told.service, evaluation.reports(), &told.overrides)
        })
    }

    /// Does it. Off it is turned even where the text can't be written.
    pub(in crate::engine) async fn carry_out_turn(
        &self,
        forge: &P::Forge,
        report: &PullRequestReport,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Fault> {
        let (Some((turn, method)), Some(proposal)) = (report.turn, report.standing.proposal()) else {
            return Ok(());
        };
        let request = &proposal.request;
        let text = match &report.standing {
            PullRequestState::Reviewed(_, text) => text,
            _ => &request.body,
        };
        let body = match &report.closed_by {
            Some(why) if turn == Turn::Off || request.auto_merge.is_none() => paused(text, why),
            _ => unpaused(text),
        };
        match turn {
            Turn::Say => forge.amend(request.number, None, &body).await,
            Turn::Off => {
                match forge.amend(request.number, None, &body).await {
                    Err(fault) if fault.class() != Class::TryAgain => problems.push(about(report, &fault)),
                    // Without the mark, the next pass could not tell that it was not a person.
                    done => done?,
                }
                forge.keep_open(request.number).await
            }
            Turn::On => {
                match forge.let_merge(request.number, request.head, method).await {
                    Err(fault) if fault.class() == Class::TryAgain => return Err(fault),
                    // What the forge does not let be merged is told once, and left to people.
                    Err(fault) => problems.push(about(report, &fault)),
                    Ok(()) => {}
                }
                forge.amend(request.number, None, &body).await
            }
        }
    }
}

impl PullRequestReport {
    /// Why it does not merge by itself for now, where Tidegate turned that off.
    pub fn pause(&self) -> Option<&str> {
        let request = &self.standing.proposal()?.request;
        let is_off = request.auto_merge.is_none() && is_paused_for(&request.body, None);
        let is_turned_off = matches!(self.turn, Some((Turn::Off, _)));
        // It is turned on when its branch is as it should be.
        let why = self.closed_by.as_deref().unwrap_or("every gate is open, so it is turned on again soon");
        (is_turned_off || (is_off && !self.goes_on())).then_some(why)
    }

    /// Whether it is to merge by itself again.
    pub fn goes_on(&self) -> bool {
        matches!(self.turn, Some((Turn::On, _)))
    }
}

/// What there is to do, by what is there.
fn turn(report: &PullRequestReport) -> Option<Turn> {
    let is_meant = !matches!(report.standing, PullRequestState::Over(_) | PullRequestState::Theirs(_));
    let request = &report.standing.proposal().filter(|_| is_meant)?.request;
    // What is not opened in full yet is not turned on yet.
    if has_mark(&request.body, OPENING) {
        return None;
    }
    let is_marked = is_paused_for(&request.body, None);
    match (request.auto_merge, report.closed_by.as_deref()) {
        // Whoever it was, they meant what lies there, and not what takes its place.
        (Some(_), Some(_)) if matches!(report.standing, PullRequestState::Outdated(_)) => Some(Turn::Off),
        (Some(AutoMerge::ByOpener), Some(_)) => Some(Turn::Off),
        (Some(AutoMerge::ByAnother), _) | (Some(AutoMerge::ByOpener), None) => is_marked.then_some(Turn::Say),
        (None, Some(why)) => (is_marked && !is_paused_for(&request.body, Some(why))).then_some(Turn::Say),
        // Its branch may be on its way to something else.
        (None, None) => {
            let lies_there =
                matches!(report.standing, PullRequestState::Current(_) | PullRequestState::Reviewed(..));
            (is_marked && lies_there).then_some(Turn::On)
        }
    }
}

#[cfg(test)]
mod tests;
