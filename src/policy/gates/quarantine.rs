//! The quarantine gate: nobody said that the version is bad.

use std::fmt;

use crate::model::Tag;

use super::hold::{ShownNote, ShownProblem, lasts_longest, until};
use super::{Answer, GateName, GateReport, Question, Reason};

/// Why the quarantine gate answers as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuarantineReason {
    /// Nobody said so.
    Clean,
    /// Somebody did.
    Quarantined {
        /// The candidate.
        tag: Tag,
        /// Who, and why.
        note: ShownNote,
    },
    /// A control file that may be a quarantine can't be read.
    Unreadable(ShownProblem),
}

pub(super) fn ask(question: Question<'_>) -> GateReport {
    let (answer, reason) = answer(question);
    GateReport { gate: GateName::Quarantine, answer, reason: Reason::Quarantine(reason) }
}

fn answer(question: Question<'_>) -> (Answer, QuarantineReason) {
    if let Some(problem) = ShownProblem::of(question, GateName::Quarantine) {
        return (Answer::Closed, QuarantineReason::Unreadable(problem));
    }
    let quarantines = question.facts.controls.quarantine_of(question.candidate, question.now);
    let Some(note) = lasts_longest(quarantines.map(|one| &one.note)) else {
        return (Answer::Open, QuarantineReason::Clean);
    };
    let tag = question.candidate.tag.clone();
    (until(note), QuarantineReason::Quarantined { tag, note: ShownNote::of(question, note) })
}

impl fmt::Display for QuarantineReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => write!(formatter, "it is not quarantined"),
            Self::Quarantined { tag, note } => write!(formatter, "{tag} was quarantined {note}"),
            Self::Unreadable(problem) => problem.fmt(formatter),
        }
    }
}
