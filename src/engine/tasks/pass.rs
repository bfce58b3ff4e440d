//! One pass: refresh, ask the registries, decide, plan, push and propose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DurationRound as _, TimeDelta};

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::pass_options::{PassMode, PassOptions};
use crate::engine::base::ports::{Clock, Ports};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::decide::evaluation::{Evaluation, evaluate};
use crate::engine::decide::manual;
use crate::engine::decide::poll::{self, Polled};
use crate::engine::decide::rollback::{self, RollbackDecision};
use crate::engine::deliver::changelog_files::add_changelogs;
use crate::engine::deliver::delivery::{Delivery, commits, deliver, recover};
use crate::engine::deliver::notes::{self, NotesByPlan};
use crate::engine::history::refresh;
use crate::engine::plan::edit_plan::{EditPlan, Planned, Rollback, approved, plan_edits};
use crate::engine::proposals::pull_requests::with_branch_mates;
use crate::engine::reconcile::report::PullRequestReport;
use crate::engine::reconcile::write::{self, Writing};
use crate::engine::reconcile::{auto_merge, desired, obsolete};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{CommitId, Fault, ImageName, Timestamp};

use super::attempts::Attempts;
use super::confirmed_plan::ConfirmedPlan;
use super::control_change::ControlChange;
use super::engine::{Engine, Memory, context};
use super::report::{PassReport, Promoted};

impl<P: Ports> Engine<P> {
    /// Does one pass.
    ///
    /// # Errors
    /// When the repository can't be reached or read, the store can't be used, or the push is declined. What concerns
    /// one service or one image is in the report, and the others go on.
    pub async fn pass(&mut self, options: &PassOptions) -> Result<PassReport, Fault> {
        let mut report = Box::pin(self.promote(options, None)).await?;
        let sweeps =
            self.repository_policy.sweeps_control_files && matches!(options.mode, PassMode::Scheduled);
        if sweeps && !options.dry_run && report.evaluation.has_expired_controls() {
            // The promotions stay; expired control files have no effect.
            let sweep =
                Box::pin(self.change_controls(&ControlChange::Sweep, &options.requested_by, false)).await;
            report.problems.extend(sweep.err().map(|fault| Problem::from_fault(&fault)));
        }
        Ok(report)
    }

    /// Does one pass of what somebody was shown and confirmed, and nothing else.
    ///
    /// # Errors
    /// As [`Self::pass`]; and when it would now do something that nobody confirmed.
    pub async fn pass_confirmed(
        &mut self,
        options: &PassOptions,
        confirmed: &ConfirmedPlan,
    ) -> Result<PassReport, Fault> {
        Box::pin(self.promote(options, Some(confirmed))).await
    }

    async fn promote(
        &mut self,
        options: &PassOptions,
        confirmed: Option<&ConfirmedPlan>,
    ) -> Result<PassReport, Fault> {
        let (context, memory) = (context(&self.ports, &self.repository_policy), &mut self.memory);
        let mut attempts = Attempts::default();
        let mut polled: Option<Polled> = None;
        let mut recovered = Vec::new();
        let mut notes = NotesByPlan::default();
        let mut runs_at_first = None;
        loop {
            let state = refresh::refresh(context, &mut memory.history).await?;
            if let PassMode::Rollback(request) = &options.mode {
                let runs = rollback::runs_before(&state, context.policy, request);
                let first = runs_at_first.get_or_insert_with(|| runs.clone());
                if *first != runs {
                    return Err(rollback::moved_meanwhile(request));
                }
            }
            recovered.extend(recover(context, state.commit(), context.clock.now()).await?);
            let targets = targets_of(context, &state, &options.mode).await?;
            let images = images_of(&state, &targets);
            let answers = match polled.take() {
                Some(answers) if images.iter().all(|image| answers.was_asked(image)) => answers,
                _ => poll::poll(context.registry, images).await,
            };
            let decided = decide(context, memory, state, &answers, &targets, options).await?;
            polled = Some(answers);
            let mut report = plan(context, decided, options).await?;
            report.recovered.clone_from(&recovered);
            if options.dry_run || report.is_idle() {
                return Ok(report);
            }
            confirmed.map_or(Ok(()), |confirmed| confirmed.check(report.plans()))?;
            let commits = commits_of(&report, context.policy);
            notes::fetch(context.changelog, context.policy.notes, &commits, &mut notes).await;
            let publisher = &self.ports.publisher;
            if carry_out(context, publisher, &mut report, &options.requested_by, &notes).await? {
                return Ok(report);
            }
            attempts.branch_moved(&**context.clock).await?;
        }
    }
}

/// The targets of a pass.
enum Targets {
    All,
    Some {
        chosen: Vec<usize>,
        /// The targets whose registries are asked and whose histories are read: the chosen ones, and those that are proposed
        /// by the same branches.
        about: Vec<usize>,
    },
}

impl Targets {
    fn about(&self) -> Option<&[usize]> {
        match self {
            Self::All => None,
            Self::Some { about, .. } => Some(about),
        }
    }
}

async fn targets_of<P: Ports>(
    context: Context<'_, P>,
    state: &Arc<RepositoryState>,
    mode: &PassMode,
) -> Result<Targets, Fault> {
    let chosen = match mode {
        PassMode::Scheduled => return Ok(Targets::All),
        PassMode::Scoped(scope) => manual::targets_in(state, context.policy, scope)?,
        PassMode::Manual(request) => manual::targets(state, context.policy, request)?,
        PassMode::Rollback(request) => {
            let chosen = rollback::targets(context, state, request).await?;
            return Ok(Targets::Some { about: chosen.clone(), chosen });
        }
    };
    let about = with_branch_mates(state, context.policy, &chosen);
    Ok(Targets::Some { chosen, about })
}

/// The images to ask about.
fn images_of(state: &RepositoryState, targets: &Targets) -> BTreeSet<ImageName> {
    let all = &state.deployed.targets;
    match targets.about() {
        None => all.iter().map(|target| target.image().clone()).collect(),
        Some(about) => about.iter().map(|at| all[*at].image().clone()).collect(),
    }
}

/// What a pass decided.
struct Decided {
    evaluation: Evaluation,
    /// By target.
    rollbacks: BTreeMap<usize, Rollback>,
    /// The targets of a scoped pass.
    scope: Option<Vec<usize>>,
    problems: Vec<Problem>,
}

async fn decide<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    state: Arc<RepositoryState>,
    answers: &Polled,
    targets: &Targets,
    options: &PassOptions,
) -> Result<Decided, Fault> {
    let about = targets.about().unwrap_or_default();
    let (evaluation, mut problems) = evaluate(context, &mut memory.decide, state, answers, about).await?;
    let Targets::Some { chosen, .. } = targets else {
        return Ok(Decided { evaluation, rollbacks: BTreeMap::new(), scope: None, problems });
    };
    Ok(match &options.mode {
        PassMode::Scheduled => Decided { evaluation, rollbacks: BTreeMap::new(), scope: None, problems },
        PassMode::Scoped(_) => {
            let evaluation = evaluation.only(chosen);
            Decided { evaluation, rollbacks: BTreeMap::new(), scope: Some(chosen.clone()), problems }
        }
        PassMode::Manual(request) => {
            let memory = &mut memory.decide;
            let (evaluation, more) = manual::decide(context, memory, evaluation, chosen, request).await?;
            problems.extend(more);
            Decided { evaluation, rollbacks: BTreeMap::new(), scope: None, problems }
        }
        PassMode::Rollback(request) => {
            let by = &options.requested_by;
            let decision = rollback::decide(context, evaluation, chosen, request, by).await?;
            problems.extend(decision.problems);
            let RollbackDecision { evaluation, rollbacks, .. } = decision;
            Decided { evaluation, rollbacks, scope: None, problems }
        }
    })
}

/// Plans the edits and pull requests of what was approved.
async fn plan<P: Ports>(
    context: Context<'_, P>,
    decided: Decided,
    options: &PassOptions,
) -> Result<PassReport, Fault> {
    let Decided { evaluation, mut rollbacks, scope, mut problems } = decided;
    let is_proposed = |planned: &Planned| {
        let environment = evaluation.state.deployed.targets[planned.target].environment;
        // What people must review first is never pushed.
        context.policy.requests.contains_key(&environment) || planned.approved.awaits_review()
    };
    let approved = approved(&evaluation.decisions, evaluation.now);
    let (proposed, pushed): (Vec<Planned>, Vec<Planned>) = approved.into_iter().partition(is_proposed);
    let repository = Arc::clone(context.repository);
    let repository_policy = Arc::clone(context.policy);
    let state = Arc::clone(&evaluation.state);
    let (mut planned, refused) =
        blocking(move || plan_edits(&*repository, &repository_policy, &state, pushed)).await?;
    for plan in &mut planned {
        plan.rollback = rollbacks.remove(&plan.target);
    }
    problems.extend(refused);
    let is_manual = !matches!(options.mode, PassMode::Scheduled);
    let (mut requests, unplanned) =
        desired::plan(context, &evaluation, proposed, &mut rollbacks, is_manual).await?;
    problems.extend(unplanned);
    if !is_manual {
        requests.extend(obsolete::others(context.policy, &evaluation, &requests));
    }
    auto_merge::plan(context.policy, &mut requests);
    problems.extend(requests.iter().filter_map(PullRequestReport::taken_over));
    let next_opening = evaluation.next_opening();
    Ok(PassReport {
        evaluation,
        planned,
        promoted: Vec::new(),
        requests,
        recovered: Vec::new(),
        problems,
        next_opening,
        scope,
    })
}

/// The plans by commit.
fn commits_of<'a>(report: &'a PassReport, repository_policy: &'a RepositoryPolicy) -> Vec<&'a [EditPlan]> {
    let proposed = report.requests.iter().map(|request| request.plans.as_slice());
    commits(repository_policy, &report.planned).chain(proposed).collect()
}

/// Pushes what is planned, then applies the changes to pull requests. False if the branch moved first.
async fn carry_out<P: Ports>(
    context: Context<'_, P>,
    publisher: &Arc<P::Publisher>,
    report: &mut PassReport,
    requested_by: &str,
    notes: &NotesByPlan,
) -> Result<bool, Fault> {
    let now = report.evaluation.now;
    let at = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
    let base = report.evaluation.state.commit();
    if !report.planned.is_empty() {
        let unwritten = add_changelogs(context, base, &mut report.planned, notes, at).await;
        report.problems.extend(unwritten);
        let by = (requested_by, at);
        match deliver(context, publisher, base, &report.planned, notes, by).await? {
            Delivery::Landed(commits) => record(context.policy, report, commits, at),
            Delivery::Moved => return Ok(false),
        }
    }
    let writing = Writing { publisher, base, at, notes, requested_by };
    let problems = write::apply(context, &mut report.requests, &writing).await;
    report.problems.extend(problems);
    Ok(true)
}

/// Moves the planned promotions of a report to the promoted ones.
fn record(
    repository_policy: &RepositoryPolicy,
    report: &mut PassReport,
    commits: Vec<CommitId>,
    at: Timestamp,
) {
    let plans = std::mem::take(&mut report.planned);
    let state = &report.evaluation.state;
    let soaks = plans.iter().filter_map(|plan| next_soak_end(repository_policy, state, plan, at));
    report.next_opening = soaks.chain(report.next_opening).min();
    let promoted = plans.into_iter().zip(commits);
    report.promoted = promoted.map(|(plan, commit)| promotion(repository_policy, plan, commit)).collect();
}

/// When the first soak ends that a promotion at `at` starts.
fn next_soak_end(
    repository_policy: &RepositoryPolicy,
    state: &RepositoryState,
    plan: &EditPlan,
    at: Timestamp,
) -> Option<Timestamp> {
    let subject = (plan.service.clone(), plan.image.clone());
    let after = repository_policy.after(plan.environment);
    let soaks = after.filter_map(|next| Some(state.deployed.target(next, &subject)?.soak));
    soaks.min().and_then(|soak| at.checked_add_signed(TimeDelta::from_std(soak).ok()?))
}

fn promotion(repository_policy: &RepositoryPolicy, plan: EditPlan, commit: CommitId) -> Promoted {
    Promoted {
        id: plan.id,
        commit,
        environment: repository_policy.environments[plan.environment].policy.name.clone(),
        service: plan.service,
        image: plan.image,
        from: plan.approved.from().tag.clone(),
        to: plan.approved.candidate().tag.clone(),
        digest: plan.approved.digest().clone(),
        quarantine: plan.rollback.and_then(|rollback| rollback.quarantine).map(|(file, _)| file),
    }
}

#[cfg(test)]
mod deaths;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
