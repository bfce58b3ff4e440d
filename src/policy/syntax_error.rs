//! An invalid range or schedule: the error, its position and a correction.

use thiserror::Error;

use crate::model::{Class, Fault};

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot read the {subject}: {message}")]
pub struct SyntaxError {
    subject: &'static str,
    message: String,
    hint: String,
    offset: usize,
}

impl SyntaxError {
    pub(super) fn in_range(offset: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { subject: "version range", message: message.into(), hint: hint.into(), offset }
    }

    pub(super) fn in_schedule(offset: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { subject: "schedule", message: message.into(), hint: hint.into(), offset }
    }

    /// The message without "cannot read the …".
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// Byte offset in the text.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl From<SyntaxError> for Fault {
    fn from(error: SyntaxError) -> Self {
        Self::new(Class::Usage, error.to_string()).with_hint(error.hint)
    }
}
