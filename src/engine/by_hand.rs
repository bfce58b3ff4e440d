//! A promotion by hand: the same facts and gates as on schedule, for one service, with overrides.

use std::collections::BTreeSet;

use crate::model::{Class, Fault};
use crate::policy::{self, Candidate, Decision, Nomination};

use super::Engine;
use super::assess::Assessment;
use super::poll::tagged;
use super::ports::Ports;
use super::request::ByHand;
use super::view::View;

impl<P: Ports> Engine<P> {
    /// The tracks that a promotion by hand is about: one, or several where a service has several images.
    pub(super) fn tracks_by_hand(&self, view: &View, by_hand: &ByHand) -> Result<Vec<usize>, Fault> {
        let environment = self.rulebook.find(&by_hand.environment).ok_or_else(|| {
            let names: Vec<&str> = self
                .rulebook
                .environments
                .iter()
                .map(|environment| environment.policy.name.as_str())
                .collect();
            Fault::new(Class::Usage, format!("there is no environment {}", by_hand.environment))
                .with_hint(format!("the configuration has {}", names.join(", ")))
        })?;
        let is_meant = |track: &&usize| {
            let track = &view.board.tracks[**track];
            track.environment == environment
                && *track.service() == by_hand.service
                && by_hand.image.as_ref().is_none_or(|image| image == track.image())
        };
        let all: Vec<usize> = (0..view.board.tracks.len()).collect();
        let chosen: Vec<usize> = all.iter().filter(is_meant).copied().collect();
        if chosen.is_empty() {
            return Err(self.no_such_service(view, by_hand));
        }
        if chosen.len() > 1 && by_hand.tag.is_some() {
            let images: Vec<String> =
                chosen.iter().map(|track| view.board.tracks[*track].image().to_string()).collect();
            let message = format!("{} has several images, and the tag is of one of them", by_hand.service);
            return Err(Fault::new(Class::Usage, message)
                .with_hint(format!("add --image with one of {}", images.join(", "))));
        }
        Ok(chosen)
    }

    fn no_such_service(&self, view: &View, by_hand: &ByHand) -> Fault {
        let elsewhere: BTreeSet<String> = view
            .board
            .tracks
            .iter()
            .filter(|track| track.service().name() == by_hand.service.name())
            .map(|track| {
                let environment = &self.rulebook.environments[track.environment].policy.name;
                format!("{} in {environment}", track.service())
            })
            .collect();
        let told: Vec<String> = view
            .board
            .problems
            .iter()
            .filter(|problem| problem.service.as_ref() == Some(&by_hand.service))
            .map(ToString::to_string)
            .collect();
        let message = format!("{} has no image to promote in {}", by_hand.service, by_hand.environment);
        let hint = match (told.is_empty(), elsewhere.is_empty()) {
            (false, _) => told.join("; "),
            (true, false) => format!("there is {}", elsewhere.into_iter().collect::<Vec<_>>().join(", ")),
            (true, true) => "`tidegate status` lists the services".to_owned(),
        };
        Fault::new(Class::Usage, message).with_hint(hint)
    }

    /// Decides for the chosen tracks as asked, and for no other.
    pub(super) async fn decide_by_hand(
        &self,
        assessment: &mut Assessment,
        by_hand: &ByHand,
    ) -> Result<(), Fault> {
        let chosen = self.tracks_by_hand(&assessment.view, by_hand)?;
        let mut candidates: Vec<(usize, Candidate)> = Vec::new();
        for track in &chosen {
            if let Some(candidate) = self.candidate_by_hand(assessment, *track, by_hand)? {
                candidates.push((*track, candidate));
            }
        }
        let wanted: BTreeSet<_> = candidates
            .iter()
            .map(|(track, candidate)| tagged(assessment.view.board.tracks[*track].image(), &candidate.tag))
            .collect();
        self.recall(assessment, wanted.clone()).await?;
        self.ask_digests(assessment, wanted).await?;
        for (track, decision) in assessment.decisions.iter_mut().enumerate() {
            // What would go by itself is not what was asked for.
            if !chosen.contains(&track) || by_hand.tag.is_some() {
                *decision = None;
            }
        }
        for (track, candidate) in candidates {
            assessment.decisions[track] = self.decide_on(assessment, track, &candidate, by_hand);
        }
        Ok(())
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
            return Ok(match policy::nominate(&known.policy(track), &facts) {
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
        let highest =
            facts.selection.highest().map(|highest| format!("the highest admitted is {}", highest.tag));
        Err(Fault::new(Class::Usage, message)
            .with_hint(highest.unwrap_or_else(|| "the rules admit none of its tags".to_owned())))
    }

    fn decide_on(
        &self,
        assessment: &Assessment,
        track: usize,
        candidate: &Candidate,
        by_hand: &ByHand,
    ) -> Option<Decision> {
        let known = assessment.known(&self.rulebook);
        let facts = known.facts(track, Some(candidate))?;
        let evaluation = policy::evaluate(&known.policy(track), &facts, candidate, assessment.now);
        Some(match policy::approve_overriding(&evaluation, &by_hand.overrides) {
            Ok(approved) => Decision::Promote(Box::new(approved)),
            Err(_) => Decision::Wait(Box::new(evaluation)),
        })
    }
}

#[cfg(test)]
mod tests;
