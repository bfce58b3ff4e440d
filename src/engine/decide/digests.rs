//! Which digests matter, what was seen of them before, and what the registries say of them now.
//!
//! A request is made only for what soaks and for what nothing else holds any more.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::model::{Fault, Observation};
use crate::policy::{
    self, Candidate, Decision, GateName, GateReport, Observed, PreviousEnvironment, PreviousRunning,
    SoakMode, TrainHold,
};

use super::evaluation::Evaluation;
use super::poll::{self, tagged};
use crate::engine::Engine;
use crate::engine::base::ports::{Ports, Store, TaggedImage};
use crate::engine::state::deployed::Target;

impl<P: Ports> Engine<P> {
    /// The tags that soak although they were replaced, when that counts, and those that soak in a set: what would move
    /// depends on what was seen of their digests.
    pub(in crate::engine) fn counting(&self, evaluation: &Evaluation) -> BTreeSet<TaggedImage> {
        if self.repository_policy.soak_mode != SoakMode::Elapsed && self.repository_policy.groups.is_empty() {
            return BTreeSet::new();
        }
        let known = evaluation.known(&self.repository_policy);
        let is_elapsed = self.repository_policy.soak_mode == SoakMode::Elapsed;
        let targets = evaluation.state.deployed.targets.iter().enumerate();
        let targets = targets
            .filter(|(_, target)| is_elapsed || self.repository_policy.group_of(target.service()).is_some());
        let counting = targets.flat_map(|(target, here)| {
            let before = known.facts(target, None).and_then(|facts| facts.before);
            let lowest = here.running.first();
            // Of a set, what is there already soaks along with what is to come.
            let is_in_set = self.repository_policy.group_of(here.service()).is_some();
            let newer = before.into_iter().flat_map(|before| soaking(&before)).filter(move |candidate| {
                lowest.is_some_and(|lowest| {
                    candidate.version > lowest.version || (is_in_set && candidate.tag == lowest.tag)
                })
            });
            newer.map(|candidate| tagged(here.image(), &candidate.tag))
        });
        counting.collect()
    }

    /// Reads the digests that were seen of these tags.
    pub(in crate::engine) async fn recall(
        &self,
        evaluation: &mut Evaluation,
        wanted: BTreeSet<TaggedImage>,
    ) -> Result<(), Fault> {
        let is_new = |(image, tag): &TaggedImage| {
            evaluation.observed.get(image).is_none_or(|observations| !observations.knows(tag))
        };
        let wanted: Vec<TaggedImage> = wanted.into_iter().filter(is_new).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut kept = self.ports.store.observations(&wanted).await?;
        let observed = |observation: Observation| Observed { digest: observation.digest, at: observation.at };
        for tagged in wanted {
            let seen = kept.remove(&tagged).unwrap_or_default().into_iter().map(observed).collect();
            let (image, tag) = tagged;
            evaluation.observed.entry(image).or_default().recall(tag, seen);
        }
        Ok(())
    }

    /// The tags whose digest matters now: those that soak, and those that nothing but the digest still holds.
    pub(in crate::engine) fn worth_asking(
        &self,
        evaluation: &Evaluation,
        nominated: &HashMap<usize, Candidate>,
    ) -> BTreeSet<TaggedImage> {
        let known = evaluation.known(&self.repository_policy);
        let targets = &evaluation.state.deployed.targets;
        let mut waits: HashMap<usize, TrainHold> = HashMap::new();
        let mut worth_it = self.unseen(evaluation);
        worth_it.extend(self.settled_in_sets(evaluation, nominated));
        let mut later_first: Vec<(&usize, &Candidate)> = nominated.iter().collect();
        later_first.sort_unstable_by_key(|(target, _)| Reverse(targets[**target].environment));
        for (target, candidate) in later_first {
            let here = &targets[*target];
            let Some(mut facts) = known.facts(*target, None) else { continue };
            facts.train_hold = known.next_of(*target).find_map(|next| waits.get(&next));
            let evaluation = policy::evaluate(&known.policy(*target), &facts, candidate, evaluation.now);
            if evaluation.wants_digest() {
                worth_it.insert(tagged(here.image(), &candidate.tag));
            }
            // What only its digest still holds goes in this very pass, most likely, and keeps nobody waiting.
            let is_held =
                |report: &GateReport| report.gate != GateName::Digest && !report.is_left_to_request();
            if evaluation.closed().any(is_held) {
                let to = &self.repository_policy.environments[here.environment].policy.name;
                let train_hold = policy::train_hold(to, &Decision::Wait(Box::new(evaluation)));
                waits.extend(train_hold.map(|train_hold| (*target, train_hold)));
            }
        }
        worth_it
    }

    /// The tags that a set's other members run in the environment before, where one of them is to move: the set goes only
    /// as what soaked.
    fn settled_in_sets(
        &self,
        evaluation: &Evaluation,
        nominated: &HashMap<usize, Candidate>,
    ) -> BTreeSet<TaggedImage> {
        let targets = &evaluation.state.deployed.targets;
        let moving: BTreeSet<(usize, &str)> = nominated
            .keys()
            .filter_map(|at| {
                Some((targets[*at].environment, self.repository_policy.group_of(targets[*at].service())?))
            })
            .map(|(environment, group)| (environment, group.name.as_str()))
            .collect();
        let is_settled = |(at, target): &(usize, &Target)| {
            let group = self.repository_policy.group_of(target.service());
            group.is_some_and(|group| moving.contains(&(target.environment, group.name.as_str())))
                && self.repository_policy.environments[target.environment].before.is_some()
                && !nominated.contains_key(at)
        };
        let settled = targets.iter().enumerate().filter(is_settled);
        settled.filter_map(|(_, target)| Some(tagged(target.image(), &target.running.first()?.tag))).collect()
    }

    /// The tags that soak, or did when that counts, of which nobody has seen yet what they mean.
    fn unseen(&self, evaluation: &Evaluation) -> BTreeSet<TaggedImage> {
        let is_unseen = |(image, tag): &TaggedImage| {
            evaluation.observed.get(image).is_none_or(|observations| observations.of(tag).is_empty())
        };
        self.counting(evaluation).into_iter().filter(is_unseen).collect()
    }

    /// Asks for the digests of these tags, and keeps what is new.
    pub(in crate::engine) async fn ask_digests(
        &self,
        evaluation: &mut Evaluation,
        wanted: BTreeSet<TaggedImage>,
    ) -> Result<(), Fault> {
        if wanted.is_empty() {
            return Ok(());
        }
        evaluation.digests.extend(wanted.iter().map(|tagged| (tagged.clone(), None)));
        let (found, problems) = poll::digests(&self.ports.registry, wanted).await;
        evaluation.problems.extend(problems);
        let mut news = Vec::new();
        for ((image, tag), digest) in &found {
            let observations = evaluation.observed.entry(image.clone()).or_default();
            if observations.observe(tag, digest, evaluation.now) {
                news.push((image.clone(), tag.clone(), digest.clone()));
            }
        }
        if !news.is_empty() {
            self.ports.store.observe(&news, evaluation.now).await?;
        }
        evaluation.digests.extend(found.into_iter().map(|(tagged, digest)| (tagged, Some(digest))));
        Ok(())
    }
}

/// What soaks in an environment, and what did.
fn soaking<'a>(before: &PreviousEnvironment<'a>) -> impl Iterator<Item = &'a Candidate> + use<'a> {
    let running = match before.running {
        PreviousRunning::One { candidate, .. } => Some(candidate),
        PreviousRunning::Missing | PreviousRunning::Several(_) => None,
    };
    running.into_iter().chain(before.past.iter().map(|run| &run.candidate))
}
