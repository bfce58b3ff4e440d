//! One pass: refresh, ask the registries, decide, plan, push and propose.

mod publish;
mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::mandate::Mandate;
use crate::engine::base::pass_options::{PassMode, PassOptions};
use crate::engine::base::problem::Problem;
use crate::engine::decide::evaluation::{Evaluation, evaluate};
use crate::engine::decide::manual;
use crate::engine::decide::poll::{self, Polled};
use crate::engine::decide::rollback::{self, RollbackDecision};
use crate::engine::deliver::declined::{self, Pushes, Unit};
use crate::engine::deliver::delivery::{Requester, recover};
use crate::engine::deliver::notes::{self, NotesByPlan};
use crate::engine::history::refresh;
use crate::engine::plan::edit_plan::{Planned, Rollback, approved, plan_edits};
use crate::engine::reconcile::report::PullRequestReport;
use crate::engine::reconcile::{auto_merge, desired, obsolete};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{Class, Fault, Intent, Outcome, TargetId, Timestamp};
use crate::policy::{LocalTime, RolloutCommit};
use crate::port::{Clock, Ports};

use super::attempts::Attempts;
use super::confirmed_plan::ConfirmedPlan;
use super::control_change::ControlChange;
use super::engine::{Engine, Memory, context};
use super::report::{PassReport, Promoted};
use publish::{Pushed, commits_of, notes_policy, propose, push};
use targets::{Targets, images_of, targets_of};

impl<P: Ports> Engine<P> {
    /// Does one pass.
    ///
    /// # Errors
    /// When the repository can't be reached or read, the store can't be used, or the push is declined. What concerns
    /// one service or one image is in the report, and the others go on.
    pub async fn pass(&mut self, options: &PassOptions) -> Result<PassReport, Fault> {
        let mut report = Box::pin(self.promote(options, None)).await?;
        if matches!(options.mode, PassMode::Scheduled) && !options.dry_run {
            Box::pin(self.answer_failures(&mut report, options)).await;
        }
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

    pub(super) async fn promote(
        &mut self,
        options: &PassOptions,
        confirmed: Option<&ConfirmedPlan>,
    ) -> Result<PassReport, Fault> {
        let context = context(&self.ports, &self.repository_policy);
        let context = Context { registry_wait: options.registry_wait, ..context };
        let memory = &mut self.memory;
        let publisher = &self.ports.publisher;
        let mut attempts = Attempts::default();
        let mut done = Done::new(options, &memory.declined, context.clock.now());
        let mut polled: Option<Polled> = None;
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
            if options.recovers && !options.dry_run {
                done.recovered.extend(recover(context, state.commit(), context.clock.now()).await?);
            }
            let targets = targets_of(context, &state, &options.mode).await?;
            let images = images_of(&state, &targets);
            let answers = match polled.take() {
                Some(answers) if images.iter().all(|image| answers.was_asked(image)) => answers,
                _ => {
                    let (registry, wait) = (context.registry, context.registry_wait);
                    poll::poll(registry, &mut memory.decide.tags, images, wait).await
                }
            };
            let decided = decide(context, memory, state, &answers, &targets, options).await?;
            polled = Some(answers);
            let mut report = plan(context, &mut memory.declined, decided, options, &done.pushes).await?;
            if options.dry_run || (report.is_idle() && !done.pushes.has_more()) {
                return done.finish(report, &memory.declined, options);
            }
            confirmed.map_or(Ok(()), |confirmed| confirmed.check(report.plans()))?;
            let commits = commits_of(&report, context.policy);
            let policy = notes_policy(context.policy.notes, &options.mode);
            notes::fetch(context.changelog, policy, &commits, &mut notes).await;
            self.mandate.check(report.evaluation.state.commit())?;
            let by = options.requested_by.as_str();
            let Mandate { author, reason, .. } = &self.mandate;
            let requester = Requester { name: by, author: author.as_deref(), reason: reason.as_deref() };
            let _writing = Writes::begin(&self.is_writing);
            match push(context, publisher, &mut report, requester, &notes).await? {
                Pushed::Yes(plans) => {
                    self.mandate.seen = None;
                    let is_last = !done.pushes.has_more();
                    done.pushes.done(context.policy, &mut memory.declined, &plans);
                    if is_last {
                        propose(context, publisher, &mut report, by, &notes).await;
                        return done.finish(report, &memory.declined, options);
                    }
                    done.promoted.append(&mut report.promoted);
                }
                Pushed::Declined { reason } => {
                    let (plans, now) = (&report.planned, report.evaluation.now);
                    done.pushes.declined(context.policy, &mut memory.declined, plans, (&reason, now));
                    if done.pushes.is_over() {
                        report.planned.clear();
                        propose(context, publisher, &mut report, by, &notes).await;
                        return done.finish(report, &memory.declined, options);
                    }
                }
                Pushed::BranchMoved => attempts.branch_moved(&**context.clock).await?,
            }
        }
    }
}

/// Says for its lifetime that a pass is writing.
struct Writes<'a>(&'a AtomicBool);

impl<'a> Writes<'a> {
    fn begin(is_writing: &'a AtomicBool) -> Self {
        is_writing.store(true, Ordering::Relaxed);
        Self(is_writing)
    }
}

impl Drop for Writes<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// What the attempts of a pass have done so far, and the pushes that are left.
struct Done {
    pushes: Pushes,
    recovered: Vec<(Intent, Outcome)>,
    promoted: Vec<Promoted>,
}

impl Done {
    fn new(options: &PassOptions, declined: &declined::Memory, now: Timestamp) -> Self {
        let is_scheduled = matches!(options.mode, PassMode::Scheduled) && !options.dry_run;
        let pushes = if is_scheduled { Pushes::by_schedule(declined, now) } else { Pushes::requested() };
        Self { pushes, recovered: Vec::new(), promoted: Vec::new() }
    }

    /// Adds to the last report what was done before it.
    fn finish(
        mut self,
        mut report: PassReport,
        declined: &declined::Memory,
        options: &PassOptions,
    ) -> Result<PassReport, Fault> {
        report.recovered = self.recovered;
        self.promoted.append(&mut report.promoted);
        report.promoted = self.promoted;
        if options.dry_run {
            return Ok(report);
        }
        let is_requested = matches!(options.mode, PassMode::Manual(_) | PassMode::Rollback(_));
        if let Some(fault) = declined.fault().filter(|_| is_requested && report.promoted.is_empty()) {
            return Err(fault);
        }
        report.problems.extend(declined.problems());
        Ok(report)
    }
}

/// What a pass decided.
struct Decided {
    evaluation: Evaluation,
    /// By target.
    rollbacks: BTreeMap<TargetId, Rollback>,
    /// The targets of a scoped pass.
    scope: Option<Vec<TargetId>>,
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
            let decision =
                rollback::decide(context, &mut memory.decide.digests, evaluation, chosen, (request, by))
                    .await?;
            problems.extend(decision.problems);
            let RollbackDecision { evaluation, rollbacks, .. } = decision;
            Decided { evaluation, rollbacks, scope: None, problems }
        }
    })
}

/// Plans the edits and pull requests of what was approved.
async fn plan<P: Ports>(
    context: Context<'_, P>,
    declined: &mut declined::Memory,
    decided: Decided,
    options: &PassOptions,
    pushes: &Pushes,
) -> Result<PassReport, Fault> {
    let Decided { evaluation, mut rollbacks, scope, mut problems } = decided;
    let is_proposed = |planned: &Planned| {
        let environment = evaluation.state.deployed.targets[planned.target].environment;
        // What people must review first is never pushed.
        context.policy.requests.contains_key(&environment) || planned.approved.awaits_review()
    };
    let clock = clock_is_behind(&evaluation, context.policy.clock_tolerance);
    let approved = match &clock {
        Some(problem) if problem.is_error => Vec::new(),
        Some(_) | None => approved(&evaluation.decisions, evaluation.now),
    };
    problems.extend(clock);
    let (to_propose, mut to_push): (Vec<Planned>, Vec<Planned>) = approved.into_iter().partition(is_proposed);
    let unit_of = |planned: &Planned| {
        let target = &evaluation.state.deployed.targets[planned.target];
        Unit::new(context.policy, target.environment, target.service())
    };
    if matches!(options.mode, PassMode::Scheduled) {
        declined.retain(&to_push.iter().map(unit_of).collect::<Vec<Unit>>());
    }
    to_push.retain(|planned| pushes.next_has(declined, &unit_of(planned)));
    let repository = Arc::clone(context.repository);
    let repository_policy = Arc::clone(context.policy);
    let state = Arc::clone(&evaluation.state);
    let (mut planned, refused) =
        blocking(move || plan_edits(&*repository, &repository_policy, &state, to_push)).await?;
    for plan in &mut planned {
        plan.rollback = rollbacks.remove(&plan.target);
    }
    problems.extend(refused);
    let is_manual = !matches!(options.mode, PassMode::Scheduled);
    let (mut requests, unplanned) =
        desired::plan(context, &evaluation, to_propose, &mut rollbacks, is_manual).await?;
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

/// Says so when this machine's clock is before a commit that brought a version. Before every one of them, as on a machine that
/// has not asked for the time yet, it is an error: commits would be older than their parents, and what they bring would have
/// soaked at once. Before some of them, one of the two clocks is wrong.
fn clock_is_behind(evaluation: &Evaluation, tolerance: Duration) -> Option<Problem> {
    let state = &evaluation.state;
    let targets = state.deployed.targets.ids();
    let rollouts: Vec<&RolloutCommit> = targets.filter_map(|target| state.rollout_commit(target)).collect();
    let earliest = rollouts.iter().map(|rollout| rollout.committed_at).min()?;
    let latest = rollouts.iter().max_by_key(|rollout| rollout.committed_at)?;
    let latest_now = evaluation.now.checked_add_signed(TimeDelta::from_std(tolerance).ok()?)?;
    let local = |at| LocalTime { at, zone: evaluation.zone };
    let now = local(evaluation.now);
    if earliest > latest_now {
        let message = format!(
            "nothing is promoted: the clock of this machine says {now}, before every commit on the branch (the earliest is \
             of {})",
            local(earliest)
        );
        let hint = "set the clock, or wait until it is synchronized";
        return Some(Problem::error(Class::TryAgain, message).hint(hint));
    }
    (latest.committed_at > latest_now).then(|| {
        let message = format!(
            "the clock of this machine says {now}, before commit {} of {}: one of the two clocks is wrong",
            latest.commit.short(),
            local(latest.committed_at)
        );
        Problem::warning(message).hint("synchronize the clocks")
    })
}

#[cfg(test)]
mod deaths;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
