//! Deciding for a track of a replay: its facts are gathered from the simulated state, and the policy room is asked as the
//! engine asks it.

use std::borrow::Cow;

use crate::model::{Digest, Tag, Timestamp};
use crate::policy::{
    self, Answer, Approved, Before, BeforeRunning, Candidate, Consideration, Decision, DigestNow, Evaluation,
    Facts, Insistence, Member, MovedBack, Nomination, Reviewing, SoakMode, TrackPolicy,
};

use super::line::Line;
use super::replay::Replay;
use super::story::Starved;
use super::waiting::Waiting;

/// What is known of a track before it is decided.
struct Asked<'s> {
    candidate: Option<Candidate>,
    /// What the candidate's tag means, as far as anybody asked.
    digest: Option<Digest>,
    /// Whether it was asked in this very pass.
    is_fresh: bool,
    moved_back: Cow<'s, [MovedBack]>,
}

impl Asked<'_> {
    fn digest_now(&self) -> DigestNow<'_> {
        match (&self.candidate, &self.digest) {
            (Some(candidate), Some(digest)) => DigestNow::Is { tag: &candidate.tag, digest },
            _ => DigestNow::NotAsked,
        }
    }
}

impl Replay<'_> {
    /// Decides for a track; with it, for the set that it ships in.
    pub(super) fn decide(&mut self, track: usize, now: Timestamp, approved: &mut Vec<(usize, Approved)>) {
        if let Some(group) = self.tracks[track].group {
            return self.decide_set(group, self.tracks[track].environment, now, approved);
        }
        self.look_at_soaking(track, now);
        let Some((candidate, digest, is_fresh)) = self.ask(track, now) else {
            return self.settle(track, None, now, approved);
        };
        let moved_back = self.moved_back(track);
        let asked = Asked { candidate, digest, is_fresh, moved_back };
        let facts = self.facts(track, asked.digest_now(), &asked.moved_back);
        let decision = facts.map(|facts| policy::consider(&self.policy_of(track), &facts, now));
        let decision = decision.map(|alone| decided(alone, asked.is_fresh));
        self.settle(track, decision, now, approved);
    }

    /// Decides for the members of a set in an environment, which hear of one another.
    fn decide_set(
        &mut self,
        group: usize,
        environment: usize,
        now: Timestamp,
        approved: &mut Vec<(usize, Approved)>,
    ) {
        let members: Vec<usize> = (0..self.tracks.len())
            .filter(|at| self.tracks[*at].environment == environment && self.tracks[*at].group == Some(group))
            .collect();
        let mut known = Vec::new();
        for track in members {
            self.due.remove(&(std::cmp::Reverse(environment), track));
            self.look_at_soaking(track, now);
            match self.ask(track, now) {
                Some(asked) => known.push((track, asked)),
                None => self.settle(track, None, now, approved),
            }
        }
        let is_unclear = self.is_unclear(group, environment);
        let unclear = is_unclear.then_some("a version of it cannot be read");
        let asked: Vec<(usize, Asked<'_>)> = known
            .into_iter()
            .map(|(track, (candidate, digest, is_fresh))| {
                (track, Asked { candidate, digest, is_fresh, moved_back: self.moved_back(track) })
            })
            .collect();
        let mut set: Vec<(usize, bool, Member<'_>)> = asked
            .iter()
            .map(|(track, asked)| (*track, asked.is_fresh, self.member(*track, asked, now)))
            .collect();
        if set.iter().any(|(.., member)| matches!(member.alone, Some(Consideration::Candidate(_)))) {
            let mut members: Vec<&mut Member<'_>> = set.iter_mut().map(|(.., member)| member).collect();
            let name = &self.policy.groups[group].name;
            policy::settle_together(name, &mut members, &Insistence::default(), unclear, now);
        }
        let decisions: Vec<(usize, Option<Decision>)> = set
            .into_iter()
            .map(|(track, is_fresh, member)| (track, member.alone.map(|alone| decided(alone, is_fresh))))
            .collect();
        drop(asked);
        for (track, decision) in decisions {
            self.settle(track, decision, now, approved);
        }
    }

    fn member<'s>(&'s self, track: usize, asked: &'s Asked<'s>, now: Timestamp) -> Member<'s> {
        let policy = self.policy_of(track);
        let facts = self.facts(track, asked.digest_now(), &asked.moved_back);
        let alone = facts.as_ref().map(|facts| policy::consider(&policy, facts, now));
        Member { service: &self.subject_of(track).0, known: facts.map(|facts| (policy, facts)), alone }
    }

    /// Whether a member of a set holds something here, or in the environment before, that is no version.
    fn is_unclear(&self, group: usize, environment: usize) -> bool {
        let before = self.policy.environments[environment].before;
        let concerns = |at: &usize| {
            let track = &self.tracks[*at];
            (track.environment == environment || Some(track.environment) == before)
                && self.policy.groups[group].has(&self.subject_of(*at).0)
                && !track.line.held().is_empty()
                && track.line.running().is_none()
        };
        (0..self.tracks.len()).any(|at| concerns(&at))
    }

    /// The candidate, and the digest of its tag if that is worth asking; nothing when it is not known what runs.
    fn ask(&mut self, track: usize, now: Timestamp) -> Option<(Option<Candidate>, Option<Digest>, bool)> {
        let moved_back = self.moved_back(track);
        let facts = self.facts(track, DigestNow::NotAsked, &moved_back)?;
        let policy = self.policy_of(track);
        let Nomination::Candidate(candidate) = policy::nominate(&policy, &facts, now) else {
            return Some((None, None, false));
        };
        let wants_digest = policy::evaluate(&policy, &facts, candidate, now).wants_digest();
        let candidate = candidate.clone();
        let selection = self.tracks[track].selection;
        if wants_digest {
            let digest = self.registry.ask(selection, &candidate.tag, now);
            return Some((Some(candidate), digest, true));
        }
        let seen = self.registry.observations(selection).of(&candidate.tag).last();
        let digest = seen.map(|seen| seen.digest.clone());
        Some((Some(candidate), digest, false))
    }

    /// Asks what is not known yet of versions that soak although they were replaced, and of those that soak in a set.
    fn look_at_soaking(&mut self, track: usize, now: Timestamp) {
        let here = &self.tracks[track];
        let is_elapsed = here.soak_mode == SoakMode::Elapsed;
        let Some(before) = here.before.filter(|_| is_elapsed || here.group.is_some()) else { return };
        let Some(lowest) = here.line.running().and_then(|running| running.first()) else { return };
        let there = &self.tracks[before].line;
        let past = there.past().iter().map(|run| &run.candidate).filter(|_| is_elapsed);
        let counts = |candidate: &&Candidate| {
            candidate.version > lowest.version || (here.group.is_some() && candidate.tag == lowest.tag)
        };
        let seen = self.registry.observations(here.selection);
        let is_new = |candidate: &&Candidate| here.group.is_some() || seen.of(&candidate.tag).is_empty();
        let unseen: Vec<Tag> = there
            .only()
            .into_iter()
            .chain(past)
            .filter(counts)
            .filter(is_new)
            .map(|candidate| candidate.tag.clone())
            .collect();
        let selection = here.selection;
        for tag in unseen {
            self.registry.ask(selection, &tag, now);
        }
    }

    fn policy_of(&self, track: usize) -> TrackPolicy<'_> {
        let here = &self.tracks[track];
        TrackPolicy {
            environment: &self.policy.environments[here.environment].policy,
            rules: here.line.rules(),
            soak: here.soak,
            soak_mode: here.soak_mode,
            clock_tolerance: self.policy.clock_tolerance,
        }
    }

    /// The facts about a track; nothing when it is not known what runs.
    fn facts<'s>(
        &'s self,
        track: usize,
        digest_now: DigestNow<'s>,
        moved_back: &'s [MovedBack],
    ) -> Option<Facts<'s>> {
        let here = &self.tracks[track];
        Some(Facts {
            running: here.line.running()?,
            selection: self.registry.selection(here.selection),
            moved_back,
            // What people closed at the forge is not part of a replay: a promotion is taken to be merged at once.
            refused: None,
            before: self.before(track),
            observations: self.registry.observations(here.selection),
            digest_now,
            controls: &here.covering,
            reviewing: Reviewing::TakenAsGiven,
            boarding: here.after.iter().find_map(|next| self.tracks[*next].boards.as_ref()),
        })
    }

    fn before(&self, track: usize) -> Option<Before<'_>> {
        let here = &self.tracks[track];
        let before = self.policy.environments[here.environment].before?;
        let there = here.before.map(|before| &self.tracks[before].line);
        Some(Before {
            environment: &self.policy.environments[before].policy.name,
            running: there.map_or(BeforeRunning::Missing, Line::as_before),
            past: there.map(Line::past).unwrap_or_default(),
            unsigned: &self.unsigned,
        })
    }

    /// The versions that a person left here, and in the environments before.
    fn moved_back(&self, track: usize) -> Cow<'_, [MovedBack]> {
        let chain = std::iter::successors(Some(track), |at| self.tracks[*at].before);
        let mut left = chain.map(|at| self.tracks[at].line.left()).filter(|left| !left.is_empty());
        match (left.next(), left.next()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some(only), None) => Cow::Borrowed(only),
            (Some(one), Some(other)) => {
                Cow::Owned(one.iter().chain(other).chain(left.flatten()).cloned().collect())
            }
        }
    }

    /// Keeps what was decided for a track: when to look again, what it waits for, what must wait for it.
    fn settle(
        &mut self,
        track: usize,
        decision: Option<Decision>,
        now: Timestamp,
        approved: &mut Vec<(usize, Approved)>,
    ) {
        if self.policy.soak_mode == SoakMode::Train {
            let to = &self.policy.environments[self.tracks[track].environment].policy.name;
            let boards = decision.as_ref().and_then(|decision| policy::boarding(to, decision));
            if boards != self.tracks[track].boards {
                self.tracks[track].boards = boards;
                let before = self.tracks[track].before;
                self.due.extend(before.map(|at| (std::cmp::Reverse(self.tracks[at].environment), at)));
            }
        }
        match decision {
            None | Some(Decision::Current { .. }) => {
                self.tracks[track].waiting = None;
                self.wake_at(track, None);
            }
            Some(Decision::Promote(candidate)) => {
                self.wake_at(track, None);
                approved.push((track, *candidate));
            }
            Some(Decision::Wait(evaluation)) => {
                let here = &mut self.tracks[track];
                here.starved = starved(here.starved, &evaluation, now);
                here.waiting = Some(Waiting::go_on(here.waiting.take(), &evaluation, now));
                self.wake_at(track, next_change(&evaluation, now));
            }
        }
    }
}

/// What happens to a track. Nothing goes whose digest was not asked for in this very pass.
fn decided(alone: Consideration, is_fresh: bool) -> Decision {
    match alone {
        Consideration::Candidate(evaluation) if !is_fresh => Decision::Wait(evaluation),
        alone => alone.decide(),
    }
}

/// When an answer changes by time alone: the next gate that opens, so that it is known what is waited for after that.
fn next_change(evaluation: &Evaluation, now: Timestamp) -> Option<Timestamp> {
    let opens = evaluation.closed().filter_map(|report| match report.answer {
        Answer::ClosedUntil(at) => Some(at),
        Answer::Open | Answer::Closed | Answer::Refused => None,
    });
    opens.chain(evaluation.earliest()).filter(|at| *at > now).min()
}

/// The longest row of versions that were replaced before their soak was over.
fn starved(known: Option<Starved>, evaluation: &Evaluation, now: Timestamp) -> Option<Starved> {
    let Some(found) = evaluation.starvation() else { return known };
    let found = Starved { superseded_count: found.superseded_count, since: found.since, until: now };
    match known {
        Some(known) if known.superseded_count > found.superseded_count => Some(known),
        _ => Some(found),
    }
}
