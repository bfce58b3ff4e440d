//! One pass: look, ask, decide, plan, deliver.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DurationRound as _, TimeDelta};

use crate::model::{
    Class, CommitId, Digest, EnvironmentName, Fault, ImageName, Intent, Outcome, PromotionId, RepoPath,
    ServiceName, Tag, Timestamp,
};
use crate::policy::Decision;

use super::confirmed_plan::ConfirmedPlan;
use super::control_change::ControlChange;
use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::pass_options::{PassMode, PassOptions};
use crate::engine::base::ports::{Clock, Ports};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::decide::poll::{self, Polled};
use crate::engine::decide::rollback::{moved_meanwhile, runs_before};
use crate::engine::deliver::delivery::{Delivery, commits, pause_before};
use crate::engine::deliver::notes::Told;
use crate::engine::plan::edit_plan::{EditPlan, Planned, new_id, plan_edits};
use crate::engine::reconcile::report::PullRequestReport;
use crate::engine::state::repository_state::RepositoryState;

/// How often a pass decides again when somebody else's push was first.
const MOST_ATTEMPTS: u32 = 6;

/// What a pass saw, decided and did.
#[derive(Debug)]
pub struct PassReport {
    /// What was seen and decided, on the commit that the promotions were made from.
    pub evaluation: Evaluation,
    /// What was planned, when the pass was to stop there.
    pub planned: Vec<EditPlan>,
    /// What was promoted.
    pub promoted: Vec<Promoted>,
    /// The pull requests by which something is proposed, and what is or was done about each.
    pub requests: Vec<PullRequestReport>,
    /// What became of the intents of an earlier pass that was cut short.
    pub recovered: Vec<(Intent, Outcome)>,
    /// What could not be read, matched or done.
    pub problems: Vec<Problem>,
    /// When to look again at the latest, if anything is known to open.
    pub next_opening: Option<Timestamp>,
    /// The targets that a scoped pass was limited to.
    pub scope: Option<Vec<usize>>,
}

/// A promotion that is on the branch.
#[derive(Clone, Debug)]
pub struct Promoted {
    /// The promotion.
    pub id: PromotionId,
    /// By this commit.
    pub commit: CommitId,
    /// What.
    pub service: ServiceName,
    /// Where.
    pub environment: EnvironmentName,
    /// Its image.
    pub image: ImageName,
    /// The lowest tag that ran.
    pub from: Tag,
    /// The tag that was written.
    pub to: Tag,
    /// Its digest.
    pub digest: Digest,
    /// The control file beside it that quarantines what was left by a way back.
    pub quarantine: Option<RepoPath>,
}

impl<P: Ports> Engine<P> {
    /// Does one pass.
    ///
    /// # Errors
    /// When the repository can't be reached or read, the store can't be used, or the push is declined. What concerns
    /// one service or one image is in the report, and the others go on.
    pub async fn pass(&mut self, request: &PassOptions) -> Result<PassReport, Fault> {
        let mut report = Box::pin(self.promote(request, None)).await?;
        let sweeps =
            self.repository_policy.sweeps_control_files && matches!(request.mode, PassMode::Scheduled);
        if sweeps && !request.dry_run && report.evaluation.has_expired_controls() {
            // What was promoted stays promoted; the files are ignored as they lie there.
            if let Err(fault) =
                Box::pin(self.order(&ControlChange::Sweep, &request.requested_by, false)).await
            {
                report.problems.push(Problem::from_fault(&fault));
            }
        }
        Ok(report)
    }

    /// Does one pass of what somebody was shown and agreed to, and nothing else.
    ///
    /// # Errors
    /// As [`Self::pass`]; and when it would do by now what nobody agreed to.
    pub async fn pass_as_agreed(
        &mut self,
        request: &PassOptions,
        agreed: &ConfirmedPlan,
    ) -> Result<PassReport, Fault> {
        Box::pin(self.promote(request, Some(agreed))).await
    }

    async fn promote(
        &mut self,
        request: &PassOptions,
        agreed: Option<&ConfirmedPlan>,
    ) -> Result<PassReport, Fault> {
        let mut polled: Option<Polled> = None;
        let mut recovered = Vec::new();
        let mut told = Told::default();
        let mut leaves = None;
        for attempt in 1..=MOST_ATTEMPTS {
            let state = self.refresh().await?;
            if let PassMode::Rollback(back) = &request.mode {
                let runs = runs_before(&state, &self.repository_policy, back);
                let first = leaves.get_or_insert_with(|| runs.clone());
                if *first != runs {
                    return Err(moved_meanwhile(back));
                }
            }
            let now = self.ports.clock.now();
            recovered.extend(self.recover(state.commit(), now).await?);
            let about = self.about(&state, &request.mode).await?;
            let images = images_of(&state, about.as_deref());
            let said = match polled.take() {
                Some(said) if images.iter().all(|image| said.was_asked(image)) => said,
                _ => poll::poll(&self.ports.registry, images).await,
            };
            let evaluation = self.assess(state, &said, about.as_deref().unwrap_or_default()).await?;
            polled = Some(said);
            let mut report = self.report(evaluation, request).await?;
            report.recovered.clone_from(&recovered);
            if request.dry_run || report.is_idle() {
                return Ok(report);
            }
            agreed.map_or(Ok(()), |agreed| agreed.check(report.plans()))?;
            self.tell_changes(&report.commits(&self.repository_policy), &mut told).await;
            if self.carry_out(&mut report, &request.requested_by, &told).await? {
                return Ok(report);
            }
            tracing::info!(attempt, "the branch moved before the push; deciding again");
            self.ports.clock.sleep(pause_before(attempt)).await;
        }
        let message = format!("the branch moved before each of {MOST_ATTEMPTS} pushes");
        Err(Fault::new(Class::TryAgain, message).with_hint("nothing was pushed; the next pass tries again"))
    }

    /// The targets that it is about, if it is not about all of them.
    async fn about(
        &self,
        state: &Arc<RepositoryState>,
        what: &PassMode,
    ) -> Result<Option<Vec<usize>>, Fault> {
        Ok(match what {
            PassMode::Scheduled => None,
            PassMode::Scoped(scope) => {
                let targets = self.targets_in(state, scope)?;
                Some(self.with_those_beside(state, targets))
            }
            PassMode::Manual(by_hand) => {
                let targets = self.targets_by_hand(state, by_hand)?;
                Some(self.with_those_beside(state, targets))
            }
            PassMode::Rollback(back) => Some(self.targets_back(state, back).await?),
        })
    }

    /// Takes what is approved and plans its edits.
    async fn report(
        &mut self,
        mut evaluation: Evaluation,
        request: &PassOptions,
    ) -> Result<PassReport, Fault> {
        let mut beside = BTreeMap::new();
        let mut scope = None;
        match &request.mode {
            PassMode::Scheduled => {}
            PassMode::Scoped(limits) => {
                let targets = self.targets_in(&evaluation.state, limits)?;
                let decisions = evaluation.decisions.iter_mut().enumerate();
                decisions.filter(|(at, _)| !targets.contains(at)).for_each(|(_, decision)| *decision = None);
                scope = Some(targets);
            }
            PassMode::Manual(by_hand) => {
                let scheduled = evaluation.decisions.clone();
                self.decide_by_hand(&mut evaluation, by_hand).await?;
                if self.hear_refusals(&mut evaluation).await {
                    evaluation.decisions = scheduled;
                    self.decide_by_hand(&mut evaluation, by_hand).await?;
                }
            }
            PassMode::Rollback(back) => {
                beside = self.decide_back(&mut evaluation, back, &request.requested_by).await?;
            }
        }
        let approved: Vec<Planned> = evaluation
            .decisions
            .iter()
            .enumerate()
            .filter_map(|(target, decision)| match decision {
                Some(Decision::Promote(approved)) => {
                    Some((target, new_id(evaluation.now), (**approved).clone()))
                }
                _ => None,
            })
            .collect();
        let is_proposed = |(target, _, approved): &Planned| {
            let environment = evaluation.state.deployed.targets[*target].environment;
            // What people are to review first is never pushed, whatever is configured.
            self.repository_policy.requests.contains_key(&environment) || approved.awaits_review()
        };
        let (proposed, pushed): (Vec<Planned>, Vec<Planned>) = approved.into_iter().partition(is_proposed);
        let repository = Arc::clone(&self.ports.repository);
        let repository_policy = Arc::clone(&self.repository_policy);
        let state = Arc::clone(&evaluation.state);
        let (mut planned, refused) =
            blocking(move || plan_edits(&*repository, &repository_policy, &state, pushed)).await?;
        for plan in &mut planned {
            plan.beside = beside.remove(&plan.target);
        }
        let mut problems = std::mem::take(&mut evaluation.problems);
        problems.extend(refused);
        let is_by_hand = !matches!(request.mode, PassMode::Scheduled);
        let (mut requests, unplanned) =
            self.plan_requests(&evaluation, proposed, &mut beside, is_by_hand).await?;
        problems.extend(unplanned);
        if !is_by_hand {
            requests.extend(self.fates(&evaluation, &requests));
        }
        self.turn_auto_merge(&mut requests);
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

    /// Pushes what is planned, and does what there is to do about pull requests. False when the branch moved first.
    async fn carry_out(
        &self,
        report: &mut PassReport,
        requested_by: &str,
        told: &Told,
    ) -> Result<bool, Fault> {
        let now = report.evaluation.now;
        let at = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
        if !report.planned.is_empty() && !self.push(report, requested_by, told, at).await? {
            return Ok(false);
        }
        self.carry_out_requests(report, told, requested_by, at).await;
        Ok(true)
    }

    async fn push(
        &self,
        report: &mut PassReport,
        requested_by: &str,
        told: &Told,
        at: Timestamp,
    ) -> Result<bool, Fault> {
        let base = report.evaluation.state.commit();
        let problems = self.keep_changelogs(base, &mut report.planned, told, at).await;
        report.problems.extend(problems);
        let landed = match self.deliver(base, &report.planned, told, requested_by, at).await? {
            Delivery::Landed(landed) => landed,
            Delivery::Moved => return Ok(false),
        };
        let plans = std::mem::take(&mut report.planned);
        let soaks = plans.iter().filter_map(|plan| self.next_soak_end(&report.evaluation.state, plan, at));
        report.next_opening = soaks.chain(report.next_opening).min();
        report.promoted =
            plans.into_iter().zip(landed).map(|(plan, commit)| self.promoted(plan, commit)).collect();
        Ok(true)
    }

    /// When the soonest soak ends of what a promotion at `at` begins.
    fn next_soak_end(&self, state: &RepositoryState, plan: &EditPlan, at: Timestamp) -> Option<Timestamp> {
        let subject = (plan.service.clone(), plan.image.clone());
        let after = self.repository_policy.after(plan.environment);
        let soaks = after.filter_map(|next| Some(state.deployed.target(next, &subject)?.soak));
        soaks.min().and_then(|soak| at.checked_add_signed(TimeDelta::from_std(soak).ok()?))
    }

    fn promoted(&self, plan: EditPlan, commit: CommitId) -> Promoted {
        Promoted {
            id: plan.id,
            commit,
            environment: self.repository_policy.environments[plan.environment].policy.name.clone(),
            service: plan.service,
            image: plan.image,
            from: plan.approved.from().tag.clone(),
            to: plan.approved.candidate().tag.clone(),
            digest: plan.approved.digest().clone(),
            quarantine: plan.beside.and_then(|beside| beside.quarantine).map(|(file, _)| file),
        }
    }
}

impl PassReport {
    /// Whether nothing is to be done.
    pub fn is_idle(&self) -> bool {
        self.planned.is_empty() && !self.requests.iter().any(PullRequestReport::has_work)
    }

    /// What is to be pushed, and what is to be proposed.
    pub fn plans(&self) -> impl Iterator<Item = &EditPlan> {
        self.planned.iter().chain(self.requests.iter().flat_map(|request| &request.plans))
    }

    /// The plans by the commits that they go in.
    fn commits<'a>(&'a self, repository_policy: &'a RepositoryPolicy) -> Vec<&'a [EditPlan]> {
        let proposed = self.requests.iter().map(|request| request.plans.as_slice());
        commits(repository_policy, &self.planned).chain(proposed).collect()
    }
}

/// The images to ask about.
fn images_of(state: &RepositoryState, about: Option<&[usize]>) -> BTreeSet<ImageName> {
    let targets = &state.deployed.targets;
    match about {
        None => targets.iter().map(|target| target.image().clone()).collect(),
        Some(about) => about.iter().map(|at| targets[*at].image().clone()).collect(),
    }
}

#[cfg(test)]
mod deaths;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
