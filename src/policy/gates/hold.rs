//! The hold gate: no hold covers the target, and no pin excludes the candidate.

use std::fmt;

use chrono_tz::Tz;

use crate::model::{Printable, RepoPath, Tag, Timestamp};
use crate::policy::controls::Note;
use crate::policy::local_time::LocalTime;

use super::question::{Answer, Question};
use crate::policy::gate_name::GateName;

/// The reason of the hold gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// No hold covers it.
    NotHeld,
    /// A hold covers it.
    Held(ControlReference),
    /// A pin excludes the candidate.
    Pinned {
        /// The candidate.
        tag: Tag,
        /// The versions that the pin admits.
        versions: String,
        /// The pin.
        note: ControlReference,
    },
    /// An unreadable control file may be a hold.
    Unreadable(UnreadableFile),
}

/// The author, reason and end of a control file that closes a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlReference {
    /// The control file.
    pub file: RepoPath,
    /// Author; untrusted text.
    pub by: String,
    /// Reason; untrusted text.
    pub reason: String,
    /// Its expiry; `None` for never.
    pub until: Option<LocalTime>,
}

/// An unreadable control file and its error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableFile {
    /// The control file.
    pub file: RepoPath,
    /// The error.
    pub problem: String,
}

impl ControlReference {
    pub(super) fn of(question: Question<'_>, note: &Note) -> Self {
        Self::new(note, question.policy.environment.zone)
    }

    /// A note with its times in `zone`.
    pub(in crate::policy) fn new(note: &Note, zone: Tz) -> Self {
        Self {
            file: note.file.clone(),
            by: note.by.clone(),
            reason: note.reason.clone(),
            until: note.expires.map(|at| LocalTime { at, zone }),
        }
    }
}

impl UnreadableFile {
    /// The unreadable file that may have meant `gate`.
    pub(super) fn of(question: Question<'_>, gate: GateName) -> Option<Self> {
        let unreadable = question.facts.controls.unreadable_for(gate)?;
        Some(Self { file: unreadable.file.clone(), problem: unreadable.problem.clone() })
    }
}

pub(super) fn ask(question: Question<'_>) -> (Answer, HoldReason) {
    let Question { facts, candidate, now, .. } = question;
    if let Some(problem) = UnreadableFile::of(question, GateName::Hold) {
        return (Answer::Closed, HoldReason::Unreadable(problem));
    }
    if let Some(note) = lasts_longest(facts.controls.holds(now).map(|hold| &hold.note)) {
        return (until(note), HoldReason::Held(ControlReference::of(question, note)));
    }
    let Some(pin) = facts.controls.pin_against(candidate, now) else {
        return (Answer::Open, HoldReason::NotHeld);
    };
    let (tag, versions) = (candidate.tag.clone(), pin.versions.to_string());
    (until(&pin.note), HoldReason::Pinned { tag, versions, note: ControlReference::of(question, &pin.note) })
}

/// The answer of a gate that a control file closes.
pub(super) fn until(note: &Note) -> Answer {
    note.expires.map_or(Answer::Closed, Answer::ClosedUntil)
}

/// The note that expires last; of those that never expire, the first by file.
pub(super) fn lasts_longest<'a>(notes: impl Iterator<Item = &'a Note>) -> Option<&'a Note> {
    let end = |note: &Note| note.expires.unwrap_or(Timestamp::MAX_UTC);
    notes.min_by(|one, other| end(other).cmp(&end(one)).then_with(|| one.file.cmp(&other.file)))
}

impl fmt::Display for ControlReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, reason) = (Printable::bounded(&self.by, 60), Printable::bounded(&self.reason, 200));
        write!(formatter, "by {by}: {reason} ({}", Printable::new(self.file.as_str()))?;
        match self.until {
            Some(until) => write!(formatter, ", until {until})"),
            None => write!(formatter, ")"),
        }
    }
}

impl fmt::Display for UnreadableFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the control file {} cannot be read, ", Printable::new(self.file.as_str()))?;
        write!(formatter, "so this gate stays closed: {}", Printable::bounded(&self.problem, 300))
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHeld => write!(formatter, "no hold covers it"),
            Self::Held(note) => write!(formatter, "held {note}"),
            Self::Pinned { tag, versions, note } => {
                write!(formatter, "pinned to {versions}, which excludes {tag}, {note}")
            }
            Self::Unreadable(problem) => problem.fmt(formatter),
        }
    }
}
