//! The approval gate where the review of a pull request is the approval.

use std::fmt;

use crate::model::{Printable, Tag};
use crate::policy::facts::ReviewState;
use crate::policy::review::{ReviewVerdict, ReviewedPullRequest};

use super::question::{Answer, Question};

/// The reason of the approval gate from reviews. If it is closed for one of these, the candidate may still be proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewReason {
    /// No open pull request proposes the candidate yet.
    NotProposed {
        /// The candidate.
        tag: Tag,
    },
    /// Nobody with write access has approved the current commit.
    Waits {
        /// The candidate.
        tag: Tag,
        /// The pull request.
        request: PullRequestReference,
        /// Logins that approved an earlier commit.
        earlier: Vec<String>,
    },
    /// A reviewer requested changes.
    ChangesRequested {
        /// The candidate.
        tag: Tag,
        /// The pull request.
        request: PullRequestReference,
        /// Their logins.
        by: Vec<String>,
    },
    /// The request of its reviews failed.
    NotAsked {
        /// The candidate.
        tag: Tag,
        /// The pull request.
        request: PullRequestReference,
    },
    /// Approved.
    Approved {
        /// The candidate.
        tag: Tag,
        /// The pull request.
        request: PullRequestReference,
        /// Their logins.
        by: Vec<String>,
    },
    /// Unknown, as in a replay; taken as reviewed at once.
    TakenAsGiven {
        /// The candidate.
        tag: Tag,
    },
}

/// A pull request as messages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestReference {
    /// Its number.
    pub number: u64,
    /// Its page; untrusted text.
    pub url: String,
}

pub(super) fn answer(question: Question<'_>) -> (Answer, ReviewReason) {
    let tag = question.candidate.tag.clone();
    match question.facts.reviewing {
        ReviewState::TakenAsGiven => (Answer::Open, ReviewReason::TakenAsGiven { tag }),
        ReviewState::Proposed(proposed) if is_of(question, proposed) => reviewed(tag, proposed),
        ReviewState::NotProposed | ReviewState::Proposed(_) => {
            (Answer::Closed, ReviewReason::NotProposed { tag })
        }
    }
}

/// Whether a pull request proposes the candidate with its current digest.
fn is_of(question: Question<'_>, proposed: &ReviewedPullRequest) -> bool {
    let is_moved = match (question.digest_now(), &proposed.digest) {
        (Some(now), Some(proposed)) => now != proposed,
        _ => false,
    };
    proposed.tag == question.candidate.tag && !is_moved
}

fn reviewed(tag: Tag, proposed: &ReviewedPullRequest) -> (Answer, ReviewReason) {
    let request = PullRequestReference { number: proposed.number, url: proposed.url.clone() };
    match proposed.verdict.clone() {
        Some(ReviewVerdict::Approved(by)) => (Answer::Open, ReviewReason::Approved { tag, request, by }),
        Some(ReviewVerdict::ChangesRequested(by)) => {
            (Answer::Closed, ReviewReason::ChangesRequested { tag, request, by })
        }
        Some(ReviewVerdict::Waits(earlier)) => {
            (Answer::Closed, ReviewReason::Waits { tag, request, earlier })
        }
        None => (Answer::Closed, ReviewReason::NotAsked { tag, request }),
    }
}

impl ReviewReason {
    /// Records that this pull request proposes the candidate.
    pub(super) fn propose(&mut self, request: &PullRequestReference) {
        if let Self::NotProposed { tag } = &*self {
            *self = Self::Waits { tag: tag.clone(), request: request.clone(), earlier: Vec::new() };
        }
    }

    /// Turns an approval into one of an earlier commit. Returns whether it was an approval.
    pub(super) fn void(&mut self) -> bool {
        let Self::Approved { tag, request, by } = &*self else { return false };
        *self = Self::Waits { tag: tag.clone(), request: request.clone(), earlier: by.clone() };
        true
    }

    /// The sentence for the pull request's own body; `None` if unknown.
    pub fn of_itself(&self) -> Option<String> {
        match self {
            Self::NotProposed { .. } => Some("it waits for a review".to_owned()),
            Self::Waits { earlier, .. } if earlier.is_empty() => Some("it waits for a review".to_owned()),
            Self::Waits { earlier, .. } => {
                Some(format!("it waits for a review; {} approved an earlier commit", names(earlier)))
            }
            Self::ChangesRequested { by, .. } => Some(format!("{} requested changes", names(by))),
            Self::Approved { by, .. } => Some(format!("approved by {}", names(by))),
            Self::NotAsked { .. } | Self::TakenAsGiven { .. } => None,
        }
    }
}

impl fmt::Display for ReviewReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotProposed { tag } => {
                write!(formatter, "{tag} needs a review of its pull request, which is not open yet")
            }
            Self::Waits { tag, request, earlier } if earlier.is_empty() => {
                write!(formatter, "{tag} needs a review of {request}")
            }
            Self::Waits { tag, request, earlier } => {
                let names = names(earlier);
                write!(
                    formatter,
                    "{tag} needs a review of {request}; {names} approved an earlier commit of it"
                )
            }
            Self::ChangesRequested { tag, request, by } => {
                write!(formatter, "{tag} needs a review of {request}; {} requested changes", names(by))
            }
            Self::NotAsked { tag, request } => {
                write!(formatter, "{tag} needs a review of {request}, whose reviews cannot be read")
            }
            Self::Approved { tag, request, by } => {
                write!(formatter, "{tag} was approved by {} in #{}", names(by), request.number)
            }
            Self::TakenAsGiven { tag } => {
                write!(formatter, "{tag} is assumed to be reviewed at once")
            }
        }
    }
}

impl fmt::Display for PullRequestReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{} ({})", self.number, Printable::bounded(&self.url, 300))
    }
}

/// Maximum names in a message.
const MOST_NAMES: usize = 5;

fn names(all: &[String]) -> String {
    let names: Vec<String> =
        all.iter().take(MOST_NAMES).map(|name| Printable::bounded(name, 60).to_string()).collect();
    match all.len().saturating_sub(MOST_NAMES) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
