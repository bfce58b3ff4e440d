//! Applies the planned changes to pull requests one after the other, branch first.
//!
//! The next pass repairs whatever breaks in between: it opens a missing pull request, rewrites a stale text and finishes the
//! setup.

use std::sync::Arc;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::{PullRequestPolicy, RepositoryPolicy};
use crate::engine::deliver::changelog_files::add_changelogs;
use crate::engine::deliver::delivery::draft;
use crate::engine::deliver::notes::NotesByPlan;
use crate::engine::message::Trailers;
use crate::engine::plan::edit_plan::EditPlan;
use crate::engine::proposals::marks::{CLOSED, OPENING, marked, unmarked};
use crate::engine::proposals::pull_requests::{Proposal, ProposedMove};
use crate::model::{
    Class, CommitId, Fault, OpenPullRequest, Printable, Publication, PullRequestBranch, PullRequestDraft,
    Tag, Timestamp,
};
use crate::policy::PullRequestReference;
use crate::port::{Forge, Ports, Publisher, Repository};

use super::auto_merge::rules_of;
use super::body::{paused, render, unpaused};
use super::desired::{find_at_tip, review_in, under_ids_of};
use super::report::{PullRequestAction, PullRequestReport, PullRequestState};
use super::{auto_merge, changelog};

/// What pull requests are written with, besides the ports.
pub(in crate::engine) struct Writing<'a, P: Ports> {
    pub(in crate::engine) publisher: &'a Arc<P::Publisher>,
    /// The commit that branches start from.
    pub(in crate::engine) base: CommitId,
    pub(in crate::engine) at: Timestamp,
    pub(in crate::engine) notes: &'a NotesByPlan,
    pub(in crate::engine) requested_by: &'a str,
}

/// Does what is planned about pull requests. The next pass tries again what failed. After an error that asks to try again
/// later, the forge gets no further request in this pass.
pub(in crate::engine) async fn apply<P: Ports>(
    context: Context<'_, P>,
    reports: &mut [PullRequestReport],
    writing: &Writing<'_, P>,
) -> Vec<Problem> {
    let Some(forge) = context.forge else { return Vec::new() };
    let mut problems = Vec::new();
    for one in reports.iter_mut().filter(|one| one.has_work()) {
        if one.needs_commit() && changelog::file_of(context.policy, &one.plans).is_some() {
            let Writing { base, notes, at, .. } = writing;
            problems.extend(add_changelogs(context, *base, &mut one.plans, notes, *at).await);
        }
        match apply_one(context, &**forge, one, writing, &mut problems).await {
            Ok(()) => one.is_done = true,
            Err(fault) => {
                problems.push(one.problem(&fault));
                if fault.class() == Class::TryAgain {
                    break;
                }
            }
        }
    }
    problems
}

async fn apply_one<P: Ports>(
    context: Context<'_, P>,
    forge: &P::Forge,
    report: &mut PullRequestReport,
    writing: &Writing<'_, P>,
    problems: &mut Vec<Problem>,
) -> Result<(), Fault> {
    if report.auto_merge.is_some() {
        auto_merge::apply(forge, report, problems).await?;
        // That wrote the text too; the next pass reads the rest from it.
        if matches!(report.standing, PullRequestState::Reopened(_) | PullRequestState::Reviewed(..)) {
            return Ok(());
        }
    }
    match report.standing.clone() {
        PullRequestState::Missing => {
            let opened = open(context, forge, report, writing, problems).await?;
            report.number = Some(opened.number);
            report.opened_at = Some(opened.opened_at);
            report.url = Some(opened.url);
            report.show_review();
            Ok(())
        }
        PullRequestState::Outdated(proposal) => {
            update(context, forge, report, &proposal, writing).await?;
            report.show_review();
            Ok(())
        }
        PullRequestState::StaleBody(proposal) => {
            let (title, body) = render_text(context.policy, report, writing);
            forge.amend(proposal.request.number, Some(&title), &body).await
        }
        PullRequestState::Reviewed(proposal, text) => forge.amend(proposal.request.number, None, &text).await,
        PullRequestState::SetupPending(proposal) => {
            let rules = rules_of(context.policy, report);
            finish(forge, &proposal.request, &rules, report, problems).await
        }
        PullRequestState::Reopened(proposal) => {
            let body = unmarked(&proposal.request.body, CLOSED);
            forge.amend(proposal.request.number, None, &body).await
        }
        PullRequestState::Obsolete(proposal) => {
            close(forge, writing.publisher, report, &proposal, problems).await
        }
        PullRequestState::Current(_) | PullRequestState::TakenOver(_) => Ok(()),
    }
}

/// Pushes the branch and opens a pull request from it.
async fn open<P: Ports>(
    context: Context<'_, P>,
    forge: &P::Forge,
    report: &mut PullRequestReport,
    writing: &Writing<'_, P>,
    problems: &mut Vec<Problem>,
) -> Result<OpenPullRequest, Fault> {
    let branch = report.branch.clone();
    match left_over(context, &branch, writing.base, &report.plans).await? {
        LeftOver::Same(promotions) => {
            report.plans = under_ids_of(std::mem::take(&mut report.plans), &promotions);
        }
        LeftOver::Other(seen) => push_branch(context, report, Some(seen), writing).await?,
        LeftOver::Nothing => push_branch(context, report, None, writing).await?,
    }
    let rules = rules_of(context.policy, report);
    let (title, body) = render_text(context.policy, report, writing);
    let is_bare = rules.extras.is_empty();
    let body = if is_bare { body } else { marked(&body, OPENING) };
    let draft = PullRequestDraft { branch, title, body, is_draft: rules.is_draft };
    let opened = forge.open(&draft).await?;
    if !is_bare {
        // It is open. The next pass tries again what is missing.
        if let Err(fault) = finish(forge, &opened, &rules, report, problems).await {
            problems.push(report.problem(&fault));
        }
    }
    Ok(opened)
}

/// What a branch without an open pull request has: usually nothing; the same plans if a pass was interrupted; an earlier commit
/// if its pull request was closed or merged.
async fn left_over<P: Ports>(
    context: Context<'_, P>,
    branch: &PullRequestBranch,
    base: CommitId,
    plans: &[EditPlan],
) -> Result<LeftOver, Fault> {
    let (repository, name) = (Arc::clone(context.repository), branch.clone());
    let Some(tip) = blocking(move || Ok(repository.request_tip(&name)?)).await? else {
        return Ok(LeftOver::Nothing);
    };
    // An override applies from now on, so it needs a new commit even for the same plans.
    let is_overridden = plans.iter().any(|plan| !plan.approved.overrides().is_empty());
    let same = find_at_tip(context, branch, tip, base, plans).await?;
    if let Some(promotions) = same.filter(|_| !is_overridden) {
        return Ok(LeftOver::Same(promotions));
    }
    let (repository, name) = (Arc::clone(context.repository), branch.clone());
    let there = blocking(move || Ok(repository.proposed(&name, tip, &[])?)).await?;
    if there.is_own {
        return Ok(LeftOver::Other(tip));
    }
    let message =
        format!("the branch {branch} has commit {} of a person, so nothing is pushed to it", tip.short());
    Err(Fault::new(Class::Refused, message).with_hint("remove the branch, or merge it"))
}

/// Commits and pushes the branch, if it has not moved since it was seen.
async fn push_branch<P: Ports>(
    context: Context<'_, P>,
    report: &PullRequestReport,
    seen: Option<CommitId>,
    writing: &Writing<'_, P>,
) -> Result<(), Fault> {
    let draft = draft(
        context.policy,
        context.policy.proposal_wording(),
        &report.plans,
        writing.notes,
        writing.requested_by,
    );
    let (publisher, branch) = (Arc::clone(writing.publisher), report.branch.clone());
    let (base, at) = (writing.base, writing.at);
    match blocking(move || Ok(publisher.propose(&branch, seen, base, &draft, at)?)).await? {
        Publication::Pushed(_) => Ok(()),
        Publication::Moved { .. } => {
            let message =
                format!("somebody pushed to {} meanwhile; the next pass checks it again", report.branch);
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

/// Updates an open pull request in place.
async fn update<P: Ports>(
    context: Context<'_, P>,
    forge: &P::Forge,
    report: &PullRequestReport,
    proposal: &Proposal,
    writing: &Writing<'_, P>,
) -> Result<(), Fault> {
    let number = proposal.request.number;
    let (title, body) = render_text(context.policy, report, writing);
    push_branch(context, report, Some(proposal.request.head), writing).await?;
    forge.amend(number, Some(&title), &body).await?;
    match superseded(proposal, report) {
        Some(text) => forge.comment(number, &text).await,
        None => Ok(()),
    }
}

/// Sets labels, reviewers and auto-merge once, and removes the mark that says they are not set yet.
async fn finish<F: Forge>(
    forge: &F,
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
    let faults = forge.give(request.number, &extras).await;
    let needs_another_try = faults.iter().any(|fault| fault.class() == Class::TryAgain);
    problems.extend(faults.iter().map(|fault| report.problem(fault)));
    if needs_another_try {
        return Ok(());
    }
    forge.amend(request.number, None, &body).await
}

/// Closes a pull request that no longer applies, comments why, and removes its branch.
async fn close<F: Forge, W: Publisher>(
    forge: &F,
    publisher: &Arc<W>,
    report: &PullRequestReport,
    proposal: &Proposal,
    problems: &mut Vec<Problem>,
) -> Result<(), Fault> {
    let PullRequestAction::Closes { why } = &report.state else { return Ok(()) };
    let request = &proposal.request;
    // Closed and marked by one request, so that it is never taken for a person's refusal.
    forge.close(request.number, &marked(&request.body, CLOSED)).await?;
    let why = Printable::bounded(why, 600).to_string();
    let text = format!("Closed because this no longer applies:\n\n{}", fenced(&why));
    if let Err(fault) = forge.comment(request.number, &text).await {
        problems.push(report.problem(&fault));
    }
    let (publisher, branch, seen) = (Arc::clone(publisher), request.branch.clone(), request.head);
    if let Err(fault) = blocking(move || Ok(publisher.withdraw(&branch, seen)?)).await {
        problems.push(report.problem(&fault));
    }
    Ok(())
}

/// The title and the text, with the note about auto-merge if it is off.
fn render_text<P: Ports>(
    repository_policy: &RepositoryPolicy,
    report: &PullRequestReport,
    writing: &Writing<'_, P>,
) -> (String, String) {
    let plans = &report.plans;
    let message = draft(
        repository_policy,
        repository_policy.proposal_wording(),
        plans,
        writing.notes,
        writing.requested_by,
    )
    .message;
    let title = message.lines().next().unwrap_or_default();
    let mut body = render(plans, &message, |plan| writing.notes.of(plan));
    if let Some(why) = report.pause() {
        body = paused(&body, why);
    }
    (Printable::bounded(title, 250).to_string(), body)
}

impl PullRequestReport {
    /// Names the pull request in the approval gate, now that it proposes the candidate.
    fn show_review(&mut self) {
        let (Some(number), Some(url)) = (self.number, self.url.clone()) else { return };
        let request = PullRequestReference { number, url };
        for plan in &mut self.plans {
            plan.approved.propose(&request);
        }
        self.review = self.plans.iter().find_map(|plan| review_in(plan.approved.gates()));
    }
}

enum LeftOver {
    Nothing,
    /// The same plans, as these promotions.
    Same(Vec<Trailers>),
    /// Another commit of Tidegate's.
    Other(CommitId),
}

/// What was superseded; none when only files changed.
fn superseded(proposal: &Proposal, report: &PullRequestReport) -> Option<String> {
    let lines = proposal.moves().into_iter().filter_map(|old| {
        let is_of_it = |new: &&ProposedMove| new.service == old.service && new.image == old.image;
        let new: Option<&Tag> = report.moves.iter().find(is_of_it).map(|new| &new.to);
        match new {
            Some(new) if *new == old.to => None,
            Some(new) => Some(format!("- **{}**: `{}` is superseded by `{new}`", old.service, old.to)),
            None => Some(format!("- **{}**: `{}` is no longer proposed", old.service, old.to)),
        }
    });
    let lines: Vec<String> = lines.collect();
    let reasons: Vec<String> =
        report.removed_because.iter().map(|why| Printable::bounded(why, 600).to_string()).collect();
    let why = if reasons.is_empty() { String::new() } else { format!("\n\n{}", fenced(&reasons.join("\n"))) };
    (!lines.is_empty()).then(|| lines.join("\n") + &why)
}

/// Untrusted text, where nothing in it is markup.
fn fenced(text: &str) -> String {
    format!("```text\n{text}\n```\n")
}
