//! The repository as one pass sees it: what runs, since when, and who moved it. The same for as long as the branch
//! does not move.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::history::Subject;
use crate::model::{CommitId, Fault, IndexEnd, RepoPath};
use crate::policy::{Control, Controls, PastRun, RolledBack, RolloutCommit};

use super::control_files;
use super::deployed::DeployedState;
use super::flux_policies::Resolver;
use super::signatures::UnsignedFiles;
use super::snapshot::Snapshot;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::history::target_history::TargetHistory;

/// The repository at one commit, with its history.
#[derive(Debug)]
pub struct RepositoryState {
    /// What runs.
    pub deployed: DeployedState,
    /// What people said by control files.
    pub controls: Controls,
    /// The control files that do not count, since nobody who is allowed to signed them.
    pub(crate) unsigned_controls: UnsignedFiles,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) resolver: Resolver,
    /// The end of the kept history, which is this commit.
    pub(crate) end: IndexEnd,
    /// For each target, filled when it is first asked for.
    pasts: Vec<OnceLock<Arc<TargetHistory>>>,
    covering: Vec<OnceLock<Controls>>,
    /// Set when the kept history could not be read: another process may have made it anew.
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
        fn empty<T>(count: usize) -> Vec<OnceLock<T>> {
            std::iter::repeat_with(OnceLock::new).take(count).collect()
        }
        let mut deployed = DeployedState::of(&snapshot, &resolver, repository_policy);
        let controls = control_files::controls_of(&snapshot, &unsigned, repository_policy);
        deployed.problems.extend(control_files::unsigned_problems(&unsigned));
        deployed.problems.extend(control_files::problems(&controls));
        let targets = deployed.targets.len();
        Self {
            deployed,
            controls,
            unsigned_controls: unsigned,
            snapshot,
            resolver,
            end,
            pasts: empty(targets),
            covering: empty(targets),
            is_stale: AtomicBool::new(false),
        }
    }

    /// Passes on what was read of the kept history, and notes when it could not be: then this view is not used again.
    pub(in crate::engine) fn heed<T>(&self, read: Result<T, Fault>) -> Result<T, Fault> {
        self.is_stale.fetch_or(read.is_err(), Ordering::Relaxed);
        read
    }

    /// Whether it must be taken anew even if the branch is where it was.
    pub(in crate::engine) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
    }

    /// Takes over what an earlier view knows of the past of targets that are the same, but for those that moved since.
    pub(in crate::engine) fn take_over(&self, last: &Self, moved: &BTreeSet<Subject>) {
        for (at, target) in self.deployed.targets.iter().enumerate() {
            if moved.contains(&target.subject) {
                continue;
            }
            let Some(before) = last.deployed.place(target.environment, &target.subject) else { continue };
            let was = &last.deployed.targets[before];
            if let Some(past) = last.pasts[before].get()
                && was.held == target.held
                && was.rules == target.rules
            {
                self.learn(at, || Arc::clone(past));
            }
        }
    }

    pub(in crate::engine) fn learn(&self, target: usize, past: impl FnOnce() -> Arc<TargetHistory>) {
        self.pasts[target].get_or_init(past);
    }

    /// What history tells of a target, if it was [learned](crate::engine::Engine::learn).
    pub(crate) fn past_of(&self, target: usize) -> Option<&TargetHistory> {
        self.pasts[target].get().map(Arc::as_ref)
    }

    /// What the control file at a place says, if there is one.
    pub fn control_at(&self, file: &RepoPath) -> Option<&Control> {
        self.snapshot.controls.get(file)
    }

    /// The commit that is seen.
    pub fn commit(&self) -> CommitId {
        self.deployed.commit
    }

    /// The commit by which a target came to hold exactly what it holds now; nothing where its past was not learned.
    pub fn rollout_commit(&self, target: usize) -> Option<&RolloutCommit> {
        self.past_of(target)?.rollout_commit.as_ref()
    }

    /// The versions that a person left by going lower, and that nobody brought back: in the target's environment, and in
    /// those before it; none where its past was not learned.
    pub fn rolled_back(&self, target: usize) -> &[RolledBack] {
        self.past_of(target).map(|past| past.rolled_back.as_slice()).unwrap_or_default()
    }

    /// What the target's environment ran before what it runs now, newest first; nothing where its past was not learned.
    pub fn past(&self, target: usize) -> &[PastRun] {
        self.past_of(target).map(|past| past.runs.as_slice()).unwrap_or_default()
    }

    /// The controls that cover a target.
    pub fn covering(&self, repository_policy: &RepositoryPolicy, target: usize) -> &Controls {
        if self.controls.is_empty() {
            return Controls::NONE;
        }
        self.covering[target].get_or_init(|| {
            let target = &self.deployed.targets[target];
            let environment = &repository_policy.environments[target.environment].policy.name;
            self.controls.covering(target.service(), environment)
        })
    }
}
