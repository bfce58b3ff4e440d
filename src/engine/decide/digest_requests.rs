//! Which digests are worth a request: of a tag that soaks, and of one that no other gate holds back.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::engine::state::deployed::Target;
use crate::model::{EnvironmentId, TargetId};
use crate::policy::{
    self, Candidate, Decision, GateName, GateReport, PreviousEnvironment, PreviousRunning, SoakMode,
    TrainHold,
};
use crate::port::TaggedImage;

use super::facts::{FactContext, tagged};
use super::groups;

/// The tags whose observations decide what is nominated: those that soak although they were replaced, where that counts,
/// and those that soak in a group.
pub(super) fn soaking_tags(facts: &FactContext<'_>) -> BTreeSet<TaggedImage> {
    let mut tags = aging_tags(facts);
    tags.extend(tags_before(facts));
    tags
}

/// The newer tags of the targets that ask for a minimum age and take their versions from the registry.
fn aging_tags(facts: &FactContext<'_>) -> BTreeSet<TaggedImage> {
    let targets = facts.state.deployed.targets.iter().zip(facts.selections);
    let is_first =
        |environment: EnvironmentId| facts.repository_policy.environments[environment].before.is_none();
    let aging = targets.filter(|(here, _)| !here.minimum_age.is_zero() && is_first(here.environment));
    let newer =
        aging.filter_map(|(here, selection)| Some((here, selection.as_deref()?, here.running.first()?)));
    let newer = newer.flat_map(|(here, selection, lowest)| {
        selection.above(&lowest.version).map(|candidate| tagged(here.image(), &candidate.tag))
    });
    newer.collect()
}

fn tags_before(facts: &FactContext<'_>) -> BTreeSet<TaggedImage> {
    let repository_policy = facts.repository_policy;
    if repository_policy.soak_mode != SoakMode::Elapsed && repository_policy.groups.is_empty() {
        return BTreeSet::new();
    }
    let is_elapsed = repository_policy.soak_mode == SoakMode::Elapsed;
    let targets = facts.state.deployed.targets.entries();
    let targets =
        targets.filter(|(_, target)| is_elapsed || repository_policy.group_of(target.service()).is_some());
    let soaking = targets.flat_map(|(target, here)| {
        let before = facts.facts(target, None).and_then(|facts| facts.before);
        let lowest = here.running.first();
        // A member of a group that is there already soaks along with those to come.
        let is_in_group = repository_policy.group_of(here.service()).is_some();
        let newer =
            before.into_iter().flat_map(|before| candidates_before(&before)).filter(move |candidate| {
                lowest.is_some_and(|lowest| {
                    candidate.version > lowest.version || (is_in_group && candidate.tag == lowest.tag)
                })
            });
        newer.map(|candidate| tagged(here.image(), &candidate.tag))
    });
    soaking.collect()
}

/// The tags to ask the registries about: those that soak, and those that no gate but the digest gate holds back.
pub(super) fn tags_to_ask(
    facts: &FactContext<'_>,
    nominated: &HashMap<TargetId, Candidate>,
) -> BTreeSet<TaggedImage> {
    let targets = &facts.state.deployed.targets;
    let mut train_holds: HashMap<TargetId, TrainHold> = HashMap::new();
    let mut tags = unobserved(facts);
    tags.extend(tags_of_other_members(facts, nominated));
    let mut later_first: Vec<(&TargetId, &Candidate)> = nominated.iter().collect();
    later_first.sort_unstable_by_key(|(target, _)| Reverse(targets[**target].environment));
    for (target, candidate) in later_first {
        let here = &targets[*target];
        let Some(mut known) = facts.facts(*target, None) else { continue };
        known.train_hold = groups::next_of(facts, *target).find_map(|next| train_holds.get(&next));
        let evaluation = policy::evaluate(&facts.policy(*target), &known, candidate, facts.now);
        if evaluation.wants_digest() {
            tags.insert(tagged(here.image(), &candidate.tag));
        }
        // What only the digest gate holds back most likely goes in this pass, and holds back no train.
        let is_held = |report: &GateReport| report.gate != GateName::Digest && !report.is_left_to_request();
        if evaluation.closed().any(is_held) {
            let to = &facts.repository_policy.environments[here.environment].policy.name;
            let train_hold = policy::train_hold(to, &Decision::Wait(Box::new(evaluation)));
            train_holds.extend(train_hold.map(|train_hold| (*target, train_hold)));
        }
    }
    tags
}

/// The tags that the other members of a moving group run in the previous environment: the group goes only as what soaked.
fn tags_of_other_members(
    facts: &FactContext<'_>,
    nominated: &HashMap<TargetId, Candidate>,
) -> BTreeSet<TaggedImage> {
    let repository_policy = facts.repository_policy;
    let targets = &facts.state.deployed.targets;
    let moving: BTreeSet<(EnvironmentId, &str)> = nominated
        .keys()
        .filter_map(|at| {
            let group = repository_policy.group_of(targets[*at].service())?;
            Some((targets[*at].environment, group.name.as_str()))
        })
        .collect();
    let is_other_member = |(at, target): &(TargetId, &Target)| {
        let group = repository_policy.group_of(target.service());
        group.is_some_and(|group| moving.contains(&(target.environment, group.name.as_str())))
            && repository_policy.environments[target.environment].before.is_some()
            && !nominated.contains_key(at)
    };
    let others = targets.entries().filter(is_other_member);
    others.filter_map(|(_, target)| Some(tagged(target.image(), &target.running.first()?.tag))).collect()
}

/// The soaking tags whose digest was never observed.
fn unobserved(facts: &FactContext<'_>) -> BTreeSet<TaggedImage> {
    let is_unobserved = |(image, tag): &TaggedImage| {
        facts.digests.observed.get(image).is_none_or(|observations| observations.of(tag).is_empty())
    };
    soaking_tags(facts).into_iter().filter(is_unobserved).collect()
}

/// What soaks in the previous environment, and what did.
fn candidates_before<'a>(before: &PreviousEnvironment<'a>) -> impl Iterator<Item = &'a Candidate> + use<'a> {
    let running = match before.running {
        PreviousRunning::One { candidate, .. } => Some(candidate),
        PreviousRunning::Missing | PreviousRunning::Several(_) => None,
    };
    running.into_iter().chain(before.past.iter().map(|run| &run.candidate))
}
