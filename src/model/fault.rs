//! Errors, by what the caller should do about them.

use std::error::Error;
use std::fmt;

/// The class of an error.
///
/// The class alone determines the exit code, retries and the metric's label; nothing parses messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// A failure that a retry does not fix.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// A gate is closed.
    GateClosed,
    /// Refused for safety.
    Refused,
    /// A retry may help: a network, a lock, a busy server.
    TryAgain,
}

impl Class {
    /// The process exit code: 1 failed, 2 usage, 3 a gate is closed, 4 refused, 75 try again later (`EX_TEMPFAIL`
    /// of sysexits.h).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::GateClosed => 3,
            Self::Refused => 4,
            Self::TryAgain => 75,
        }
    }

    /// The class that represents several errors. A transient one outweighs a permanent one, because a retry is
    /// worthwhile.
    pub fn worst(classes: impl Iterator<Item = Self>) -> Option<Self> {
        classes.max_by_key(|class| match class {
            Self::TryAgain => 2,
            Self::Failed => 1,
            Self::Usage | Self::GateClosed | Self::Refused => 0,
        })
    }

    /// The name of the class in logs, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::GateClosed => "gateClosed",
            Self::Refused => "refused",
            Self::TryAgain => "tryAgain",
        }
    }
}

/// An error between rooms: its class, the operation and its input, a hint, and the cause.
///
/// The message names the operation and its input and never repeats the cause, which is [`Error::source`].
#[derive(Debug)]
pub struct Fault {
    class: Class,
    message: String,
    hint: Option<String>,
    rendered: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault of `class`; `message` names the operation and its input.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None, rendered: None, source: None }
    }

    /// Adds a hint: what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the text that a terminal shows instead of message, cause and hint: several lines, with excerpts of a file.
    #[must_use]
    pub fn with_rendered(mut self, text: String) -> Self {
        self.rendered = Some(text);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The class.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The hint.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The text for a terminal, if it has one of its own.
    pub fn rendered(&self) -> Option<&str> {
        self.rendered.as_deref()
    }

    /// The message and every cause under it on one line, for logs and lists.
    pub fn in_one_line(&self) -> String {
        let mut line = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

/// An error of a client, which becomes a fault when it leaves its room.
pub trait IntoFault {
    /// The same as a fault.
    fn into_fault(self) -> Fault;
}

impl<E: IntoFault> From<E> for Fault {
    fn from(error: E) -> Self {
        error.into_fault()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_every_cause_once() {
        let inner = Fault::new(Class::TryAgain, "connection refused");
        let outer = Fault::new(Class::TryAgain, "cannot list tags of ghcr.io/vtr/app").with_source(inner);
        assert_eq!(outer.in_one_line(), "cannot list tags of ghcr.io/vtr/app: connection refused");
        assert_eq!(outer.to_string(), "cannot list tags of ghcr.io/vtr/app");
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes: Vec<u8> =
            [Class::Failed, Class::Usage, Class::GateClosed, Class::Refused, Class::TryAgain]
                .map(Class::exit_code)
                .into();
        assert_eq!(codes, [1, 2, 3, 4, 75]);
    }
}
