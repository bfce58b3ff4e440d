//! Whether a promotion that was approved for a pull request may still be merged.
//!
//! A closed window or a newer version that soaks does not end it. Controls and rollbacks written since then do, and so do
//! another digest under the tag and an environment that already runs the version. Must not know pull requests.

use crate::model::{Digest, Tag, Timestamp};

use super::approve::{Approved, Direction, Override, approve_with};
use super::evaluate::{GateEvaluation, evaluate};
use super::facts::{Facts, TargetPolicy};
use super::gate_name::GateName;
use super::gates::{Answer, DigestReason, GateReport, OrderReason, Reason};
use super::select::Candidate;

/// A promotion as it was approved for its pull request.
#[derive(Clone, Copy, Debug)]
pub struct ProposedPromotion<'a> {
    /// The candidate.
    pub candidate: &'a Candidate,
    /// Its digest at that time.
    pub digest: Option<&'a Digest>,
    /// When it was approved.
    pub at: Timestamp,
    /// The overrides.
    pub overrides: &'a [Override],
    /// Whether it is a requested downgrade.
    pub goes_back: bool,
}

/// The status of a proposed promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalStatus {
    /// It may be merged.
    Stands(Box<Approved>),
    /// The environment runs it or a higher version.
    Runs(Tag),
    /// A gate forbids it, rather than delaying it.
    Against(GateReport),
    /// Unknown: the running version or the digest of the tag is unknown.
    Unknown,
}

/// The status of a proposed promotion at `now`.
///
/// A gate that was overridden for it does not end it, unless its cause is newer than the promotion: a later hold,
/// quarantine or rollback counts.
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
    // A downgrade concerns all paths; otherwise the lowest path decides.
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
    /// Whether a closed gate forbids the promotion, rather than delaying it.
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

/// The report of a tag that has another digest than the approved one.
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
