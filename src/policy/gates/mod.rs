//! The gates: named conditions on a promotion, a file each.
//!
//! Owns what each gate answers and says. A gate sees the policy, the facts, one candidate and the time; must not know
//! what the other gates answer, nor what is done about it.

mod approval;
mod digest;
mod freeze;
mod group;
mod hold;
mod name;
mod order;
mod quarantine;
mod report;
mod review;
mod soak;
#[cfg(test)]
mod tests;
mod window;

pub use approval::ApprovalReason;
pub use digest::DigestReason;
pub use freeze::FreezeReason;
pub use group::GroupReason;
pub use hold::{HoldReason, ShownNote, ShownProblem};
pub use name::{GateName, GateNameError};
pub use order::OrderReason;
pub use quarantine::QuarantineReason;
pub use report::{Answer, GateReport, Reason};
pub use review::{ReviewReason, ShownRequest};
pub use soak::{SoakReason, SoakTime};
pub use window::WindowReason;

pub(super) use order::verdict;
pub(super) use soak::list;

use crate::model::{Digest, Timestamp};

use super::facts::{Facts, TargetPolicy};
use super::select::Candidate;

/// What a gate is asked about.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) policy: &'a TargetPolicy<'a>,
    pub(super) facts: &'a Facts<'a>,
    pub(super) candidate: &'a Candidate,
    pub(super) now: Timestamp,
}

impl<'a> Question<'a> {
    /// What the candidate's tag means now.
    pub(super) fn digest_now(&self) -> Option<&'a Digest> {
        self.facts.digest_now.of(&self.candidate.tag)
    }
}

/// What the gates answer, and what they learned on the way.
pub(super) struct Answers<'a> {
    /// In the order in which they are told.
    pub(super) reports: Vec<GateReport>,
    /// What the candidate's tag means now, when the digest gate is open.
    pub(super) digest: Option<&'a Digest>,
    /// How long the candidate has run in the environment before, when its clock runs.
    pub(super) soak_time: Option<SoakTime>,
}

/// Asks every gate but two: `health` has a name, and a place in the order, but nothing to ask yet; `group` is asked when
/// all members of a set have been.
pub(super) fn ask(question: Question<'_>) -> Answers<'_> {
    let soaking = soak::Soaking::read(question);
    let digest = digest::ask(question, &soaking);
    let digest_is_open = digest.answer == Answer::Open;
    let soak_time = soaking.time(question);
    let reports = vec![
        order::ask(question),
        hold::ask(question),
        quarantine::ask(question),
        soak::ask(question, &soaking, soak_time.as_ref()),
        digest,
        freeze::ask(question),
        window::ask(question),
        approval::ask(question),
    ];
    Answers { reports, digest: question.digest_now().filter(|_| digest_is_open), soak_time }
}
