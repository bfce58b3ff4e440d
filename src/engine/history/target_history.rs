//! What history tells of a target. Read for those that it matters to: where nothing newer is there, it decides nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::history::{self, Rollbacks, Runs, Subject, newest_under};
use crate::model::{Fault, TagChange};
use crate::policy::{PastRun, RolledBack, RolloutCommit};

use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Ports, Store};
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;

/// Of how many images of services the history is read together.
const SUBJECTS_A_TIME: usize = 1_000;

/// What history tells of a target.
#[derive(Debug)]
pub(crate) struct TargetHistory {
    /// The tag change by which the target came to hold exactly what it holds now.
    pub(in crate::engine) arrival: Option<TagChange>,
    /// The same, as policy sees it.
    pub(in crate::engine) rollout_commit: Option<RolloutCommit>,
    /// The versions that were left by going lower and not brought back, in the target's environment and in those before it.
    pub(in crate::engine) rolled_back: Vec<RolledBack>,
    /// What ran before what runs now, newest first.
    pub(in crate::engine) runs: Vec<PastRun>,
}

impl TargetHistory {
    /// Reads the past of a target from all tag changes of its image, oldest first.
    fn of(target: &Target, repository_policy: &RepositoryPolicy, tag_changes: &[TagChange]) -> Self {
        let paths = &repository_policy.environments[target.environment].paths;
        let arrival = history::rollout_commit(newest_under(tag_changes, paths), paths, &target.held);
        let chain =
            std::iter::successors(Some(target.environment), |at| repository_policy.environments[*at].before);
        let left_in = |environment: usize| {
            let environment = &repository_policy.environments[environment];
            let tag_changes = newest_under(tag_changes, &environment.paths).collect();
            Rollbacks::read(tag_changes, &target.rules, &environment.policy.name)
        };
        Self {
            rollout_commit: arrival
                .map(|tag_change| history::rollout_commit_of(tag_change, target.pinned_digest())),
            arrival: arrival.cloned(),
            rolled_back: chain.flat_map(left_in).collect(),
            runs: Runs::of(newest_under(tag_changes, paths), paths, &target.held, &target.rules).into_past(),
        }
    }
}

impl<P: Ports> Engine<P> {
    /// Reads the past of these targets, and of the same images in every other environment, where it is not known yet.
    ///
    /// # Errors
    /// When the store can't be read, or its history is not the one of the view any more.
    pub async fn learn(
        &self,
        state: &Arc<RepositoryState>,
        targets: impl IntoIterator<Item = usize>,
    ) -> Result<(), Fault> {
        let unknown = targets.into_iter().filter(|target| state.past_of(*target).is_none());
        let subjects: BTreeSet<&Subject> =
            unknown.map(|target| &state.deployed.targets[target].subject).collect();
        let subjects: Vec<Subject> = subjects.into_iter().cloned().collect();
        for some in subjects.chunks(SUBJECTS_A_TIME) {
            let tag_changes = state.heed(self.ports.store.tag_changes_of(state.end, some).await)?;
            let (state, repository_policy) = (Arc::clone(state), Arc::clone(&self.repository_policy));
            let some = some.to_vec();
            blocking(move || {
                state.remember(&repository_policy, &some, tag_changes);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

impl RepositoryState {
    /// Takes in all tag changes of these images, oldest first.
    fn remember(
        &self,
        repository_policy: &RepositoryPolicy,
        subjects: &[Subject],
        tag_changes: Vec<TagChange>,
    ) {
        let mut of_each: HashMap<Subject, Vec<TagChange>> = HashMap::new();
        for tag_change in tag_changes {
            let subject = (tag_change.service.clone(), tag_change.image.clone());
            of_each.entry(subject).or_default().push(tag_change);
        }
        for subject in subjects {
            let tag_changes = of_each.get(subject).map(Vec::as_slice).unwrap_or_default();
            for environment in 0..repository_policy.environments.len() {
                if let Some(target) = self.deployed.place(environment, subject) {
                    self.learn(target, || {
                        Arc::new(TargetHistory::of(
                            &self.deployed.targets[target],
                            repository_policy,
                            tag_changes,
                        ))
                    });
                }
            }
        }
    }
}
