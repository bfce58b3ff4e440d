//! Control files: small YAML files under `.tidegate/` by which people hold, pin, quarantine, approve and freeze.
//!
//! Owns their form: how one is read, how one is written, where it lies, and the schema. What a control means is the policy
//! room's. Nothing here reads a file or a clock; an unreadable text becomes a control that closes the gate that it may have
//! meant.

mod form;
mod place;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use crate::policy::Control;

pub use place::{FOLDER, place};
pub use read::read;
pub use schema::json_schema;
pub use write::write;

/// The kinds of control files, as `kind:` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing is promoted.
    Hold,
    /// Only some versions are promoted.
    Pin,
    /// A version is bad.
    Quarantine,
    /// An image is approved.
    Approval,
    /// Environments stay as they are for a time.
    Freeze,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Hold, Self::Pin, Self::Quarantine, Self::Approval, Self::Freeze];

    /// The kind of a control; none for a file that can't be read.
    pub fn of(control: &Control) -> Option<Self> {
        Some(match control {
            Control::Hold(_) => Self::Hold,
            Control::Pin(_) => Self::Pin,
            Control::Quarantine(_) => Self::Quarantine,
            Control::Approval(_) => Self::Approval,
            Control::Freeze(_) => Self::Freeze,
            Control::Unreadable(_) => return None,
        })
    }

    /// The kind as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "Hold",
            Self::Pin => "Pin",
            Self::Quarantine => "Quarantine",
            Self::Approval => "Approval",
            Self::Freeze => "Freeze",
        }
    }

    /// The kind as part of a path or a sentence.
    pub fn as_word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Pin => "pin",
            Self::Quarantine => "quarantine",
            Self::Approval => "approval",
            Self::Freeze => "freeze",
        }
    }
}
