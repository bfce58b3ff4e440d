//! Explains one service: decides like a pass, but requests only its images, and gathers everything known about its state.
//! Changes nothing.

mod explanation;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::pass_options::ManualPromotion;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::decide::artifacts;
use crate::engine::decide::evaluation::{Evaluation, Memory, evaluate, nominated};
use crate::engine::decide::facts::tagged;
use crate::engine::decide::groups::decide_requested;
use crate::engine::decide::manual::named_targets;
use crate::engine::decide::poll;
use crate::engine::plan::edit_plan::{Planned, new_id, plan_edits};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{
    Class, CommitId, EnvironmentId, EnvironmentName, Fault, ImageName, ServiceName, ServicePattern, Tag,
    TargetId, Timestamp,
};
use crate::policy::{Candidate, Decision, Overrides};
use crate::port::Ports;

use super::engine::{Engine, context};
use super::report::PassReport;
use explanation::{Asked, Explaining};
pub use explanation::{CandidateStatus, Explanation, TargetStatus, ToldGate, Verdict};

/// How long an explanation waits for a registry.
const REGISTRY_WAIT: Duration = Duration::from_secs(5);

/// The request for an explanation.
#[derive(Clone, Debug)]
pub struct Question {
    /// The service.
    pub service: ServiceName,
    /// Only in this environment.
    pub environment: Option<EnvironmentName>,
    /// Only this image of it.
    pub image: Option<ImageName>,
    /// This version instead of the nominated one.
    pub tag: Option<Tag>,
}

/// Explains a service in each requested environment.
#[derive(Debug)]
pub struct Explained {
    /// The head of the branch.
    pub commit: CommitId,
    /// The time.
    pub now: Timestamp,
    /// One for each image in each environment, in the order of the environments.
    pub explanations: Vec<Explanation>,
    /// When time alone may change something.
    pub next_opening: Option<Timestamp>,
}

impl Explained {
    /// The worst verdict.
    pub fn verdict(&self) -> Verdict {
        self.explanations.iter().map(Explanation::verdict).max().unwrap_or(Verdict::Nothing)
    }
}

impl<P: Ports> Engine<P> {
    /// Explains where a service stands.
    ///
    /// # Errors
    /// When the repository is unreachable or unreadable, the store is unusable, or the service or environment does
    /// not exist.
    pub async fn explain(&mut self, question: &Question) -> Result<Explained, Fault> {
        let state = self.refresh().await?;
        let context =
            Context { registry_wait: REGISTRY_WAIT, ..context(&self.ports, &self.repository_policy) };
        let memory = &mut self.memory.decide;
        let places = places(context.policy, &state, question)?;
        let images = images_around(context.policy, &state, question);
        let polled = poll::poll(context.registry, &mut memory.tags, images, context.registry_wait).await;
        let (evaluation, mut problems) = evaluate(context, memory, state, &polled, &places.targets).await?;
        let (evaluation, asked) = match &question.tag {
            Some(tag) => {
                let decided = decide_tag(context, memory, evaluation, &places.targets, tag).await?;
                problems.extend(decided.problems);
                (decided.evaluation, decided.asked)
            }
            None => (evaluation, BTreeMap::new()),
        };
        let refused = unwritable(context, &evaluation, &places.targets, &asked).await?;
        let explaining = Explaining {
            facts: evaluation.facts(context.policy),
            evaluation: &evaluation,
            problems: &problems,
            refused: &refused,
        };
        Ok(explained(&explaining, &places, &asked, question))
    }
}

/// Explains the state of a service from the findings of a pass, without any request or read. A `tag` needs [`Engine::explain`].
///
/// # Errors
/// When there is no such service or environment.
pub fn explain_pass(
    repository_policy: &RepositoryPolicy,
    report: &PassReport,
    question: &Question,
) -> Result<Explained, Fault> {
    let evaluation = &report.evaluation;
    let places = places(repository_policy, &evaluation.state, question)?;
    let is_refusal = |problem: &&Problem| problem.is_error && problem.class == Class::Refused;
    let refused: Vec<Problem> = report.problems.iter().filter(is_refusal).cloned().collect();
    let explaining = Explaining {
        facts: evaluation.facts(repository_policy),
        evaluation,
        problems: &report.problems,
        refused: &refused,
    };
    Ok(explained(&explaining, &places, &BTreeMap::new(), question))
}

fn explained(
    explaining: &Explaining<'_>,
    places: &Places,
    asked: &BTreeMap<TargetId, Asked>,
    question: &Question,
) -> Explained {
    let evaluation = explaining.evaluation;
    let mut explanations: Vec<Explanation> =
        places.targets.iter().map(|target| explaining.target(*target, asked.get(target))).collect();
    explanations.extend(places.unclear.iter().map(|place| explaining.unclear(*place, &question.service)));
    explanations.sort_by_key(|explanation| explaining.facts.repository_policy.find(&explanation.environment));
    let openings = explanations.iter().filter_map(Explanation::opens_at);
    let expiry = evaluation.state.controls.next_expiry(evaluation.now);
    let next_opening = openings.chain(expiry).filter(|at| *at > evaluation.now).min();
    Explained { commit: evaluation.state.commit(), now: evaluation.now, explanations, next_opening }
}

fn places(
    repository_policy: &RepositoryPolicy,
    state: &RepositoryState,
    question: &Question,
) -> Result<Places, Fault> {
    let named = ManualPromotion {
        services: vec![ServicePattern::from(question.service.clone())],
        to: question.environment.clone(),
        tag: None,
        image: question.image.clone(),
        overrides: Overrides::default(),
    };
    let environment =
        question.environment.as_ref().map(|name| repository_policy.environment_named(name)).transpose()?;
    let is_wanted = |at: EnvironmentId| environment.is_none_or(|environment| environment == at);
    let unclear: Vec<EnvironmentId> = repository_policy
        .environments
        .ids()
        .filter(|at| {
            is_wanted(*at) && is_unclear(state, &repository_policy.environments[*at].policy.name, question)
        })
        .collect();
    let targets = match named_targets(state, repository_policy, &named) {
        Ok(targets) => targets,
        Err(_) if !unclear.is_empty() => Vec::new(),
        Err(fault) => return Err(fault),
    };
    let has_target =
        |at: &EnvironmentId| targets.iter().any(|target| state.deployed.targets[*target].environment == *at);
    let unclear = unclear.into_iter().filter(|at| !has_target(at)).collect();
    Ok(Places { targets, unclear })
}

/// The images of the service and of its group: decisions depend on all of them.
fn images_around(
    repository_policy: &RepositoryPolicy,
    state: &RepositoryState,
    question: &Question,
) -> BTreeSet<ImageName> {
    let group = repository_policy.group_of(&question.service);
    let is_around =
        |service: &ServiceName| *service == question.service || group.is_some_and(|group| group.has(service));
    let around = state.deployed.targets.iter().filter(|target| is_around(target.service()));
    around.map(|target| target.image().clone()).collect()
}

/// The decision about a requested tag.
struct DecidedTag {
    evaluation: Evaluation,
    /// By target.
    asked: BTreeMap<TargetId, Asked>,
    problems: Vec<Problem>,
}

/// Decides about a requested tag, on each target that does not run it.
async fn decide_tag<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    evaluation: Evaluation,
    targets: &[TargetId],
    tag: &Tag,
) -> Result<DecidedTag, Fault> {
    let is_listed = |target: &&TargetId| {
        evaluation.selections[**target].as_deref().is_some_and(|selection| selection.contains(tag))
    };
    let all = &evaluation.state.deployed.targets;
    let tags: BTreeSet<_> =
        targets.iter().filter(is_listed).map(|target| tagged(all[*target].image(), tag)).collect();
    let Evaluation { mut digests, mut selections, .. } = evaluation;
    digests.recall(&**context.store, tags.clone()).await?;
    let unasked = tags.into_iter().filter(|tagged| !digests.asked.contains_key(tagged)).collect();
    let mut problems = digests.ask(context, &mut memory.digests, unasked, evaluation.now).await?;
    let candidate = |target: &TargetId| Some((*target, selections[*target].as_deref()?.find(tag)?.clone()));
    let candidates: BTreeMap<TargetId, Candidate> = targets.iter().filter_map(candidate).collect();
    let images = artifacts::check_images(context, &evaluation.state, &mut digests, &candidates).await;
    problems.extend(images.problems);
    let rejections = &mut memory.rejections;
    let (state, now) = (&evaluation.state, evaluation.now);
    problems.extend(artifacts::reject(context, rejections, state, &mut selections, images.rejected, now));
    let evaluation = Evaluation { selections, digests, ..evaluation };
    let mut asked = BTreeMap::new();
    for target in targets {
        let version = evaluation.state.deployed.targets[*target].rules.version_of(tag);
        let candidate = version.map(|version| Candidate { tag: tag.clone(), version });
        let decision =
            candidate.and_then(|candidate| decide_one(context.policy, &evaluation, *target, candidate));
        asked.insert(*target, Asked { tag: tag.clone(), decision });
    }
    Ok(DecidedTag { evaluation, asked, problems })
}

/// Decides about one version on one target. The other members of its group have their nominated candidates.
fn decide_one(
    repository_policy: &RepositoryPolicy,
    evaluation: &Evaluation,
    target: TargetId,
    candidate: Candidate,
) -> Option<Decision> {
    let scheduled = evaluation.decisions[target].as_ref();
    if scheduled.and_then(candidate_of) == Some(&candidate.tag) {
        return scheduled.cloned();
    }
    let facts = evaluation.facts(repository_policy);
    let targets = &evaluation.state.deployed.targets;
    let here = &targets[target];
    let group = repository_policy.group_of(here.service());
    let is_member = |other: &TargetId| {
        *other == target
            || (targets[*other].environment == here.environment
                && group.is_some_and(|group| group.has(targets[*other].service())))
    };
    let members: Vec<TargetId> = targets.ids().filter(is_member).collect();
    let others = members.iter().copied().filter(|member| *member != target);
    let mut candidates: BTreeMap<TargetId, Candidate> =
        others.filter_map(|member| Some((member, nominated(&facts, member)?))).collect();
    candidates.insert(target, candidate);
    let decided =
        decide_requested(&facts, &members, &candidates, &evaluation.decisions, &Overrides::default());
    decided.into_iter().find(|(member, _)| *member == target).and_then(|(_, decision)| decision)
}

/// A version whose gates are open but whose edit fails.
async fn unwritable<P: Ports>(
    context: Context<'_, P>,
    evaluation: &Evaluation,
    targets: &[TargetId],
    asked: &BTreeMap<TargetId, Asked>,
) -> Result<Vec<Problem>, Fault> {
    let decision = |target: TargetId| match asked.get(&target) {
        Some(asked) => asked.decision.as_ref(),
        None => evaluation.decisions[target].as_ref(),
    };
    let approved: Vec<Planned> = targets
        .iter()
        .filter_map(|target| match decision(*target)? {
            Decision::Promote(approved) => {
                Some(Planned { target: *target, id: new_id(evaluation.now), approved: (**approved).clone() })
            }
            Decision::Current { .. } | Decision::Wait(_) => None,
        })
        .collect();
    if approved.is_empty() {
        return Ok(Vec::new());
    }
    let (repository, repository_policy) = (Arc::clone(context.repository), Arc::clone(context.policy));
    let state = Arc::clone(&evaluation.state);
    let (_, refused) =
        blocking(move || plan_edits(&*repository, &repository_policy, &state, approved)).await?;
    Ok(refused)
}

struct Places {
    targets: Vec<TargetId>,
    /// Environments where something of it is unreadable, so that it has no target.
    unclear: Vec<EnvironmentId>,
}

fn is_unclear(state: &RepositoryState, environment: &EnvironmentName, question: &Question) -> bool {
    let problems = state.deployed.problems.iter();
    let mut here = problems.filter(|problem| {
        problem.is_error
            && problem.service.as_ref() == Some(&question.service)
            && problem.environment.as_ref() == Some(environment)
    });
    here.next().is_some()
}

fn candidate_of(decision: &Decision) -> Option<&Tag> {
    match decision {
        Decision::Current { .. } => None,
        Decision::Promote(approved) => Some(&approved.candidate().tag),
        Decision::Wait(evaluation) => Some(&evaluation.candidate().tag),
    }
}
