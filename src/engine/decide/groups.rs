//! Decides for many targets: later environments first, because a train waits for them, and the members of a group together.

use std::collections::{BTreeMap, HashMap};

use crate::engine::base::problem::{Place, Problem};
use crate::model::{ByTarget, EnvironmentId, ServiceName, TargetId};
use crate::policy::{self, Candidate, Decision, Member, Overrides, SoakMode, TrainHold, UngroupedDecision};

use super::facts::{FactContext, tagged};

/// Decides for every target, each with its nominated candidate.
pub(crate) fn decide(
    facts: &FactContext<'_>,
    nominated: &HashMap<TargetId, Candidate>,
) -> ByTarget<Option<Decision>> {
    let targets = &facts.state.deployed.targets;
    let mut decisions: ByTarget<Option<Decision>> = targets.map(|_| None);
    // Targets are sorted by environment, and each environment follows the one before it.
    let ids: Vec<TargetId> = targets.ids().collect();
    for here in ids.chunk_by(|one, other| targets[*one].environment == targets[*other].environment).rev() {
        let Some(environment) = here.first().map(|target| targets[*target].environment) else { continue };
        let train_holds: Vec<Option<TrainHold>> =
            here.iter().map(|target| train_hold(facts, *target, &decisions)).collect();
        let mut members: Vec<Member<'_>> = here
            .iter()
            .zip(&train_holds)
            .map(|(target, train_hold)| member(facts, *target, nominated.get(target), train_hold.as_ref()))
            .collect();
        settle_groups(facts, environment, &mut members, &Overrides::default());
        for (target, member) in here.iter().copied().zip(members) {
            decisions[target] = member.alone.map(|alone| {
                let is_fresh = is_digest_fresh(facts, target, &alone);
                alone.decide_fresh(is_fresh)
            });
        }
    }
    decisions
}

/// Decides for targets of one environment, each with the candidate that was requested, if any. `scheduled` are the decisions
/// without the request.
pub(crate) fn decide_requested(
    facts: &FactContext<'_>,
    targets: &[TargetId],
    candidates: &BTreeMap<TargetId, Candidate>,
    scheduled: &ByTarget<Option<Decision>>,
    overrides: &Overrides,
) -> Vec<(TargetId, Option<Decision>)> {
    let Some(first) = targets.first() else { return Vec::new() };
    let environment = facts.state.deployed.targets[*first].environment;
    let train_holds: Vec<_> = targets.iter().map(|target| train_hold(facts, *target, scheduled)).collect();
    let mut members: Vec<_> = targets
        .iter()
        .zip(&train_holds)
        .map(|(target, train_hold)| {
            let candidate = candidates.get(target);
            let mut member = member(facts, *target, candidate, train_hold.as_ref());
            if let (Some(candidate), Some((policy, known))) = (candidate, &member.known) {
                let evaluation = policy::evaluate(policy, known, candidate, facts.now);
                member.alone = Some(UngroupedDecision::Candidate(Box::new(evaluation)));
            }
            member
        })
        .collect();
    settle_groups(facts, environment, &mut members, overrides);
    let decide = |alone: UngroupedDecision| match alone {
        UngroupedDecision::Candidate(evaluation) => {
            match policy::approve_overriding(&evaluation, overrides) {
                Ok(approved) => Decision::Promote(Box::new(approved)),
                Err(_) => Decision::Wait(evaluation),
            }
        }
        UngroupedDecision::Current(why) => Decision::Current { why },
    };
    targets.iter().copied().zip(members).map(|(target, member)| (target, member.alone.map(decide))).collect()
}

/// Whether the digest of a candidate was fetched in this pass.
fn is_digest_fresh(facts: &FactContext<'_>, target: TargetId, alone: &UngroupedDecision) -> bool {
    let image = facts.state.deployed.targets[target].image();
    match alone {
        UngroupedDecision::Current(_) => true,
        UngroupedDecision::Candidate(evaluation) => {
            facts.digests.asked.contains_key(&tagged(image, &evaluation.candidate().tag))
        }
    }
}

/// A target, considered without its group.
fn member<'m>(
    facts: &FactContext<'m>,
    target: TargetId,
    candidate: Option<&Candidate>,
    train_hold: Option<&'m TrainHold>,
) -> Member<'m> {
    let policy = facts.policy(target);
    let known = facts.facts(target, candidate).map(|mut known| {
        known.train_hold = train_hold;
        known
    });
    let service = facts.state.deployed.targets[target].service();
    Member::new(service, known.map(|known| (policy, known)), facts.now)
}

/// Adds the group gate to the members of every group. In the first environment of a chain each service comes by itself:
/// nothing has run together before.
fn settle_groups(
    facts: &FactContext<'_>,
    environment: EnvironmentId,
    members: &mut [Member<'_>],
    overrides: &Overrides,
) {
    if facts.repository_policy.environments[environment].before.is_none() {
        return;
    }
    for group in &facts.repository_policy.groups {
        let is_member = |member: &&mut Member<'_>| group.has(member.service);
        let mut members: Vec<&mut Member<'_>> = members.iter_mut().filter(is_member).collect();
        let unclear = unreadable(facts, environment, |service| group.has(service));
        policy::settle_together(&group.name, &mut members, overrides, unclear.as_deref(), facts.now);
    }
}

/// A problem that makes it unclear what some services run in an environment, or in the one before it.
pub(crate) fn unreadable(
    facts: &FactContext<'_>,
    environment: EnvironmentId,
    is_meant: impl Fn(&ServiceName) -> bool,
) -> Option<String> {
    let environments = [Some(environment), facts.repository_policy.environments[environment].before];
    let concerns = |problem: &&Problem| {
        let is_here = |at: EnvironmentId| {
            let here = &facts.repository_policy.environments[at];
            let is_in = |place: &Place| here.paths.iter().any(|path| place.path.is_within(path));
            problem.environment.as_ref().is_some_and(|name| *name == here.policy.name)
                || problem.place.as_ref().is_some_and(is_in)
        };
        problem.is_error
            && problem.service.as_ref().is_none_or(&is_meant)
            && environments.into_iter().flatten().any(is_here)
    };
    facts.state.deployed.problems.iter().find(concerns).map(ToString::to_string)
}

/// What a target's environment must keep for a later one, in `train` mode.
fn train_hold(
    facts: &FactContext<'_>,
    target: TargetId,
    decisions: &ByTarget<Option<Decision>>,
) -> Option<TrainHold> {
    next_of(facts, target).find_map(|next| {
        let environment = facts.state.deployed.targets[next].environment;
        let to = &facts.repository_policy.environments[environment].policy.name;
        policy::train_hold(to, decisions[next].as_ref()?)
    })
}

/// The targets of the same subject in the environments right after a target's, in `train` mode.
pub(super) fn next_of<'a>(
    facts: &FactContext<'a>,
    target: TargetId,
) -> impl Iterator<Item = TargetId> + use<'a> {
    let (state, repository_policy) = (facts.state, facts.repository_policy);
    let here = &state.deployed.targets[target];
    let is_train = repository_policy.soak_mode == SoakMode::Train;
    let after = repository_policy.after(here.environment).filter(move |_| is_train);
    after.filter_map(|next| state.deployed.place(next, &here.subject))
}

#[cfg(test)]
mod tests;
