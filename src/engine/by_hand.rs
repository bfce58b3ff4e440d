//! A promotion by hand: the same facts and gates as on schedule, for the services that are named, with overrides.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::nearest;
use crate::model::{Class, EnvironmentName, Fault, ServiceName, ServicePattern};
use crate::policy::{self, Candidate, Consideration, Decision, GateName, Insistence, Nomination};

use super::Engine;
use super::Group;
use super::assess::{Assessment, Known};
use super::board::Track;
use super::poll::tagged;
use super::ports::Ports;
use super::request::ByHand;
use super::view::View;

impl<P: Ports> Engine<P> {
    /// The tracks that a promotion by hand may be about: those that are named, and those of the services that ship in a set
    /// with them, in the environment that is named or in every one.
    pub(super) fn tracks_by_hand(&self, view: &View, by_hand: &ByHand) -> Result<Vec<usize>, Fault> {
        let services = view.board.tracks.iter().map(Track::service);
        let named: BTreeSet<&ServiceName> = services.filter(|service| by_hand.names(service)).collect();
        let groups = self.rulebook.groups.iter();
        let sets: Vec<&Group> =
            groups.filter(|group| named.iter().any(|service| group.has(service))).collect();
        let chosen = self.tracks_where(view, by_hand, |track| {
            by_hand.is_about(track) || sets.iter().any(|group| group.has(track.service()))
        })?;
        if by_hand.tag.is_some() {
            must_be_one(view, by_hand, &chosen)?;
        }
        Ok(chosen)
    }

    /// The tracks that are named, and no others.
    pub(super) fn tracks_named(&self, view: &View, by_hand: &ByHand) -> Result<Vec<usize>, Fault> {
        self.tracks_where(view, by_hand, |track| by_hand.is_about(track))
    }

    /// The tracks of the environment that is named, or of every one, that are meant: at least one.
    fn tracks_where(
        &self,
        view: &View,
        by_hand: &ByHand,
        is_meant: impl Fn(&Track) -> bool,
    ) -> Result<Vec<usize>, Fault> {
        let environment = by_hand.to.as_ref().map(|to| self.environment_called(to)).transpose()?;
        let is_there = |track: &Track| environment.is_none_or(|environment| track.environment == environment);
        let tracks = view.board.tracks.iter().enumerate();
        let chosen: Vec<usize> =
            tracks.filter(|(_, track)| is_there(track) && is_meant(track)).map(|(place, _)| place).collect();
        if chosen.is_empty() {
            return Err(self.no_such_service(view, by_hand));
        }
        Ok(chosen)
    }

    pub(super) fn environment_called(&self, name: &EnvironmentName) -> Result<usize, Fault> {
        self.rulebook.find(name).ok_or_else(|| {
            let environments = self.rulebook.environments.iter();
            let names: Vec<&str> = environments.map(|environment| environment.policy.name.as_str()).collect();
            Fault::new(Class::Usage, format!("there is no environment {name}"))
                .with_hint(format!("the configuration has {}", names.join(", ")))
        })
    }

    fn no_such_service(&self, view: &View, by_hand: &ByHand) -> Fault {
        let names: Vec<&str> = by_hand.services.iter().map(ServicePattern::as_str).collect();
        let names = names.join(", ");
        let is_called_so = |service: &ServiceName| {
            by_hand.services.iter().any(|pattern| match pattern.exact() {
                Some(exact) => exact.name() == service.name(),
                None => pattern.matches(service),
            })
        };
        let tracks = view.board.tracks.iter().filter(|track| is_called_so(track.service()));
        let elsewhere: BTreeSet<String> = tracks
            .map(|track| {
                let environment = &self.rulebook.environments[track.environment].policy.name;
                format!("{} in {environment}", track.service())
            })
            .collect();
        let problems = view.board.problems.iter();
        let told: Vec<String> = problems
            .filter(|problem| problem.service.as_ref().is_some_and(is_called_so))
            .map(ToString::to_string)
            .collect();
        let message = match &by_hand.to {
            Some(to) => format!("{names} has no image to promote in {to}"),
            None => format!("{names} has no image to promote"),
        };
        let near: BTreeSet<String> = by_hand
            .services
            .iter()
            .flat_map(|pattern| view.services_like(pattern.as_str()))
            .map(ToString::to_string)
            .collect();
        let listed = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        let hint = match (told.is_empty(), elsewhere.is_empty(), near.is_empty()) {
            (false, ..) => told.join("; "),
            (true, false, _) => format!("there is {}", listed(elsewhere)),
            (true, true, false) => format!("did you mean {}?", listed(near)),
            (true, true, true) => "`tidegate status` lists the services".to_owned(),
        };
        Fault::new(Class::Usage, message).with_hint(hint)
    }

    /// Decides for the chosen tracks as asked, and for no other.
    pub(super) async fn decide_by_hand(
        &self,
        assessment: &mut Assessment,
        by_hand: &ByHand,
    ) -> Result<(), Fault> {
        let mut chosen = self.tracks_by_hand(&assessment.view, by_hand)?;
        if by_hand.to.is_none() {
            chosen = self.next_of_each(assessment, &chosen)?;
        }
        let mut candidates: BTreeMap<usize, Candidate> = BTreeMap::new();
        for track in &chosen {
            candidates.extend(self.candidate_by_hand(assessment, *track, by_hand)?.map(|one| (*track, one)));
        }
        let wanted: BTreeSet<_> = candidates
            .iter()
            .map(|(track, candidate)| tagged(assessment.view.board.tracks[*track].image(), &candidate.tag))
            .collect();
        self.recall(assessment, wanted.clone()).await?;
        self.ask_digests(assessment, wanted).await?;
        let mut decisions: Vec<Option<Decision>> = assessment.decisions.iter().map(|_| None).collect();
        let known = assessment.known(&self.rulebook);
        let tracks = &assessment.view.board.tracks;
        for here in chosen.chunk_by(|one, other| tracks[*one].environment == tracks[*other].environment) {
            for (track, decision) in known.decide_as_asked(
                here,
                &candidates,
                &assessment.decisions,
                &by_hand.insistence,
                assessment.now,
            ) {
                // That a tag runs already, or can't be known, is told by there being no decision.
                let is_told = by_hand.tag.is_none() || candidates.contains_key(&track);
                decisions[track] = decision.filter(|_| is_told);
            }
        }
        assessment.decisions = decisions;
        Ok(())
    }

    /// Of each service the tracks in its next environment: the first one after another where something newer waits, else
    /// the first of all. What nobody wants, since it was left or quarantined, waits for nothing where something else does.
    fn next_of_each(&self, assessment: &Assessment, chosen: &[usize]) -> Result<Vec<usize>, Fault> {
        let tracks = &assessment.view.board.tracks;
        let waits = |track: &&usize| {
            matches!(assessment.decisions[**track], Some(Decision::Wait(_) | Decision::Promote(_)))
        };
        let mut places: BTreeMap<&ServiceName, BTreeSet<usize>> = BTreeMap::new();
        let lives = |track: &usize| assessment.decisions[*track].as_ref().is_some_and(is_wanted);
        let living: BTreeSet<&ServiceName> =
            chosen.iter().filter(|track| lives(track)).map(|track| tracks[*track].service()).collect();
        let counts = |track: &&usize| lives(track) || !living.contains(tracks[**track].service());
        for track in chosen.iter().filter(waits).filter(counts) {
            places.entry(tracks[*track].service()).or_default().insert(tracks[*track].environment);
        }
        let mut next: BTreeMap<&ServiceName, usize> = BTreeMap::new();
        for (service, places) in places {
            let before = |place: &usize| self.rulebook.environments[*place].before;
            let Some(first) = places.iter().find(|place| before(place).is_some()).or(places.first()) else {
                continue;
            };
            let beside =
                places.iter().filter(|place| before(place).is_some() && before(place) == before(first));
            let names: Vec<&str> =
                beside.map(|place| self.rulebook.environments[*place].policy.name.as_str()).collect();
            if names.len() > 1 {
                let message = format!("{service} may go to {}", names.join(" or to "));
                return Err(Fault::new(Class::Usage, message).with_hint("add --to with one of them"));
            }
            next.insert(service, *first);
        }
        // Where nothing waits, every place is told with why.
        let is_next = |track: &&usize| {
            next.get(tracks[**track].service()).is_none_or(|place| *place == tracks[**track].environment)
        };
        Ok(chosen.iter().filter(is_next).copied().collect())
    }

    /// The tag that was asked for, or the one that would come by itself.
    fn candidate_by_hand(
        &self,
        assessment: &Assessment,
        track: usize,
        by_hand: &ByHand,
    ) -> Result<Option<Candidate>, Fault> {
        let known = assessment.known(&self.rulebook);
        let Some(facts) = known.facts(track, None) else { return Ok(None) };
        let Some(tag) = &by_hand.tag else {
            return Ok(match policy::nominate(&known.policy(track), &facts, assessment.now) {
                Nomination::Candidate(candidate) => Some(candidate.clone()),
                Nomination::Nothing(_) => None,
            });
        };
        let here = &assessment.view.board.tracks[track];
        if here.running.iter().all(|running| running.tag == *tag) {
            return Ok(None);
        }
        if let Some(candidate) = facts.selection.find(tag) {
            return Ok(Some(candidate.clone()));
        }
        let message = format!("{} has no tag {tag} that the selection rules admit", here.image());
        let Some(highest) = facts.selection.highest() else {
            return Err(Fault::new(Class::Usage, message).with_hint("the rules admit none of its tags"));
        };
        let tags = facts.selection.candidates().iter().map(|candidate| candidate.tag.as_str());
        let near = nearest(tag.as_str(), tags).map(|near| format!("did you mean {near}? "));
        let hint = format!("{}the highest admitted is {}", near.unwrap_or_default(), highest.tag);
        Err(Fault::new(Class::Usage, message).with_hint(hint))
    }
}

/// Whether a candidate may go in time: nobody moved back from it, and nobody quarantined it.
fn is_wanted(decision: &Decision) -> bool {
    match decision {
        Decision::Promote(_) => true,
        Decision::Wait(evaluation) => {
            !evaluation.closed().any(|report| matches!(report.gate, GateName::Order | GateName::Quarantine))
        }
        Decision::Current { .. } => false,
    }
}

impl ByHand {
    fn names(&self, service: &ServiceName) -> bool {
        self.services.iter().any(|pattern| pattern.matches(service))
    }

    fn is_about(&self, track: &Track) -> bool {
        self.names(track.service()) && self.image.as_ref().is_none_or(|image| image == track.image())
    }
}

/// A tag is of one image of one service, in an environment that is named.
fn must_be_one(view: &View, by_hand: &ByHand, chosen: &[usize]) -> Result<(), Fault> {
    if by_hand.to.is_none() {
        return Err(Fault::new(Class::Usage, "a tag is promoted to an environment, and none is named")
            .with_hint("add --to with the environment"));
    }
    let [first, _, ..] = chosen else { return Ok(()) };
    let first = &view.board.tracks[*first];
    let of_chosen = || chosen.iter().map(|track| &view.board.tracks[*track]);
    if of_chosen().all(|track| track.service() == first.service()) {
        let images: Vec<String> = of_chosen().map(|track| track.image().to_string()).collect();
        let message = format!("{} has several images, and the tag is of one of them", first.service());
        return Err(Fault::new(Class::Usage, message)
            .with_hint(format!("add --image with one of {}", images.join(", "))));
    }
    let services: BTreeSet<String> = of_chosen().map(|track| track.service().to_string()).collect();
    let services = services.into_iter().collect::<Vec<_>>().join(", ");
    Err(Fault::new(Class::Usage, format!("the tag is of one service, and these are meant: {services}"))
        .with_hint("name one service that ships in no set, or leave --tag out"))
}

impl Known<'_> {
    /// Decides for tracks of one environment, each with the candidate that is asked for, if there is one.
    pub(crate) fn decide_as_asked(
        &self,
        tracks: &[usize],
        candidates: &BTreeMap<usize, Candidate>,
        scheduled: &[Option<Decision>],
        insistence: &Insistence,
        now: crate::model::Timestamp,
    ) -> Vec<(usize, Option<Decision>)> {
        let Some(first) = tracks.first() else { return Vec::new() };
        let environment = self.view.board.tracks[*first].environment;
        let boardings: Vec<_> = tracks.iter().map(|track| self.boarding(*track, scheduled)).collect();
        let mut members: Vec<_> = tracks
            .iter()
            .zip(&boardings)
            .map(|(track, boarding)| {
                let candidate = candidates.get(track);
                let mut member = self.member(*track, candidate, boarding.as_ref(), now);
                if let (Some(candidate), Some((policy, facts))) = (candidate, &member.known) {
                    let evaluation = policy::evaluate(policy, facts, candidate, now);
                    member.alone = Some(Consideration::Candidate(Box::new(evaluation)));
                }
                member
            })
            .collect();
        self.settle_sets(environment, &mut members, insistence, now);
        let decide = |alone: Consideration| match alone {
            Consideration::Candidate(evaluation) => {
                match policy::approve_overriding(&evaluation, insistence) {
                    Ok(approved) => Decision::Promote(Box::new(approved)),
                    Err(_) => Decision::Wait(evaluation),
                }
            }
            Consideration::Current(why) => Decision::Current { why },
        };
        tracks.iter().copied().zip(members).map(|(track, member)| (track, member.alone.map(decide))).collect()
    }
}

#[cfg(test)]
mod tests;
