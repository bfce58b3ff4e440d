//! Why an edit is refused.

use thiserror::Error;

use super::position::Position;
use super::unreadable::{Unreadable, UnreadableReason};
use crate::model::{Class, Fault, Printable, Tag};

/// An edit that is not safe to make. No text is produced.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EditRefused {
    /// The text is not YAML that can be read.
    #[error("cannot edit: cannot read the YAML at {position}")]
    Unreadable {
        /// Where reading stopped.
        position: Position,
        /// The cause.
        #[source]
        reason: UnreadableReason,
    },
    /// The field comes from another text, or from an earlier version of this one.
    #[error("cannot edit the image at {position}: the file changed since it was read")]
    OtherText {
        /// The field.
        position: Position,
    },
    /// `latest`, `main`, `master` and `dev` are never written.
    #[error("cannot write the tag `{tag}` at {position}: it does not name a version")]
    FloatingTag {
        /// The field.
        position: Position,
        /// The refused tag.
        tag: Tag,
    },
    /// The file pins a digest, and the edit has none for the new tag.
    #[error(
        "cannot edit the image at {position}: the file pins a digest, and the digest of the new tag is unknown"
    )]
    DigestMissing {
        /// The field.
        position: Position,
    },
    /// Two edits write different values to one anchored scalar.
    #[error(
        "cannot edit the images at {position} and {other}: they share one anchored value but would get different ones"
    )]
    Contradiction {
        /// The first field.
        position: Position,
        /// The second.
        other: Position,
    },
    /// Another image, which is not part of this edit, shares the anchored value.
    #[error("cannot edit the image at {position}: the one at {other} shares its anchored value")]
    SharedAnchor {
        /// The field.
        position: Position,
        /// The field that would change with it.
        other: Position,
    },
    /// The first parser reads another difference in the new text.
    #[error("cannot edit: the new text would differ elsewhere too, first at {position}")]
    OtherDifference {
        /// The first difference, as a place in the old text.
        position: Position,
    },
    /// The second parser reads the new text differently.
    #[error("cannot edit: the second YAML parser reads the text differently")]
    SecondParser(#[source] SecondParserError),
}

/// The second parser's error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", Printable::new(.0))]
pub struct SecondParserError(pub(super) String);

impl EditRefused {
    /// Every refused edit is refused for safety.
    pub fn class(&self) -> Class {
        Class::Refused
    }

    /// The place of the cause in the old text.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Unreadable { position, .. }
            | Self::OtherText { position }
            | Self::FloatingTag { position, .. }
            | Self::DigestMissing { position }
            | Self::Contradiction { position, .. }
            | Self::SharedAnchor { position, .. }
            | Self::OtherDifference { position } => Some(*position),
            Self::SecondParser(_) => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "correct the YAML",
            Self::OtherText { .. } => "read the file again",
            Self::FloatingTag { .. } => "choose a version",
            Self::DigestMissing { .. } => "get the digest of the tag from the registry",
            Self::Contradiction { .. } | Self::SharedAnchor { .. } => {
                "give each image its own tag instead of an alias"
            }
            Self::OtherDifference { .. } | Self::SecondParser(_) => {
                "write the file in simpler YAML, or make this change by hand"
            }
        }
    }
}

impl From<Unreadable> for EditRefused {
    fn from(Unreadable { position, reason }: Unreadable) -> Self {
        Self::Unreadable { position, reason }
    }
}

impl From<EditRefused> for Fault {
    fn from(error: EditRefused) -> Self {
        let fault = Self::new(error.class(), error.to_string()).with_hint(error.hint());
        match error {
            EditRefused::Unreadable { reason, .. } => fault.with_source(reason),
            EditRefused::SecondParser(source) => fault.with_source(source),
            _ => fault,
        }
    }
}
