//! The approval gate: somebody approved the promotion, if somebody must.
//!
//! Approvals are control files, which are not read yet: until they are, none is known.

use std::fmt;

use super::{Answer, GateName, GateReport, Question, Reason};

/// Why the approval gate answers as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalReason {
    /// Nobody must approve.
    NotRequired,
    /// Somebody must, and nobody has.
    NotGiven,
}

pub(super) fn ask(question: Question<'_>) -> GateReport {
    let (answer, reason) = if question.policy.environment.approval_required {
        (Answer::Closed, ApprovalReason::NotGiven)
    } else {
        (Answer::Open, ApprovalReason::NotRequired)
    };
    GateReport { gate: GateName::Approval, answer, reason: Reason::Approval(reason) }
}

impl fmt::Display for ApprovalReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRequired => write!(formatter, "no approval is required"),
            Self::NotGiven => write!(formatter, "approval is required, and none is known"),
        }
    }
}
