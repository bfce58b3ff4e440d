//! Explaining: looks, asks about one service only, decides, and gathers everything that is known about where it stands.
//! Changes nothing.

mod explanation;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::model::{
    Class, CommitId, EnvironmentName, Fault, ImageName, ServiceName, ServicePattern, Tag, Timestamp,
};
use crate::policy::{self, Approved, Candidate, Decision, Insistence, Nomination};

use super::Engine;
use super::assess::Assessment;
use super::edit_plan::plan_edits;
use super::pass::new_id;
use super::poll::{self, tagged};
use super::ports::Ports;
use super::problem::Problem;
use super::refresh::blocking;
use super::request::ByHand;
use super::view::View;

use explanation::{Asked, Explaining};
pub use explanation::{Explanation, Outlook, Prospect, ToldGate, Verdict};

/// What is to be explained.
#[derive(Clone, Debug)]
pub struct Question {
    /// The service.
    pub service: ServiceName,
    /// Only in this environment.
    pub environment: Option<EnvironmentName>,
    /// Only this image of it.
    pub image: Option<ImageName>,
    /// This version, instead of the one that would come by itself.
    pub tag: Option<Tag>,
}

/// Where a service stands in each environment that is asked about.
#[derive(Debug)]
pub struct Explained {
    /// The head that was looked at.
    pub commit: CommitId,
    /// When.
    pub now: Timestamp,
    /// One for each image in each environment, in the order of the environments.
    pub explanations: Vec<Explanation>,
    /// When something of it may come out differently by time alone.
    pub next_opening: Option<Timestamp>,
}

impl Explained {
    /// The worst of what is explained.
    pub fn verdict(&self) -> Verdict {
        self.explanations.iter().map(Explanation::verdict).max().unwrap_or(Verdict::Nothing)
    }
}

impl<P: Ports> Engine<P> {
    /// Explains where a service stands.
    ///
    /// # Errors
    /// When the repository can't be reached or read, the store can't be used, or no service or environment is called so.
    pub async fn explain(&mut self, question: &Question) -> Result<Explained, Fault> {
        let view = self.refresh().await?;
        let places = self.places(&view, question)?;
        let polled = poll::poll(&self.ports.registry, self.images_around(&view, question)).await;
        let mut assessment = self.assess(view, &polled, &places.tracks).await?;
        let asked = match &question.tag {
            Some(tag) => self.decide_asked_tag(&mut assessment, &places.tracks, tag).await?,
            None => BTreeMap::new(),
        };
        let refused = self.cannot_be_edited(&assessment, &places.tracks, &asked).await?;
        let explaining = Explaining {
            known: assessment.known(&self.rulebook),
            assessment: &assessment,
            refused: &refused,
        };
        let mut explanations: Vec<Explanation> =
            places.tracks.iter().map(|track| explaining.track(*track, asked.get(track))).collect();
        explanations.extend(places.unclear.iter().map(|place| explaining.unclear(*place, &question.service)));
        explanations.sort_by_key(|explanation| self.rulebook.find(&explanation.environment));
        let openings = explanations.iter().filter_map(Explanation::opens_at);
        let expiry = explaining.assessment.view.controls.next_expiry(assessment.now);
        let next_opening = openings.chain(expiry).filter(|at| *at > assessment.now).min();
        Ok(Explained { commit: assessment.view.commit(), now: assessment.now, explanations, next_opening })
    }

    /// Where the service is, and where something of it can't be read.
    fn places(&self, view: &View, question: &Question) -> Result<Places, Fault> {
        let by_hand = ByHand {
            services: vec![ServicePattern::from(question.service.clone())],
            to: question.environment.clone(),
            tag: None,
            image: question.image.clone(),
            insistence: Insistence::default(),
        };
        let environment =
            question.environment.as_ref().map(|name| self.environment_called(name)).transpose()?;
        let is_wanted = |at: usize| environment.is_none_or(|environment| environment == at);
        let unclear: Vec<usize> = (0..self.rulebook.environments.len())
            .filter(|at| {
                is_wanted(*at) && is_unclear(view, &self.rulebook.environments[*at].policy.name, question)
            })
            .collect();
        let tracks = match self.tracks_named(view, &by_hand) {
            Ok(tracks) => tracks,
            Err(_) if !unclear.is_empty() => Vec::new(),
            Err(fault) => return Err(fault),
        };
        let has_track = |at: &usize| tracks.iter().any(|track| view.board.tracks[*track].environment == *at);
        let unclear = unclear.into_iter().filter(|at| !has_track(at)).collect();
        Ok(Places { tracks, unclear })
    }

    /// The images of the service, and of those that ship in a set with it: what is decided depends on all of them.
    fn images_around(&self, view: &View, question: &Question) -> BTreeSet<ImageName> {
        let group = self.rulebook.group_of(&question.service);
        let is_around = |service: &ServiceName| {
            *service == question.service || group.is_some_and(|group| group.has(service))
        };
        let around = view.board.tracks.iter().filter(|track| is_around(track.service()));
        around.map(|track| track.image().clone()).collect()
    }

    /// What is decided about a tag that somebody asks about, on each track that does not run it.
    async fn decide_asked_tag(
        &self,
        assessment: &mut Assessment,
        tracks: &[usize],
        tag: &Tag,
    ) -> Result<BTreeMap<usize, Asked>, Fault> {
        let of = |assessment: &Assessment, track: usize| {
            let here = &assessment.view.board.tracks[track];
            let version = here.rules.version_of(tag)?;
            Some(Candidate { tag: tag.clone(), version })
        };
        let wanted: BTreeSet<_> = tracks
            .iter()
            .filter(|track| {
                let selection = assessment.selections[**track].as_deref();
                selection.is_some_and(|selection| selection.contains(tag))
            })
            .map(|track| tagged(assessment.view.board.tracks[*track].image(), tag))
            .collect();
        self.recall(assessment, wanted.clone()).await?;
        let unasked = wanted.into_iter().filter(|tagged| !assessment.digests.contains_key(tagged)).collect();
        self.ask_digests(assessment, unasked).await?;
        let mut asked = BTreeMap::new();
        for track in tracks {
            let decision = match of(assessment, *track) {
                Some(candidate) => self.decide_one(assessment, *track, candidate),
                None => None,
            };
            asked.insert(*track, Asked { tag: tag.clone(), decision });
        }
        Ok(asked)
    }

    /// What is decided about one version on one track. That of its set's other members is what would come by itself.
    fn decide_one(&self, assessment: &Assessment, track: usize, candidate: Candidate) -> Option<Decision> {
        let scheduled = assessment.decisions[track].as_ref();
        if scheduled.and_then(candidate_of) == Some(&candidate.tag) {
            return scheduled.cloned();
        }
        let known = assessment.known(&self.rulebook);
        let tracks = &assessment.view.board.tracks;
        let here = &tracks[track];
        let group = self.rulebook.group_of(here.service());
        let is_member = |other: &usize| {
            *other == track
                || (tracks[*other].environment == here.environment
                    && group.is_some_and(|group| group.has(tracks[*other].service())))
        };
        let members: Vec<usize> = (0..tracks.len()).filter(is_member).collect();
        let nominated = |member: usize| {
            let facts = known.facts(member, None)?;
            match policy::nominate(&known.policy(member), &facts, assessment.now) {
                Nomination::Candidate(candidate) => Some((member, candidate.clone())),
                Nomination::Nothing(_) => None,
            }
        };
        let others = members.iter().filter(|member| **member != track);
        let mut candidates: BTreeMap<usize, Candidate> =
            others.filter_map(|member| nominated(*member)).collect();
        candidates.insert(track, candidate);
        let decided = known.decide_as_asked(
            &members,
            &candidates,
            &assessment.decisions,
            &Insistence::default(),
            assessment.now,
        );
        decided.into_iter().find(|(member, _)| *member == track).and_then(|(_, decision)| decision)
    }

    /// What may go by every gate and still can't be written.
    async fn cannot_be_edited(
        &self,
        assessment: &Assessment,
        tracks: &[usize],
        asked: &BTreeMap<usize, Asked>,
    ) -> Result<Vec<Problem>, Fault> {
        let decision = |track: usize| match asked.get(&track) {
            Some(asked) => asked.decision.as_ref(),
            None => assessment.decisions[track].as_ref(),
        };
        let approved: Vec<(usize, _, Approved)> = tracks
            .iter()
            .filter_map(|track| match decision(*track)? {
                Decision::Promote(approved) => Some((*track, new_id(assessment.now), (**approved).clone())),
                Decision::Current { .. } | Decision::Wait(_) => None,
            })
            .collect();
        if approved.is_empty() {
            return Ok(Vec::new());
        }
        let (repository, rulebook) = (Arc::clone(&self.ports.repository), Arc::clone(&self.rulebook));
        let view = Arc::clone(&assessment.view);
        let (_, refused) = blocking(move || plan_edits(&*repository, &rulebook, &view, approved)).await?;
        Ok(refused)
    }
}

/// Where a service is.
struct Places {
    tracks: Vec<usize>,
    /// Environments where something of it can't be read or decided, so that there is no track of it.
    unclear: Vec<usize>,
}

fn is_unclear(view: &View, environment: &EnvironmentName, question: &Question) -> bool {
    let problems = view.board.problems.iter();
    let mut here = problems.filter(|problem| {
        problem.is_error
            && problem.service.as_ref() == Some(&question.service)
            && problem.environment.as_ref() == Some(environment)
    });
    here.next().is_some()
}

fn candidate_of(decision: &Decision) -> Option<&Tag> {
    match decision {
        Decision::Current { .. } => None,
        Decision::Promote(approved) => Some(&approved.candidate().tag),
        Decision::Wait(evaluation) => Some(&evaluation.candidate().tag),
    }
}

/// The controls that do not count where they would cover a track, since nobody who is allowed to signed them.
fn uncounted(view: &View, service: &ServiceName, environment: &EnvironmentName) -> Vec<Problem> {
    let covers = |file: &&crate::model::RepoPath| {
        let control = view.snapshot.controls.get(*file);
        let alone: Option<policy::Controls> = control.map(|control| [control.clone()].into_iter().collect());
        alone.is_some_and(|alone| !alone.covering(service, environment).is_empty())
    };
    let files: HashSet<_> = view.unsigned_controls.keys().filter(covers).collect();
    let problems = super::control_files::unsigned_problems(&view.unsigned_controls);
    problems
        .filter(|problem| problem.place.as_ref().is_some_and(|place| files.contains(&place.path)))
        .collect()
}

/// The class of the worst error.
fn worst(problems: &[Problem]) -> Option<Class> {
    let errors = problems.iter().filter(|problem| problem.is_error).map(|problem| problem.class);
    errors.max_by_key(|class| match class {
        Class::TryAgain => 2,
        Class::Refused => 1,
        _ => 0,
    })
}
