//! From what was seen to what is decided: gathers each track's facts and asks the policy.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use chrono_tz::Tz;

use crate::model::{Digest, Fault, ImageName, Tag, TagList, Timestamp};
use crate::policy::{
    self, Before, BeforeRunning, Candidate, Decision, DigestNow, Facts, Group, Nomination, Observations,
    RefusedRequest, ReviewedRequest, Reviewing, Selection, SoakMode, TrackPolicy, Unsigned,
};

use super::Engine;
use super::board::Track;
use super::poll::{Polled, tagged};
use super::ports::{Clock as _, Ports, TaggedImage};
use super::problem::Problem;
use super::requests::Requests;
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
    /// Every tag that the registries have, for each track.
    pub(crate) lists: Vec<Option<Arc<TagList>>>,
    /// The digests that were seen, with those of this pass.
    pub(crate) observed: HashMap<ImageName, Observations>,
    /// The digests that this pass asked for; nothing where the registry could not say.
    pub(crate) digests: HashMap<TaggedImage, Option<Digest>>,
    /// The commits that do not count, since nobody who is allowed to signed them.
    pub(crate) unsigned: Unsigned,
    /// The pull requests that are open, and what people refused by closing one.
    pub requests: Requests,
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
    pub(crate) unsigned: &'a Unsigned,
    pub(crate) refused: &'a HashMap<usize, RefusedRequest>,
    pub(crate) reviewed: &'a HashMap<usize, ReviewedRequest>,
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

    /// The facts about a track, for `candidate` if there is one already. There are none of one whose registry could not be
    /// asked, and none for a candidate where nobody looked at the past: nothing may go by them.
    pub(crate) fn facts(&self, track: usize, candidate: Option<&Candidate>) -> Option<Facts<'a>> {
        let selection = self.selections[track].as_deref()?;
        if candidate.is_some() {
            self.view.past_of(track)?;
        }
        Some(self.facts_of(track, selection, candidate))
    }

    /// The facts as they are known without a registry, which has nothing then.
    pub(crate) fn facts_unasked(&self, track: usize) -> Facts<'a> {
        self.facts_of(track, &NOTHING_THERE, None)
    }

    fn facts_of(&self, track: usize, selection: &'a Selection, candidate: Option<&Candidate>) -> Facts<'a> {
        let here = &self.view.board.tracks[track];
        // The tag as the selection has it, which lives as long as the facts.
        let candidate = candidate.and_then(|candidate| selection.find(&candidate.tag));
        let digest_now =
            candidate.map_or(DigestNow::NotAsked, |candidate| self.digest_of(here.image(), &candidate.tag));
        Facts {
            running: &here.running,
            selection,
            moved_back: self.view.moved_back(track),
            refused: self.refused.get(&track),
            before: self.before(track),
            observations: self.observed.get(here.image()).unwrap_or(&NOTHING_SEEN),
            digest_now,
            controls: self.view.covering(self.rulebook, track),
            reviewing: self.reviewed.get(&track).map_or(Reviewing::NotProposed, Reviewing::Proposed),
            boarding: None,
        }
    }

    /// How a soak is counted for a track. A set soaks in one piece or not at all: a version that was replaced has not run
    /// together with what came after it.
    fn soak_mode(&self, track: &Track) -> SoakMode {
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
        let past = there.filter(|_| counts).map(|there| self.view.past(there));
        Some(Before { environment, running, past: past.unwrap_or_default(), unsigned: self.unsigned })
    }

    fn running_before(&self, at: usize) -> BeforeRunning<'a> {
        let there = &self.view.board.tracks[at];
        let [candidate] = there.running.as_slice() else { return BeforeRunning::Several(&there.running) };
        if there.is_pinned_apart() {
            return BeforeRunning::Several(&there.running);
        }
        match self.view.past_of(at) {
            Some(past) => match &past.landing {
                Some(landing) => BeforeRunning::One { candidate, landing: Some(landing) },
                None => BeforeRunning::Missing,
            },
            // Where nothing newer is there it decides nothing since when it runs.
            None => BeforeRunning::One { candidate, landing: None },
        }
    }
}

/// What a registry has that was not asked.
static NOTHING_THERE: LazyLock<Selection> = LazyLock::new(Selection::default);

/// Where nothing was seen of an image's tags.
static NOTHING_SEEN: LazyLock<Observations> = LazyLock::new(Observations::default);

impl<P: Ports> Engine<P> {
    /// Decides for every track of the view. The past of those that it is `about` is known afterwards, whether something
    /// newer is there for them or not.
    pub(super) async fn assess(
        &mut self,
        view: Arc<View>,
        polled: &Polled,
        about: &[usize],
    ) -> Result<Assessment, Fault> {
        let now = self.ports.clock.now();
        self.note_tags(polled, now).await?;
        let selections = self.select(&view, polled);
        let lists = view.board.tracks.iter().map(|track| polled.tags.get(track.image()).cloned()).collect();
        let (requests, troubles) = self.look_at_requests(&view).await;
        let mut concerned = Self::behind(&view, &selections);
        concerned.extend(requests.tracks(&view.board, &self.rulebook));
        concerned.extend(about);
        self.learn(&view, self.with_sets(&view, concerned)).await?;
        let mut assessment = Assessment {
            decisions: Vec::new(),
            selections,
            lists,
            observed: HashMap::new(),
            digests: HashMap::new(),
            unsigned: self.unsigned(&view).await?,
            requests,
            problems: view.board.problems.iter().chain(&polled.problems).chain(&troubles).cloned().collect(),
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
        let proposed = self.proposed_tags(&assessment);
        let wanted = wanted.chain(proposed.iter().cloned()).collect();
        self.recall(&mut assessment, wanted).await?;
        let mut asked = self.worth_asking(&assessment, &nominated);
        asked.extend(proposed);
        self.ask_digests(&mut assessment, asked).await?;
        assessment.decisions = assessment.known(&self.rulebook).decide(&nominated, now);
        if self.hear_refusals(&mut assessment).await {
            assessment.decisions = assessment.known(&self.rulebook).decide(&nominated, now);
        }
        Ok(assessment)
    }

    fn select(&mut self, view: &View, polled: &Polled) -> Vec<Option<Arc<Selection>>> {
        let selections = &mut self.memory.selections;
        selections.retain(|image| polled.tags.contains_key(image));
        let select = |track: &Track| {
            let tags = polled.tags.get(track.image())?;
            Some(selections.select(track.image(), tags, &track.rules))
        };
        view.board.tracks.iter().map(select).collect()
    }

    /// The tracks for which something newer is there.
    fn behind(view: &View, selections: &[Option<Arc<Selection>>]) -> Vec<usize> {
        let tracks = &view.board.tracks;
        let is_behind = |at: &usize| {
            let selection = selections[*at].as_deref();
            let lowest = tracks[*at].running.first();
            let newer = selection.zip(lowest).map(|(selection, lowest)| selection.above(&lowest.version));
            newer.is_some_and(|newer| !newer.is_empty())
        };
        (0..tracks.len()).filter(is_behind).collect()
    }

    /// These tracks, and those of all that ships in a set with one of them.
    fn with_sets(&self, view: &View, mut tracks: Vec<usize>) -> Vec<usize> {
        let all = &view.board.tracks;
        let is_concerned = |set: &&Group| tracks.iter().any(|at| set.has(all[*at].service()));
        let sets: Vec<&Group> = self.rulebook.groups.iter().filter(is_concerned).collect();
        let is_in_one = |at: &usize| sets.iter().any(|set| set.has(all[*at].service()));
        tracks.extend((0..all.len()).filter(is_in_one));
        tracks
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
}

impl Assessment {
    pub(crate) fn known<'a>(&'a self, rulebook: &'a Rulebook) -> Known<'a> {
        Known {
            rulebook,
            view: &self.view,
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
