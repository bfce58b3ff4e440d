//! What an open pull request proposes stays in it, whoever requested it: until something newer of the same image takes its
//! place, a person requests something else, or it no longer applies. A group stays whole, or goes whole.

use std::collections::BTreeMap;

use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::decide::groups::unreadable;
use crate::engine::message::Trailers;
use crate::engine::plan::edit_plan::{EditPlan, Planned};
use crate::engine::proposals::pull_requests::{Proposal, branch_of, target_of};
use crate::engine::state::deployed::Target;
use crate::model::{PromotionId, PullRequestBranch, Tag, TargetId, Timestamp, Version};
use crate::policy::{self, Approved, Candidate, GateName, ProposalStatus, ProposedPromotion};

/// A promotion that an open pull request proposes.
struct Proposed<'a> {
    trailers: &'a Trailers,
    target: Option<TargetId>,
    version: Option<Version>,
    status: ProposedStatus,
}

/// Whether a proposed promotion still applies.
pub(in crate::engine) enum ProposedStatus {
    /// It may go, as approved `since` then.
    Applies { approved: Box<Approved>, since: Timestamp },
    /// It no longer applies, for this reason.
    Obsolete(String),
    /// The environment no longer has that image.
    Gone,
    /// Unknown in this pass.
    Unknown,
}

/// What a pull request is to propose.
#[derive(Default)]
pub(in crate::engine) struct Contents {
    pub(in crate::engine) planned: Vec<Planned>,
    /// Those of `planned` that it proposes already.
    carried: BTreeMap<PromotionId, Carried>,
    /// Why promotions were taken out of it.
    pub(in crate::engine) removed_because: Vec<String>,
    /// An obsolete promotion was approved again: it gets a new commit and text, even for the same version.
    pub(in crate::engine) is_renewed: bool,
}

struct Carried {
    requested_by: String,
    /// When it was approved, unless it is approved again now.
    since: Option<Timestamp>,
}

/// What goes or stays together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Unit<'a> {
    Group(&'a str),
    Target(TargetId),
    /// A promotion without a target, by its place in the pull request.
    NoTarget(usize),
}

#[derive(Default)]
struct UnitPromotions<'a> {
    proposed: Vec<Proposed<'a>>,
    approved: Vec<Planned>,
}

/// What the pull request of a branch is to propose: what was approved for it, and what it proposes already. None if that
/// is unknown now and it must stay as it is.
pub(in crate::engine) fn contents(
    repository_policy: &RepositoryPolicy,
    evaluation: &Evaluation,
    branch: &PullRequestBranch,
    approved: Vec<Planned>,
    is_manual: bool,
) -> Option<Contents> {
    let proposal = evaluation.pull_requests.of(branch).filter(|one| one.is_own && !branch.goes_back());
    let Some(proposal) = proposal else { return Some(Contents { planned: approved, ..Contents::default() }) };
    let unit = |target: TargetId| {
        let group = repository_policy.group_of(evaluation.state.deployed.targets[target].service());
        group.map_or(Unit::Target(target), |group| Unit::Group(&group.name))
    };
    let mut units: BTreeMap<Unit<'_>, UnitPromotions<'_>> = BTreeMap::new();
    for planned in approved {
        units.entry(unit(planned.target)).or_default().approved.push(planned);
    }
    for (at, trailers) in proposal.promotions.iter().enumerate() {
        let proposed = proposed(repository_policy, evaluation, proposal, trailers);
        units.entry(proposed.target.map_or(Unit::NoTarget(at), unit)).or_default().proposed.push(proposed);
    }
    let mut contents = Contents::default();
    for unit in units.into_values() {
        contents.add(unit, is_manual)?;
    }
    Some(contents)
}

fn proposed<'a>(
    repository_policy: &RepositoryPolicy,
    evaluation: &Evaluation,
    proposal: &Proposal,
    trailers: &'a Trailers,
) -> Proposed<'a> {
    let target = target_of(trailers, &evaluation.state.deployed, repository_policy);
    let here = target.map(|target| &evaluation.state.deployed.targets[target]);
    let version = here.zip(trailers.image.tag.as_ref()).and_then(|(here, tag)| here.rules.version_of(tag));
    let status = status(repository_policy, evaluation, proposal, trailers);
    Proposed { trailers, target, version, status }
}

/// Whether a promotion of an open pull request still applies.
pub(in crate::engine) fn status(
    repository_policy: &RepositoryPolicy,
    evaluation: &Evaluation,
    proposal: &Proposal,
    promotion: &Trailers,
) -> ProposedStatus {
    let Some(target) = target_of(promotion, &evaluation.state.deployed, repository_policy) else {
        let is_gone = is_gone(repository_policy, evaluation, promotion);
        return if is_gone { ProposedStatus::Gone } else { ProposedStatus::Unknown };
    };
    let here = &evaluation.state.deployed.targets[target];
    let Some(tag) = promotion.image.tag.clone() else { return ProposedStatus::Unknown };
    let Some(version) = here.rules.version_of(&tag) else { return ProposedStatus::Unknown };
    let candidate = Candidate { tag, version };
    if !repository_policy.requests.contains_key(&here.environment) {
        return ProposedStatus::Unknown;
    }
    if proposal.request.branch.goes_back() {
        // Every path went back, or further back, or people chose another way.
        return match here.running.last() {
            Some(highest) if highest.version <= candidate.version => runs(promotion, &highest.tag),
            _ => ProposedStatus::Unknown,
        };
    }
    forward_status(repository_policy, evaluation, proposal, promotion, (target, here), &candidate)
}

fn forward_status(
    repository_policy: &RepositoryPolicy,
    evaluation: &Evaluation,
    proposal: &Proposal,
    promotion: &Trailers,
    (target, here): (TargetId, &Target),
    candidate: &Candidate,
) -> ProposedStatus {
    let known = evaluation.facts(repository_policy);
    let Some(facts) = known.facts(target, Some(candidate)) else { return ProposedStatus::Unknown };
    let since = promotion.mark.id.decided_at().unwrap_or(proposal.request.opened_at);
    let let_through = ProposedPromotion {
        candidate,
        digest: promotion.mark.digest.as_ref(),
        at: since,
        overrides: &promotion.overrides,
        goes_back: promotion.overrides.iter().any(|one| one.gate() == GateName::Order)
            && here.rules.version_of(&promotion.from).is_some_and(|from| candidate.version < from),
    };
    match policy::proposal_status(&known.policy(target), &facts, let_through, evaluation.now) {
        ProposalStatus::Runs(tag) => runs(promotion, &tag),
        ProposalStatus::Against(report) => {
            ProposedStatus::Obsolete(format!("{}: {report}", promotion.service))
        }
        ProposalStatus::Stands(approved) => match branch_of(repository_policy, here, false) {
            Some(Ok(branch)) if branch == proposal.request.branch => {
                ProposedStatus::Applies { approved, since }
            }
            // Another branch proposes it since the grouping changed.
            _ => ProposedStatus::Unknown,
        },
        ProposalStatus::Unknown => ProposedStatus::Unknown,
    }
}

fn runs(promotion: &Trailers, running: &Tag) -> ProposedStatus {
    let Trailers { environment, service, .. } = promotion;
    ProposedStatus::Obsolete(format!("{environment} runs {running} of {service}"))
}

/// Whether an environment no longer has an image, and everything that may belong to its service is readable.
fn is_gone(repository_policy: &RepositoryPolicy, evaluation: &Evaluation, promotion: &Trailers) -> bool {
    let known = evaluation.facts(repository_policy);
    let environment = repository_policy.find(&promotion.environment);
    environment.is_some_and(|at| unreadable(&known, at, |service| *service == promotion.service).is_none())
}

impl Proposed<'_> {
    /// Whether a plan is the same move, to the same digest, with the same overrides.
    fn is(&self, Planned { target, approved, .. }: &Planned) -> bool {
        self.target == Some(*target)
            && self.trailers.image.tag.as_ref() == Some(&approved.candidate().tag)
            && self.trailers.mark.digest.as_ref() == Some(approved.digest())
            && self.trailers.has_passed(approved)
    }

    /// Whether a plan is of another image, or of a higher version.
    fn is_passed_by(&self, Planned { target, approved, .. }: &Planned) -> bool {
        self.target != Some(*target)
            || self.version.as_ref().is_none_or(|version| *version < approved.candidate().version)
    }
}

impl Contents {
    /// Adds the promotions to propose for a unit. None if that is unknown in this pass.
    fn add(
        &mut self,
        UnitPromotions { mut proposed, approved }: UnitPromotions<'_>,
        is_manual: bool,
    ) -> Option<()> {
        let is_obsolete = |one: &Proposed<'_>| matches!(one.status, ProposedStatus::Obsolete(_));
        if proposed.iter().any(is_obsolete) {
            self.removed_because.extend(proposed.into_iter().filter_map(|one| match one.status {
                ProposedStatus::Obsolete(why) => Some(why),
                _ => None,
            }));
            self.is_renewed |= !approved.is_empty();
            self.planned.extend(approved);
            return Some(());
        }
        proposed.retain(|one| !matches!(one.status, ProposedStatus::Gone));
        let is_new = |planned: &Planned| proposed.iter().all(|one| one.is_passed_by(planned));
        let same = |planned: &Planned| proposed.iter().find(|one| one.is(planned)).map(|one| one.trailers);
        if approved.len() == proposed.len() && approved.iter().all(|planned| same(planned).is_some()) {
            for planned in approved {
                if let Some(trailers) = same(&planned) {
                    self.carry(Planned { id: trailers.mark.id, ..planned }, trailers, None);
                }
            }
        } else if !approved.is_empty() && (is_manual || approved.iter().any(is_new)) {
            self.planned.extend(approved);
        } else {
            for one in proposed {
                let (Some(target), ProposedStatus::Applies { approved, since }) = (one.target, one.status)
                else {
                    return None;
                };
                let planned = Planned { target, id: one.trailers.mark.id, approved: *approved };
                self.carry(planned, one.trailers, Some(since));
            }
        }
        Some(())
    }

    fn carry(&mut self, planned: Planned, trailers: &Trailers, since: Option<Timestamp>) {
        let requested_by = trailers.mark.requested_by.clone();
        self.carried.insert(planned.id, Carried { requested_by, since });
        self.planned.push(planned);
    }

    /// Sets in the plans who requested what was carried over. False if a carried promotion is in none of them.
    pub(in crate::engine) fn mark(&self, plans: &mut [EditPlan]) -> bool {
        for plan in plans.iter_mut() {
            if let Some(carried) = self.carried.get(&plan.id) {
                plan.requested_by = Some(carried.requested_by.clone());
                plan.kept_since = carried.since;
            }
        }
        self.carried.keys().all(|id| plans.iter().any(|plan| plan.id == *id))
    }
}

#[cfg(test)]
mod tests;
