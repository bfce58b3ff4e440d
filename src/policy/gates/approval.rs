//! The approval gate: this image is approved for this environment, where approvals are required.
//!
//! An approval names a digest and does not count for another one, because nobody reviewed that image. `review` has the
//! reasons where a review of the pull request is the approval.

use std::fmt;

use crate::model::{Digest, Tag};
use crate::policy::controls::Approval;
use crate::policy::facts::{ApprovalPolicy, DigestNow};

use super::hold::{ControlReference, UnreadableFile};
use super::question::{Answer, Question};
use super::review::{self, ReviewReason};
use crate::policy::gate_name::GateName;

/// The reason of the approval gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalReason {
    /// No approval is required.
    NotRequired,
    /// Approved.
    Given {
        /// The approved digest.
        tag: Tag,
        /// The control file.
        note: ControlReference,
    },
    /// The approval is missing.
    NotGiven {
        /// The candidate.
        tag: Tag,
    },
    /// The tag has another digest than the approved one.
    Moved {
        /// The candidate.
        tag: Tag,
        /// The approved digest.
        approved: Digest,
        /// The digest that the tag has now.
        now: Digest,
        /// The approval.
        note: ControlReference,
    },
    /// The tag is approved; its digest is requested once every other gate is open.
    AskedLater {
        /// The candidate.
        tag: Tag,
    },
    /// The tag is approved, but the request of its digest failed.
    NotAsked {
        /// The candidate.
        tag: Tag,
    },
    /// No readable approval, and an unreadable file that may be one.
    Unreadable(UnreadableFile),
    /// The reviews of the pull request, where a review is the approval.
    Review(ReviewReason),
}

pub(super) fn ask(question: Question<'_>) -> (Answer, ApprovalReason) {
    match question.policy.environment.approval {
        ApprovalPolicy::NotRequired => (Answer::Open, ApprovalReason::NotRequired),
        ApprovalPolicy::ByFile => by_file(question),
        ApprovalPolicy::ByReview => by_file_or_review(question),
    }
}

fn by_file_or_review(question: Question<'_>) -> (Answer, ApprovalReason) {
    let by_file = by_file(question);
    if by_file.0 == Answer::Open {
        return by_file;
    }
    let (answer, reason) = review::answer(question);
    (answer, ApprovalReason::Review(reason))
}

fn by_file(question: Question<'_>) -> (Answer, ApprovalReason) {
    let tag = question.candidate.tag.clone();
    let approvals: Vec<&Approval> =
        question.facts.controls.approvals_of(question.candidate, question.now).collect();
    let newest = |approval: &&&Approval| (approval.note.at, approval.note.file.clone());
    let Some(last) = approvals.iter().max_by_key(newest) else {
        return match UnreadableFile::of(question, GateName::Approval) {
            Some(problem) => (Answer::Closed, ApprovalReason::Unreadable(problem)),
            None => (Answer::Closed, ApprovalReason::NotGiven { tag }),
        };
    };
    if matches!(question.facts.digest_now, DigestNow::NotAsked) {
        return (Answer::Open, ApprovalReason::AskedLater { tag });
    }
    let Some(now) = question.digest_now() else {
        return (Answer::Closed, ApprovalReason::NotAsked { tag });
    };
    let given = approvals.iter().filter(|approval| approval.digest == *now).max_by_key(newest);
    if let Some(given) = given {
        return (
            Answer::Open,
            ApprovalReason::Given { tag, note: ControlReference::of(question, &given.note) },
        );
    }
    let note = ControlReference::of(question, &last.note);
    let (approved, now) = (last.digest.clone(), now.clone());
    (Answer::Closed, ApprovalReason::Moved { tag, approved, now, note })
}

impl fmt::Display for ApprovalReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRequired => write!(formatter, "no approval is required"),
            Self::Given { tag, note } => write!(formatter, "{tag} was approved {note}"),
            Self::NotGiven { tag } => write!(formatter, "{tag} needs approval"),
            Self::Moved { tag, approved, now, note } => write!(
                formatter,
                "{tag} was approved as {} and is now {}; approved {note}",
                approved.short(),
                now.short()
            ),
            Self::AskedLater { tag } => {
                write!(formatter, "{tag} was approved; its digest is checked once every other gate is open")
            }
            Self::NotAsked { tag } => {
                write!(formatter, "{tag} was approved, but its digest cannot be read from the registry")
            }
            Self::Unreadable(problem) => problem.fmt(formatter),
            Self::Review(reason) => reason.fmt(formatter),
        }
    }
}
