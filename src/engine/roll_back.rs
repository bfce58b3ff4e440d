//! A way back by hand: to a version that ran there before, and the one that is left is quarantined, in one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::control;
use crate::history::HeldByPath;
use crate::model::{Class, Digest, Fault, ImageName, Printable, RepoPath, Tag};
use crate::policy::{
    self, Candidate, Control, Decision, MovedBack, Note, PastRun, Quarantine, ShownTime, approve_rollback,
};

use super::Engine;
use super::assess::Assessment;
use super::edit_plan::WayBack;
use super::order::file_of;
use super::poll::tagged;
use super::ports::Ports;
use super::request::{ByHand, RollBack};
use super::rulebook::Rulebook;
use super::view::View;

/// The most tags that are named that ran before.
const MOST_TOLD: usize = 5;

/// For how long after a way back the same one is taken to be given again, since its answer was lost, and not to mean one
/// version further.
const SAME_AGAIN: TimeDelta = TimeDelta::minutes(10);

/// What each image of the service holds in the environment, before it goes back.
pub(super) fn runs_before(view: &View, rulebook: &Rulebook, back: &RollBack) -> Vec<(ImageName, HeldByPath)> {
    let tracks = view.board.tracks.iter().filter(|track| {
        *track.service() == back.service
            && rulebook.environments[track.environment].policy.name == back.environment
    });
    tracks.map(|track| (track.image().clone(), track.held.clone())).collect()
}

/// Somebody else was first, perhaps with the same way back: going on would go one version further.
pub(super) fn moved_meanwhile(back: &RollBack) -> Fault {
    let message = format!("{} was moved in {} meanwhile", back.service, back.environment);
    Fault::new(Class::TryAgain, message)
        .with_hint("nothing was pushed; look with `tidegate status`, and try again")
}

impl<P: Ports> Engine<P> {
    /// The tracks that go back: of a service with several images those that came by the newest commit, unless one is named.
    pub(super) async fn tracks_back(&self, view: &Arc<View>, back: &RollBack) -> Result<Vec<usize>, Fault> {
        let by_hand = ByHand {
            services: vec![back.service.clone().into()],
            to: Some(back.environment.clone()),
            tag: None,
            image: back.image.clone(),
            insistence: policy::Insistence::default(),
        };
        // Those that ship in a set with it come along forward, not back.
        let own = self.tracks_named(view, &by_hand)?;
        self.learn(view, own.iter().copied()).await?;
        let landed = |track: usize| view.landing(track).map(|landing| landing.commit);
        let newest = own
            .iter()
            .copied()
            .max_by_key(|track| view.landing(*track).map(|landing| (landing.committed_at, landing.commit)));
        let commit = newest.and_then(landed);
        let chosen: Vec<usize> = own.into_iter().filter(|track| landed(*track) == commit).collect();
        if back.to.is_some() && chosen.len() > 1 {
            let images: Vec<String> =
                chosen.iter().map(|track| view.board.tracks[*track].image().to_string()).collect();
            let message = format!("{} has several images, and the tag is of one of them", back.service);
            return Err(Fault::new(Class::Usage, message)
                .with_hint(format!("add --image with one of {}", images.join(", "))));
        }
        Ok(chosen)
    }

    /// Decides that the chosen tracks go back and all others stay. Answers what is written beside each.
    pub(super) async fn decide_back(
        &self,
        assessment: &mut Assessment,
        back: &RollBack,
        requested_by: &str,
    ) -> Result<BTreeMap<usize, WayBack>, Fault> {
        let chosen = self.tracks_back(&assessment.view, back).await?;
        let mut targets = BTreeMap::new();
        for track in &chosen {
            if back.to.is_none() {
                must_be_new(assessment, *track, back, requested_by)?;
            }
            let target = self.target(&assessment.view, *track, back)?;
            self.must_exist(assessment, *track, &target)?;
            targets.insert(*track, target);
        }
        let wanted: BTreeSet<_> = targets
            .iter()
            .map(|(track, target)| {
                tagged(assessment.view.board.tracks[*track].image(), &target.candidate.tag)
            })
            .collect();
        self.recall(assessment, wanted.clone()).await?;
        let problems = assessment.problems.len();
        self.ask_digests(assessment, wanted).await?;
        // A registry that is down is no reason to stay on what is broken.
        assessment.problems[problems..].iter_mut().for_each(|problem| problem.is_error = false);
        let mut beside = BTreeMap::new();
        assessment.decisions.iter_mut().for_each(|decision| *decision = None);
        for (track, target) in targets {
            let from = assessment.view.board.tracks[track].running.last().cloned();
            let from = from.unwrap_or_else(|| target.candidate.clone());
            let digest = digest_of(assessment, track, &target, back)?;
            let quarantine = quarantine(assessment, back, &from.tag, requested_by)?;
            let environment = back.environment.clone();
            let approved = approve_rollback(environment, from, target.candidate, digest);
            assessment.decisions[track] = Some(Decision::Promote(Box::new(approved)));
            beside.insert(track, WayBack { reason: back.reason.clone(), quarantine });
        }
        Ok(beside)
    }

    /// A tag that never ran must be there by the registry; when that does not answer, it is told by the digest.
    fn must_exist(&self, assessment: &Assessment, track: usize, target: &Target) -> Result<(), Fault> {
        let tag = &target.candidate.tag;
        let Some(selection) = assessment.selections[track].as_deref() else { return Ok(()) };
        if target.run.is_some() || selection.contains(tag) {
            return Ok(());
        }
        let here = &assessment.view.board.tracks[track];
        let environment = &self.rulebook.environments[here.environment].policy.name;
        let past = assessment.view.past(track);
        let ran = lower_that_ran(past, here.running.last());
        let message = format!(
            "{} has no tag {tag} that the selection rules admit, and it never ran in {environment}",
            here.image()
        );
        let hint = match ran.as_slice() {
            [] => "nothing lower ran there before".to_owned(),
            ran => format!("it ran {} before", ran.join(", ")),
        };
        Err(Fault::new(Class::Usage, message).with_hint(hint))
    }

    /// Where a track goes back to: the tag that is named, or the last version below what runs that ran there and that
    /// nobody left or quarantined since.
    fn target(&self, view: &View, track: usize, back: &RollBack) -> Result<Target, Fault> {
        let here = &view.board.tracks[track];
        let past = view.past(track);
        let environment = &self.rulebook.environments[here.environment].policy;
        let running = here.running.last();
        let name = format!("{} in {}", here.service(), environment.name);
        if let Some(tag) = &back.to {
            if here.running.iter().all(|running| running.tag == *tag) {
                return Err(Fault::new(Class::Usage, format!("{name} runs {tag} already")));
            }
            let version = here.rules.version_of(tag).ok_or_else(|| {
                Fault::new(Class::Usage, format!("{tag} stands for no version by the rules of {name}"))
            })?;
            if let Some(running) = running.filter(|running| version >= running.version) {
                let service = here.service();
                let message = format!("{tag} is not lower than {}, which {name} runs", running.tag);
                return Err(Fault::new(Class::Usage, message).with_hint(format!(
                    "that is no way back: `tidegate promote {service} --to {} --tag {tag}`",
                    environment.name
                )));
            }
            let run = past.iter().find(|run| run.candidate.tag == *tag).cloned();
            return Ok(Target { candidate: Candidate { tag: tag.clone(), version }, run });
        }
        let left = view.moved_back(track);
        let was_left =
            |run: &PastRun| left.iter().any(|moved: &MovedBack| moved.version == run.candidate.version);
        let is_lower = |run: &PastRun| running.is_some_and(|running| run.candidate.version < running.version);
        let controls = view.covering(&self.rulebook, track);
        let is_bad = |run: &PastRun| controls.quarantines(&run.candidate);
        let well = past.iter().find(|run| is_lower(run) && !was_left(run) && !is_bad(run));
        let run = well.ok_or_else(|| {
            let ran = lower_that_ran(past, running);
            let hint = match ran.as_slice() {
                [] => "nothing lower ran there before; name the tag by --to".to_owned(),
                ran => format!("name the tag by --to; it ran {} before", ran.join(", ")),
            };
            Fault::new(Class::Usage, format!("history has no lower version that ran well for {name}"))
                .with_hint(hint)
        })?;
        Ok(Target { candidate: run.candidate.clone(), run: Some(run.clone()) })
    }
}

/// A way back that names no version and is given again by the same person is told what it did, and goes no further.
fn must_be_new(
    assessment: &Assessment,
    track: usize,
    back: &RollBack,
    requested_by: &str,
) -> Result<(), Fault> {
    let view = &assessment.view;
    let Some(landing) = view.landing(track) else { return Ok(()) };
    let is_same = |moved: &&MovedBack| {
        moved.commit == landing.commit
            && moved.author == requested_by
            && assessment.now - moved.at < SAME_AGAIN
    };
    let Some(done) = view.moved_back(track).iter().rfind(is_same) else { return Ok(()) };
    let running = view.board.tracks[track].running.last();
    let message = format!(
        "{} moved {} in {} back already, to {} at {}",
        Printable::new(&done.author),
        back.service,
        back.environment,
        running.map(|running| running.tag.as_str()).unwrap_or_default(),
        ShownTime { at: done.at, zone: assessment.zone }
    );
    let hint = match lower_that_ran(view.past(track), running).as_slice() {
        [] => "nothing was changed, and nothing lower ran there before".to_owned(),
        ran => format!(
            "nothing was changed; to go further name the tag by --to; it ran {} before",
            ran.join(", ")
        ),
    };
    Err(Fault::new(Class::Refused, message).with_hint(hint))
}

/// The tags below what runs that ran before, each once, the latest first.
fn lower_that_ran<'a>(past: &'a [PastRun], running: Option<&Candidate>) -> Vec<&'a str> {
    let is_lower = |run: &&PastRun| running.is_none_or(|running| run.candidate.version < running.version);
    let mut ran: Vec<&str> = Vec::new();
    for tag in past.iter().filter(is_lower).map(|run| run.candidate.tag.as_str()) {
        if !ran.contains(&tag) && ran.len() < MOST_TOLD {
            ran.push(tag);
        }
    }
    ran
}

/// The control file that quarantines what is left.
fn quarantine(
    assessment: &Assessment,
    back: &RollBack,
    left: &Tag,
    requested_by: &str,
) -> Result<Option<(RepoPath, String)>, Fault> {
    let nowhere = control::FOLDER.parse();
    let nowhere = nowhere.map_err(|_| Fault::new(Class::Failed, "control files have no folder"))?;
    let control = Control::Quarantine(Quarantine {
        note: Note {
            file: nowhere,
            by: requested_by.to_owned(),
            at: assessment.now,
            reason: back.reason.clone(),
            expires: None,
        },
        services: back.service.clone().into(),
        version: left.clone(),
    });
    // What the file could not hold, the commit could not either.
    file_of(&control).map(|file| back.quarantines.then_some(file))
}

/// A version to go back to, and how it ran there if it did.
struct Target {
    candidate: Candidate,
    run: Option<PastRun>,
}

/// The image to go back to: the one that ran there, as far as history or an observation tells, and the tag must still mean
/// it; else what the tag means now.
fn digest_of(
    assessment: &Assessment,
    track: usize,
    target: &Target,
    back: &RollBack,
) -> Result<Digest, Fault> {
    let here = &assessment.view.board.tracks[track];
    let tag = &target.candidate.tag;
    let tagged = tagged(here.image(), tag);
    let now = assessment.digests.get(&tagged).and_then(Option::as_ref);
    let seen = assessment.observed.get(here.image()).map(|seen| seen.of(tag)).unwrap_or_default();
    let ran = target.run.as_ref().and_then(|run| {
        let observed = seen.iter().rfind(|observed| observed.at <= run.left_at).map(|seen| &seen.digest);
        run.landing.digest.as_ref().or(observed)
    });
    match (ran, now) {
        (Some(ran), Some(now)) if ran != now && back.accept_digest.as_ref() != Some(now) => {
            let message =
                format!("{tag} ran in {} as {} and now means {}", back.environment, ran.short(), now.short());
            Err(Fault::new(Class::Refused, message).with_hint(format!(
                "name another tag by --to, or say --accept-digest {now} if that is the image you want"
            )))
        }
        (_, Some(now)) => Ok(now.clone()),
        (Some(ran), None) => Ok(ran.clone()),
        (None, None) => {
            let at = target.run.as_ref().map(|run| ShownTime { at: run.left_at, zone: assessment.zone });
            let told = at.map(|at| format!(" until {at}")).unwrap_or_default();
            let message = format!("it is not known which image {tag} is, which ran{told}");
            Err(Fault::new(Class::TryAgain, message).with_hint(
                "the registry cannot be asked, and history does not say; try again, or edit by hand",
            ))
        }
    }
}

#[cfg(test)]
mod tests;
