//! Reads the histories of targets from the index, for those that need one: where nothing newer is available, history
//! decides nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::engine::state::target_history::TargetHistory;
use crate::history::{self, Rollbacks, Runs, Subject, newest_under, under};
use crate::model::{EnvironmentId, Fault, RepoPath, TagChange, TargetId};
use crate::port::{IndexReader, Ports};

/// How many subjects are read in one query.
const SUBJECTS_PER_QUERY: usize = 1_000;

/// Reads the histories of these targets, and of the same images in every other environment, unless the state has them.
pub(in crate::engine) async fn read_histories<P: Ports>(
    context: Context<'_, P>,
    state: &Arc<RepositoryState>,
    targets: impl IntoIterator<Item = TargetId>,
) -> Result<(), Fault> {
    let unread = targets.into_iter().filter(|target| state.history_of(*target).is_none());
    let subjects: BTreeSet<&Subject> = unread.map(|target| &state.deployed.targets[target].subject).collect();
    let subjects: Vec<Subject> = subjects.into_iter().cloned().collect();
    for part in subjects.chunks(SUBJECTS_PER_QUERY) {
        let written = part.iter().flat_map(|(service, image)| {
            let names = state.resolver.written_names(service);
            names.into_iter().map(|name| (name, image.clone()))
        });
        let written: Vec<Subject> = written.collect::<BTreeSet<_>>().into_iter().collect();
        let tag_changes = context.store.tag_changes_of(state.end, &written).await;
        let mut tag_changes = state.mark_stale_on_error(tag_changes)?;
        let mut known: BTreeSet<Subject> = written.iter().cloned().collect();
        loop {
            let former = tag_changes.iter().filter_map(|one| one.renamed_from.clone());
            let former: BTreeSet<Subject> = former.filter(|former| !known.contains(former)).collect();
            if former.is_empty() {
                break;
            }
            let former: Vec<Subject> = former.into_iter().collect();
            let more = context.store.tag_changes_of(state.end, &former).await;
            tag_changes.extend(state.mark_stale_on_error(more)?);
            known.extend(former);
        }
        let (state, repository_policy) = (Arc::clone(state), Arc::clone(context.policy));
        let part = part.to_vec();
        blocking(move || {
            set_histories(&state, &repository_policy, &part, tag_changes);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Sets the histories of every target of `subjects` from all their tag changes, oldest first.
fn set_histories(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    subjects: &[Subject],
    tag_changes: Vec<TagChange>,
) {
    let mut by_subject: HashMap<Subject, Vec<TagChange>> = HashMap::new();
    for mut tag_change in tag_changes {
        state.resolver.place(&mut tag_change);
        let subject = (tag_change.service.clone(), tag_change.image.clone());
        by_subject.entry(subject).or_default().push(tag_change);
    }
    for subject in subjects {
        let tag_changes = lineage(subject, &by_subject);
        for environment in repository_policy.environments.ids() {
            if let Some(target) = state.deployed.place(environment, subject) {
                state.set_history(target, || {
                    let target = &state.deployed.targets[target];
                    Arc::new(history_from(target, repository_policy, &tag_changes))
                });
            }
        }
    }
}

/// The history of a target, from all tag changes of its image, oldest first.
fn history_from(
    target: &Target,
    repository_policy: &RepositoryPolicy,
    tag_changes: &[TagChange],
) -> TargetHistory {
    let paths = &repository_policy.environments[target.environment].paths;
    let arrival = history::rollout_commit(newest_under(tag_changes, paths), paths, &target.held);
    let chain =
        std::iter::successors(Some(target.environment), |at| repository_policy.environments[*at].before);
    let rolled_back_in = |environment: EnvironmentId| {
        let environment = &repository_policy.environments[environment];
        let tag_changes: Vec<&TagChange> = under(tag_changes, &environment.paths).collect();
        Rollbacks::read(&tag_changes, &target.rules, &environment.policy.name)
    };
    TargetHistory {
        rollout_commit: arrival
            .map(|tag_change| history::rollout_commit_of(tag_change, target.pinned_digest())),
        arrival: arrival.cloned(),
        rolled_back: chain.flat_map(rolled_back_in).collect(),
        runs: Runs::of(newest_under(tag_changes, paths), paths, &target.held, &target.rules).into_past(),
    }
}

/// The tag changes of a service's image, oldest first, with those under its former names up to each rename.
fn lineage(subject: &Subject, by_subject: &HashMap<Subject, Vec<TagChange>>) -> Vec<TagChange> {
    let mut found: BTreeMap<(u64, RepoPath), TagChange> = BTreeMap::new();
    let mut pending = vec![(subject.clone(), u64::MAX)];
    let mut seen = BTreeSet::new();
    while let Some((name, before)) = pending.pop() {
        if !seen.insert((name.clone(), before)) {
            continue;
        }
        for one in by_subject.get(&name).into_iter().flatten().filter(|one| one.sequence < before) {
            if let Some(former) = &one.renamed_from {
                pending.push((former.clone(), one.sequence));
            }
            let (service, image) = subject.clone();
            let key = (one.sequence, one.path.clone());
            // A rename is recorded under both names, and under the former one as a removal.
            if found.get(&key).is_none_or(|known| known.after.is_empty()) {
                found.insert(key, TagChange { service, image, ..one.clone() });
            }
        }
    }
    found.into_values().collect()
}
