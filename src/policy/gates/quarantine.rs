//! The quarantine gate: the version is not quarantined.

use std::fmt;

use crate::model::Tag;

use super::hold::{ControlReference, UnreadableFile, lasts_longest, until};
use super::question::{Answer, Question};
use crate::policy::gate_name::GateName;

/// The reason of the quarantine gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuarantineReason {
    /// Not quarantined.
    Clean,
    /// Approved.
    Quarantined {
        /// The candidate.
        tag: Tag,
        /// The control file.
        note: ControlReference,
    },
    /// An unreadable control file may be a quarantine.
    Unreadable(UnreadableFile),
}

pub(super) fn ask(question: Question<'_>) -> (Answer, QuarantineReason) {
    if let Some(problem) = UnreadableFile::of(question, GateName::Quarantine) {
        return (Answer::Closed, QuarantineReason::Unreadable(problem));
    }
    let quarantines = question.facts.controls.quarantine_of(question.candidate, question.now);
    let Some(note) = lasts_longest(quarantines.map(|one| &one.note)) else {
        return (Answer::Open, QuarantineReason::Clean);
    };
    let tag = question.candidate.tag.clone();
    (until(note), QuarantineReason::Quarantined { tag, note: ControlReference::of(question, note) })
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
