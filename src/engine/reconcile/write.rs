//! Carries out what is to become of pull requests: branches first, then the forge, one after the other.
//!
//! Whatever breaks in between, the next pass finds: a branch without a pull request gets one, a text that tells of something
//! earlier is written anew, what was not given yet is given.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Forge, Ports, Publisher, Repository};
use crate::engine::base::problem::Problem;
use crate::engine::deliver::delivery::draft;
use crate::engine::deliver::notes;
use crate::engine::message::Trailers;
use crate::engine::plan::edit_plan::EditPlan;
use crate::engine::tasks::pass::PassReport;
use crate::model::{
    Class, CommitId, Fault, OpenPullRequest, Printable, Publication, PullRequestBranch, PullRequestDraft,
    Tag, Timestamp,
};
use crate::policy::PullRequestReference;

use super::body::{paused, render, unpaused};
use super::desired::{review_in, under_ids_of};
use crate::engine::base::repository_policy::PullRequestPolicy;
use crate::engine::proposals::marks::{CLOSED, OPENING, marked, unmarked};
use crate::engine::proposals::pull_requests::Proposal;
use crate::engine::reconcile::report::{PullRequestAction, PullRequestReport, PullRequestState};

/// What the commits of a pass are made from.
struct Making<'a> {
    base: CommitId,
    at: Timestamp,
    notes: &'a notes::Told,
    requested_by: &'a str,
}

impl<P: Ports> Engine<P> {
    /// Does what there is to do about pull requests. What can't be done is told, and the next pass tries again; when the
    /// forge wants to be left alone, nothing more is asked of it.
    pub(in crate::engine) async fn carry_out_requests(
        &self,
        report: &mut PassReport,
        notes: &notes::Told,
        requested_by: &str,
        at: Timestamp,
    ) {
        let Some(forge) = self.ports.forge.clone() else { return };
        let making = Making { base: report.evaluation.state.commit(), at, notes, requested_by };
        let mut problems = Vec::new();
        for one in report.requests.iter_mut().filter(|one| one.has_work()) {
            if one.is_to_be_made() && self.changelog_of(&one.plans).is_some() {
                problems.extend(self.keep_changelogs(making.base, &mut one.plans, notes, at).await);
            }
            match self.carry_out_request(&*forge, one, &making, &mut problems).await {
                Ok(()) => one.is_done = true,
                Err(fault) => {
                    let is_over = fault.class() == Class::TryAgain;
                    problems.push(about(one, &fault));
                    if is_over {
                        break;
                    }
                }
            }
        }
        report.problems.extend(problems);
    }

    async fn carry_out_request(
        &self,
        forge: &P::Forge,
        report: &mut PullRequestReport,
        making: &Making<'_>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Fault> {
        if report.turn.is_some() {
            self.carry_out_turn(forge, report, problems).await?;
            // The text of reviews is written by now, and what else it says is for the next pass to read.
            if matches!(report.standing, PullRequestState::Reopened(_) | PullRequestState::Reviewed(..)) {
                return Ok(());
            }
        }
        match report.standing.clone() {
            PullRequestState::Missing => {
                let opened = self.open(forge, report, making, problems).await?;
                report.number = Some(opened.number);
                report.opened_at = Some(opened.opened_at);
                report.url = Some(opened.url);
                report.say_whose_review();
                Ok(())
            }
            PullRequestState::Outdated(proposal) => {
                self.update(forge, report, &proposal, making).await?;
                report.say_whose_review();
                Ok(())
            }
            PullRequestState::Mute(proposal) => {
                let (title, body) = self.told(report, making);
                forge.amend(proposal.request.number, Some(&title), &body).await
            }
            PullRequestState::Reviewed(proposal, text) => {
                forge.amend(proposal.request.number, None, &text).await
            }
            PullRequestState::Unfinished(proposal) => {
                let rules = self.rules_of(report);
                self.finish(forge, &proposal.request, &rules, report, problems).await
            }
            PullRequestState::Reopened(proposal) => {
                let body = unmarked(&proposal.request.body, CLOSED);
                forge.amend(proposal.request.number, None, &body).await
            }
            PullRequestState::Over(proposal) => self.close(forge, report, &proposal, problems).await,
            PullRequestState::Current(_) | PullRequestState::Theirs(_) => Ok(()),
        }
    }

    /// Puts the branch where it is to be, and opens a pull request of it.
    async fn open(
        &self,
        forge: &P::Forge,
        report: &mut PullRequestReport,
        making: &Making<'_>,
        problems: &mut Vec<Problem>,
    ) -> Result<OpenPullRequest, Fault> {
        let branch = report.branch.clone();
        match self.left_over(&branch, making.base, &report.plans).await? {
            LeftOver::Same(told) => report.plans = under_ids_of(std::mem::take(&mut report.plans), &told),
            LeftOver::Other(seen) => self.propose(report, Some(seen), making).await?,
            LeftOver::Nothing => self.propose(report, None, making).await?,
        }
        let rules = self.rules_of(report);
        let (title, body) = self.told(report, making);
        let is_bare = rules.extras.is_empty();
        let body = if is_bare { body } else { marked(&body, OPENING) };
        let draft = PullRequestDraft { branch, title, body, is_draft: rules.is_draft };
        let opened = forge.open(&draft).await?;
        if !is_bare {
            // It is open; what it goes without is told, and given by the next pass where that helps.
            if let Err(fault) = self.finish(forge, &opened, &rules, report, problems).await {
                problems.push(about(report, &fault));
            }
        }
        Ok(opened)
    }

    /// What lies at a branch that has no open pull request: nothing, as a rule; the same, if a pass was cut short; something
    /// earlier, if its pull request was closed or merged.
    async fn left_over(
        &self,
        branch: &PullRequestBranch,
        base: CommitId,
        plans: &[EditPlan],
    ) -> Result<LeftOver, Fault> {
        let (repository, name) = (Arc::clone(&self.ports.repository), branch.clone());
        let Some(tip) = blocking(move || repository.request_tip(&name)).await? else {
            return Ok(LeftOver::Nothing);
        };
        // What a person insists on is told as of now: what was said since some earlier time is passed by too.
        let is_insisted = plans.iter().any(|plan| !plan.approved.overrides().is_empty());
        if let Some(told) = self.lies_at(branch, tip, base, plans).await?.filter(|_| !is_insisted) {
            return Ok(LeftOver::Same(told));
        }
        let (repository, name) = (Arc::clone(&self.ports.repository), branch.clone());
        let there = blocking(move || repository.proposed(&name, tip, &[])).await?;
        if there.is_own {
            return Ok(LeftOver::Other(tip));
        }
        let message = format!("the branch {branch} has a person's commit {} and is left alone", tip.short());
        Err(Fault::new(Class::Refused, message).with_hint("remove the branch, or merge it"))
    }

    /// Makes the commit and puts the branch to it, if that is still where it was seen.
    async fn propose(
        &self,
        report: &PullRequestReport,
        seen: Option<CommitId>,
        making: &Making<'_>,
    ) -> Result<(), Fault> {
        let draft = draft(&self.repository_policy, &report.plans, making.notes, making.requested_by);
        let (publisher, branch) = (Arc::clone(&self.ports.publisher), report.branch.clone());
        let (base, at) = (making.base, making.at);
        match blocking(move || publisher.propose(&branch, seen, base, &draft, at)).await? {
            Publication::Pushed(_) => Ok(()),
            Publication::Moved { .. } => {
                let message =
                    format!("somebody pushed to {} meanwhile; it is looked at again", report.branch);
                Err(Fault::new(Class::Failed, message))
            }
            Publication::Declined { reason } => {
                let reason = Printable::bounded(reason.trim(), 1000).to_string();
                let message = format!("the server declined the branch {}: {reason}", report.branch);
                Err(Fault::new(Class::Failed, message)
                    .with_hint("let this author push branches that begin with `tidegate/`"))
            }
        }
    }

    /// Brings an open pull request up to date, in place.
    async fn update(
        &self,
        forge: &P::Forge,
        report: &PullRequestReport,
        proposal: &Proposal,
        making: &Making<'_>,
    ) -> Result<(), Fault> {
        let number = proposal.request.number;
        let (title, body) = self.told(report, making);
        self.propose(report, Some(proposal.request.head), making).await?;
        forge.amend(number, Some(&title), &body).await?;
        match superseded(proposal, report) {
            Some(text) => forge.comment(number, &text).await,
            None => Ok(()),
        }
    }

    /// Gives an open pull request what it is given once, and takes the mark off that says that it was not yet.
    async fn finish(
        &self,
        forge: &P::Forge,
        request: &OpenPullRequest,
        rules: &PullRequestPolicy,
        report: &PullRequestReport,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Fault> {
        let mut extras = rules.extras.clone();
        let mut body = unpaused(&unmarked(&request.body, OPENING));
        if let (Some(_), Some(why)) = (extras.auto_merge, &report.closed_by) {
            extras.auto_merge = None;
            body = paused(&body, why);
        }
        let troubles = forge.give(request.number, &extras).await;
        let is_to_be_tried_again = troubles.iter().any(|fault| fault.class() == Class::TryAgain);
        problems.extend(troubles.iter().map(|fault| about(report, fault)));
        if is_to_be_tried_again {
            return Ok(());
        }
        forge.amend(request.number, None, &body).await
    }

    /// Closes a pull request that no longer applies, says why, and removes its branch.
    async fn close(
        &self,
        forge: &P::Forge,
        report: &PullRequestReport,
        proposal: &Proposal,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Fault> {
        let PullRequestAction::Closes { why } = &report.state else { return Ok(()) };
        let request = &proposal.request;
        // The mark comes with the closing, so that it can never be taken for a person's.
        forge.close(request.number, &marked(&request.body, CLOSED)).await?;
        let why = Printable::bounded(why, 600).to_string();
        let text = format!("Closed, since this no longer applies:\n\n{}", fenced(&why));
        if let Err(fault) = forge.comment(request.number, &text).await {
            problems.push(about(report, &fault));
        }
        let (publisher, branch, seen) =
            (Arc::clone(&self.ports.publisher), request.branch.clone(), request.head);
        if let Err(fault) = blocking(move || publisher.withdraw(&branch, seen)).await {
            problems.push(about(report, &fault));
        }
        Ok(())
    }

    /// The title and the text. That it does not merge by itself for now stays said.
    fn told(&self, report: &PullRequestReport, making: &Making<'_>) -> (String, String) {
        let plans = &report.plans;
        let message = draft(&self.repository_policy, plans, making.notes, making.requested_by).message;
        let title = message.lines().next().unwrap_or_default();
        let mut body = render(plans, &message, |plan| making.notes.of(plan));
        if let Some(why) = report.pause() {
            body = paused(&body, why);
        }
        (Printable::bounded(title, 250).to_string(), body)
    }

    pub(in crate::engine) fn rules_of(&self, report: &PullRequestReport) -> PullRequestPolicy {
        let environment = self.repository_policy.find(&report.environment);
        let rules = environment.and_then(|at| self.repository_policy.requests.get(&at).cloned());
        rules.unwrap_or_default()
    }
}

impl PullRequestReport {
    /// Says of which pull request the review is waited for, now that it proposes what is to be reviewed.
    fn say_whose_review(&mut self) {
        let (Some(number), Some(url)) = (self.number, self.url.clone()) else { return };
        let request = PullRequestReference { number, url };
        for plan in &mut self.plans {
            plan.approved.propose(&request);
        }
        self.review = self.plans.iter().find_map(|plan| review_in(plan.approved.gates()));
    }
}

/// What lies at a branch without an open pull request.
enum LeftOver {
    Nothing,
    /// Just what is to be proposed, told as these promotions.
    Same(Vec<Trailers>),
    /// Something else of Tidegate's.
    Other(CommitId),
}

/// What a newer candidate took the place of; nothing when only the files changed.
fn superseded(proposal: &Proposal, report: &PullRequestReport) -> Option<String> {
    let lines = proposal.moves().into_iter().filter_map(|old| {
        let is_of_it = |new: &&crate::engine::proposals::pull_requests::ProposedMove| {
            new.service == old.service && new.image == old.image
        };
        let new: Option<&Tag> = report.moves.iter().find(is_of_it).map(|new| &new.to);
        match new {
            Some(new) if *new == old.to => None,
            Some(new) => Some(format!("- **{}**: `{}` is superseded by `{new}`", old.service, old.to)),
            None => Some(format!("- **{}**: `{}` is not proposed any more", old.service, old.to)),
        }
    });
    let lines: Vec<String> = lines.collect();
    let over: Vec<String> = report.over.iter().map(|why| Printable::bounded(why, 600).to_string()).collect();
    let why = if over.is_empty() { String::new() } else { format!("\n\n{}", fenced(&over.join("\n"))) };
    (!lines.is_empty()).then(|| lines.join("\n") + &why)
}

/// Somebody's words, where nothing in them is markup.
fn fenced(text: &str) -> String {
    format!("```text\n{text}\n```\n")
}

pub(in crate::engine) fn about(report: &PullRequestReport, fault: &Fault) -> Problem {
    let mut problem = Problem::from_fault(fault);
    problem.environment = Some(report.environment.clone());
    if let [one] = report.moves.as_slice() {
        problem.service = Some(one.service.clone());
    }
    problem
}
