//! What was let through and waits for people in a pull request: whether it may still go.
//!
//! A window closes and opens again, and something newer soaks: none of that takes back what was let through. What people say
//! since then does, as do an image that is another by now and an environment that has it. Owns that difference; must not
//! know what a pull request is.

use crate::model::{Digest, Tag, Timestamp};

use super::approve::{Approved, Direction, Override, approve_with};
use super::evaluate::{GateEvaluation, evaluate};
use super::facts::{Facts, TargetPolicy};
use super::gate_name::GateName;
use super::gates::{Answer, DigestReason, GateReport, OrderReason, Reason};
use super::select::Candidate;

/// A promotion as it was let through.
#[derive(Clone, Copy, Debug)]
pub struct ProposedPromotion<'a> {
    /// What is to move.
    pub candidate: &'a Candidate,
    /// The image that it was.
    pub digest: Option<&'a Digest>,
    /// When it was let through.
    pub at: Timestamp,
    /// What a person passed by for it.
    pub overrides: &'a [Override],
    /// Whether a person asked for it although it is lower than what ran.
    pub goes_back: bool,
}

/// What has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalStatus {
    /// It may go.
    Stands(Box<Approved>),
    /// The environment has it, or something beyond it.
    Runs(Tag),
    /// A gate says that it must not go, rather than not now.
    Against(GateReport),
    /// It can't be said now: what runs isn't known, or what the tag means.
    Unknown,
}

/// What has become at `now` of a promotion that was let through.
///
/// A gate that a person passed by for it does not speak against it, unless something was said since: a hold, a quarantine or
/// a way back that came later than the promotion counts.
pub fn proposal_status(
    policy: &TargetPolicy<'_>,
    facts: &Facts<'_>,
    promotion: ProposedPromotion<'_>,
    now: Timestamp,
) -> ProposalStatus {
    let ProposedPromotion { candidate, digest, overrides, goes_back, .. } = promotion;
    let (Some(lowest), Some(highest)) = (facts.running.first(), facts.running.last()) else {
        return ProposalStatus::Unknown;
    };
    // All paths are to go back, or one that is behind is to come.
    let (nearest, is_there) = if goes_back {
        (highest, highest.version <= candidate.version)
    } else {
        (lowest, lowest.version >= candidate.version)
    };
    if is_there {
        return ProposalStatus::Runs(nearest.tag.clone());
    }
    let evaluation = evaluate(policy, facts, candidate, now);
    let against = evaluation.closed().find(|report| promotion.is_ended_by(report, facts, now));
    if let Some(report) = against.cloned().or_else(|| moved(&evaluation, digest)) {
        return ProposalStatus::Against(report);
    }
    let direction = if goes_back { Direction::Back } else { Direction::Forward };
    let approved = approve_with(&evaluation, overrides.to_vec(), direction);
    approved.map_or(ProposalStatus::Unknown, |approved| ProposalStatus::Stands(Box::new(approved)))
}

impl ProposedPromotion<'_> {
    /// Whether a gate that is closed says that this must not go, rather than not now.
    fn is_ended_by(&self, report: &GateReport, facts: &Facts<'_>, now: Timestamp) -> bool {
        let is_passed = self.overrides.iter().any(|one| one.gate() == report.gate);
        match &report.reason {
            Reason::Order(OrderReason::NotSelected { .. }) => true,
            Reason::Order(OrderReason::RolledBack { at, .. }) => !is_passed || at.at > self.at,
            Reason::Digest(DigestReason::Moved { now, .. }) => !is_passed || self.digest != Some(now),
            Reason::Hold(_) | Reason::Quarantine(_) => {
                !is_passed || facts.controls.speak_since(self.at, report.gate, self.candidate, now)
            }
            _ => false,
        }
    }
}

/// What the digest gate says of a tag that means another image than the one that was let through.
fn moved(evaluation: &GateEvaluation, let_through: Option<&Digest>) -> Option<GateReport> {
    let (was, now) = let_through.zip(evaluation.digest_now())?;
    let tag = evaluation.candidate().tag.clone();
    (was != now).then(|| GateReport {
        gate: GateName::Digest,
        answer: Answer::Refused,
        reason: Reason::Digest(DigestReason::Moved { tag, soaked: was.clone(), now: now.clone() }),
    })
}

#[cfg(test)]
mod tests;
