//! Why a whole file cannot be read.

use thiserror::Error;

use super::position::Position;
use crate::model::{Class, Fault, Printable};

/// A file that may hold a HelmRelease or a Flux image object and cannot be read as YAML.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot read the YAML at {position}")]
pub struct Unreadable {
    /// The place where reading stopped.
    pub position: Position,
    /// The cause.
    #[source]
    pub reason: UnreadableReason,
}

impl Unreadable {
    pub(super) fn new(position: Position, reason: UnreadableReason) -> Self {
        Self { position, reason }
    }

    /// Trying again does not help.
    pub fn class(&self) -> Class {
        Class::Failed
    }

    /// Whether the file can hold nothing that Kubernetes would apply, so that a warning is enough.
    pub fn is_harmless(&self) -> bool {
        self.reason == UnreadableReason::Utf16
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.reason {
            UnreadableReason::NotUtf8 | UnreadableReason::Utf16 => "save the file as UTF-8",
            UnreadableReason::Syntax(_) => {
                "`kubectl apply --dry-run=client -f FILE` shows what Kubernetes reads"
            }
            UnreadableReason::TooDeep | UnreadableReason::TooLong | UnreadableReason::TooManyFields => {
                "split the file"
            }
            UnreadableReason::AliasInItself | UnreadableReason::TooManyAliases => {
                "write the values out instead of using aliases"
            }
        }
    }
}

impl From<Unreadable> for Fault {
    fn from(error: Unreadable) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint()).with_source(error.reason)
    }
}

/// The cause.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnreadableReason {
    /// Bytes that are not UTF-8.
    #[error("the bytes are not UTF-8")]
    NotUtf8,
    /// UTF-16, which Kubernetes tools do not read either.
    #[error("the text is UTF-16")]
    Utf16,
    /// Not YAML; the parser's message.
    #[error("{}", Printable::new(.0))]
    Syntax(String),
    /// Collections are nested more than a hundred deep.
    #[error("collections are nested too deeply")]
    TooDeep,
    /// More than 32 MiB.
    #[error("the text is too long")]
    TooLong,
    /// More image fields than a file may cost.
    #[error("the file has too many image fields")]
    TooManyFields,
    /// `&a [*a]`: an infinite expansion.
    #[error("an alias is inside the anchor that it refers to")]
    AliasInItself,
    /// Aliases of aliases that expand a small file to a huge one.
    #[error("the aliases expand to too many values")]
    TooManyAliases,
}
