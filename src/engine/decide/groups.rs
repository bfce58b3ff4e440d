//! Decisions that depend on one another: later environments are decided first, since a train waits for them; and the
//! services of a set hear of each other before any of them may go.

use std::collections::HashMap;

use crate::model::{ServiceName, Timestamp};
use crate::policy::{self, Candidate, Decision, Member, Overrides, SoakMode, TrainHold, UngroupedDecision};

use super::evaluation::FactContext;
use super::poll::tagged;
use crate::engine::base::problem::{Place, Problem};

impl FactContext<'_> {
    /// Decides for every target, each with the candidate that was nominated for it.
    pub(crate) fn decide(
        &self,
        nominated: &HashMap<usize, Candidate>,
        now: Timestamp,
    ) -> Vec<Option<Decision>> {
        let targets = &self.state.deployed.targets;
        let mut decisions: Vec<Option<Decision>> =
            std::iter::repeat_with(|| None).take(targets.len()).collect();
        // Tracks stand by environment, and each environment behind the one before it.
        for here in targets.chunk_by(|one, other| one.environment == other.environment).rev() {
            let Some(environment) = here.first().map(|target| target.environment) else { continue };
            let first = targets.partition_point(|target| target.environment < environment);
            let places = first..first + here.len();
            let boardings: Vec<Option<TrainHold>> =
                places.clone().map(|target| self.train_hold(target, &decisions)).collect();
            let mut members: Vec<Member<'_>> = places
                .clone()
                .zip(&boardings)
                .map(|(target, train_hold)| {
                    self.member(target, nominated.get(&target), train_hold.as_ref(), now)
                })
                .collect();
            self.settle_sets(environment, &mut members, &Overrides::default(), now);
            for (target, member) in places.zip(members) {
                decisions[target] = member.alone.map(|alone| self.decide_asked(target, alone));
            }
        }
        decisions
    }

    /// What happens to a target. Nothing goes whose digest was not asked for in this very pass, even if what spoke against
    /// asking is gone by now.
    fn decide_asked(&self, target: usize, alone: UngroupedDecision) -> Decision {
        let image = self.state.deployed.targets[target].image();
        match alone {
            UngroupedDecision::Candidate(evaluation)
                if !self.digests.contains_key(&tagged(image, &evaluation.candidate().tag)) =>
            {
                Decision::Wait(evaluation)
            }
            alone => alone.decide(),
        }
    }

    /// A target as if it were alone.
    pub(crate) fn member<'m>(
        &'m self,
        target: usize,
        candidate: Option<&Candidate>,
        train_hold: Option<&'m TrainHold>,
        now: Timestamp,
    ) -> Member<'m> {
        let policy = self.policy(target);
        let facts = self.facts(target, candidate).map(|mut facts| {
            facts.train_hold = train_hold;
            facts
        });
        let alone = facts.as_ref().map(|facts| policy::decide_ungrouped(&policy, facts, now));
        Member {
            service: self.state.deployed.targets[target].service(),
            known: facts.map(|facts| (policy, facts)),
            alone,
        }
    }

    /// Lets the members of every set hear of each other. In the first environment of a chain each comes by itself: nothing
    /// has run together yet.
    pub(crate) fn settle_sets(
        &self,
        environment: usize,
        members: &mut [Member<'_>],
        overrides: &Overrides,
        now: Timestamp,
    ) {
        if self.repository_policy.environments[environment].before.is_none() {
            return;
        }
        for group in &self.repository_policy.groups {
            let is_member = |member: &&mut Member<'_>| group.has(member.service);
            let mut set: Vec<&mut Member<'_>> = members.iter_mut().filter(is_member).collect();
            if set.iter().any(|member| matches!(member.alone, Some(UngroupedDecision::Candidate(_)))) {
                let unclear = self.unclear(environment, |service| group.has(service));
                policy::settle_together(&group.name, &mut set, overrides, unclear.as_deref(), now);
            }
        }
    }

    /// What can't be read in an environment, or in the one before, and is of some services, or may be: then it is not known
    /// what they are there.
    pub(crate) fn unclear(
        &self,
        environment: usize,
        is_meant: impl Fn(&ServiceName) -> bool,
    ) -> Option<String> {
        let environments = [Some(environment), self.repository_policy.environments[environment].before];
        let concerns = |problem: &&Problem| {
            let lies_here = |at: usize| {
                let here = &self.repository_policy.environments[at];
                let is_in = |place: &Place| here.paths.iter().any(|path| place.path.is_within(path));
                problem.environment.as_ref().is_some_and(|name| *name == here.policy.name)
                    || problem.place.as_ref().is_some_and(is_in)
            };
            problem.is_error
                && problem.service.as_ref().is_none_or(&is_meant)
                && environments.into_iter().flatten().any(lies_here)
        };
        self.state.deployed.problems.iter().find(concerns).map(ToString::to_string)
    }

    /// What a target's environment keeps for the sake of one after it, when soaks are counted as a train.
    pub(crate) fn train_hold(&self, target: usize, decisions: &[Option<Decision>]) -> Option<TrainHold> {
        if self.repository_policy.soak_mode != SoakMode::Train {
            return None;
        }
        self.next_of(target).find_map(|next| {
            let to = &self.repository_policy.environments[self.state.deployed.targets[next].environment]
                .policy
                .name;
            policy::train_hold(to, decisions[next].as_ref()?)
        })
    }

    /// The targets of the same image in the environments right after a target's, when soaks are counted as a train.
    pub(crate) fn next_of(&self, target: usize) -> impl Iterator<Item = usize> {
        let here = &self.state.deployed.targets[target];
        let is_train = self.repository_policy.soak_mode == SoakMode::Train;
        let after = self.repository_policy.after(here.environment).filter(move |_| is_train);
        after.filter_map(|next| self.state.deployed.place(next, &here.subject))
    }
}

#[cfg(test)]
mod tests;
