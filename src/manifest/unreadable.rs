//! Why a whole manifest cannot be read.

use thiserror::Error;

use super::position::Position;
use crate::model::{Class, Fault, Printable};

/// A file that looks as if it held a HelmRelease or a Flux image object, and cannot be read as YAML.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot read the YAML at {position}")]
pub struct Unreadable {
    /// Where reading stopped.
    pub position: Position,
    /// Why.
    #[source]
    pub reason: UnreadableReason,
}

impl Unreadable {
    pub(super) fn new(position: Position, reason: UnreadableReason) -> Self {
        Self { position, reason }
    }

    /// What reading failed for: trying again does not mend a file.
    pub fn class(&self) -> Class {
        Class::Failed
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> &'static str {
        match self.reason {
            UnreadableReason::NotUtf8 | UnreadableReason::Utf16 => "save the file as UTF-8",
            UnreadableReason::Syntax(_) => {
                "`kubectl apply --dry-run=client -f FILE` tells what Kubernetes makes of it"
            }
            UnreadableReason::TooDeep | UnreadableReason::TooLong => "split the file",
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

/// What makes a manifest unreadable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnreadableReason {
    /// Some bytes are no UTF-8.
    #[error("the bytes are not UTF-8")]
    NotUtf8,
    /// The text is UTF-16, which Kubernetes' tools do not read either.
    #[error("the text is UTF-16")]
    Utf16,
    /// It is not YAML; the text is the parser's.
    #[error("{}", Printable::new(.0))]
    Syntax(String),
    /// Collections are nested more than a hundred deep.
    #[error("collections are nested too deeply")]
    TooDeep,
    /// More than 32 MiB.
    #[error("the text is too long")]
    TooLong,
    /// `&a [*a]`: an alias that would go on for ever.
    #[error("an alias stands inside the anchor that it refers to")]
    AliasInItself,
    /// Aliases of aliases, that would make a small file a huge one.
    #[error("the aliases stand for too many values")]
    TooManyAliases,
}
