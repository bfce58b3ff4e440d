//! Manual promotions: the same facts and gates as on schedule, for the named services, with overrides.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::nearest;
use crate::engine::base::context::Context;
use crate::engine::base::pass_options::{ManualPromotion, Scope};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{
    Artifact, ByTarget, Class, EnvironmentId, Fault, ImageName, ServiceName, ServicePattern, TargetId,
};
use crate::policy::{Candidate, Decision, GateName, Group, Overrides};
use crate::port::{Ports, TaggedImage};

use super::artifacts;
use super::evaluation::{Evaluation, Memory, nominated};
use super::facts::{FactContext, tagged};
use super::groups;

/// The targets that a manual promotion may move: those named and the members of their groups, in the named environment or in
/// every one.
pub(in crate::engine) fn targets(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    manual: &ManualPromotion,
) -> Result<Vec<TargetId>, Fault> {
    let services = state.deployed.targets.iter().map(Target::service);
    let named: BTreeSet<&ServiceName> = services.filter(|service| manual.names(service)).collect();
    let groups = repository_policy.groups.iter();
    let groups: Vec<&Group> = groups.filter(|group| named.iter().any(|service| group.has(service))).collect();
    let chosen = targets_where(state, repository_policy, manual, |target| {
        manual.is_about(target) || groups.iter().any(|group| group.has(target.service()))
    })?;
    if manual.tag.is_some() {
        must_be_one(state, manual, &chosen)?;
    }
    Ok(chosen)
}

/// The targets of a scoped pass. At least one where services are named; images may be gone by now.
pub(in crate::engine) fn targets_in(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    scope: &Scope,
) -> Result<Vec<TargetId>, Fault> {
    let environments: Vec<EnvironmentId> = scope
        .environments
        .iter()
        .map(|name| repository_policy.environment_named(name))
        .collect::<Result<_, _>>()?;
    let targets = if scope.services.is_empty() {
        state.deployed.targets.ids().collect()
    } else {
        let services = ManualPromotion {
            services: scope.services.clone(),
            to: None,
            tag: None,
            image: None,
            overrides: Overrides::default(),
        };
        targets(state, repository_policy, &services)?
    };
    let has_image = targets_with_images(state, repository_policy, &scope.images);
    let is_here = |target: &TargetId| {
        (environments.is_empty() || environments.contains(&state.deployed.targets[*target].environment))
            && has_image.as_ref().is_none_or(|has_image| has_image.contains(target))
    };
    Ok(targets.into_iter().filter(is_here).collect())
}

/// The targets of these images and the members of their groups; nothing where no image is named.
fn targets_with_images(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    images: &BTreeSet<ImageName>,
) -> Option<BTreeSet<TargetId>> {
    if images.is_empty() {
        return None;
    }
    let all = &state.deployed.targets;
    let named = all.ids().filter(|target| images.contains(all[*target].image()));
    let mut targets: BTreeSet<TargetId> = named.collect();
    let groups = repository_policy.groups.iter();
    let groups: Vec<&Group> =
        groups.filter(|group| targets.iter().any(|target| group.has(all[*target].service()))).collect();
    if !groups.is_empty() {
        let is_member = |target: &TargetId| groups.iter().any(|group| group.has(all[*target].service()));
        targets.extend(all.ids().filter(is_member));
    }
    Some(targets)
}

/// The named targets, without the other members of their groups.
pub(in crate::engine) fn named_targets(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    manual: &ManualPromotion,
) -> Result<Vec<TargetId>, Fault> {
    targets_where(state, repository_policy, manual, |target| manual.is_about(target))
}

/// The matching targets of the named environment, or of every one; at least one.
fn targets_where(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    manual: &ManualPromotion,
    is_meant: impl Fn(&Target) -> bool,
) -> Result<Vec<TargetId>, Fault> {
    let environment = manual.to.as_ref().map(|to| repository_policy.environment_named(to)).transpose()?;
    let is_there = |target: &Target| environment.is_none_or(|environment| target.environment == environment);
    let targets = state.deployed.targets.entries();
    let chosen: Vec<TargetId> =
        targets.filter(|(_, target)| is_there(target) && is_meant(target)).map(|(at, _)| at).collect();
    if chosen.is_empty() {
        return Err(no_such_service(state, repository_policy, manual));
    }
    Ok(chosen)
}

fn no_such_service(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    manual: &ManualPromotion,
) -> Fault {
    let names: Vec<&str> = manual.services.iter().map(ServicePattern::as_str).collect();
    let names = names.join(", ");
    let has_name = |service: &ServiceName| {
        manual.services.iter().any(|pattern| match pattern.exact() {
            Some(exact) => exact.name() == service.name(),
            None => pattern.matches(service),
        })
    };
    let targets = state.deployed.targets.iter().filter(|target| has_name(target.service()));
    let elsewhere: BTreeSet<String> = targets
        .map(|target| {
            let environment = &repository_policy.environments[target.environment].policy.name;
            format!("{} in {environment}", target.service())
        })
        .collect();
    let problems: Vec<String> = state
        .deployed
        .problems
        .iter()
        .filter(|problem| problem.service.as_ref().is_some_and(has_name))
        .map(ToString::to_string)
        .collect();
    let message = match &manual.to {
        _ if problems.is_empty() && elsewhere.is_empty() => format!("no service matches `{names}`"),
        Some(to) => format!("{names} has no image to promote in {to}"),
        None => format!("{names} has no image to promote"),
    };
    let near: BTreeSet<String> = manual
        .services
        .iter()
        .flat_map(|pattern| state.services_like(pattern.as_str()))
        .map(ToString::to_string)
        .collect();
    let listed = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
    let hint = match (problems.is_empty(), elsewhere.is_empty(), near.is_empty()) {
        (false, ..) => problems.join("; "),
        (true, false, _) => format!("there is {}", listed(elsewhere)),
        (true, true, false) => format!("did you mean {}?", listed(near)),
        (true, true, true) => "`tidegate status` lists the services".to_owned(),
    };
    Fault::new(Class::Usage, message).with_hint(hint)
}

/// Decides for the chosen targets as requested; every other target has no decision.
pub(in crate::engine) async fn decide<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    scheduled: Evaluation,
    chosen: &[TargetId],
    manual: &ManualPromotion,
) -> Result<(Evaluation, Vec<Problem>), Fault> {
    let chosen = match manual.to {
        Some(_) => chosen.to_vec(),
        None => next_of_each(&scheduled, context.policy, chosen)?,
    };
    let mut candidates: BTreeMap<TargetId, Candidate> = BTreeMap::new();
    for target in &chosen {
        let candidate = candidate(&scheduled.facts(context.policy), *target, manual)?;
        candidates.extend(candidate.map(|candidate| (*target, candidate)));
    }
    let tags: BTreeSet<_> = candidates
        .iter()
        .map(|(at, candidate)| tagged(scheduled.state.deployed.targets[*at].image(), &candidate.tag))
        .collect();
    let mut evaluation = scheduled;
    let Evaluation { state, digests, now, .. } = &mut evaluation;
    digests.recall(&**context.store, tags.clone()).await?;
    let mut problems = digests.ask(context, &mut memory.digests, tags, *now).await?;
    let images = artifacts::check_images(context, state, digests, &candidates).await;
    if let Some((tagged, artifact)) = images.rejected.first() {
        return Err(no_image(tagged, artifact));
    }
    problems.extend(images.problems);
    let (proposals, overrides) = (&mut memory.proposals, &manual.overrides);
    problems.extend(evaluation.read_refusals(context, proposals, &candidates, overrides).await);
    let known = evaluation.facts(context.policy);
    let decisions = decisions(&known, &chosen, &candidates, &evaluation.decisions, manual);
    Ok((Evaluation { decisions, ..evaluation }, problems))
}

fn decisions(
    known: &FactContext<'_>,
    chosen: &[TargetId],
    candidates: &BTreeMap<TargetId, Candidate>,
    by_schedule: &ByTarget<Option<Decision>>,
    manual: &ManualPromotion,
) -> ByTarget<Option<Decision>> {
    let targets = &known.state.deployed.targets;
    let mut decisions: ByTarget<Option<Decision>> = targets.map(|_| None);
    for here in chosen.chunk_by(|one, other| targets[*one].environment == targets[*other].environment) {
        let decided = groups::decide_requested(known, here, candidates, by_schedule, &manual.overrides);
        for (target, decision) in decided {
            // A named tag that runs already, or that is unknown, has no decision.
            let is_shown = manual.tag.is_none() || candidates.contains_key(&target);
            decisions[target] = decision.filter(|_| is_shown);
        }
    }
    decisions
}

/// The targets of each service in its next environment: the first one after another where something newer waits, else the
/// first of all. A version that people rolled back or quarantined counts only where nothing else waits.
fn next_of_each(
    evaluation: &Evaluation,
    repository_policy: &RepositoryPolicy,
    chosen: &[TargetId],
) -> Result<Vec<TargetId>, Fault> {
    let targets = &evaluation.state.deployed.targets;
    let waits = |target: &&TargetId| {
        matches!(evaluation.decisions[**target], Some(Decision::Wait(_) | Decision::Promote(_)))
    };
    let is_alive = |target: &TargetId| evaluation.decisions[*target].as_ref().is_some_and(is_wanted);
    let alive: BTreeSet<&ServiceName> =
        chosen.iter().filter(|target| is_alive(target)).map(|target| targets[*target].service()).collect();
    let counts = |target: &&TargetId| is_alive(target) || !alive.contains(targets[**target].service());
    let mut waiting: BTreeMap<&ServiceName, BTreeSet<EnvironmentId>> = BTreeMap::new();
    for target in chosen.iter().filter(waits).filter(counts) {
        waiting.entry(targets[*target].service()).or_default().insert(targets[*target].environment);
    }
    let mut next: BTreeMap<&ServiceName, EnvironmentId> = BTreeMap::new();
    for (service, environments) in waiting {
        let before = |at: &EnvironmentId| repository_policy.environments[*at].before;
        let Some(first) = environments.iter().find(|at| before(at).is_some()).or(environments.first()) else {
            continue;
        };
        let siblings = environments.iter().filter(|at| before(at).is_some() && before(at) == before(first));
        let names: Vec<&str> =
            siblings.map(|at| repository_policy.environments[*at].policy.name.as_str()).collect();
        if names.len() > 1 {
            let message = format!("{service} may go to {}", names.join(" or to "));
            return Err(Fault::new(Class::Usage, message).with_hint("pass --env with one of them"));
        }
        next.insert(service, *first);
    }
    // A service with nothing waiting is shown in every environment, with the reason.
    let is_next = |target: &&TargetId| {
        next.get(targets[**target].service()).is_none_or(|at| *at == targets[**target].environment)
    };
    Ok(chosen.iter().filter(is_next).copied().collect())
}

/// The requested tag, or the candidate of the schedule.
fn candidate(
    facts: &FactContext<'_>,
    target: TargetId,
    manual: &ManualPromotion,
) -> Result<Option<Candidate>, Fault> {
    let Some(tag) = &manual.tag else { return Ok(nominated(facts, target)) };
    let Some(selection) = facts.selections[target].as_deref() else { return Ok(None) };
    let here = &facts.state.deployed.targets[target];
    if here.running.iter().all(|running| running.tag == *tag) {
        return Ok(None);
    }
    if let Some(candidate) = selection.find(tag) {
        return Ok(Some(candidate.clone()));
    }
    if let Some(artifact) = selection.rejection(tag) {
        return Err(no_image(&tagged(here.image(), tag), artifact));
    }
    let message = format!("{} has no tag {tag} that the selection rules admit", here.image());
    let Some(highest) = selection.highest() else {
        return Err(Fault::new(Class::Usage, message).with_hint("the rules admit none of its tags"));
    };
    let tags = selection.candidates().iter().map(|candidate| candidate.tag.as_str());
    let near = nearest(tag.as_str(), tags).map(|near| format!("did you mean {near}? "));
    let hint = format!("{}the highest admitted is {}", near.unwrap_or_default(), highest.tag);
    Err(Fault::new(Class::Usage, message).with_hint(hint))
}

fn no_image((image, tag): &TaggedImage, artifact: &Artifact) -> Fault {
    Fault::new(Class::Refused, format!("{image}:{tag} is not promoted: {artifact}"))
        .with_hint("no override passes this; push an image under a new tag")
}

/// Whether time may open the gates of a candidate: nobody rolled it back or quarantined it.
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

/// A tag can only be requested for one image of one service in a named environment.
fn must_be_one(state: &RepositoryState, manual: &ManualPromotion, chosen: &[TargetId]) -> Result<(), Fault> {
    if manual.to.is_none() {
        return Err(Fault::new(Class::Usage, "--tag needs an environment")
            .with_hint("pass --env with the environment"));
    }
    let [first, _, ..] = chosen else { return Ok(()) };
    let first = &state.deployed.targets[*first];
    let of_chosen = || chosen.iter().map(|target| &state.deployed.targets[*target]);
    if of_chosen().all(|target| target.service() == first.service()) {
        let images: Vec<String> = of_chosen().map(|target| target.image().to_string()).collect();
        let message = format!("{} has several images; --tag needs one of them", first.service());
        return Err(Fault::new(Class::Usage, message)
            .with_hint(format!("add --image with one of {}", images.join(", "))));
    }
    let services: BTreeSet<String> = of_chosen().map(|target| target.service().to_string()).collect();
    let services = services.into_iter().collect::<Vec<_>>().join(", ");
    Err(Fault::new(
        Class::Usage,
        format!("--tag applies to one service, but this is about several: {services}"),
    )
    .with_hint("name one service that is in no group, or leave out --tag"))
}

#[cfg(test)]
mod tests;
