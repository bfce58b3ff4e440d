//! From what was seen to what is decided: gathers each track's facts and asks the policy.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::{Digest, Fault, ImageName, Observation, Tag, Timestamp};
use crate::policy::{
    self, Before, BeforeRunning, Candidate, Decision, Evaluation, Facts, GateName, Nomination, Observed,
    Selection, TrackPolicy,
};

use super::Engine;
use super::poll::{self, Polled, tagged};
use super::ports::{Clock as _, Ports, Store, TaggedImage};
use super::problem::Problem;
use super::rulebook::Rulebook;
use super::view::View;

/// What is decided for every track.
#[derive(Debug)]
pub struct Assessment {
    /// The repository as it was seen.
    pub view: Arc<View>,
    /// When.
    pub now: Timestamp,
    /// For each track of the board; nothing where its registry could not be asked.
    pub decisions: Vec<Option<Decision>>,
    /// What the registries have and the rules admit, for each track.
    pub(crate) selections: Vec<Option<Arc<Selection>>>,
    /// The digests that were seen, with those of this pass.
    pub(crate) observed: HashMap<TaggedImage, Vec<Observed>>,
    /// The digests that this pass asked for; nothing where the registry could not say.
    pub(crate) digests: HashMap<TaggedImage, Option<Digest>>,
    /// What went wrong on the way.
    pub problems: Vec<Problem>,
}

/// What one track's facts are gathered from.
pub(crate) struct Known<'a> {
    pub(crate) rulebook: &'a Rulebook,
    pub(crate) view: &'a View,
    pub(crate) selections: &'a [Option<Arc<Selection>>],
    pub(crate) observed: &'a HashMap<TaggedImage, Vec<Observed>>,
    pub(crate) digests: &'a HashMap<TaggedImage, Option<Digest>>,
}

impl<'a> Known<'a> {
    /// The policy for a track.
    pub(crate) fn policy(&self, track: usize) -> TrackPolicy<'a> {
        let track = &self.view.board.tracks[track];
        TrackPolicy {
            environment: &self.rulebook.environments[track.environment].policy,
            rules: &track.rules,
            soak: track.soak,
            clock_tolerance: self.rulebook.clock_tolerance,
        }
    }

    /// The facts about a track, for `candidate` if there is one already.
    pub(crate) fn facts(&self, track: usize, candidate: Option<&Candidate>) -> Option<Facts<'a>> {
        let selection = self.selections[track].as_deref()?;
        let here = &self.view.board.tracks[track];
        let digest_now = candidate.and_then(|candidate| self.digest_of(here.image(), &candidate.tag));
        Some(Facts {
            running: &here.running,
            selection,
            moved_back: self.view.moved_back(self.rulebook, track),
            before: self.before(track),
            digest_now,
        })
    }

    /// The digest of a tag: what the registry said in this pass, and nothing if it could not say. When it was not asked,
    /// since something else is closed all the same, what was seen last, so that it can be told when all will be open.
    fn digest_of(&self, image: &ImageName, tag: &Tag) -> Option<&'a Digest> {
        let tagged = tagged(image, tag);
        match self.digests.get(&tagged) {
            Some(said) => said.as_ref(),
            None => self.observed.get(&tagged)?.last().map(|seen| &seen.digest),
        }
    }

    fn before(&self, track: usize) -> Option<Before<'a>> {
        let here = &self.view.board.tracks[track];
        let before = self.rulebook.environments[here.environment].before?;
        let environment = &self.rulebook.environments[before].policy.name;
        Some(Before { environment, running: self.running_before(before, &here.subject) })
    }

    fn running_before(&self, environment: usize, subject: &super::ledger::Subject) -> BeforeRunning<'a> {
        let Some(at) = self.view.board.place(environment, subject) else { return BeforeRunning::Missing };
        let there = &self.view.board.tracks[at];
        let [candidate] = there.running.as_slice() else { return BeforeRunning::Several(&there.running) };
        if there.is_pinned_apart() {
            return BeforeRunning::Several(&there.running);
        }
        let Some(landing) = self.view.landing(self.rulebook, at) else { return BeforeRunning::Missing };
        let observed = self.observed.get(&tagged(there.image(), &candidate.tag));
        BeforeRunning::One { candidate, landing, observed: observed.map(Vec::as_slice).unwrap_or_default() }
    }
}

impl<P: Ports> Engine<P> {
    /// Decides for every track of the view.
    pub(super) async fn assess(&mut self, view: Arc<View>, polled: &Polled) -> Result<Assessment, Fault> {
        let now = self.ports.clock.now();
        let selections = self.select(&view, polled);
        let mut assessment = Assessment {
            decisions: Vec::new(),
            selections,
            observed: HashMap::new(),
            digests: HashMap::new(),
            problems: view.board.problems.iter().chain(&polled.problems).cloned().collect(),
            view,
            now,
        };
        let nominated = self.nominated(&assessment);
        let images = nominated.values().map(|candidate| candidate.tag.clone());
        let wanted: BTreeSet<TaggedImage> = nominated
            .keys()
            .map(|track| assessment.view.board.tracks[*track].image().clone())
            .zip(images)
            .collect();
        self.recall(&mut assessment, wanted).await?;
        let asked = self.worth_asking(&assessment, &nominated);
        self.ask_digests(&mut assessment, asked).await?;
        let known = assessment.known(&self.rulebook);
        let decide = |track: usize| {
            let facts = known.facts(track, nominated.get(&track))?;
            Some(policy::decide(&known.policy(track), &facts, now))
        };
        assessment.decisions = (0..assessment.view.board.tracks.len()).map(decide).collect();
        Ok(assessment)
    }

    fn select(&mut self, view: &View, polled: &Polled) -> Vec<Option<Arc<Selection>>> {
        let selections = &mut self.memory.selections;
        selections.retain(|image| polled.tags.contains_key(image));
        let select = |track: &super::board::Track| {
            let tags = polled.tags.get(track.image())?;
            Some(selections.select(track.image(), tags, &track.rules))
        };
        view.board.tracks.iter().map(select).collect()
    }

    /// The candidates of the tracks that have one, before anything is known of their digests.
    fn nominated(&self, assessment: &Assessment) -> HashMap<usize, Candidate> {
        let known = assessment.known(&self.rulebook);
        let nominate = |track: usize| {
            let facts = known.facts(track, None)?;
            match policy::nominate(&known.policy(track), &facts) {
                Nomination::Candidate(candidate) => Some((track, candidate.clone())),
                Nomination::Nothing(_) => None,
            }
        };
        (0..assessment.view.board.tracks.len()).filter_map(nominate).collect()
    }

    /// Reads the digests that were seen of these tags.
    pub(super) async fn recall(
        &self,
        assessment: &mut Assessment,
        wanted: BTreeSet<TaggedImage>,
    ) -> Result<(), Fault> {
        if wanted.is_empty() {
            return Ok(());
        }
        let wanted: Vec<TaggedImage> = wanted.into_iter().collect();
        let kept = self.ports.store.observations(&wanted).await?;
        let observed = |observation: Observation| Observed { digest: observation.digest, at: observation.at };
        assessment.observed = kept
            .into_iter()
            .map(|(tagged, seen)| (tagged, seen.into_iter().map(observed).collect()))
            .collect();
        Ok(())
    }

    /// The tags whose digest matters now: those that soak, and those that nothing but the digest still holds.
    fn worth_asking(
        &self,
        assessment: &Assessment,
        nominated: &HashMap<usize, Candidate>,
    ) -> BTreeSet<TaggedImage> {
        let known = assessment.known(&self.rulebook);
        let is_worth_it = |(track, candidate): &(&usize, &Candidate)| {
            let Some(facts) = known.facts(**track, None) else { return false };
            let evaluation = policy::evaluate(&known.policy(**track), &facts, candidate, assessment.now);
            digest_matters(&evaluation)
        };
        nominated
            .iter()
            .filter(is_worth_it)
            .map(|(track, candidate)| tagged(assessment.view.board.tracks[*track].image(), &candidate.tag))
            .collect()
    }

    /// Asks for the digests of these tags, and keeps what is new.
    pub(super) async fn ask_digests(
        &self,
        assessment: &mut Assessment,
        wanted: BTreeSet<TaggedImage>,
    ) -> Result<(), Fault> {
        if wanted.is_empty() {
            return Ok(());
        }
        assessment.digests.extend(wanted.iter().map(|tagged| (tagged.clone(), None)));
        let (found, problems) = poll::digests(&self.ports.registry, wanted).await;
        assessment.problems.extend(problems);
        let mut news = Vec::new();
        for ((image, tag), digest) in &found {
            let seen = assessment.observed.entry(tagged(image, tag)).or_default();
            if seen.last().is_none_or(|last| last.digest != *digest) {
                seen.push(Observed { digest: digest.clone(), at: assessment.now });
                news.push((image.clone(), tag.clone(), digest.clone()));
            }
        }
        if !news.is_empty() {
            self.ports.store.observe(&news, assessment.now).await?;
        }
        assessment.digests.extend(found.into_iter().map(|(tagged, digest)| (tagged, Some(digest))));
        Ok(())
    }
}

impl Assessment {
    pub(crate) fn known<'a>(&'a self, rulebook: &'a Rulebook) -> Known<'a> {
        Known {
            rulebook,
            view: &self.view,
            selections: &self.selections,
            observed: &self.observed,
            digests: &self.digests,
        }
    }

    /// The next moment at which a decision may come out differently without anything new being seen.
    pub fn next_opening(&self) -> Option<Timestamp> {
        let opening = |decision: &Decision| match decision {
            Decision::Wait(evaluation) => evaluation.earliest(),
            Decision::Current { .. } | Decision::Promote(_) => None,
        };
        self.decisions.iter().flatten().filter_map(opening).filter(|at| *at > self.now).min()
    }
}

/// Whether the digest is worth a request: the version soaks, or everything else is open.
fn digest_matters(evaluation: &Evaluation) -> bool {
    let closed: Vec<GateName> =
        evaluation.closed().map(|report| report.gate).filter(|gate| *gate != GateName::Digest).collect();
    closed.is_empty() || (closed.contains(&GateName::Soak) && !closed.contains(&GateName::Order))
}
