//! Explaining: looks, asks about one service only, decides, and gathers everything that is known about where it stands.
//! Changes nothing.

mod explanation;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::model::{
    Class, CommitId, EnvironmentName, Fault, ImageName, ServiceName, ServicePattern, Tag, Timestamp,
};
use crate::policy::{self, Approved, Candidate, Decision, Overrides};

use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::pass_options::ManualPromotion;
use crate::engine::base::ports::Ports;
use crate::engine::base::problem::Problem;
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::decide::poll::{self, tagged};
use crate::engine::plan::edit_plan::new_id;
use crate::engine::plan::edit_plan::plan_edits;
use crate::engine::state::repository_state::RepositoryState;

use explanation::{Asked, Explaining};
pub use explanation::{CandidateStatus, Explanation, TargetStatus, ToldGate, Verdict};

/// What is to be explained.
#[derive(Clone, Debug)]
pub struct Question {
    /// The service.
    pub service: ServiceName,
    /// Only in this environment.
    pub environment: Option<EnvironmentName>,
    /// Only this image of it.
    pub image: Option<ImageName>,
    /// This version, instead of the one that would come by itself.
    pub tag: Option<Tag>,
}

/// Where a service stands in each environment that is asked about.
#[derive(Debug)]
pub struct Explained {
    /// The head that was looked at.
    pub commit: CommitId,
    /// When.
    pub now: Timestamp,
    /// One for each image in each environment, in the order of the environments.
    pub explanations: Vec<Explanation>,
    /// When something of it may come out differently by time alone.
    pub next_opening: Option<Timestamp>,
}

impl Explained {
    /// The worst of what is explained.
    pub fn verdict(&self) -> Verdict {
        self.explanations.iter().map(Explanation::verdict).max().unwrap_or(Verdict::Nothing)
    }
}

impl<P: Ports> Engine<P> {
    /// Explains where a service stands.
    ///
    /// # Errors
    /// When the repository can't be reached or read, the store can't be used, or no service or environment is called so.
    pub async fn explain(&mut self, question: &Question) -> Result<Explained, Fault> {
        let state = self.refresh().await?;
        let places = self.places(&state, question)?;
        let polled = poll::poll(&self.ports.registry, self.images_around(&state, question)).await;
        let mut evaluation = self.assess(state, &polled, &places.targets).await?;
        let asked = match &question.tag {
            Some(tag) => self.decide_asked_tag(&mut evaluation, &places.targets, tag).await?,
            None => BTreeMap::new(),
        };
        let refused = self.cannot_be_edited(&evaluation, &places.targets, &asked).await?;
        let explaining = Explaining {
            known: evaluation.known(&self.repository_policy),
            evaluation: &evaluation,
            refused: &refused,
        };
        let mut explanations: Vec<Explanation> =
            places.targets.iter().map(|target| explaining.target(*target, asked.get(target))).collect();
        explanations.extend(places.unclear.iter().map(|place| explaining.unclear(*place, &question.service)));
        explanations.sort_by_key(|explanation| self.repository_policy.find(&explanation.environment));
        let openings = explanations.iter().filter_map(Explanation::opens_at);
        let expiry = explaining.evaluation.state.controls.next_expiry(evaluation.now);
        let next_opening = openings.chain(expiry).filter(|at| *at > evaluation.now).min();
        Ok(Explained { commit: evaluation.state.commit(), now: evaluation.now, explanations, next_opening })
    }

    /// Where the service is, and where something of it can't be read.
    fn places(&self, state: &RepositoryState, question: &Question) -> Result<Places, Fault> {
        let by_hand = ManualPromotion {
            services: vec![ServicePattern::from(question.service.clone())],
            to: question.environment.clone(),
            tag: None,
            image: question.image.clone(),
            overrides: Overrides::default(),
        };
        let environment =
            question.environment.as_ref().map(|name| self.environment_called(name)).transpose()?;
        let is_wanted = |at: usize| environment.is_none_or(|environment| environment == at);
        let unclear: Vec<usize> = (0..self.repository_policy.environments.len())
            .filter(|at| {
                is_wanted(*at)
                    && is_unclear(state, &self.repository_policy.environments[*at].policy.name, question)
            })
            .collect();
        let targets = match self.targets_named(state, &by_hand) {
            Ok(targets) => targets,
            Err(_) if !unclear.is_empty() => Vec::new(),
            Err(fault) => return Err(fault),
        };
        let has_target =
            |at: &usize| targets.iter().any(|target| state.deployed.targets[*target].environment == *at);
        let unclear = unclear.into_iter().filter(|at| !has_target(at)).collect();
        Ok(Places { targets, unclear })
    }

    /// The images of the service, and of those that ship in a set with it: what is decided depends on all of them.
    fn images_around(&self, state: &RepositoryState, question: &Question) -> BTreeSet<ImageName> {
        let group = self.repository_policy.group_of(&question.service);
        let is_around = |service: &ServiceName| {
            *service == question.service || group.is_some_and(|group| group.has(service))
        };
        let around = state.deployed.targets.iter().filter(|target| is_around(target.service()));
        around.map(|target| target.image().clone()).collect()
    }

    /// What is decided about a tag that somebody asks about, on each target that does not run it.
    async fn decide_asked_tag(
        &self,
        evaluation: &mut Evaluation,
        targets: &[usize],
        tag: &Tag,
    ) -> Result<BTreeMap<usize, Asked>, Fault> {
        let of = |evaluation: &Evaluation, target: usize| {
            let here = &evaluation.state.deployed.targets[target];
            let version = here.rules.version_of(tag)?;
            Some(Candidate { tag: tag.clone(), version })
        };
        let wanted: BTreeSet<_> = targets
            .iter()
            .filter(|target| {
                let selection = evaluation.selections[**target].as_deref();
                selection.is_some_and(|selection| selection.contains(tag))
            })
            .map(|target| tagged(evaluation.state.deployed.targets[*target].image(), tag))
            .collect();
        self.recall(evaluation, wanted.clone()).await?;
        let unasked = wanted.into_iter().filter(|tagged| !evaluation.digests.contains_key(tagged)).collect();
        self.ask_digests(evaluation, unasked).await?;
        let mut asked = BTreeMap::new();
        for target in targets {
            let decision = match of(evaluation, *target) {
                Some(candidate) => self.decide_one(evaluation, *target, candidate),
                None => None,
            };
            asked.insert(*target, Asked { tag: tag.clone(), decision });
        }
        Ok(asked)
    }

    /// What is decided about one version on one target. That of its set's other members is what would come by itself.
    fn decide_one(&self, evaluation: &Evaluation, target: usize, candidate: Candidate) -> Option<Decision> {
        let scheduled = evaluation.decisions[target].as_ref();
        if scheduled.and_then(candidate_of) == Some(&candidate.tag) {
            return scheduled.cloned();
        }
        let known = evaluation.known(&self.repository_policy);
        let targets = &evaluation.state.deployed.targets;
        let here = &targets[target];
        let group = self.repository_policy.group_of(here.service());
        let is_member = |other: &usize| {
            *other == target
                || (targets[*other].environment == here.environment
                    && group.is_some_and(|group| group.has(targets[*other].service())))
        };
        let members: Vec<usize> = (0..targets.len()).filter(is_member).collect();
        let nominated = |member: usize| {
            let facts = known.facts(member, None)?;
            let candidate = policy::find_candidate(&known.policy(member), &facts, evaluation.now).ok()?;
            Some((member, candidate.clone()))
        };
        let others = members.iter().filter(|member| **member != target);
        let mut candidates: BTreeMap<usize, Candidate> =
            others.filter_map(|member| nominated(*member)).collect();
        candidates.insert(target, candidate);
        let decided = known.decide_as_asked(
            &members,
            &candidates,
            &evaluation.decisions,
            &Overrides::default(),
            evaluation.now,
        );
        decided.into_iter().find(|(member, _)| *member == target).and_then(|(_, decision)| decision)
    }

    /// What may go by every gate and still can't be written.
    async fn cannot_be_edited(
        &self,
        evaluation: &Evaluation,
        targets: &[usize],
        asked: &BTreeMap<usize, Asked>,
    ) -> Result<Vec<Problem>, Fault> {
        let decision = |target: usize| match asked.get(&target) {
            Some(asked) => asked.decision.as_ref(),
            None => evaluation.decisions[target].as_ref(),
        };
        let approved: Vec<(usize, _, Approved)> = targets
            .iter()
            .filter_map(|target| match decision(*target)? {
                Decision::Promote(approved) => Some((*target, new_id(evaluation.now), (**approved).clone())),
                Decision::Current { .. } | Decision::Wait(_) => None,
            })
            .collect();
        if approved.is_empty() {
            return Ok(Vec::new());
        }
        let (repository, repository_policy) =
            (Arc::clone(&self.ports.repository), Arc::clone(&self.repository_policy));
        let state = Arc::clone(&evaluation.state);
        let (_, refused) =
            blocking(move || plan_edits(&*repository, &repository_policy, &state, approved)).await?;
        Ok(refused)
    }
}

/// Where a service is.
struct Places {
    targets: Vec<usize>,
    /// Environments where something of it can't be read or decided, so that there is no target of it.
    unclear: Vec<usize>,
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

/// The controls that do not count where they would cover a target, since nobody who is allowed to signed them.
fn uncounted(state: &RepositoryState, service: &ServiceName, environment: &EnvironmentName) -> Vec<Problem> {
    let covers = |file: &&crate::model::RepoPath| {
        let control = state.snapshot.controls.get(*file);
        let alone: Option<policy::Controls> = control.map(|control| [control.clone()].into_iter().collect());
        alone.is_some_and(|alone| !alone.covering(service, environment).is_empty())
    };
    let files: HashSet<_> = state.unsigned_controls.keys().filter(covers).collect();
    let problems = crate::engine::state::control_files::unsigned_problems(&state.unsigned_controls);
    problems
        .filter(|problem| problem.place.as_ref().is_some_and(|place| files.contains(&place.path)))
        .collect()
}

/// The class of the worst error.
fn worst(problems: &[Problem]) -> Option<Class> {
    let errors = problems.iter().filter(|problem| problem.is_error).map(|problem| problem.class);
    errors.max_by_key(|class| match class {
        Class::TryAgain => 2,
        Class::Refused => 1,
        _ => 0,
    })
}
