//! A promotion by hand: the same facts and gates as on schedule, for the services that are named, with overrides.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::nearest;
use crate::model::{Class, EnvironmentName, Fault, ServiceName, ServicePattern};
use crate::policy::{self, Candidate, Decision, GateName, Overrides, UngroupedDecision};

use super::evaluation::{Evaluation, FactContext};
use super::poll::tagged;
use crate::engine::Engine;
use crate::engine::Group;
use crate::engine::base::pass_options::{ManualPromotion, Scope};
use crate::engine::base::ports::Ports;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;

impl<P: Ports> Engine<P> {
    /// The targets that a promotion by hand may be about: those that are named, and those of the services that ship in a set
    /// with them, in the environment that is named or in every one.
    pub(in crate::engine) fn targets_by_hand(
        &self,
        state: &RepositoryState,
        by_hand: &ManualPromotion,
    ) -> Result<Vec<usize>, Fault> {
        let services = state.deployed.targets.iter().map(Target::service);
        let named: BTreeSet<&ServiceName> = services.filter(|service| by_hand.names(service)).collect();
        let groups = self.repository_policy.groups.iter();
        let sets: Vec<&Group> =
            groups.filter(|group| named.iter().any(|service| group.has(service))).collect();
        let chosen = self.targets_where(state, by_hand, |target| {
            by_hand.is_about(target) || sets.iter().any(|group| group.has(target.service()))
        })?;
        if by_hand.tag.is_some() {
            must_be_one(state, by_hand, &chosen)?;
        }
        Ok(chosen)
    }

    /// The targets that a scoped pass is limited to: at least one.
    pub(in crate::engine) fn targets_in(
        &self,
        state: &RepositoryState,
        scope: &Scope,
    ) -> Result<Vec<usize>, Fault> {
        let environments: Vec<usize> =
            scope.environments.iter().map(|name| self.environment_called(name)).collect::<Result<_, _>>()?;
        let targets = if scope.services.is_empty() {
            (0..state.deployed.targets.len()).collect()
        } else {
            let services = ManualPromotion {
                services: scope.services.clone(),
                to: None,
                tag: None,
                image: None,
                overrides: Overrides::default(),
            };
            self.targets_by_hand(state, &services)?
        };
        let is_here = |target: &usize| {
            environments.is_empty() || environments.contains(&state.deployed.targets[*target].environment)
        };
        Ok(targets.into_iter().filter(is_here).collect())
    }

    /// The targets that are named, and no others.
    pub(in crate::engine) fn targets_named(
        &self,
        state: &RepositoryState,
        by_hand: &ManualPromotion,
    ) -> Result<Vec<usize>, Fault> {
        self.targets_where(state, by_hand, |target| by_hand.is_about(target))
    }

    /// The targets of the environment that is named, or of every one, that are meant: at least one.
    fn targets_where(
        &self,
        state: &RepositoryState,
        by_hand: &ManualPromotion,
        is_meant: impl Fn(&Target) -> bool,
    ) -> Result<Vec<usize>, Fault> {
        let environment = by_hand.to.as_ref().map(|to| self.environment_called(to)).transpose()?;
        let is_there =
            |target: &Target| environment.is_none_or(|environment| target.environment == environment);
        let targets = state.deployed.targets.iter().enumerate();
        let chosen: Vec<usize> = targets
            .filter(|(_, target)| is_there(target) && is_meant(target))
            .map(|(place, _)| place)
            .collect();
        if chosen.is_empty() {
            return Err(self.no_such_service(state, by_hand));
        }
        Ok(chosen)
    }

    pub(in crate::engine) fn environment_called(&self, name: &EnvironmentName) -> Result<usize, Fault> {
        self.repository_policy.find(name).ok_or_else(|| {
            let environments = self.repository_policy.environments.iter();
            let names: Vec<&str> = environments.map(|environment| environment.policy.name.as_str()).collect();
            Fault::new(Class::Usage, format!("there is no environment {name}"))
                .with_hint(format!("the configuration has {}", names.join(", ")))
        })
    }

    fn no_such_service(&self, state: &RepositoryState, by_hand: &ManualPromotion) -> Fault {
        let names: Vec<&str> = by_hand.services.iter().map(ServicePattern::as_str).collect();
        let names = names.join(", ");
        let is_called_so = |service: &ServiceName| {
            by_hand.services.iter().any(|pattern| match pattern.exact() {
                Some(exact) => exact.name() == service.name(),
                None => pattern.matches(service),
            })
        };
        let targets = state.deployed.targets.iter().filter(|target| is_called_so(target.service()));
        let elsewhere: BTreeSet<String> = targets
            .map(|target| {
                let environment = &self.repository_policy.environments[target.environment].policy.name;
                format!("{} in {environment}", target.service())
            })
            .collect();
        let problems = state.deployed.problems.iter();
        let told: Vec<String> = problems
            .filter(|problem| problem.service.as_ref().is_some_and(is_called_so))
            .map(ToString::to_string)
            .collect();
        let message = match &by_hand.to {
            Some(to) => format!("{names} has no image to promote in {to}"),
            None => format!("{names} has no image to promote"),
        };
        let near: BTreeSet<String> = by_hand
            .services
            .iter()
            .flat_map(|pattern| state.services_like(pattern.as_str()))
            .map(ToString::to_string)
            .collect();
        let listed = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        let hint = match (told.is_empty(), elsewhere.is_empty(), near.is_empty()) {
            (false, ..) => told.join("; "),
            (true, false, _) => format!("there is {}", listed(elsewhere)),
            (true, true, false) => format!("did you mean {}?", listed(near)),
            (true, true, true) => "`tidegate status` lists the services".to_owned(),
        };
        Fault::new(Class::Usage, message).with_hint(hint)
    }

    /// Decides for the chosen targets as asked, and for no other.
    pub(in crate::engine) async fn decide_by_hand(
        &self,
        evaluation: &mut Evaluation,
        by_hand: &ManualPromotion,
    ) -> Result<(), Fault> {
        let mut chosen = self.targets_by_hand(&evaluation.state, by_hand)?;
        if by_hand.to.is_none() {
            chosen = self.next_of_each(evaluation, &chosen)?;
        }
        let mut candidates: BTreeMap<usize, Candidate> = BTreeMap::new();
        for target in &chosen {
            candidates
                .extend(self.candidate_by_hand(evaluation, *target, by_hand)?.map(|one| (*target, one)));
        }
        let wanted: BTreeSet<_> = candidates
            .iter()
            .map(|(target, candidate)| {
                tagged(evaluation.state.deployed.targets[*target].image(), &candidate.tag)
            })
            .collect();
        self.recall(evaluation, wanted.clone()).await?;
        self.ask_digests(evaluation, wanted).await?;
        let mut decisions: Vec<Option<Decision>> = evaluation.decisions.iter().map(|_| None).collect();
        let known = evaluation.known(&self.repository_policy);
        let targets = &evaluation.state.deployed.targets;
        for here in chosen.chunk_by(|one, other| targets[*one].environment == targets[*other].environment) {
            for (target, decision) in known.decide_as_asked(
                here,
                &candidates,
                &evaluation.decisions,
                &by_hand.overrides,
                evaluation.now,
            ) {
                // That a tag runs already, or can't be known, is told by there being no decision.
                let is_told = by_hand.tag.is_none() || candidates.contains_key(&target);
                decisions[target] = decision.filter(|_| is_told);
            }
        }
        evaluation.decisions = decisions;
        Ok(())
    }

    /// Of each service the targets in its next environment: the first one after another where something newer waits, else
    /// the first of all. What nobody wants, since it was left or quarantined, waits for nothing where something else does.
    fn next_of_each(&self, evaluation: &Evaluation, chosen: &[usize]) -> Result<Vec<usize>, Fault> {
        let targets = &evaluation.state.deployed.targets;
        let waits = |target: &&usize| {
            matches!(evaluation.decisions[**target], Some(Decision::Wait(_) | Decision::Promote(_)))
        };
        let mut places: BTreeMap<&ServiceName, BTreeSet<usize>> = BTreeMap::new();
        let lives = |target: &usize| evaluation.decisions[*target].as_ref().is_some_and(is_wanted);
        let living: BTreeSet<&ServiceName> =
            chosen.iter().filter(|target| lives(target)).map(|target| targets[*target].service()).collect();
        let counts = |target: &&usize| lives(target) || !living.contains(targets[**target].service());
        for target in chosen.iter().filter(waits).filter(counts) {
            places.entry(targets[*target].service()).or_default().insert(targets[*target].environment);
        }
        let mut next: BTreeMap<&ServiceName, usize> = BTreeMap::new();
        for (service, places) in places {
            let before = |place: &usize| self.repository_policy.environments[*place].before;
            let Some(first) = places.iter().find(|place| before(place).is_some()).or(places.first()) else {
                continue;
            };
            let beside =
                places.iter().filter(|place| before(place).is_some() && before(place) == before(first));
            let names: Vec<&str> = beside
                .map(|place| self.repository_policy.environments[*place].policy.name.as_str())
                .collect();
            if names.len() > 1 {
                let message = format!("{service} may go to {}", names.join(" or to "));
                return Err(Fault::new(Class::Usage, message).with_hint("add --to with one of them"));
            }
            next.insert(service, *first);
        }
        // Where nothing waits, every place is told with why.
        let is_next = |target: &&usize| {
            next.get(targets[**target].service()).is_none_or(|place| *place == targets[**target].environment)
        };
        Ok(chosen.iter().filter(is_next).copied().collect())
    }

    /// The tag that was asked for, or the one that would come by itself.
    fn candidate_by_hand(
        &self,
        evaluation: &Evaluation,
        target: usize,
        by_hand: &ManualPromotion,
    ) -> Result<Option<Candidate>, Fault> {
        let known = evaluation.known(&self.repository_policy);
        let Some(facts) = known.facts(target, None) else { return Ok(None) };
        let Some(tag) = &by_hand.tag else {
            return Ok(policy::find_candidate(&known.policy(target), &facts, evaluation.now).ok().cloned());
        };
        let here = &evaluation.state.deployed.targets[target];
        if here.running.iter().all(|running| running.tag == *tag) {
            return Ok(None);
        }
        if let Some(candidate) = facts.selection.find(tag) {
            return Ok(Some(candidate.clone()));
        }
        let message = format!("{} has no tag {tag} that the selection rules admit", here.image());
        let Some(highest) = facts.selection.highest() else {
            return Err(Fault::new(Class::Usage, message).with_hint("the rules admit none of its tags"));
        };
        let tags = facts.selection.candidates().iter().map(|candidate| candidate.tag.as_str());
        let near = nearest(tag.as_str(), tags).map(|near| format!("did you mean {near}? "));
        let hint = format!("{}the highest admitted is {}", near.unwrap_or_default(), highest.tag);
        Err(Fault::new(Class::Usage, message).with_hint(hint))
    }
}

/// Whether a candidate may go in time: nobody moved back from it, and nobody quarantined it.
fn is_wanted(decision: &Decision) -> bool {
    match decision {
        Decision::Promote(_) => true,
        Decision::Wait(evaluation) => {
            !evaluation.closed().any(|report| matches!(report.gate, GateName::Order | GateName::Quarantine))
        }
        Decision::Current { .. } => false,
    }
}

impl ManualPromotion {
    fn names(&self, service: &ServiceName) -> bool {
        self.services.iter().any(|pattern| pattern.matches(service))
    }

    fn is_about(&self, target: &Target) -> bool {
        self.names(target.service()) && self.image.as_ref().is_none_or(|image| image == target.image())
    }
}

/// A tag is of one image of one service, in an environment that is named.
fn must_be_one(state: &RepositoryState, by_hand: &ManualPromotion, chosen: &[usize]) -> Result<(), Fault> {
    if by_hand.to.is_none() {
        return Err(Fault::new(Class::Usage, "a tag is promoted to an environment, and none is named")
            .with_hint("add --to with the environment"));
    }
    let [first, _, ..] = chosen else { return Ok(()) };
    let first = &state.deployed.targets[*first];
    let of_chosen = || chosen.iter().map(|target| &state.deployed.targets[*target]);
    if of_chosen().all(|target| target.service() == first.service()) {
        let images: Vec<String> = of_chosen().map(|target| target.image().to_string()).collect();
        let message = format!("{} has several images, and the tag is of one of them", first.service());
        return Err(Fault::new(Class::Usage, message)
            .with_hint(format!("add --image with one of {}", images.join(", "))));
    }
    let services: BTreeSet<String> = of_chosen().map(|target| target.service().to_string()).collect();
    let services = services.into_iter().collect::<Vec<_>>().join(", ");
    Err(Fault::new(Class::Usage, format!("the tag is of one service, and these are meant: {services}"))
        .with_hint("name one service that ships in no set, or leave --tag out"))
}

impl FactContext<'_> {
    /// Decides for targets of one environment, each with the candidate that is asked for, if there is one.
    pub(crate) fn decide_as_asked(
        &self,
        targets: &[usize],
        candidates: &BTreeMap<usize, Candidate>,
        scheduled: &[Option<Decision>],
        overrides: &Overrides,
        now: crate::model::Timestamp,
    ) -> Vec<(usize, Option<Decision>)> {
        let Some(first) = targets.first() else { return Vec::new() };
        let environment = self.state.deployed.targets[*first].environment;
        let boardings: Vec<_> = targets.iter().map(|target| self.train_hold(*target, scheduled)).collect();
        let mut members: Vec<_> = targets
            .iter()
            .zip(&boardings)
            .map(|(target, train_hold)| {
                let candidate = candidates.get(target);
                let mut member = self.member(*target, candidate, train_hold.as_ref(), now);
                if let (Some(candidate), Some((policy, facts))) = (candidate, &member.known) {
                    let evaluation = policy::evaluate(policy, facts, candidate, now);
                    member.alone = Some(UngroupedDecision::Candidate(Box::new(evaluation)));
                }
                member
            })
            .collect();
        self.settle_sets(environment, &mut members, overrides, now);
        let decide = |alone: UngroupedDecision| match alone {
            UngroupedDecision::Candidate(evaluation) => {
                match policy::approve_overriding(&evaluation, overrides) {
                    Ok(approved) => Decision::Promote(Box::new(approved)),
                    Err(_) => Decision::Wait(evaluation),
                }
            }
            UngroupedDecision::Current(why) => Decision::Current { why },
        };
        targets
            .iter()
            .copied()
            .zip(members)
            .map(|(target, member)| (target, member.alone.map(decide)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
