//! From what was seen to what is decided: gathers each track's facts and asks the policy.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use chrono_tz::Tz;

use crate::model::{Digest, Fault, ImageName, Observation, Tag, Timestamp};
use crate::policy::{
    self, Before, BeforeRunning, Boarding, Candidate, Decision, DigestNow, Evaluation, Facts, GateName,
    Nomination, Observations, Observed, Selection, SoakMode, TrackPolicy,
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
    /// The zone of freezes.
    pub(crate) zone: Tz,
    /// For each track of the board; nothing where its registry could not be asked.
    pub decisions: Vec<Option<Decision>>,
    /// What the registries have and the rules admit, for each track.
    pub(crate) selections: Vec<Option<Arc<Selection>>>,
    /// The digests that were seen, with those of this pass.
    pub(crate) observed: HashMap<ImageName, Observations>,
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
    pub(crate) observed: &'a HashMap<ImageName, Observations>,
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
            soak_mode: self.soak_mode(track),
            clock_tolerance: self.rulebook.clock_tolerance,
        }
    }

    /// The facts about a track, for `candidate` if there is one already.
    pub(crate) fn facts(&self, track: usize, candidate: Option<&Candidate>) -> Option<Facts<'a>> {
        let selection = self.selections[track].as_deref()?;
        let here = &self.view.board.tracks[track];
        // The tag as the selection has it, which lives as long as the facts.
        let candidate = candidate.and_then(|candidate| selection.find(&candidate.tag));
        let digest_now =
            candidate.map_or(DigestNow::NotAsked, |candidate| self.digest_of(here.image(), &candidate.tag));
        Some(Facts {
            running: &here.running,
            selection,
            moved_back: self.view.moved_back(self.rulebook, track),
            before: self.before(track),
            observations: self.observed.get(here.image()).unwrap_or(&NOTHING_SEEN),
            digest_now,
            controls: self.view.covering(self.rulebook, track),
            boarding: None,
        })
    }

    /// How a soak is counted for a track. A set soaks in one piece or not at all: a version that was replaced has not run
    /// together with what came after it.
    fn soak_mode(&self, track: &super::board::Track) -> SoakMode {
        match self.rulebook.soak_mode {
            SoakMode::Elapsed if self.rulebook.group_of(track.service()).is_some() => SoakMode::Continuous,
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

    fn before(&self, track: usize) -> Option<Before<'a>> {
        let here = &self.view.board.tracks[track];
        let before = self.rulebook.environments[here.environment].before?;
        let environment = &self.rulebook.environments[before].policy.name;
        let there = self.view.board.place(before, &here.subject);
        let running = there.map_or(BeforeRunning::Missing, |there| self.running_before(there));
        // Looked up only where it can matter: when something newer soaks, or soaked.
        let is_behind = match (running, here.running.first()) {
            (BeforeRunning::One { candidate, .. }, Some(lowest)) => candidate.version > lowest.version,
            _ => false,
        };
        let counts = is_behind || self.rulebook.soak_mode == SoakMode::Elapsed;
        let past = there.filter(|_| counts).map(|there| self.view.past(self.rulebook, there));
        Some(Before { environment, running, past: past.unwrap_or_default() })
    }

    fn running_before(&self, at: usize) -> BeforeRunning<'a> {
        let there = &self.view.board.tracks[at];
        let [candidate] = there.running.as_slice() else { return BeforeRunning::Several(&there.running) };
        if there.is_pinned_apart() {
            return BeforeRunning::Several(&there.running);
        }
        let Some(landing) = self.view.landing(self.rulebook, at) else { return BeforeRunning::Missing };
        BeforeRunning::One { candidate, landing }
    }
}

/// Where nothing was seen of an image's tags.
static NOTHING_SEEN: LazyLock<Observations> = LazyLock::new(Observations::default);

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
            zone: self.rulebook.zone(),
        };
        let counting = self.counting(&assessment);
        self.recall(&mut assessment, counting).await?;
        let nominated = self.nominated(&assessment);
        let wanted = nominated
            .iter()
            .map(|(track, candidate)| tagged(assessment.view.board.tracks[*track].image(), &candidate.tag));
        let wanted = wanted.collect();
        self.recall(&mut assessment, wanted).await?;
        let asked = self.worth_asking(&assessment, &nominated);
        self.ask_digests(&mut assessment, asked).await?;
        assessment.decisions = assessment.known(&self.rulebook).decide(&nominated, now);
        Ok(assessment)
    }

    /// The tags that soak although they were replaced, when that counts: which of them would move depends on what was
    /// seen of their digests.
    fn counting(&self, assessment: &Assessment) -> BTreeSet<TaggedImage> {
        if self.rulebook.soak_mode != SoakMode::Elapsed {
            return BTreeSet::new();
        }
        let known = assessment.known(&self.rulebook);
        let tracks = assessment.view.board.tracks.iter().enumerate();
        let counting = tracks.flat_map(|(track, here)| {
            let before = known.facts(track, None).and_then(|facts| facts.before);
            let lowest = here.running.first();
            let newer = before
                .into_iter()
                .flat_map(|before| soaking(&before))
                .filter(move |candidate| lowest.is_some_and(|lowest| candidate.version > lowest.version));
            newer.map(|candidate| tagged(here.image(), &candidate.tag))
        });
        counting.collect()
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
            match policy::nominate(&known.policy(track), &facts, assessment.now) {
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
        let is_new = |(image, tag): &TaggedImage| {
            assessment.observed.get(image).is_none_or(|observations| !observations.knows(tag))
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
            assessment.observed.entry(image).or_default().recall(tag, seen);
        }
        Ok(())
    }

    /// The tags whose digest matters now: those that soak, and those that nothing but the digest still holds.
    fn worth_asking(
        &self,
        assessment: &Assessment,
        nominated: &HashMap<usize, Candidate>,
    ) -> BTreeSet<TaggedImage> {
        let known = assessment.known(&self.rulebook);
        let tracks = &assessment.view.board.tracks;
        let mut waits: HashMap<usize, Boarding> = HashMap::new();
        let mut worth_it = self.unseen(assessment);
        let mut later_first: Vec<(&usize, &Candidate)> = nominated.iter().collect();
        later_first.sort_unstable_by_key(|(track, _)| Reverse(tracks[**track].environment));
        for (track, candidate) in later_first {
            let here = &tracks[*track];
            let Some(mut facts) = known.facts(*track, None) else { continue };
            facts.boarding = known.next_of(*track).find_map(|next| waits.get(&next));
            let evaluation = policy::evaluate(&known.policy(*track), &facts, candidate, assessment.now);
            if digest_matters(&evaluation) {
                worth_it.insert(tagged(here.image(), &candidate.tag));
            }
            // What only its digest still holds goes in this very pass, most likely, and keeps nobody waiting.
            if evaluation.closed().any(|report| report.gate != GateName::Digest) {
                let to = &self.rulebook.environments[here.environment].policy.name;
                let boarding = policy::boarding(to, &Decision::Wait(Box::new(evaluation)));
                waits.extend(boarding.map(|boarding| (*track, boarding)));
            }
        }
        worth_it
    }

    /// The tags that soak, or did when that counts, of which nobody has seen yet what they mean.
    fn unseen(&self, assessment: &Assessment) -> BTreeSet<TaggedImage> {
        let is_unseen = |(image, tag): &TaggedImage| {
            assessment.observed.get(image).is_none_or(|observations| observations.of(tag).is_empty())
        };
        self.counting(assessment).into_iter().filter(is_unseen).collect()
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
            let observations = assessment.observed.entry(image.clone()).or_default();
            if observations.observe(tag, digest, assessment.now) {
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

    /// Whether there are control files that no longer count, and never will again.
    pub(crate) fn has_expired_controls(&self) -> bool {
        self.view.controls.expired(self.zone, self.now).next().is_some()
    }

    /// The next moment at which a decision may come out differently without anything new being seen.
    pub fn next_opening(&self) -> Option<Timestamp> {
        let opening = |decision: &Decision| match decision {
            Decision::Wait(evaluation) => evaluation.earliest(),
            Decision::Current { .. } | Decision::Promote(_) => None,
        };
        let openings = self.decisions.iter().flatten().filter_map(opening).filter(|at| *at > self.now);
        openings.chain(self.view.controls.next_expiry(self.now)).min()
    }
}

/// What soaks in an environment, and what did.
fn soaking<'a>(before: &Before<'a>) -> impl Iterator<Item = &'a Candidate> + use<'a> {
    let running = match before.running {
        BeforeRunning::One { candidate, .. } => Some(candidate),
        BeforeRunning::Missing | BeforeRunning::Several(_) => None,
    };
    running.into_iter().chain(before.past.iter().map(|run| &run.candidate))
}

/// Whether the digest is worth a request: the version soaks, or everything else is open.
fn digest_matters(evaluation: &Evaluation) -> bool {
    let closed: Vec<GateName> =
        evaluation.closed().map(|report| report.gate).filter(|gate| *gate != GateName::Digest).collect();
    closed.is_empty() || (closed.contains(&GateName::Soak) && !closed.contains(&GateName::Order))
}
