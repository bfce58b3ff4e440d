//! What is wrong with a schedule, where, and what to write instead.

use thiserror::Error;

use crate::model::{Class, Fault};

/// The text is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot read the schedule: {message}")]
pub struct ScheduleError {
    message: String,
    hint: String,
    offset: usize,
}

impl ScheduleError {
    pub(super) fn new(offset: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), offset }
    }

    /// What is wrong, without saying that it is a schedule that could not be read.
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

impl From<ScheduleError> for Fault {
    fn from(error: ScheduleError) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint)
    }
}
