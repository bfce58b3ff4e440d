//! Decisions that depend on one another: later environments are decided first, since a train waits for them; and the
//! services of a set hear of each other before any of them may go.

use std::collections::HashMap;

use crate::model::{ServiceName, Timestamp};
use crate::policy::{self, Boarding, Candidate, Consideration, Decision, Insistence, Member, SoakMode};

use super::assess::Known;
use super::poll::tagged;
use super::problem::{Place, Problem};

impl Known<'_> {
    /// Decides for every track, each with the candidate that was nominated for it.
    pub(crate) fn decide(
        &self,
        nominated: &HashMap<usize, Candidate>,
        now: Timestamp,
    ) -> Vec<Option<Decision>> {
        let tracks = &self.view.board.tracks;
        let mut decisions: Vec<Option<Decision>> =
            std::iter::repeat_with(|| None).take(tracks.len()).collect();
        // Tracks stand by environment, and each environment behind the one before it.
        for here in tracks.chunk_by(|one, other| one.environment == other.environment).rev() {
            let Some(environment) = here.first().map(|track| track.environment) else { continue };
            let first = tracks.partition_point(|track| track.environment < environment);
            let places = first..first + here.len();
            let boardings: Vec<Option<Boarding>> =
                places.clone().map(|track| self.boarding(track, &decisions)).collect();
            let mut members: Vec<Member<'_>> = places
                .clone()
                .zip(&boardings)
                .map(|(track, boarding)| self.member(track, nominated.get(&track), boarding.as_ref(), now))
                .collect();
            self.settle_sets(environment, &mut members, &Insistence::default(), now);
            for (track, member) in places.zip(members) {
                decisions[track] = member.alone.map(|alone| self.decide_asked(track, alone));
            }
        }
        decisions
    }

    /// What happens to a track. Nothing goes whose digest was not asked for in this very pass, even if what spoke against
    /// asking is gone by now.
    fn decide_asked(&self, track: usize, alone: Consideration) -> Decision {
        let image = self.view.board.tracks[track].image();
        match alone {
            Consideration::Candidate(evaluation)
                if !self.digests.contains_key(&tagged(image, &evaluation.candidate().tag)) =>
            {
                Decision::Wait(evaluation)
            }
            alone => alone.decide(),
        }
    }

    /// A track as if it were alone.
    pub(crate) fn member<'m>(
        &'m self,
        track: usize,
        candidate: Option<&Candidate>,
        boarding: Option<&'m Boarding>,
        now: Timestamp,
    ) -> Member<'m> {
        let policy = self.policy(track);
        let facts = self.facts(track, candidate).map(|mut facts| {
            facts.boarding = boarding;
            facts
        });
        let alone = facts.as_ref().map(|facts| policy::consider(&policy, facts, now));
        Member {
            service: self.view.board.tracks[track].service(),
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
        insistence: &Insistence,
        now: Timestamp,
    ) {
        if self.rulebook.environments[environment].before.is_none() {
            return;
        }
        for group in &self.rulebook.groups {
            let is_member = |member: &&mut Member<'_>| group.has(member.service);
            let mut set: Vec<&mut Member<'_>> = members.iter_mut().filter(is_member).collect();
            if set.iter().any(|member| matches!(member.alone, Some(Consideration::Candidate(_)))) {
                let unclear = self.unclear(environment, |service| group.has(service));
                policy::settle_together(&group.name, &mut set, insistence, unclear.as_deref(), now);
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
        let environments = [Some(environment), self.rulebook.environments[environment].before];
        let concerns = |problem: &&Problem| {
            let lies_here = |at: usize| {
                let here = &self.rulebook.environments[at];
                let is_in = |place: &Place| here.paths.iter().any(|path| place.path.is_within(path));
                problem.environment.as_ref().is_some_and(|name| *name == here.policy.name)
                    || problem.place.as_ref().is_some_and(is_in)
            };
            problem.is_error
                && problem.service.as_ref().is_none_or(&is_meant)
                && environments.into_iter().flatten().any(lies_here)
        };
        self.view.board.problems.iter().find(concerns).map(ToString::to_string)
    }

    /// What a track's environment keeps for the sake of one after it, when soaks are counted as a train.
    pub(crate) fn boarding(&self, track: usize, decisions: &[Option<Decision>]) -> Option<Boarding> {
        if self.rulebook.soak_mode != SoakMode::Train {
            return None;
        }
        self.next_of(track).find_map(|next| {
            let to = &self.rulebook.environments[self.view.board.tracks[next].environment].policy.name;
            policy::boarding(to, decisions[next].as_ref()?)
        })
    }

    /// The tracks of the same image in the environments right after a track's, when soaks are counted as a train.
    pub(crate) fn next_of(&self, track: usize) -> impl Iterator<Item = usize> {
        let here = &self.view.board.tracks[track];
        let is_train = self.rulebook.soak_mode == SoakMode::Train;
        let after = self.rulebook.after(here.environment).filter(move |_| is_train);
        after.filter_map(|next| self.view.board.place(next, &here.subject))
    }
}

#[cfg(test)]
mod tests;
