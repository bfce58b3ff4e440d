//! The order gate: forward only, to what may be chosen, and not to what a person left.

use std::fmt;

use crate::model::{CommitId, Printable, Tag};
use crate::policy::shown::ShownTime;

use super::{Answer, GateName, GateReport, Question, Reason};

/// Why the order gate answers as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderReason {
    /// It goes forward.
    Higher {
        /// The candidate.
        tag: Tag,
        /// The lowest version that runs.
        running: Tag,
    },
    /// The registry doesn't have it, or the rules don't admit it.
    NotSelected {
        /// The candidate.
        tag: Tag,
    },
    /// It would go back, or nowhere.
    NotHigher {
        /// The candidate.
        tag: Tag,
        /// The lowest version that runs.
        running: Tag,
    },
    /// A person went back from it here.
    MovedBack {
        /// The candidate.
        tag: Tag,
        /// Who went back. Somebody else's text.
        author: String,
        /// In which commit.
        commit: CommitId,
        /// When.
        at: ShownTime,
    },
    /// What runs isn't known.
    NothingRuns,
}

pub(super) fn ask(question: Question<'_>) -> GateReport {
    let (answer, reason) = answer(question);
    GateReport { gate: GateName::Order, answer, reason: Reason::Order(reason) }
}

fn answer(question: Question<'_>) -> (Answer, OrderReason) {
    let Question { policy, facts, candidate, .. } = question;
    let tag = candidate.tag.clone();
    let Some(lowest) = facts.running.first() else {
        return (Answer::Closed, OrderReason::NothingRuns);
    };
    if facts.selection.find_candidate(candidate).is_none() {
        return (Answer::Closed, OrderReason::NotSelected { tag });
    }
    let running = lowest.tag.clone();
    if candidate.version <= lowest.version {
        return (Answer::Closed, OrderReason::NotHigher { tag, running });
    }
    let left_here = facts
        .moved_back
        .iter()
        .filter(|moved| moved.environment == policy.environment.name && moved.version == candidate.version);
    // The last verdict is the one to tell; the identity decides between two of the same second.
    let Some(moved) = left_here.max_by_key(|moved| (moved.at, moved.commit)) else {
        return (Answer::Open, OrderReason::Higher { tag, running });
    };
    let at = ShownTime { at: moved.at, zone: policy.environment.zone };
    (Answer::Closed, OrderReason::MovedBack { tag, author: moved.author.clone(), commit: moved.commit, at })
}

impl fmt::Display for OrderReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Higher { tag, running } => write!(formatter, "{tag} is higher than {running}"),
            Self::NotSelected { tag } => {
                write!(formatter, "the registry does not have {tag}, or the rules do not admit it")
            }
            Self::NotHigher { tag, running } => {
                write!(formatter, "{tag} is not higher than {running}, which runs")
            }
            Self::MovedBack { tag, author, commit, at } => {
                let author = Printable::bounded(author, 60);
                write!(formatter, "{author} moved back from {tag} at {at} in {}", commit.short())
            }
            Self::NothingRuns => write!(formatter, "it is not known which version runs"),
        }
    }
}
