//! Rollbacks: to a version that ran there before, with the version rolled back from quarantined in the same commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::control;
use crate::engine::base::context::Context;
use crate::engine::base::pass_options::{ManualPromotion, RollbackRequest};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::history::target_history::read_histories;
use crate::engine::plan::edit_plan::Rollback;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::history::TagsByFile;
use crate::model::{
    ByTarget, Class, CommitId, Digest, EnvironmentName, Fault, Health, ImageName, Printable, RepoPath, Tag,
    TargetId,
};
use crate::policy::{
    Candidate, Control, Decision, LocalTime, Note, Overrides, PastRun, Quarantine, RolledBack,
    approve_rollback,
};
use crate::port::Ports;

use super::digests::DigestRequests;
use super::evaluation::Evaluation;
use super::facts::tagged;
use super::manual;

/// Maximum earlier tags named in a hint.
const MOST_NAMED: usize = 5;

/// For how long the same rollback by the same person counts as a repetition, because its answer may have been lost, and not as
/// a rollback by one more version.
const REPEATED_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// What each image of the service holds in the previous environment the rollback.
pub(in crate::engine) fn runs_before(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    request: &RollbackRequest,
) -> Vec<(ImageName, TagsByFile)> {
    let targets = state.deployed.targets.iter().filter(|target| {
        *target.service() == request.service
            && repository_policy.environments[target.environment].policy.name == request.environment
    });
    targets.map(|target| (target.image().clone(), target.held.clone())).collect()
}

/// Somebody else moved the service meanwhile, perhaps by the same rollback: continuing would go one version further.
pub(in crate::engine) fn moved_meanwhile(request: &RollbackRequest) -> Fault {
    let message = format!("{} moved in {} meanwhile", request.service, request.environment);
    Fault::new(Class::TryAgain, message)
        .with_hint("nothing was pushed; check `tidegate status` and try again")
}

/// The targets to roll back: of a service with several images those that its newest commit moved, unless one is named. Reads
/// their histories.
pub(in crate::engine) async fn targets<P: Ports>(
    context: Context<'_, P>,
    state: &Arc<RepositoryState>,
    request: &RollbackRequest,
) -> Result<Vec<TargetId>, Fault> {
    let named = ManualPromotion {
        services: vec![request.service.clone().into()],
        to: Some(request.environment.clone()),
        tag: None,
        image: request.image.clone(),
        overrides: Overrides::default(),
    };
    // The other members of its group come along forward, not request.
    let own = manual::named_targets(state, context.policy, &named)?;
    read_histories(context, state, own.iter().copied()).await?;
    let commit_of =
        |target: TargetId| state.rollout_commit(target).map(|rollout_commit| rollout_commit.commit);
    let newest = own.iter().copied().max_by_key(|target| {
        state
            .rollout_commit(*target)
            .map(|rollout_commit| (rollout_commit.committed_at, rollout_commit.commit))
    });
    let commit = newest.and_then(commit_of);
    let chosen: Vec<TargetId> = own.into_iter().filter(|target| commit_of(*target) == commit).collect();
    if request.to.is_some() && chosen.len() > 1 {
        let images: Vec<String> =
            chosen.iter().map(|target| state.deployed.targets[*target].image().to_string()).collect();
        let message = format!("{} has several images; --to needs one of them", request.service);
        return Err(Fault::new(Class::Usage, message)
            .with_hint(format!("add --image with one of {}", images.join(", "))));
    }
    Ok(chosen)
}

/// A decision to roll request.
pub(in crate::engine) struct RollbackDecision {
    pub(in crate::engine) evaluation: Evaluation,
    /// By target.
    pub(in crate::engine) rollbacks: BTreeMap<TargetId, Rollback>,
    pub(in crate::engine) problems: Vec<Problem>,
}

/// Decides that the chosen targets go back; every other target has no decision.
pub(in crate::engine) async fn decide<P: Ports>(
    context: Context<'_, P>,
    requests: &mut DigestRequests,
    scheduled: Evaluation,
    chosen: &[TargetId],
    (request, requested_by): (&RollbackRequest, &str),
) -> Result<RollbackDecision, Fault> {
    if let Some(head) = request.decided_on {
        must_be_as_decided(&scheduled, chosen, head, request)?;
    }
    let mut destinations = BTreeMap::new();
    for target in chosen {
        if request.to.is_none() {
            must_not_be_repeated(&scheduled, *target, request, requested_by)?;
        }
        let destination = destination(&scheduled.state, context.policy, *target, request)?;
        must_exist(&scheduled, context.policy, *target, &destination)?;
        must_have_run(&scheduled.state, *target, &destination, request)?;
        destinations.insert(*target, destination);
    }
    let tags: BTreeSet<_> = destinations
        .iter()
        .map(|(at, destination)| {
            tagged(scheduled.state.deployed.targets[*at].image(), &destination.candidate.tag)
        })
        .collect();
    let Evaluation { mut digests, .. } = scheduled;
    digests.recall(&**context.store, tags.clone()).await?;
    let unanswered = digests.ask(context, requests, tags, scheduled.now).await?;
    // A registry that is down is no reason to stay on a broken version.
    let problems = unanswered.into_iter().map(Problem::into_warning).collect();
    let mut decisions: ByTarget<Option<Decision>> = scheduled.decisions.iter().map(|_| None).collect();
    let mut rollbacks = BTreeMap::new();
    let evaluation = Evaluation { digests, ..scheduled };
    for (target, destination) in destinations {
        let from = evaluation.state.deployed.targets[target].running.last().cloned();
        let from = from.unwrap_or_else(|| destination.candidate.clone());
        let digest = digest_of(&evaluation, target, &destination, request)?;
        let quarantine = quarantine(&evaluation, request, &from.tag, requested_by)?;
        let order_override = request.order_override.clone().filter(|_| destination.run.is_none());
        let to = destination.candidate;
        let approved = approve_rollback(request.environment.clone(), from, to, digest, order_override);
        decisions[target] = Some(Decision::Promote(Box::new(approved)));
        let failed = request.decided_on.and_then(|_| evaluation.state.promotion(target)).map(|mark| mark.id);
        rollbacks.insert(target, Rollback { reason: request.reason.clone(), quarantine, failed });
    }
    Ok(RollbackDecision { evaluation: Evaluation { decisions, ..evaluation }, rollbacks, problems })
}

/// What a verification decided holds only for the branch and the health that it saw.
fn must_be_as_decided(
    evaluation: &Evaluation,
    chosen: &[TargetId],
    head: CommitId,
    request: &RollbackRequest,
) -> Result<(), Fault> {
    let is_failing = |target: &TargetId| {
        let health = evaluation.health_of(*target).map(|health| &health.now);
        matches!(health, Some(Health::Unhealthy(_)))
    };
    if head == evaluation.state.commit() && chosen.iter().any(is_failing) {
        return Ok(());
    }
    Err(moved_meanwhile(request))
}

/// A tag that never ran must exist in the registry; without an answer, its digest decides.
fn must_exist(
    evaluation: &Evaluation,
    repository_policy: &RepositoryPolicy,
    target: TargetId,
    destination: &Destination,
) -> Result<(), Fault> {
    let tag = &destination.candidate.tag;
    let Some(selection) = evaluation.selections[target].as_deref() else { return Ok(()) };
    if destination.run.is_some() || selection.contains(tag) {
        return Ok(());
    }
    let here = &evaluation.state.deployed.targets[target];
    let environment = &repository_policy.environments[here.environment].policy.name;
    let past = evaluation.state.past(target);
    let ran = lower_that_ran(past, here.running.last());
    let message = format!(
        "{} has no tag {tag} that the selection rules admit, and it never ran in {environment}",
        here.image()
    );
    let hint = match ran.as_slice() {
        [] => "no lower version ran there before".to_owned(),
        ran => format!("it ran {} before", ran.join(", ")),
    };
    Err(Fault::new(Class::Usage, message).with_hint(hint))
}

/// A tag that never ran there may be worse than the version that is left.
fn must_have_run(
    state: &RepositoryState,
    target: TargetId,
    destination: &Destination,
    request: &RollbackRequest,
) -> Result<(), Fault> {
    if destination.run.is_some() || request.order_override.is_some() {
        return Ok(());
    }
    let (tag, environment) = (&destination.candidate.tag, &request.environment);
    let message = format!("{} never ran {tag} in {environment}", request.service);
    let running = state.deployed.targets[target].running.last();
    let ran = match lower_that_ran(state.past(target), running).as_slice() {
        [] => "no lower version ran there before".to_owned(),
        ran => format!("it ran {} before", ran.join(", ")),
    };
    let hint = format!("{ran}; to go to {tag} all the same, pass --override order");
    Err(Fault::new(Class::Refused, message).with_hint(hint))
}

/// The named tag, or the last version below the running one that nobody rolled back or quarantined.
fn destination(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    target: TargetId,
    request: &RollbackRequest,
) -> Result<Destination, Fault> {
    let here = &state.deployed.targets[target];
    let past = state.past(target);
    let environment = &repository_policy.environments[here.environment].policy;
    let running = here.running.last();
    let name = format!("{} in {}", here.service(), environment.name);
    if let Some(tag) = &request.to {
        if here.running.iter().all(|running| running.tag == *tag) {
            let since = match rollback_to_running(state, target) {
                Some(done) => {
                    format!(" since {}", Done { state, target, rollback: done, zone: environment.zone })
                }
                None => String::new(),
            };
            return Err(Fault::new(Class::Usage, format!("{name} runs {tag} already{since}")));
        }
        let version = here.rules.version_of(tag).ok_or_else(|| {
            Fault::new(Class::Usage, format!("the selection rules of {name} read no version from {tag}"))
        })?;
        if let Some(running) = running.filter(|running| !version.is_same_variant(&running.version)) {
            let message = format!("{tag} is another variant than {}, which {name} runs", running.tag);
            return Err(
                Fault::new(Class::Usage, message).with_hint("write the tag by hand to change the variant")
            );
        }
        if let Some(running) = running.filter(|running| version >= running.version) {
            let service = here.service();
            let message = format!("{tag} is not lower than {}, which {name} runs", running.tag);
            return Err(Fault::new(Class::Usage, message).with_hint(format!(
                "to go forward: `tidegate promote {service} --env {} --tag {tag}`",
                environment.name
            )));
        }
        let run = past.iter().find(|run| run.candidate.tag == *tag).cloned();
        return Ok(Destination { candidate: Candidate { tag: tag.clone(), version }, run });
    }
    let rolled_back = state.rolled_back(target);
    let was_rolled_back =
        |run: &PastRun| rolled_back.iter().any(|one: &RolledBack| one.version == run.candidate.version);
    let is_lower = |run: &PastRun| running.is_some_and(|running| is_lower_version(&run.candidate, running));
    let controls = state.covering(repository_policy, target);
    let is_quarantined = |run: &PastRun| controls.quarantines(&run.candidate);
    let good = past.iter().find(|run| is_lower(run) && !was_rolled_back(run) && !is_quarantined(run));
    let run = good.ok_or_else(|| nothing_to_roll_back_to(here, &environment.name, past))?;
    Ok(Destination { candidate: run.candidate.clone(), run: Some(run.clone()) })
}

fn nothing_to_roll_back_to(here: &Target, environment: &EnvironmentName, past: &[PastRun]) -> Fault {
    let service = here.service();
    let (message, hint) = match lower_that_ran(past, here.running.last()).as_slice() {
        [] => (
            format!("Nothing to roll back to: {service} never ran a lower version in {environment}"),
            "name the tag with --to".to_owned(),
        ),
        ran => (
            format!(
                "Nothing to roll back to: every lower version of {service} in {environment} was rolled back or quarantined"
            ),
            format!("name the tag with --to; it ran {} before", ran.join(", ")),
        ),
    };
    Fault::new(Class::Usage, message).with_hint(hint)
}

/// Refuses a rollback that names no version and that the same person requested moments ago.
fn must_not_be_repeated(
    evaluation: &Evaluation,
    target: TargetId,
    request: &RollbackRequest,
    requested_by: &str,
) -> Result<(), Fault> {
    let state = &evaluation.state;
    let is_repeated =
        |done: &&RolledBack| done.author == requested_by && evaluation.now - done.at < REPEATED_WITHIN;
    let Some(done) = rollback_to_running(state, target).filter(is_repeated) else { return Ok(()) };
    let running = state.deployed.targets[target].running.last();
    let message = format!(
        "{} in {} was already rolled back: {}",
        request.service,
        request.environment,
        Done { state, target, rollback: done, zone: evaluation.zone }
    );
    let hint = match lower_that_ran(state.past(target), running).as_slice() {
        [] => "nothing was changed, and no lower version ran there before".to_owned(),
        ran => format!(
            "nothing was changed; to go further, name the tag with --to; it ran {} before",
            ran.join(", ")
        ),
    };
    Err(Fault::new(Class::Refused, message).with_hint(hint))
}

/// The rollback that put the running version there, if one did.
fn rollback_to_running(state: &RepositoryState, target: TargetId) -> Option<&RolledBack> {
    let commit = state.rollout_commit(target)?.commit;
    state.rolled_back(target).iter().rfind(|done| done.commit == commit)
}

/// Says a rollback that was done: who, from which tag to which, and by which commit.
struct Done<'a> {
    state: &'a RepositoryState,
    target: TargetId,
    rollback: &'a RolledBack,
    zone: Tz,
}

impl fmt::Display for Done<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, target, rollback, zone } = self;
        let left = state.past(*target).iter().find(|run| run.candidate.version == rollback.version);
        let left = left.map_or_else(|| rollback.version.to_string(), |run| run.candidate.tag.to_string());
        let running = state.deployed.targets[*target].running.last();
        write!(
            formatter,
            "{} went back from {left} to {} in commit {} at {}",
            Printable::bounded(&rollback.author, 60),
            running.map(|running| running.tag.as_str()).unwrap_or_default(),
            rollback.commit.short(),
            LocalTime { at: rollback.at, zone: *zone }
        )
    }
}

/// Whether a version is lower than the running one, and the same variant of the image.
fn is_lower_version(candidate: &Candidate, running: &Candidate) -> bool {
    candidate.version < running.version && candidate.version.is_same_variant(&running.version)
}

/// The distinct tags below the running one that ran before, latest first.
fn lower_that_ran<'a>(past: &'a [PastRun], running: Option<&Candidate>) -> Vec<&'a str> {
    let is_lower = |run: &&PastRun| running.is_none_or(|running| is_lower_version(&run.candidate, running));
    let mut ran: Vec<&str> = Vec::new();
    for tag in past.iter().filter(is_lower).map(|run| run.candidate.tag.as_str()) {
        if !ran.contains(&tag) && ran.len() < MOST_NAMED {
            ran.push(tag);
        }
    }
    ran
}

/// The control file that quarantines the version rolled back from.
fn quarantine(
    evaluation: &Evaluation,
    request: &RollbackRequest,
    left: &Tag,
    requested_by: &str,
) -> Result<Option<(RepoPath, String)>, Fault> {
    let nowhere = control::folder()
        .ok_or_else(|| Fault::new(Class::Failed, "the folder of control files is no valid path"))?;
    let control = Control::Quarantine(Quarantine {
        note: Note {
            file: nowhere,
            by: requested_by.to_owned(),
            at: evaluation.now,
            reason: request.reason.clone(),
            expires: None,
        },
        services: request.service.clone().into(),
        version: left.clone(),
    });
    // Also checks the reason, which the commit needs either way.
    control::file_of(&control).map(|file| request.quarantines.then_some(file))
}

/// The version to roll back to, and its last run if it ran there.
struct Destination {
    candidate: Candidate,
    run: Option<PastRun>,
}

/// The digest to roll back to: the one that ran, by history or observations, which the tag must still have; else the tag's
/// current one.
fn digest_of(
    evaluation: &Evaluation,
    target: TargetId,
    destination: &Destination,
    request: &RollbackRequest,
) -> Result<Digest, Fault> {
    let here = &evaluation.state.deployed.targets[target];
    let tag = &destination.candidate.tag;
    let tagged = tagged(here.image(), tag);
    let now = evaluation.digests.asked.get(&tagged).and_then(Option::as_ref);
    let seen = evaluation.digests.observed.get(here.image()).map(|seen| seen.of(tag)).unwrap_or_default();
    let ran = destination.run.as_ref().and_then(|run| {
        let observed = seen.iter().rfind(|observed| observed.at <= run.left_at).map(|seen| &seen.digest);
        run.rollout_commit.digest.as_ref().or(observed)
    });
    match (ran, now) {
        (Some(ran), Some(now)) if ran != now && request.accept_digest.as_ref() != Some(now) => {
            let message =
                format!("{tag} ran in {} as {} and is {} now", request.environment, ran.short(), now.short());
            Err(Fault::new(Class::Refused, message).with_hint(format!(
                "name another tag with --to, or pass --accept-digest {now} if that is the image you want"
            )))
        }
        (_, Some(now)) => Ok(now.clone()),
        (Some(ran), None) => Ok(ran.clone()),
        (None, None) => {
            let at = destination.run.as_ref().map(|run| LocalTime { at: run.left_at, zone: evaluation.zone });
            let until = at.map(|at| format!(" until {at}")).unwrap_or_default();
            let message = format!("cannot tell which image {tag} was when it ran{until}");
            Err(Fault::new(Class::TryAgain, message).with_hint(
                "the registry does not answer and history has no digest; try again, or edit by hand",
            ))
        }
    }
}

#[cfg(test)]
mod tests;
