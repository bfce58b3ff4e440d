//! Why an edit is not made.

use thiserror::Error;

use super::position::Position;
use super::unreadable::{Unreadable, UnreadableReason};
use crate::model::{Class, Fault, Printable, Tag};

/// An edit that would not be safe. No text was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EditRefused {
    /// The text cannot be read.
    #[error("cannot edit: the text cannot be read at {position}")]
    Unreadable {
        /// Where reading stopped.
        position: Position,
        /// Why.
        #[source]
        reason: UnreadableReason,
    },
    /// The field was found in another text, or in an earlier state of this one.
    #[error("cannot edit the image at {position}: the text is not the one that it was found in")]
    OtherText {
        /// Where the field was.
        position: Position,
    },
    /// `latest`, `main`, `master` and `dev` are never written.
    #[error("cannot write the tag `{tag}` at {position}: it does not say which version it is")]
    FloatingTag {
        /// Where the field is.
        position: Position,
        /// The tag.
        tag: Tag,
    },
    /// The file pins a digest, and none was given for the new tag.
    #[error("cannot edit the image at {position}: the file pins its digest, and the new one is not known")]
    DigestMissing {
        /// Where the field is.
        position: Position,
    },
    /// Two edits of one anchored value ask for different things.
    #[error(
        "cannot edit the images at {position} and {other}: they share one anchored value and shall differ"
    )]
    Contradiction {
        /// The first field.
        position: Position,
        /// The second.
        other: Position,
    },
    /// An anchored value is also another image's, which nobody asked to move.
    #[error("cannot edit the image at {position}: the one at {other} shares its anchored value")]
    SharedAnchor {
        /// The field.
        position: Position,
        /// The field that would move with it.
        other: Position,
    },
    /// The parser that found the fields would see another difference in the new text.
    #[error("cannot edit: the new text would differ in more than the images, first at {position}")]
    OtherDifference {
        /// Where the old text has what would differ.
        position: Position,
    },
    /// The second parser does not see the same in the new text.
    #[error("cannot edit: the second YAML parser does not read the text as the first one does")]
    SecondParser(#[source] SecondParserError),
}

/// What the second parser said.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", Printable::new(.0))]
pub struct SecondParserError(pub(super) String);

impl EditRefused {
    /// An edit is refused for safety, whatever the reason.
    pub fn class(&self) -> Class {
        Class::Refused
    }

    /// Where in the old text the reason is.
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

    /// What to do about it, in plain words.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "mend the YAML",
            Self::OtherText { .. } => "read the file again",
            Self::FloatingTag { .. } => "choose a version",
            Self::DigestMissing { .. } => "ask the registry for the digest of the tag",
            Self::Contradiction { .. } | Self::SharedAnchor { .. } => {
                "give each image a tag of its own instead of an alias"
            }
            Self::OtherDifference { .. } | Self::SecondParser(_) => {
                "write the file in plainer YAML, or make this change by hand"
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
