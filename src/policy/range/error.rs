//! What is wrong with a range, where, and what to write instead.

use thiserror::Error;

use crate::model::{Class, Fault};

/// The text is not a version range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot read the version range: {message}")]
pub struct RangeError {
    message: String,
    hint: String,
    offset: usize,
}

impl RangeError {
    pub(super) fn new(offset: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), offset }
    }

    /// What is wrong, without saying that it is a range that could not be read.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// Where in the text, in bytes from its start.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What the error means for the one who has to act on it.
    pub fn class(&self) -> Class {
        Class::Usage
    }
}

impl From<RangeError> for Fault {
    fn from(error: RangeError) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint)
    }
}
