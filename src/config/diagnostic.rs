//! Errors and warnings about a configuration file, and how they are shown. Knows no rule of the configuration.

use std::fmt::{self, Write};

use super::location::Location;
use super::source::Source;

/// Maximum diagnostics shown; a file with more is most likely not a configuration.
const MAX_SHOWN: usize = 20;

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The value that it is about.
    pub at: Location,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// Why a value cannot be used, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl InvalidValue {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// Collects the diagnostics of a file while it is checked: all of them, not only the first.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Reports what makes the configuration unusable.
    pub(super) fn error(&mut self, at: Location, message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(Diagnostic { at, message: message.into(), hint: hint.into() });
    }

    /// Reports what is valid, but most likely not intended.
    pub(super) fn warning(&mut self, at: Location, message: impl Into<String>, hint: impl Into<String>) {
        self.warnings.push(Diagnostic { at, message: message.into(), hint: hint.into() });
    }

    /// The built value, unless `build` reported an error.
    pub(super) fn if_valid<T>(&mut self, build: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let errors_before = self.errors.len();
        let value = build(self);
        value.filter(|_| self.errors.len() == errors_before)
    }

    /// The value; reports the error otherwise.
    pub(super) fn ok_or_report<T>(&mut self, at: Location, result: Result<T, InvalidValue>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(InvalidValue { message, hint }) => {
                self.error(at, message, hint);
                None
            }
        }
    }
}

/// The diagnostics of one file, in the order of the file; at least one.
#[derive(Debug)]
pub struct FileDiagnostics {
    source: Source,
    diagnostics: Vec<Diagnostic>,
}

impl FileDiagnostics {
    pub(super) fn new(source: Source, mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by_key(|diagnostic| diagnostic.at);
        Self { source, diagnostics }
    }

    /// The diagnostics, in the order of the file.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The diagnostics for a terminal, each with its source line and hint; `severity` is `error` or `warning`.
    pub(super) fn render(&self, severity: &str) -> String {
        let mut text = String::new();
        for diagnostic in self.diagnostics.iter().take(MAX_SHOWN) {
            // Writing to a String cannot fail.
            let _ = self.render_one(&mut text, severity, diagnostic);
        }
        if self.diagnostics.len() > MAX_SHOWN {
            let _ = writeln!(text, "and {} more", self.diagnostics.len() - MAX_SHOWN);
        }
        text
    }

    fn render_one(&self, text: &mut String, severity: &str, diagnostic: &Diagnostic) -> fmt::Result {
        let number = diagnostic.at.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(text, "{severity}: {}", diagnostic.message)?;
        writeln!(text, "{margin}--> {}:{}", self.source.name(), diagnostic.at)?;
        if let Some(excerpt) = self.source.excerpt(diagnostic.at) {
            let underline =
                format!("{}{}", " ".repeat(excerpt.underline_start), "^".repeat(excerpt.underline_chars));
            writeln!(text, "{margin} |")?;
            writeln!(text, "{number} | {}", excerpt.line)?;
            writeln!(text, "{margin} | {underline}")?;
        }
        writeln!(text, "{margin} = {}", diagnostic.hint)?;
        writeln!(text)
    }
}

/// The first diagnostic on one line, and how many more there are.
impl fmt::Display for FileDiagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.diagnostics.first() else { return Ok(()) };
        write!(formatter, "{}:{}: {}", self.source.name(), first.at, first.message)?;
        match self.diagnostics.len() {
            1 => Ok(()),
            count => write!(formatter, " (and {} more)", count - 1),
        }
    }
}
