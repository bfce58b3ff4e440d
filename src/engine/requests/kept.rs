//! What an open pull request proposes stays in it, whoever asked for it: until something newer of the same image takes its
//! place, until a person asks for something else, or until it is over. A set stays whole, or goes whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Engine;
use crate::engine::assess::Assessment;
use crate::engine::board::Track;
use crate::engine::edit_plan::{EditPlan, Planned};
use crate::engine::message::Trailers;
use crate::engine::poll::tagged;
use crate::engine::ports::{Ports, TaggedImage};
use crate::engine::view::View;
use crate::model::{PromotionId, RequestBranch, Timestamp, Version};
use crate::policy::{self, Approved, Candidate, GateName, LetThrough, Outlook};

use super::Proposal;
use super::wanted::branch_of;

/// What an open pull request proposes, and what has become of it.
pub(super) struct Told<'a> {
    trailers: &'a Trailers,
    track: Option<usize>,
    version: Option<Version>,
    pub(super) standing: Standing,
}

/// What has become of it.
pub(super) enum Standing {
    /// It may go, as it was let through at that time.
    Stands { approved: Box<Approved>, since: Timestamp },
    /// It no longer applies, for this reason.
    Over(String),
    /// The environment does not have that image any more.
    Gone,
    /// It can't be said now.
    Unknown,
}

/// What a pull request is to propose.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) planned: Vec<Planned>,
    /// Those of them that it proposes already.
    kept: BTreeMap<PromotionId, Kept>,
    /// Why some are in it no more.
    pub(super) over: Vec<String>,
    /// Whether something that is over goes again, by another decision: it is told anew, though it be the same version.
    pub(super) is_renewed: bool,
}

struct Kept {
    requested_by: String,
    /// Since when, if it is not let through anew.
    since: Option<Timestamp>,
}

/// What goes or stays together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Unit<'a> {
    Set(&'a str),
    Track(usize),
    /// Of no track of the board.
    Lost(usize),
}

/// The promotions of a unit: those that are proposed already, and those that were approved now.
#[derive(Default)]
struct Both<'a> {
    told: Vec<Told<'a>>,
    approved: Vec<Planned>,
}

impl<P: Ports> Engine<P> {
    /// What the pull request of a branch is to propose: what was approved for it, and what it proposes already. Nothing
    /// when that can't be said now, and it is to stay as it is.
    pub(super) fn whole(
        &self,
        assessment: &Assessment,
        branch: &RequestBranch,
        approved: Vec<Planned>,
        is_by_hand: bool,
    ) -> Option<Whole> {
        let proposal = assessment.requests.of(branch).filter(|one| one.is_own && !branch.goes_back());
        let Some(proposal) = proposal else { return Some(Whole { planned: approved, ..Whole::default() }) };
        let unit = |track: usize| {
            let set = self.rulebook.group_of(assessment.view.board.tracks[track].service());
            set.map_or(Unit::Track(track), |set| Unit::Set(&set.name))
        };
        let mut units: BTreeMap<Unit<'_>, Both<'_>> = BTreeMap::new();
        for planned in approved {
            units.entry(unit(planned.0)).or_default().approved.push(planned);
        }
        for (at, trailers) in proposal.told.iter().enumerate() {
            let told = self.told_now(assessment, proposal, trailers);
            units.entry(told.track.map_or(Unit::Lost(at), unit)).or_default().told.push(told);
        }
        let mut whole = Whole::default();
        for both in units.into_values() {
            whole.take_in(both, is_by_hand)?;
        }
        Some(whole)
    }

    /// What has become of a promotion of an open pull request.
    pub(super) fn told_now<'a>(
        &self,
        assessment: &Assessment,
        proposal: &Proposal,
        trailers: &'a Trailers,
    ) -> Told<'a> {
        let track = self.track_of(&assessment.view, trailers);
        let here = track.map(|track| &assessment.view.board.tracks[track]);
        let version =
            here.zip(trailers.image.tag.as_ref()).and_then(|(here, tag)| here.rules.version_of(tag));
        let candidate = trailers.image.tag.clone().zip(version.clone());
        let standing = match (track.zip(here), candidate) {
            (Some((track, here)), Some((tag, version))) => {
                self.standing_of(assessment, proposal, trailers, (track, here), &Candidate { tag, version })
            }
            (None, _) if self.is_gone(assessment, trailers) => Standing::Gone,
            _ => Standing::Unknown,
        };
        Told { trailers, track, version, standing }
    }

    fn standing_of(
        &self,
        assessment: &Assessment,
        proposal: &Proposal,
        told: &Trailers,
        (track, here): (usize, &Track),
        candidate: &Candidate,
    ) -> Standing {
        let branch = &proposal.request.branch;
        if !self.rulebook.requests.contains_key(&here.environment) {
            return Standing::Unknown;
        }
        let runs =
            |running| Standing::Over(format!("{} runs {running} of {}", told.environment, told.service));
        if branch.goes_back() {
            // Every path went back, or further back, or people chose another way.
            return match here.running.last() {
                Some(highest) if highest.version <= candidate.version => runs(&highest.tag),
                _ => Standing::Unknown,
            };
        }
        let known = assessment.known(&self.rulebook);
        let Some(facts) = known.facts(track, Some(candidate)) else { return Standing::Unknown };
        let since = told.mark.id.decided_at().unwrap_or(proposal.request.opened_at);
        let promotion = LetThrough {
            candidate,
            digest: told.mark.digest.as_ref(),
            at: since,
            overrides: &told.overrides,
            goes_back: told.overrides.iter().any(|one| one.gate() == GateName::Order)
                && here.rules.version_of(&told.from).is_some_and(|from| candidate.version < from),
        };
        match policy::outlook(&known.policy(track), &facts, promotion, assessment.now) {
            Outlook::Runs(tag) => runs(&tag),
            Outlook::Against(report) => Standing::Over(format!("{}: {report}", told.service)),
            Outlook::Stands(approved) => match branch_of(&self.rulebook, here, false) {
                Some(Ok(its)) if its == *branch => Standing::Stands { approved, since },
                // It goes by another branch, since `group` was changed.
                _ => Standing::Unknown,
            },
            Outlook::Unknown => Standing::Unknown,
        }
    }

    /// The track that a promotion is of.
    pub(super) fn track_of(&self, view: &View, told: &Trailers) -> Option<usize> {
        let environment = self.rulebook.find(&told.environment)?;
        view.board.place(environment, &(told.service.clone(), told.image.name.clone()))
    }

    /// Whether an environment does not have an image, all of what may be of its service being readable.
    fn is_gone(&self, assessment: &Assessment, told: &Trailers) -> bool {
        let known = assessment.known(&self.rulebook);
        let environment = self.rulebook.find(&told.environment);
        environment.is_some_and(|at| known.unclear(at, |service| *service == told.service).is_none())
    }

    /// The tags that open pull requests propose, as far as their registries were asked: they are to mean what they did.
    pub(in crate::engine) fn proposed_tags(&self, assessment: &Assessment) -> BTreeSet<TaggedImage> {
        let own = assessment.requests.open.iter().filter(|one| one.is_own && !one.request.branch.goes_back());
        let tag_of = |told: &Trailers| {
            let track = self.track_of(&assessment.view, told)?;
            let tag = told.image.tag.as_ref()?;
            let is_there = assessment.selections[track].as_ref()?.contains(tag);
            is_there.then(|| tagged(&told.image.name, tag))
        };
        own.flat_map(|one| &one.told).filter_map(tag_of).collect()
    }
}

impl Told<'_> {
    /// Whether a plan is of the same move, as the same image, past no other gates.
    fn is(&self, (track, _, approved): &Planned) -> bool {
        self.track == Some(*track)
            && self.trailers.image.tag.as_ref() == Some(&approved.candidate().tag)
            && self.trailers.mark.digest.as_ref() == Some(approved.digest())
            && self.trailers.has_passed(approved)
    }

    /// Whether a plan is of another image, or of a higher version.
    fn is_passed_by(&self, (track, _, approved): &Planned) -> bool {
        self.track != Some(*track)
            || self.version.as_ref().is_none_or(|version| *version < approved.candidate().version)
    }
}

impl Whole {
    /// Takes in what is to be proposed of a unit. Nothing when that can't be said now.
    fn take_in(&mut self, Both { mut told, approved }: Both<'_>, is_by_hand: bool) -> Option<()> {
        let is_over = |one: &Told<'_>| matches!(one.standing, Standing::Over(_));
        if told.iter().any(is_over) {
            self.over.extend(told.into_iter().filter_map(|one| match one.standing {
                Standing::Over(why) => Some(why),
                _ => None,
            }));
            self.is_renewed |= !approved.is_empty();
            self.planned.extend(approved);
            return Some(());
        }
        told.retain(|one| !matches!(one.standing, Standing::Gone));
        let is_new = |planned: &Planned| told.iter().all(|one| one.is_passed_by(planned));
        let same = |planned: &Planned| told.iter().find(|one| one.is(planned)).map(|one| one.trailers);
        if approved.len() == told.len() && approved.iter().all(|planned| same(planned).is_some()) {
            for planned in approved {
                if let Some(trailers) = same(&planned) {
                    self.keep((planned.0, trailers.mark.id, planned.2), trailers, None);
                }
            }
        } else if !approved.is_empty() && (is_by_hand || approved.iter().any(is_new)) {
            self.planned.extend(approved);
        } else {
            for one in told {
                let (Some(track), Standing::Stands { approved, since }) = (one.track, one.standing) else {
                    return None;
                };
                self.keep((track, one.trailers.mark.id, *approved), one.trailers, Some(since));
            }
        }
        Some(())
    }

    fn keep(&mut self, planned: Planned, told: &Trailers, since: Option<Timestamp>) {
        self.kept.insert(planned.1, Kept { requested_by: told.mark.requested_by.clone(), since });
        self.planned.push(planned);
    }

    /// Says in the plans who asked for what is kept. False when something that is to be kept is in none of them.
    pub(super) fn mark(&self, plans: &mut [EditPlan]) -> bool {
        for plan in plans.iter_mut() {
            if let Some(kept) = self.kept.get(&plan.id) {
                plan.requested_by = Some(kept.requested_by.clone());
                plan.kept_since = kept.since;
            }
        }
        self.kept.keys().all(|id| plans.iter().any(|plan| plan.id == *id))
    }
}

#[cfg(test)]
mod tests;
