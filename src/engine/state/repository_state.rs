//! The repository at one commit: what runs, which control files apply, and what history says of each target. It stays
//! valid for as long as the branch does not move.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::config::nearest;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::history::Subject;
use crate::model::{ByTarget, CommitId, Fault, IndexEnd, PromotionMark, RepoPath, ServiceName, TargetId};
use crate::policy::{Control, Controls, PastRun, RolledBack, RolloutCommit};

use super::control_files::{self, UnsignedFiles};
use super::deployed::{DeployedState, Target, services_of};
use super::flux_policies::Resolver;
use super::snapshot::Snapshot;
use super::target_history::TargetHistory;

/// Maximum services suggested for a name that matches none.
const MOST_SUGGESTIONS: usize = 5;

/// The repository at one commit, with its history.
#[derive(Debug)]
pub struct RepositoryState {
    /// What runs.
    pub deployed: DeployedState,
    /// The control files that count.
    pub controls: Controls,
    pub(crate) unsigned_controls: UnsignedFiles,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) resolver: Resolver,
    /// Cursor at the end of the index, which is this commit.
    pub(crate) end: IndexEnd,
    /// For each target, set when its history is first read.
    histories: ByTarget<OnceLock<Arc<TargetHistory>>>,
    covering: ByTarget<OnceLock<Controls>>,
    is_stale: AtomicBool,
}

impl RepositoryState {
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        resolver: Resolver,
        end: IndexEnd,
        unsigned: UnsignedFiles,
        repository_policy: &RepositoryPolicy,
    ) -> Self {
        let mut deployed = DeployedState::of(&snapshot, &resolver, repository_policy);
        let controls = control_files::controls_of(&snapshot, &unsigned, repository_policy);
        deployed.problems.extend(control_files::unsigned_problems(&unsigned));
        deployed.problems.extend(control_files::problems(&controls));
        let read: Vec<&Control> = snapshot.controls.values().collect();
        if !read.is_empty() {
            let services = services_of(&snapshot, &resolver, repository_policy);
            deployed.problems.extend(control_files::unmatched(&read, &services));
        }
        Self {
            controls,
            unsigned_controls: unsigned,
            snapshot,
            resolver,
            end,
            histories: deployed.targets.map(|_| OnceLock::new()),
            covering: deployed.targets.map(|_| OnceLock::new()),
            deployed,
            is_stale: AtomicBool::new(false),
        }
    }

    /// Passes on the result of reading the index. After an error this state is not reused: another process may have
    /// rebuilt the index.
    pub(in crate::engine) fn mark_stale_on_error<T, E>(&self, read: Result<T, E>) -> Result<T, Fault>
    where
        Fault: From<E>,
    {
        self.is_stale.fetch_or(read.is_err(), Ordering::Relaxed);
        Ok(read?)
    }

    /// Whether it must be read again even if the branch has not moved.
    pub(in crate::engine) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
    }

    /// Copies the histories of unchanged targets from an earlier state, except those of `moved` subjects.
    pub(in crate::engine) fn copy_histories(&self, last: &Self, moved: &BTreeSet<Subject>) {
        for (at, target) in self.deployed.targets.entries() {
            if moved.contains(&target.subject) {
                continue;
            }
            let Some(before) = last.deployed.place(target.environment, &target.subject) else { continue };
            let was = &last.deployed.targets[before];
            if let Some(history) = last.histories[before].get()
                && was.held == target.held
                && was.rules == target.rules
            {
                self.set_history(at, || Arc::clone(history));
            }
        }
    }

    /// Sets the history of a target unless it is set.
    pub(in crate::engine) fn set_history(
        &self,
        target: TargetId,
        history: impl FnOnce() -> Arc<TargetHistory>,
    ) {
        self.histories[target].get_or_init(history);
    }

    /// The history of a target, if it was read.
    pub(crate) fn history_of(&self, target: TargetId) -> Option<&TargetHistory> {
        self.histories[target].get().map(Arc::as_ref)
    }

    /// The control at a path, if there is one.
    pub fn control_at(&self, file: &RepoPath) -> Option<&Control> {
        self.snapshot.controls.get(file)
    }

    /// The commit.
    pub fn commit(&self) -> CommitId {
        self.deployed.commit
    }

    /// Where the index of its history ends.
    pub fn index_end(&self) -> IndexEnd {
        self.end
    }

    /// The commit by which a target came to hold exactly what it holds now; none where its history was not read.
    pub fn rollout_commit(&self, target: TargetId) -> Option<&RolloutCommit> {
        self.history_of(target)?.rollout_commit.as_ref()
    }

    /// The trailers of the promotion that brought what a target runs; none for a person's commit, or where its history was not
    /// read.
    pub(crate) fn promotion(&self, target: TargetId) -> Option<&PromotionMark> {
        self.history_of(target)?.arrival.as_ref()?.promotion.as_ref()
    }

    /// The versions that people rolled back from and did not bring back, in the target's environment and in those before it;
    /// none where its history was not read.
    pub fn rolled_back(&self, target: TargetId) -> &[RolledBack] {
        self.history_of(target).map(|history| history.rolled_back.as_slice()).unwrap_or_default()
    }

    /// What ran before the running version, newest first; none where its history was not read.
    pub fn past(&self, target: TargetId) -> &[PastRun] {
        self.history_of(target).map(|history| history.runs.as_slice()).unwrap_or_default()
    }

    /// The controls that cover a target.
    pub fn covering(&self, repository_policy: &RepositoryPolicy, target: TargetId) -> &Controls {
        if self.controls.is_empty() {
            return Controls::NONE;
        }
        self.covering[target].get_or_init(|| {
            let target = &self.deployed.targets[target];
            let environment = &repository_policy.environments[target.environment].policy.name;
            self.controls.covering(target.service(), environment)
        })
    }

    /// Every service.
    pub fn services(&self) -> BTreeSet<&ServiceName> {
        self.deployed.targets.iter().map(Target::service).collect()
    }

    /// As [`services_like`], of every service.
    pub fn services_like(&self, written: &str) -> Vec<&ServiceName> {
        services_like(self.services(), written)
    }
}

/// The services to suggest for a name that matches none: those of the same name in another namespace, or else the one with the
/// nearest spelling.
pub fn services_like<'a>(services: BTreeSet<&'a ServiceName>, written: &str) -> Vec<&'a ServiceName> {
    let name = written.rsplit('/').next().unwrap_or_default();
    let namesakes: Vec<&ServiceName> =
        services.iter().copied().filter(|service| service.name() == name).take(MOST_SUGGESTIONS).collect();
    if !namesakes.is_empty() {
        return namesakes;
    }
    let has_namespace = written.contains('/');
    let spelled =
        |service: &ServiceName| if has_namespace { service.to_string() } else { service.name().to_owned() };
    let spellings: Vec<(String, &ServiceName)> =
        services.into_iter().map(|service| (spelled(service), service)).collect();
    let near = nearest(written, spellings.iter().map(|(spelling, _)| spelling.as_str()));
    let is_near = |(spelling, _): &&(String, &'a ServiceName)| Some(spelling.as_str()) == near;
    spellings.iter().filter(is_near).map(|(_, service)| *service).collect()
}
