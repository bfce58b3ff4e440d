//! Gathers the facts about each target for the policy.

use std::sync::{Arc, LazyLock};

use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::proposals::pull_requests::PullRequests;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{ByTarget, ImageName, Tag, TargetId, Timestamp};
use crate::policy::{
    Candidate, DigestNow, Facts, Observations, PreviousEnvironment, PreviousHealth, PreviousRunning,
    ReviewState, Selection, SoakMode, TargetPolicy, UnsignedCommits,
};
use crate::port::TaggedImage;

use super::digests::Digests;
use super::health::HealthByTarget;

/// What the facts about targets are gathered from.
#[derive(Clone, Copy)]
pub(crate) struct FactContext<'a> {
    pub(crate) repository_policy: &'a RepositoryPolicy,
    pub(crate) state: &'a RepositoryState,
    /// By target; none where the registry did not answer.
    pub(crate) selections: &'a ByTarget<Option<Arc<Selection>>>,
    pub(crate) digests: &'a Digests,
    pub(crate) unsigned: &'a UnsignedCommits,
    pub(crate) health: &'a HealthByTarget,
    pub(crate) pull_requests: &'a PullRequests,
    pub(crate) now: Timestamp,
}

impl<'a> FactContext<'a> {
    pub(crate) fn policy(&self, target: TargetId) -> TargetPolicy<'a> {
        let target = &self.state.deployed.targets[target];
        let is_in_group = self.repository_policy.group_of(target.service()).is_some();
        TargetPolicy {
            environment: &self.repository_policy.environments[target.environment].policy,
            rules: &target.rules,
            soak: target.soak,
            soak_mode: self.repository_policy.soak_mode.of_service(is_in_group),
            clock_tolerance: self.repository_policy.clock_tolerance,
            minimum_age: target.minimum_age,
        }
    }

    /// The facts about a target, and about `candidate` if there is one already. None if the registry did not answer, or if
    /// there is a candidate and the history was not read.
    pub(crate) fn facts(&self, target: TargetId, candidate: Option<&Candidate>) -> Option<Facts<'a>> {
        let selection = self.selections[target].as_deref()?;
        if candidate.is_some() {
            self.state.history_of(target)?;
        }
        Some(self.facts_of(target, selection, candidate))
    }

    /// The facts that are known without the registry.
    pub(crate) fn facts_without_registry(&self, target: TargetId) -> Facts<'a> {
        self.facts_of(target, &NO_SELECTION, None)
    }

    fn facts_of(
        &self,
        target: TargetId,
        selection: &'a Selection,
        candidate: Option<&Candidate>,
    ) -> Facts<'a> {
        let here = &self.state.deployed.targets[target];
        // The selection's tag lives as long as the facts.
        let candidate = candidate.and_then(|candidate| selection.find(&candidate.tag));
        let digest_now =
            candidate.map_or(DigestNow::NotAsked, |candidate| self.digest_of(here.image(), &candidate.tag));
        Facts {
            running: &here.running,
            selection,
            rolled_back: self.state.rolled_back(target),
            refused: self.pull_requests.refused.get(&target),
            before: self.before(target),
            observations: self.digests.observed.get(here.image()).unwrap_or(&NO_OBSERVATIONS),
            digest_now,
            controls: self.state.covering(self.repository_policy, target),
            reviewing: self
                .pull_requests
                .reviewed
                .get(&target)
                .map_or(ReviewState::NotProposed, ReviewState::Proposed),
            train_hold: None,
        }
    }

    /// The digest of a tag from this pass's answer. A tag that was not asked about, because another gate is closed anyway,
    /// has the last observed one, so that the earliest opening can be shown.
    fn digest_of(&self, image: &ImageName, tag: &'a Tag) -> DigestNow<'a> {
        match self.digests.asked.get(&tagged(image, tag)) {
            Some(Some(digest)) => DigestNow::Is { tag, digest },
            Some(None) => DigestNow::Unknown,
            None => match self.digests.observed.get(image).and_then(|seen| seen.of(tag).last()) {
                Some(last) => DigestNow::Is { tag, digest: &last.digest },
                None => DigestNow::NotAsked,
            },
        }
    }

    fn before(&self, target: TargetId) -> Option<PreviousEnvironment<'a>> {
        let here = &self.state.deployed.targets[target];
        let before = self.repository_policy.environments[here.environment].before?;
        let environment = &self.repository_policy.environments[before].policy.name;
        let there = self.state.deployed.place(before, &here.subject);
        let running = there.map_or(PreviousRunning::Missing, |there| self.running_before(there));
        // Past runs matter only when something newer soaks, or soaked.
        let is_behind = match (running, here.running.first()) {
            (PreviousRunning::One { candidate, .. }, Some(lowest)) => candidate.version > lowest.version,
            _ => false,
        };
        let counts = is_behind || self.repository_policy.soak_mode == SoakMode::Elapsed;
        let past = there.filter(|_| counts).map(|there| self.state.past(there));
        Some(PreviousEnvironment {
            environment,
            running,
            past: past.unwrap_or_default(),
            unsigned: self.unsigned,
            inactive: there.and_then(|there| self.state.deployed.targets[there].inactive.as_ref()),
            health: there
                .and_then(|there| self.health.of(there))
                .map(|health| PreviousHealth { now: &health.now, observed: &health.observed }),
        })
    }

    fn running_before(&self, at: TargetId) -> PreviousRunning<'a> {
        let there = &self.state.deployed.targets[at];
        let [candidate] = there.running.as_slice() else { return PreviousRunning::Several(&there.running) };
        if there.is_pinned_apart() {
            return PreviousRunning::Several(&there.running);
        }
        match self.state.history_of(at) {
            Some(history) => match &history.rollout_commit {
                Some(rollout_commit) => {
                    PreviousRunning::One { candidate, rollout_commit: Some(rollout_commit) }
                }
                None => PreviousRunning::Missing,
            },
            // Nothing newer is available, so no decision depends on the rollout commit.
            None => PreviousRunning::One { candidate, rollout_commit: None },
        }
    }
}

pub(crate) fn tagged(image: &ImageName, tag: &Tag) -> TaggedImage {
    (image.clone(), tag.clone())
}

static NO_SELECTION: LazyLock<Selection> = LazyLock::new(Selection::default);

static NO_OBSERVATIONS: LazyLock<Observations> = LazyLock::new(Observations::default);
