//! The health of what runs, as the clusters of environments report it, and what was observed of it over time.
//!
//! A target is healthy when, in every cluster that applies one of its files, the live object holds the version, is ready, and
//! its Kustomization has applied the commit that brought the version or a later one.

mod context;
mod judge;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::problem::{Problem, ProblemCondition};
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::history::target_history::read_histories;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{
    Class, ClusterReport, CommitId, EnvironmentId, Fault, Health, HealthObservation, HealthSubject, TargetId,
    Timestamp, UnhealthyCause,
};
use crate::port::{Clusters, Health as _, Ports, Repository};

pub use context::{ClusterCheck, check_clusters};
use judge::{ClusterView, Held, Ready, Views};

/// What is kept from one look to the next: whether an applied commit contains a rollout commit.
#[derive(Debug, Default)]
pub(in crate::engine) struct Memory {
    contains: HashMap<(CommitId, CommitId), bool>,
}

/// The health of targets in environments with clusters.
#[derive(Debug, Default)]
pub(crate) struct HealthByTarget(BTreeMap<TargetId, TargetHealth>);

/// The health of one target.
#[derive(Clone, Debug)]
pub struct TargetHealth {
    /// What the clusters say now.
    pub now: Health,
    /// Its changes, of earlier rollouts too, oldest first.
    pub observed: Vec<HealthObservation>,
}

impl TargetHealth {
    /// Since when it has been healthy; `None` if it is not.
    pub fn healthy_since(&self) -> Option<Timestamp> {
        let last = self.observed.last().filter(|_| self.now == Health::Healthy)?;
        let same = self.observed.iter().rev().take_while(|one| one.is_same(last));
        same.last().map(|first| first.at)
    }
}

impl HealthByTarget {
    /// The health of a target; `None` where its environment has no cluster.
    pub(crate) fn of(&self, target: TargetId) -> Option<&TargetHealth> {
        self.0.get(&target)
    }
}

/// Looks at every cluster, and stores what changed. Costs nothing where no cluster is configured.
pub(super) async fn observe<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    state: &Arc<RepositoryState>,
    now: Timestamp,
) -> Result<(HealthByTarget, Vec<Problem>), Fault> {
    let reports = look(context).await;
    if reports.is_empty() {
        return Ok((HealthByTarget::default(), Vec::new()));
    }
    let problems = problems(context.policy, &reports);
    let has_cluster = |target: &TargetId| reports.contains_key(&state.deployed.targets[*target].environment);
    let targets: Vec<TargetId> = state.deployed.targets.ids().filter(has_cluster).collect();
    read_histories(context, state, targets.iter().copied()).await?;
    let found = judge_all(context, memory, state, reports, targets).await?;
    let health = record(context, state, found, now).await?;
    Ok((health, problems))
}

/// What is known of the clusters, by environment; environments without one are missing.
async fn look<P: Ports>(context: Context<'_, P>) -> BTreeMap<EnvironmentId, Vec<ClusterReport>> {
    let mut reports = BTreeMap::new();
    let deadline = tokio::time::Instant::now() + context.registry_wait;
    for (id, environment) in context.policy.environments.entries() {
        let wait = deadline.saturating_duration_since(tokio::time::Instant::now());
        let clusters = context.clusters.look(&environment.policy.name, wait).await;
        if !clusters.is_empty() {
            reports.insert(id, clusters);
        }
    }
    reports
}

/// The clusters whose word does not count.
fn problems(
    repository_policy: &RepositoryPolicy,
    reports: &BTreeMap<EnvironmentId, Vec<ClusterReport>>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (environment, reports) in reports {
        let name = &repository_policy.environments[*environment].policy.name;
        for check in check_clusters(repository_policy, *environment, reports) {
            let Err(why) = check.result else { continue };
            let message = format!("the health of {name} is unknown: cluster {}: {why}", check.cluster);
            let condition =
                ProblemCondition::SilentCluster { environment: name.clone(), cluster: check.cluster };
            problems.push(Problem {
                class: Class::TryAgain,
                environment: Some(name.clone()),
                condition: Some(condition),
                ..Problem::warning(message).hint("`tidegate doctor` shows what it finds in the cluster")
            });
        }
    }
    problems
}

/// What a look found of a target.
struct Found {
    target: TargetId,
    /// The commit that brought what runs; none where it runs no single version.
    commit: Option<CommitId>,
    health: Health,
    ready_since: Option<Timestamp>,
}

/// Judges every target that runs one version by a known commit.
async fn judge_all<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    state: &Arc<RepositoryState>,
    reports: BTreeMap<EnvironmentId, Vec<ClusterReport>>,
    targets: Vec<TargetId>,
) -> Result<Vec<Found>, Fault> {
    let (state, repository_policy) = (Arc::clone(state), Arc::clone(context.policy));
    let repository = Arc::clone(context.repository);
    let mut known = std::mem::take(&mut memory.contains);
    let (found, contains) = blocking(move || {
        let (views, silent) = views(&repository_policy, &reports);
        let mut contains = HashMap::new();
        let mut found = Vec::new();
        for target in targets {
            let deployed = &state.deployed.targets[target];
            let runs_one = deployed.running.len() == 1 && deployed.inactive.is_none();
            let Some(rollout) = state.rollout_commit(target).filter(|_| runs_one) else {
                // Earlier runs count by what was observed of them.
                let health = Health::Unknown("it runs no single version".to_owned());
                found.push(Found { target, commit: None, health, ready_since: None });
                continue;
            };
            let commit = rollout.commit;
            let mut has_applied = |applied: CommitId| {
                let key = (commit, applied);
                let is_known = contains.get(&key).or_else(|| known.get(&key)).copied();
                let answer = match is_known {
                    Some(answer) => Some(answer),
                    // The rollout commit is on the branch, so its head contains it.
                    None if applied == state.commit() => Some(true),
                    // Flux may be ahead of the last fetch.
                    None => repository.contains(commit, applied).ok(),
                };
                if let Some(answer) = answer {
                    contains.insert(key, answer);
                }
                answer
            };
            let views = views.get(&deployed.environment).map(Vec::as_slice).unwrap_or_default();
            let judged = if let Some(why) = silent.get(&deployed.environment) {
                Err(Health::Unknown(why.clone()))
            } else {
                judge(&state, target, views, commit, &mut has_applied)
            };
            let (health, ready_since) = match judged {
                Ok(since) => (Health::Healthy, Some(since)),
                Err(health) => (health, None),
            };
            found.push(Found { target, commit: Some(commit), health, ready_since });
        }
        known.clear();
        Ok((found, contains))
    })
    .await?;
    memory.contains = contains;
    Ok(found)
}

/// The verified clusters of each environment, and why the health of an environment is unknown: one of its clusters cannot be
/// asked or is not the right one.
fn views<'a>(
    repository_policy: &RepositoryPolicy,
    reports: &'a BTreeMap<EnvironmentId, Vec<ClusterReport>>,
) -> (Views<'a>, BTreeMap<EnvironmentId, String>) {
    let mut views = Views::new();
    let mut silent = BTreeMap::new();
    for (environment, reports) in reports {
        for report in reports {
            let verified = match &report.objects {
                Ok(objects) => context::verify(repository_policy, *environment, objects)
                    .map(|ours| ClusterView::new(&report.name, objects, ours)),
                Err(why) => Err(why.clone()),
            };
            match verified {
                Ok(view) => views.entry(*environment).or_default().push(view),
                Err(why) => {
                    silent.entry(*environment).or_insert_with(|| format!("cluster {}: {why}", report.name));
                }
            }
        }
    }
    (views, silent)
}

/// Since when the objects of a target are ready in every cluster that applies one of its files.
fn judge(
    state: &RepositoryState,
    target: TargetId,
    views: &[ClusterView<'_>],
    commit: CommitId,
    has_applied: &mut impl FnMut(CommitId) -> Option<bool>,
) -> Result<Timestamp, Health> {
    let deployed = &state.deployed.targets[target];
    let mut since = Timestamp::MIN_UTC;
    for (file, tags) in &deployed.held {
        let held = Held { file, service: deployed.service(), image: deployed.image(), tags };
        let mut applying = views.iter().filter(|view| view.applies(file)).peekable();
        if applying.peek().is_none()
            && let Some(view) = views.first()
        {
            // It says which file no Kustomization applies.
            view.judge(held).map_err(Health::Unhealthy)?;
        }
        for view in applying {
            let Ready { since: ready_since, kustomization, applied } =
                view.judge(held).map_err(Health::Unhealthy)?;
            let contains = applied.map_or(Some(false), &mut *has_applied);
            match contains {
                Some(true) => since = since.max(ready_since),
                Some(false) => {
                    let cause = UnhealthyCause::NotApplied { kustomization, commit, applied };
                    return Err(Health::Unhealthy(view.unhealthy(deployed.service(), cause)));
                }
                None => {
                    let why =
                        format!("Kustomization {kustomization} applied a commit that is not fetched yet");
                    return Err(Health::Unknown(why));
                }
            }
        }
    }
    Ok(since)
}

/// Stores what changed, and puts it together with what was observed before.
async fn record<P: Ports>(
    context: Context<'_, P>,
    state: &RepositoryState,
    found: Vec<Found>,
    now: Timestamp,
) -> Result<HealthByTarget, Fault> {
    let subject = |target: TargetId| {
        let deployed = &state.deployed.targets[target];
        HealthSubject {
            environment: context.policy.environments[deployed.environment].policy.name.clone(),
            service: deployed.service().clone(),
            image: deployed.image().clone(),
        }
    };
    let subjects: Vec<HealthSubject> = found.iter().map(|one| subject(one.target)).collect();
    let mut known = context.store.health(&subjects).await?;
    let mut changes = Vec::new();
    let mut health = BTreeMap::new();
    for (Found { target, commit, health: now_is, ready_since }, subject) in found.into_iter().zip(subjects) {
        let mut observed = known.remove(&subject).unwrap_or_default();
        let seen = commit.map(|commit| HealthObservation { commit, ready_since, at: now });
        let environment = state.deployed.targets[target].environment;
        let is_verified = context.policy.verifications.contains_key(&environment);
        if let Some(seen) = seen.filter(|seen| is_news(&observed, &now_is, seen, is_verified)) {
            observed.push(seen.clone());
            changes.push((subject, seen));
        }
        health.insert(target, TargetHealth { now: now_is, observed });
    }
    if !changes.is_empty() {
        context.store.record_health(&changes).await?;
    }
    Ok(HealthByTarget(health))
}

/// Whether a look says something new. What is unknown is no observation, and what was never healthy was not lost. The first look
/// at a version that is verified shows that somebody watched it.
fn is_news(
    observed: &[HealthObservation],
    now: &Health,
    seen: &HealthObservation,
    is_verified: bool,
) -> bool {
    let last = observed.last().filter(|last| last.commit == seen.commit);
    if is_verified && last.is_none() {
        return true;
    }
    match now {
        Health::Healthy => last.is_none_or(|last| !last.is_same(seen)),
        Health::Unhealthy(_) => last.is_some_and(HealthObservation::is_healthy),
        Health::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests;
