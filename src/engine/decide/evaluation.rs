//! From what was seen to what is decided: gathers each target's facts and asks the policy.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use chrono_tz::Tz;

use crate::model::{Digest, Fault, ImageName, Tag, TagList, Timestamp};
use crate::policy::{
    self, Candidate, Decision, DigestNow, Facts, Group, Observations, PreviousEnvironment, PreviousRunning,
    RefusedPullRequest, ReviewState, ReviewedPullRequest, Selection, SoakMode, TargetPolicy, UnsignedCommits,
};

use super::poll::{Polled, tagged};
use crate::engine::Engine;
use crate::engine::base::ports::{Clock as _, Ports, TaggedImage};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::proposals::pull_requests::PullRequests;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;

/// What is decided for every target.
#[derive(Debug)]
pub struct Evaluation {
    /// The repository as it was seen.
    pub state: Arc<RepositoryState>,
    /// When.
    pub now: Timestamp,
    /// The zone of freezes.
    pub(crate) zone: Tz,
    /// For each target of the board; nothing where its registry could not be asked.
    pub decisions: Vec<Option<Decision>>,
    /// What the registries have and the rules admit, for each target.
    pub(crate) selections: Vec<Option<Arc<Selection>>>,
    /// Every tag that the registries have, for each target.
    pub(crate) lists: Vec<Option<Arc<TagList>>>,
    /// The digests that were seen, with those of this pass.
    pub(crate) observed: HashMap<ImageName, Observations>,
    /// The digests that this pass asked for; nothing where the registry could not say.
    pub(crate) digests: HashMap<TaggedImage, Option<Digest>>,
    /// The commits that do not count, since nobody who is allowed to signed them.
    pub(crate) unsigned: UnsignedCommits,
    /// The pull requests that are open, and what people refused by closing one.
    pub requests: PullRequests,
    /// What went wrong on the way.
    pub problems: Vec<Problem>,
}

/// What one target's facts are gathered from.
pub(crate) struct FactContext<'a> {
    pub(crate) repository_policy: &'a RepositoryPolicy,
    pub(crate) state: &'a RepositoryState,
    pub(crate) selections: &'a [Option<Arc<Selection>>],
    pub(crate) observed: &'a HashMap<ImageName, Observations>,
    pub(crate) digests: &'a HashMap<TaggedImage, Option<Digest>>,
    pub(crate) unsigned: &'a UnsignedCommits,
    pub(crate) refused: &'a HashMap<usize, RefusedPullRequest>,
    pub(crate) reviewed: &'a HashMap<usize, ReviewedPullRequest>,
}

impl<'a> FactContext<'a> {
    /// The policy for a target.
    pub(crate) fn policy(&self, target: usize) -> TargetPolicy<'a> {
        let target = &self.state.deployed.targets[target];
        TargetPolicy {
            environment: &self.repository_policy.environments[target.environment].policy,
            rules: &target.rules,
            soak: target.soak,
            soak_mode: self.soak_mode(target),
            clock_tolerance: self.repository_policy.clock_tolerance,
        }
    }

    /// The facts about a target, for `candidate` if there is one already. There are none of one whose registry could not be
    /// asked, and none for a candidate where nobody looked at the past: nothing may go by them.
    pub(crate) fn facts(&self, target: usize, candidate: Option<&Candidate>) -> Option<Facts<'a>> {
        let selection = self.selections[target].as_deref()?;
        if candidate.is_some() {
            self.state.past_of(target)?;
        }
        Some(self.facts_of(target, selection, candidate))
    }

    /// The facts as they are known without a registry, which has nothing then.
    pub(crate) fn facts_unasked(&self, target: usize) -> Facts<'a> {
        self.facts_of(target, &NOTHING_THERE, None)
    }

    fn facts_of(&self, target: usize, selection: &'a Selection, candidate: Option<&Candidate>) -> Facts<'a> {
        let here = &self.state.deployed.targets[target];
        // The tag as the selection has it, which lives as long as the facts.
        let candidate = candidate.and_then(|candidate| selection.find(&candidate.tag));
        let digest_now =
            candidate.map_or(DigestNow::NotAsked, |candidate| self.digest_of(here.image(), &candidate.tag));
        Facts {
            running: &here.running,
            selection,
            rolled_back: self.state.rolled_back(target),
            refused: self.refused.get(&target),
            before: self.before(target),
            observations: self.observed.get(here.image()).unwrap_or(&NOTHING_SEEN),
            digest_now,
            controls: self.state.covering(self.repository_policy, target),
            reviewing: self.reviewed.get(&target).map_or(ReviewState::NotProposed, ReviewState::Proposed),
            train_hold: None,
        }
    }

    /// How a soak is counted for a target. A set soaks in one piece or not at all: a version that was replaced has not run
    /// together with what came after it.
    fn soak_mode(&self, target: &Target) -> SoakMode {
        match self.repository_policy.soak_mode {
            SoakMode::Elapsed if self.repository_policy.group_of(target.service()).is_some() => {
                SoakMode::Continuous
            }
            mode => mode,
        }
    }

    /// The digest of a tag: what the registry said in this pass. When it was not asked, since something else is closed all
    /// the same, what was seen last, so that it can be told when all will be open.
    fn digest_of(&self, image: &ImageName, tag: &'a Tag) -> DigestNow<'a> {
        match self.digests.get(&tagged(image, tag)) {
            Some(Some(digest)) => DigestNow::Is { tag, digest },
            Some(None) => DigestNow::Unknown,
            None => match self.observed.get(image).and_then(|seen| seen.of(tag).last()) {
                Some(last) => DigestNow::Is { tag, digest: &last.digest },
                None => DigestNow::NotAsked,
            },
        }
    }

    fn before(&self, target: usize) -> Option<PreviousEnvironment<'a>> {
        let here = &self.state.deployed.targets[target];
        let before = self.repository_policy.environments[here.environment].before?;
        let environment = &self.repository_policy.environments[before].policy.name;
        let there = self.state.deployed.place(before, &here.subject);
        let running = there.map_or(PreviousRunning::Missing, |there| self.running_before(there));
        // Looked up only where it can matter: when something newer soaks, or soaked.
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
        })
    }

    fn running_before(&self, at: usize) -> PreviousRunning<'a> {
        let there = &self.state.deployed.targets[at];
        let [candidate] = there.running.as_slice() else { return PreviousRunning::Several(&there.running) };
        if there.is_pinned_apart() {
            return PreviousRunning::Several(&there.running);
        }
        match self.state.past_of(at) {
            Some(past) => match &past.rollout_commit {
                Some(rollout_commit) => {
                    PreviousRunning::One { candidate, rollout_commit: Some(rollout_commit) }
                }
                None => PreviousRunning::Missing,
            },
            // Where nothing newer is there it decides nothing since when it runs.
            None => PreviousRunning::One { candidate, rollout_commit: None },
        }
    }
}

/// What a registry has that was not asked.
static NOTHING_THERE: LazyLock<Selection> = LazyLock::new(Selection::default);

/// Where nothing was seen of an image's tags.
static NOTHING_SEEN: LazyLock<Observations> = LazyLock::new(Observations::default);

impl<P: Ports> Engine<P> {
    /// Decides for every target of the view. The past of those that it is `about` is known afterwards, whether something
    /// newer is there for them or not.
    pub(in crate::engine) async fn assess(
        &mut self,
        state: Arc<RepositoryState>,
        polled: &Polled,
        about: &[usize],
    ) -> Result<Evaluation, Fault> {
        let now = self.ports.clock.now();
        self.note_tags(polled, now).await?;
        let selections = self.select(&state, polled);
        let lists =
            state.deployed.targets.iter().map(|target| polled.tags.get(target.image()).cloned()).collect();
        let (requests, troubles) = self.look_at_requests(&state).await;
        let mut concerned = Self::behind(&state, &selections);
        concerned.extend(requests.targets(&state.deployed, &self.repository_policy));
        concerned.extend(about);
        self.learn(&state, self.with_sets(&state, concerned)).await?;
        let mut evaluation = Evaluation {
            decisions: Vec::new(),
            selections,
            lists,
            observed: HashMap::new(),
            digests: HashMap::new(),
            unsigned: self.unsigned(&state).await?,
            requests,
            problems: state
                .deployed
                .problems
                .iter()
                .chain(&polled.problems)
                .chain(&troubles)
                .cloned()
                .collect(),
            state,
            now,
            zone: self.repository_policy.zone(),
        };
        let counting = self.counting(&evaluation);
        self.recall(&mut evaluation, counting).await?;
        let nominated = self.nominated(&evaluation);
        let wanted = nominated.iter().map(|(target, candidate)| {
            tagged(evaluation.state.deployed.targets[*target].image(), &candidate.tag)
        });
        let proposed = self.proposed_tags(&evaluation);
        let wanted = wanted.chain(proposed.iter().cloned()).collect();
        self.recall(&mut evaluation, wanted).await?;
        let mut asked = self.worth_asking(&evaluation, &nominated);
        asked.extend(proposed);
        self.ask_digests(&mut evaluation, asked).await?;
        evaluation.decisions = evaluation.known(&self.repository_policy).decide(&nominated, now);
        if self.hear_refusals(&mut evaluation).await {
            evaluation.decisions = evaluation.known(&self.repository_policy).decide(&nominated, now);
        }
        Ok(evaluation)
    }

    fn select(&mut self, state: &RepositoryState, polled: &Polled) -> Vec<Option<Arc<Selection>>> {
        let selections = &mut self.memory.selections;
        selections.retain(|image| polled.tags.contains_key(image));
        let select = |target: &Target| {
            let tags = polled.tags.get(target.image())?;
            Some(selections.select(target.image(), tags, &target.rules))
        };
        state.deployed.targets.iter().map(select).collect()
    }

    /// The targets for which something newer is there.
    fn behind(state: &RepositoryState, selections: &[Option<Arc<Selection>>]) -> Vec<usize> {
        let targets = &state.deployed.targets;
        let is_behind = |at: &usize| {
            let selection = selections[*at].as_deref();
            let lowest = targets[*at].running.first();
            let newer = selection.zip(lowest).map(|(selection, lowest)| selection.above(&lowest.version));
            newer.is_some_and(|newer| !newer.is_empty())
        };
        (0..targets.len()).filter(is_behind).collect()
    }

    /// These targets, and those of all that ships in a set with one of them.
    fn with_sets(&self, state: &RepositoryState, mut targets: Vec<usize>) -> Vec<usize> {
        let all = &state.deployed.targets;
        let is_concerned = |set: &&Group| targets.iter().any(|at| set.has(all[*at].service()));
        let sets: Vec<&Group> = self.repository_policy.groups.iter().filter(is_concerned).collect();
        let is_in_one = |at: &usize| sets.iter().any(|set| set.has(all[*at].service()));
        targets.extend((0..all.len()).filter(is_in_one));
        targets
    }

    /// The candidates of the targets that have one, before anything is known of their digests.
    fn nominated(&self, evaluation: &Evaluation) -> HashMap<usize, Candidate> {
        let known = evaluation.known(&self.repository_policy);
        let nominate = |target: usize| {
            let facts = known.facts(target, None)?;
            let candidate = policy::find_candidate(&known.policy(target), &facts, evaluation.now).ok()?;
            Some((target, candidate.clone()))
        };
        (0..evaluation.state.deployed.targets.len()).filter_map(nominate).collect()
    }
}

impl Evaluation {
    pub(crate) fn known<'a>(&'a self, repository_policy: &'a RepositoryPolicy) -> FactContext<'a> {
        FactContext {
            repository_policy,
            state: &self.state,
            selections: &self.selections,
            observed: &self.observed,
            digests: &self.digests,
            unsigned: &self.unsigned,
            refused: &self.requests.refused,
            reviewed: &self.requests.reviewed,
        }
    }

    /// Whether there are control files that no longer count, and never will again.
    pub(crate) fn has_expired_controls(&self) -> bool {
        self.state.controls.expired(self.zone, self.now).next().is_some()
    }

    /// The next moment at which a decision may come out differently without anything new being seen.
    pub fn next_opening(&self) -> Option<Timestamp> {
        let opening = |decision: &Decision| match decision {
            Decision::Wait(evaluation) => evaluation.earliest(),
            Decision::Current { .. } | Decision::Promote(_) => None,
        };
        let openings = self.decisions.iter().flatten().filter_map(opening).filter(|at| *at > self.now);
        openings.chain(self.state.controls.next_expiry(self.now)).min()
    }
}
