//! Warnings about what runs: a tag that its registry does not list, an environment ahead of the one before it, another image
//! than there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{ByTarget, EnvironmentId, ImageName, ServiceName, Tag, TagList};
use crate::policy::{Candidate, Decision, NoCandidate};

/// Every warning about what runs.
pub(super) fn warnings(
    state: &RepositoryState,
    lists: &ByTarget<Option<Arc<TagList>>>,
    policy: &RepositoryPolicy,
) -> Vec<Problem> {
    let mut warnings = unlisted(state, lists, policy);
    warnings.extend(state.deployed.targets.iter().filter_map(|target| ahead(state, policy, target)));
    warnings.extend(other_images(state, policy));
    warnings
}

/// Calls no target up to date whose tag its registry does not list: newer tags may be missing from the list too.
pub(super) fn doubt_up_to_date(
    state: &RepositoryState,
    lists: &ByTarget<Option<Arc<TagList>>>,
    decisions: &mut ByTarget<Option<Decision>>,
) {
    for (id, decision) in decisions.entries_mut() {
        let Some(Decision::Current { why }) = decision else { continue };
        let target = &state.deployed.targets[id];
        let missing = lists[id].as_deref().and_then(|list| missing_tags(target, list).next());
        if let Some(running) = missing.filter(|_| why.is_up_to_date()) {
            *why = NoCandidate::Unlisted { running: running.clone() };
        }
    }
}

/// The running tags that a list does not have.
fn missing_tags<'a>(target: &'a Target, list: &'a TagList) -> impl Iterator<Item = &'a Tag> {
    let tags = target.running.iter().map(|running| &running.tag);
    tags.filter(|tag| list.tags.binary_search(tag).is_err())
}

/// A warning for each version that runs and that its registry does not list: it was deleted, or the list is cut.
fn unlisted(
    state: &RepositoryState,
    lists: &ByTarget<Option<Arc<TagList>>>,
    policy: &RepositoryPolicy,
) -> Vec<Problem> {
    let targets = state.deployed.targets.iter().zip(lists);
    let listed = targets.filter_map(|(target, list)| Some((target, list.as_deref()?)));
    let missing =
        listed.flat_map(|(target, list)| missing_tags(target, list).map(move |tag| (target, list, tag)));
    let warning = |(target, list, tag): (&Target, &TagList, &Tag)| {
        let message = format!(
            "{tag} runs, but is not among the {} tags that the registry lists for {}",
            list.tags.len(),
            target.image()
        );
        Problem::warning(message)
            .of(&policy.environments[target.environment].policy.name, target.service())
            .hint("if the tag still exists, the registry cuts its list, and newer versions may be missing")
    };
    missing.map(warning).collect()
}

/// A warning where a target runs something higher than the environment before it.
fn ahead(state: &RepositoryState, policy: &RepositoryPolicy, here: &Target) -> Option<Problem> {
    let environment = &policy.environments[here.environment];
    let before = environment.before?;
    let there = &state.deployed.targets[state.deployed.place(before, &here.subject)?];
    let highest = |target: &Target| target.running.last().cloned();
    let (here_runs, there_runs): (Candidate, Candidate) = (highest(here)?, highest(there)?);
    let is_ahead = here_runs.version > there_runs.version
        && here_runs.version.is_same_variant(&there_runs.version)
        && here.inactive.is_none()
        && there.inactive.is_none();
    is_ahead.then(|| {
        let (name, before) = (&environment.policy.name, &policy.environments[before].policy.name);
        let message = format!("runs {}, ahead of {before}, which runs {}", here_runs.tag, there_runs.tag);
        Problem::warning(message)
            .of(name, here.service())
            .hint(format!("nothing is promoted until {before} runs something higher"))
    })
}

/// A warning for each service that runs other images in an environment than in the one before it.
fn other_images(state: &RepositoryState, policy: &RepositoryPolicy) -> Vec<Problem> {
    let mut images: BTreeMap<(EnvironmentId, &ServiceName), BTreeSet<&ImageName>> = BTreeMap::new();
    for target in &state.deployed.targets {
        images.entry((target.environment, target.service())).or_default().insert(target.image());
    }
    let warning = |&(environment, service): &(EnvironmentId, &ServiceName)| {
        let before = policy.environments[environment].before?;
        let (ours, previous) = (images.get(&(environment, service))?, images.get(&(before, service))?);
        let (this, that) = (ours.difference(previous).next()?, previous.difference(ours).next()?);
        let before = &policy.environments[before].policy.name;
        let message = format!("runs {this}, but {before} runs {that}");
        let hint = "nothing is promoted from one image to another; write the same repository into both";
        Some(Problem::warning(message).of(&policy.environments[environment].policy.name, service).hint(hint))
    };
    images.keys().filter_map(warning).collect()
}

#[cfg(test)]
mod tests;
