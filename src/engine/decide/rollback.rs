//! A way back by hand: to a version that ran there before, and the one that is left is quarantined, in one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::control;
use crate::history::TagsByFile;
use crate::model::{Class, Digest, Fault, ImageName, Printable, RepoPath, Tag};
use crate::policy::{
    self, Candidate, Control, Decision, LocalTime, Note, PastRun, Quarantine, RolledBack, approve_rollback,
};

use super::evaluation::Evaluation;
use super::poll::tagged;
use crate::engine::Engine;
use crate::engine::base::pass_options::{ManualPromotion, RollbackRequest};
use crate::engine::base::ports::Ports;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::plan::edit_plan::Rollback;
use crate::engine::state::repository_state::RepositoryState;
use crate::engine::tasks::control_change::file_of;

/// The most tags that are named that ran before.
const MOST_TOLD: usize = 5;

/// For how long after a way back the same one is taken to be given again, since its answer was lost, and not to mean one
/// version further.
const SAME_AGAIN: TimeDelta = TimeDelta::minutes(10);

/// What each image of the service holds in the environment, before it goes back.
pub(in crate::engine) fn runs_before(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    back: &RollbackRequest,
) -> Vec<(ImageName, TagsByFile)> {
    let targets = state.deployed.targets.iter().filter(|target| {
        *target.service() == back.service
            && repository_policy.environments[target.environment].policy.name == back.environment
    });
    targets.map(|target| (target.image().clone(), target.held.clone())).collect()
}

/// Somebody else was first, perhaps with the same way back: going on would go one version further.
pub(in crate::engine) fn moved_meanwhile(back: &RollbackRequest) -> Fault {
    let message = format!("{} was moved in {} meanwhile", back.service, back.environment);
    Fault::new(Class::TryAgain, message)
        .with_hint("nothing was pushed; look with `tidegate status`, and try again")
}

impl<P: Ports> Engine<P> {
    /// The targets that go back: of a service with several images those that came by the newest commit, unless one is named.
    pub(in crate::engine) async fn targets_back(
        &self,
        state: &Arc<RepositoryState>,
        back: &RollbackRequest,
    ) -> Result<Vec<usize>, Fault> {
        let by_hand = ManualPromotion {
            services: vec![back.service.clone().into()],
            to: Some(back.environment.clone()),
            tag: None,
            image: back.image.clone(),
            overrides: policy::Overrides::default(),
        };
        // Those that ship in a set with it come along forward, not back.
        let own = self.targets_named(state, &by_hand)?;
        self.learn(state, own.iter().copied()).await?;
        let landed = |target: usize| state.rollout_commit(target).map(|rollout_commit| rollout_commit.commit);
        let newest = own.iter().copied().max_by_key(|target| {
            state
                .rollout_commit(*target)
                .map(|rollout_commit| (rollout_commit.committed_at, rollout_commit.commit))
        });
        let commit = newest.and_then(landed);
        let chosen: Vec<usize> = own.into_iter().filter(|target| landed(*target) == commit).collect();
        if back.to.is_some() && chosen.len() > 1 {
            let images: Vec<String> =
                chosen.iter().map(|target| state.deployed.targets[*target].image().to_string()).collect();
            let message = format!("{} has several images, and the tag is of one of them", back.service);
            return Err(Fault::new(Class::Usage, message)
                .with_hint(format!("add --image with one of {}", images.join(", "))));
        }
        Ok(chosen)
    }

    /// Decides that the chosen targets go back and all others stay. Answers what is written beside each.
    pub(in crate::engine) async fn decide_back(
        &self,
        evaluation: &mut Evaluation,
        back: &RollbackRequest,
        requested_by: &str,
    ) -> Result<BTreeMap<usize, Rollback>, Fault> {
        let chosen = self.targets_back(&evaluation.state, back).await?;
        let mut destinations = BTreeMap::new();
        for target in &chosen {
            if back.to.is_none() {
                must_be_new(evaluation, *target, back, requested_by)?;
            }
            let destination = self.destination(&evaluation.state, *target, back)?;
            self.must_exist(evaluation, *target, &destination)?;
            destinations.insert(*target, destination);
        }
        let wanted: BTreeSet<_> = destinations
            .iter()
            .map(|(target, destination)| {
                tagged(evaluation.state.deployed.targets[*target].image(), &destination.candidate.tag)
            })
            .collect();
        self.recall(evaluation, wanted.clone()).await?;
        let problems = evaluation.problems.len();
        self.ask_digests(evaluation, wanted).await?;
        // A registry that is down is no reason to stay on what is broken.
        evaluation.problems[problems..].iter_mut().for_each(|problem| problem.is_error = false);
        let mut beside = BTreeMap::new();
        evaluation.decisions.iter_mut().for_each(|decision| *decision = None);
        for (target, destination) in destinations {
            let from = evaluation.state.deployed.targets[target].running.last().cloned();
            let from = from.unwrap_or_else(|| destination.candidate.clone());
            let digest = digest_of(evaluation, target, &destination, back)?;
            let quarantine = quarantine(evaluation, back, &from.tag, requested_by)?;
            let environment = back.environment.clone();
            let approved = approve_rollback(environment, from, destination.candidate, digest);
            evaluation.decisions[target] = Some(Decision::Promote(Box::new(approved)));
            beside.insert(target, Rollback { reason: back.reason.clone(), quarantine });
        }
        Ok(beside)
    }

    /// A tag that never ran must be there by the registry; when that does not answer, it is told by the digest.
    fn must_exist(
        &self,
        evaluation: &Evaluation,
        target: usize,
        destination: &Destination,
    ) -> Result<(), Fault> {
        let tag = &destination.candidate.tag;
        let Some(selection) = evaluation.selections[target].as_deref() else { return Ok(()) };
        if destination.run.is_some() || selection.contains(tag) {
            return Ok(());
        }
        let here = &evaluation.state.deployed.targets[target];
        let environment = &self.repository_policy.environments[here.environment].policy.name;
        let past = evaluation.state.past(target);
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

    /// Where a target goes back to: the tag that is named, or the last version below what runs that ran there and that
    /// nobody left or quarantined since.
    fn destination(
        &self,
        state: &RepositoryState,
        target: usize,
        back: &RollbackRequest,
    ) -> Result<Destination, Fault> {
        let here = &state.deployed.targets[target];
        let past = state.past(target);
        let environment = &self.repository_policy.environments[here.environment].policy;
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
            return Ok(Destination { candidate: Candidate { tag: tag.clone(), version }, run });
        }
        let left = state.rolled_back(target);
        let was_left =
            |run: &PastRun| left.iter().any(|moved: &RolledBack| moved.version == run.candidate.version);
        let is_lower = |run: &PastRun| running.is_some_and(|running| run.candidate.version < running.version);
        let controls = state.covering(&self.repository_policy, target);
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
        Ok(Destination { candidate: run.candidate.clone(), run: Some(run.clone()) })
    }
}

/// A way back that names no version and is given again by the same person is told what it did, and goes no further.
fn must_be_new(
    evaluation: &Evaluation,
    target: usize,
    back: &RollbackRequest,
    requested_by: &str,
) -> Result<(), Fault> {
    let state = &evaluation.state;
    let Some(rollout_commit) = state.rollout_commit(target) else { return Ok(()) };
    let is_same = |moved: &&RolledBack| {
        moved.commit == rollout_commit.commit
            && moved.author == requested_by
            && evaluation.now - moved.at < SAME_AGAIN
    };
    let Some(done) = state.rolled_back(target).iter().rfind(is_same) else { return Ok(()) };
    let running = state.deployed.targets[target].running.last();
    let message = format!(
        "{} moved {} in {} back already, to {} at {}",
        Printable::new(&done.author),
        back.service,
        back.environment,
        running.map(|running| running.tag.as_str()).unwrap_or_default(),
        LocalTime { at: done.at, zone: evaluation.zone }
    );
    let hint = match lower_that_ran(state.past(target), running).as_slice() {
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
    evaluation: &Evaluation,
    back: &RollbackRequest,
    left: &Tag,
    requested_by: &str,
) -> Result<Option<(RepoPath, String)>, Fault> {
    let nowhere = control::FOLDER.parse();
    let nowhere = nowhere.map_err(|_| Fault::new(Class::Failed, "control files have no folder"))?;
    let control = Control::Quarantine(Quarantine {
        note: Note {
            file: nowhere,
            by: requested_by.to_owned(),
            at: evaluation.now,
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
struct Destination {
    candidate: Candidate,
    run: Option<PastRun>,
}

/// The image to go back to: the one that ran there, as far as history or an observation tells, and the tag must still mean
/// it; else what the tag means now.
fn digest_of(
    evaluation: &Evaluation,
    target: usize,
    destination: &Destination,
    back: &RollbackRequest,
) -> Result<Digest, Fault> {
    let here = &evaluation.state.deployed.targets[target];
    let tag = &destination.candidate.tag;
    let tagged = tagged(here.image(), tag);
    let now = evaluation.digests.get(&tagged).and_then(Option::as_ref);
    let seen = evaluation.observed.get(here.image()).map(|seen| seen.of(tag)).unwrap_or_default();
    let ran = destination.run.as_ref().and_then(|run| {
        let observed = seen.iter().rfind(|observed| observed.at <= run.left_at).map(|seen| &seen.digest);
        run.rollout_commit.digest.as_ref().or(observed)
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
            let at = destination.run.as_ref().map(|run| LocalTime { at: run.left_at, zone: evaluation.zone });
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
