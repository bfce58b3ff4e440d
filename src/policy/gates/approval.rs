//! The approval gate: somebody approved this image for this environment, if somebody must.
//!
//! An approval names a digest, and is worth nothing for another one: whoever approved has not seen that image. Where a
//! review of the pull request is an approval too, `review` says what it comes to.

use std::fmt;

use crate::model::{Digest, Tag};
use crate::policy::controls::Approval;
use crate::policy::facts::{ApprovalPolicy, DigestNow};

use super::hold::{ControlReference, UnreadableFile};
use super::question::{Answer, Question};
use super::review::{self, ReviewReason};
use crate::policy::gate_name::GateName;

/// Why the approval gate answers as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalReason {
    /// Nobody must approve.
    NotRequired,
    /// Somebody did.
    Given {
        /// What was approved.
        tag: Tag,
        /// Who, and why.
        note: ControlReference,
    },
    /// Somebody must, and nobody has.
    NotGiven {
        /// The candidate.
        tag: Tag,
    },
    /// What was approved is not what the tag means now.
    Moved {
        /// The candidate.
        tag: Tag,
        /// What was approved.
        approved: Digest,
        /// What the tag means now.
        now: Digest,
        /// Who approved it.
        note: ControlReference,
    },
    /// Somebody approved the tag; whether it still means that image is asked when everything else is open.
    AskedLater {
        /// The candidate.
        tag: Tag,
    },
    /// Somebody approved the tag, but what it means could not be asked.
    NotAsked {
        /// The candidate.
        tag: Tag,
    },
    /// Somebody must, and nobody has by a file that can be read.
    Unreadable(UnreadableFile),
    /// What the reviews of its pull request say, where one of them is enough.
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
