//! The report of a gate, as data. Text is made when it is shown.

use std::fmt;

use super::age::AgeReason;
use super::approval::ApprovalReason;
use super::digest::DigestReason;
use super::freeze::FreezeReason;
use super::group::GroupReason;
use super::health::HealthReason;
use super::hold::HoldReason;
use super::order::OrderReason;
use super::quarantine::QuarantineReason;
use super::question::Answer;
use super::review::PullRequestReference;
use super::soak::SoakReason;
use super::window::WindowReason;
use crate::policy::gate_name::GateName;

/// The report of one gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateReport {
    /// The gate.
    pub gate: GateName,
    /// The answer.
    pub answer: Answer,
    /// Why.
    pub reason: Reason,
}

/// The reason of a gate's answer. `Display` is a plain sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Of the order gate.
    Order(OrderReason),
    /// Of the hold gate.
    Hold(HoldReason),
    /// Of the quarantine gate.
    Quarantine(QuarantineReason),
    /// Of the age gate.
    Age(AgeReason),
    /// Of the soak gate.
    Soak(SoakReason),
    /// Of the digest gate.
    Digest(DigestReason),
    /// Of the health gate.
    Health(HealthReason),
    /// Of the freeze gate.
    Freeze(FreezeReason),
    /// Of the window gate.
    Window(WindowReason),
    /// Of the approval gate.
    Approval(ApprovalReason),
    /// Of the group gate.
    Group(GroupReason),
}

impl GateReport {
    /// Whether the gate is open.
    pub fn is_open(&self) -> bool {
        self.answer == Answer::Open
    }

    /// Records the pull request that now proposes the candidate.
    pub(in crate::policy) fn propose(&mut self, request: &PullRequestReference) {
        if let Reason::Approval(ApprovalReason::Review(reason)) = &mut self.reason {
            reason.propose(request);
        }
    }

    /// Turns an approval by review into one of an earlier commit.
    pub(in crate::policy) fn void_review(&mut self) {
        if let Reason::Approval(ApprovalReason::Review(reason)) = &mut self.reason
            && reason.void()
        {
            self.answer = Answer::Closed;
        }
    }

    /// Whether only the review of a pull request is missing: the candidate may be proposed, but not promoted.
    pub fn is_left_to_request(&self) -> bool {
        !self.is_open() && matches!(self.reason, Reason::Approval(ApprovalReason::Review(_)))
    }
}

impl fmt::Display for GateReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.gate, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(reason) => reason.fmt(formatter),
            Self::Hold(reason) => reason.fmt(formatter),
            Self::Quarantine(reason) => reason.fmt(formatter),
            Self::Age(reason) => reason.fmt(formatter),
            Self::Soak(reason) => reason.fmt(formatter),
            Self::Digest(reason) => reason.fmt(formatter),
            Self::Health(reason) => reason.fmt(formatter),
            Self::Freeze(reason) => reason.fmt(formatter),
            Self::Window(reason) => reason.fmt(formatter),
            Self::Approval(reason) => reason.fmt(formatter),
            Self::Group(reason) => reason.fmt(formatter),
        }
    }
}
