//! What an open pull request proposes stays in it, whoever asked for it: until something newer of the same image takes its
//! place, until a person asks for something else, or until it is over. A set stays whole, or goes whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Engine;
use crate::engine::base::ports::{Ports, TaggedImage};
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::decide::poll::tagged;
use crate::engine::message::Trailers;
use crate::engine::plan::edit_plan::{EditPlan, Planned};
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{PromotionId, PullRequestBranch, Timestamp, Version};
use crate::policy::{self, Approved, Candidate, GateName, ProposalStatus, ProposedPromotion};

use crate::engine::proposals::pull_requests::Proposal;
use crate::engine::proposals::pull_requests::branch_of;

/// What an open pull request proposes, and what has become of it.
pub(in crate::engine) struct Told<'a> {
    trailers: &'a Trailers,
    target: Option<usize>,
    version: Option<Version>,
    pub(in crate::engine) standing: PullRequestState,
}

/// What has become of it.
pub(in crate::engine) enum PullRequestState {
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
pub(in crate::engine) struct Whole {
    pub(in crate::engine) planned: Vec<Planned>,
    /// Those of them that it proposes already.
    kept: BTreeMap<PromotionId, Kept>,
    /// Why some are in it no more.
    pub(in crate::engine) over: Vec<String>,
    /// Whether something that is over goes again, by another decision: it is told anew, though it be the same version.
    pub(in crate::engine) is_renewed: bool,
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
    Target(usize),
    /// Of no target of the board.
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
    pub(in crate::engine) fn whole(
        &self,
        evaluation: &Evaluation,
        branch: &PullRequestBranch,
        approved: Vec<Planned>,
        is_by_hand: bool,
    ) -> Option<Whole> {
        let proposal = evaluation.requests.of(branch).filter(|one| one.is_own && !branch.goes_back());
        let Some(proposal) = proposal else { return Some(Whole { planned: approved, ..Whole::default() }) };
        let unit = |target: usize| {
            let set = self.repository_policy.group_of(evaluation.state.deployed.targets[target].service());
            set.map_or(Unit::Target(target), |set| Unit::Set(&set.name))
        };
        let mut units: BTreeMap<Unit<'_>, Both<'_>> = BTreeMap::new();
        for planned in approved {
            units.entry(unit(planned.0)).or_default().approved.push(planned);
        }
        for (at, trailers) in proposal.told.iter().enumerate() {
            let told = self.told_now(evaluation, proposal, trailers);
            units.entry(told.target.map_or(Unit::Lost(at), unit)).or_default().told.push(told);
        }
        let mut whole = Whole::default();
        for both in units.into_values() {
            whole.take_in(both, is_by_hand)?;
        }
        Some(whole)
    }

    /// What has become of a promotion of an open pull request.
    pub(in crate::engine) fn told_now<'a>(
        &self,
        evaluation: &Evaluation,
        proposal: &Proposal,
        trailers: &'a Trailers,
    ) -> Told<'a> {
        let target = self.target_of(&evaluation.state, trailers);
        let here = target.map(|target| &evaluation.state.deployed.targets[target]);
        let version =
            here.zip(trailers.image.tag.as_ref()).and_then(|(here, tag)| here.rules.version_of(tag));
        let candidate = trailers.image.tag.clone().zip(version.clone());
        let standing = match (target.zip(here), candidate) {
            (Some((target, here)), Some((tag, version))) => {
                self.standing_of(evaluation, proposal, trailers, (target, here), &Candidate { tag, version })
            }
            (None, _) if self.is_gone(evaluation, trailers) => PullRequestState::Gone,
            _ => PullRequestState::Unknown,
        };
        Told { trailers, target, version, standing }
    }

    fn standing_of(
        &self,
        evaluation: &Evaluation,
        proposal: &Proposal,
        told: &Trailers,
        (target, here): (usize, &Target),
        candidate: &Candidate,
    ) -> PullRequestState {
        let branch = &proposal.request.branch;
        if !self.repository_policy.requests.contains_key(&here.environment) {
            return PullRequestState::Unknown;
        }
        let runs = |running| {
            PullRequestState::Over(format!("{} runs {running} of {}", told.environment, told.service))
        };
        if branch.goes_back() {
            // Every path went back, or further back, or people chose another way.
            return match here.running.last() {
                Some(highest) if highest.version <= candidate.version => runs(&highest.tag),
                _ => PullRequestState::Unknown,
            };
        }
        let known = evaluation.known(&self.repository_policy);
        let Some(facts) = known.facts(target, Some(candidate)) else { return PullRequestState::Unknown };
        let since = told.mark.id.decided_at().unwrap_or(proposal.request.opened_at);
        let promotion = ProposedPromotion {
            candidate,
            digest: told.mark.digest.as_ref(),
            at: since,
            overrides: &told.overrides,
            goes_back: told.overrides.iter().any(|one| one.gate() == GateName::Order)
                && here.rules.version_of(&told.from).is_some_and(|from| candidate.version < from),
        };
        match policy::proposal_status(&known.policy(target), &facts, promotion, evaluation.now) {
            ProposalStatus::Runs(tag) => runs(&tag),
            ProposalStatus::Against(report) => PullRequestState::Over(format!("{}: {report}", told.service)),
            ProposalStatus::Stands(approved) => match branch_of(&self.repository_policy, here, false) {
                Some(Ok(its)) if its == *branch => PullRequestState::Stands { approved, since },
                // It goes by another branch, since `group` was changed.
                _ => PullRequestState::Unknown,
            },
            ProposalStatus::Unknown => PullRequestState::Unknown,
        }
    }

    /// The target that a promotion is of.
    pub(in crate::engine) fn target_of(&self, state: &RepositoryState, told: &Trailers) -> Option<usize> {
        let environment = self.repository_policy.find(&told.environment)?;
        state.deployed.place(environment, &(told.service.clone(), told.image.name.clone()))
    }

    /// Whether an environment does not have an image, all of what may be of its service being readable.
    fn is_gone(&self, evaluation: &Evaluation, told: &Trailers) -> bool {
        let known = evaluation.known(&self.repository_policy);
        let environment = self.repository_policy.find(&told.environment);
        environment.is_some_and(|at| known.unclear(at, |service| *service == told.service).is_none())
    }

    /// The tags that open pull requests propose, as far as their registries were asked: they are to mean what they did.
    pub(in crate::engine) fn proposed_tags(&self, evaluation: &Evaluation) -> BTreeSet<TaggedImage> {
        let own = evaluation.requests.open.iter().filter(|one| one.is_own && !one.request.branch.goes_back());
        let tag_of = |told: &Trailers| {
            let target = self.target_of(&evaluation.state, told)?;
            let tag = told.image.tag.as_ref()?;
            let is_there = evaluation.selections[target].as_ref()?.contains(tag);
            is_there.then(|| tagged(&told.image.name, tag))
        };
        own.flat_map(|one| &one.told).filter_map(tag_of).collect()
    }
}

impl Told<'_> {
    /// Whether a plan is of the same move, as the same image, past no other gates.
    fn is(&self, (target, _, approved): &Planned) -> bool {
        self.target == Some(*target)
            && self.trailers.image.tag.as_ref() == Some(&approved.candidate().tag)
            && self.trailers.mark.digest.as_ref() == Some(approved.digest())
            && self.trailers.has_passed(approved)
    }

    /// Whether a plan is of another image, or of a higher version.
    fn is_passed_by(&self, (target, _, approved): &Planned) -> bool {
        self.target != Some(*target)
            || self.version.as_ref().is_none_or(|version| *version < approved.candidate().version)
    }
}

impl Whole {
    /// Takes in what is to be proposed of a unit. Nothing when that can't be said now.
    fn take_in(&mut self, Both { mut told, approved }: Both<'_>, is_by_hand: bool) -> Option<()> {
        let is_over = |one: &Told<'_>| matches!(one.standing, PullRequestState::Over(_));
        if told.iter().any(is_over) {
            self.over.extend(told.into_iter().filter_map(|one| match one.standing {
                PullRequestState::Over(why) => Some(why),
                _ => None,
            }));
            self.is_renewed |= !approved.is_empty();
            self.planned.extend(approved);
            return Some(());
        }
        told.retain(|one| !matches!(one.standing, PullRequestState::Gone));
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
                let (Some(target), PullRequestState::Stands { approved, since }) = (one.target, one.standing)
                else {
                    return None;
                };
                self.keep((target, one.trailers.mark.id, *approved), one.trailers, Some(since));
            }
        }
        Some(())
    }

    fn keep(&mut self, planned: Planned, told: &Trailers, since: Option<Timestamp>) {
        self.kept.insert(planned.1, Kept { requested_by: told.mark.requested_by.clone(), since });
        self.planned.push(planned);
    }

    /// Says in the plans who asked for what is kept. False when something that is to be kept is in none of them.
    pub(in crate::engine) fn mark(&self, plans: &mut [EditPlan]) -> bool {
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
