//! What is wrong, or doubtful, in a configuration file, and how it is shown. Knows no rule of the configuration.

use std::fmt::{self, Write};

use super::location::Location;
use super::source::Source;

/// How many problems are shown; a file with more is most likely no configuration.
const MOST_SHOWN: usize = 20;

/// One thing that is wrong or doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub at: Location,
    /// What it is.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// What is wrong with a value, and what to write instead.
pub(crate) type Wrong = (String, String);

/// What was found while a file was checked; all of it, not only the first.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Findings {
    /// Notes something that makes the configuration unusable.
    pub(super) fn error(&mut self, at: Location, message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(Problem { at, message: message.into(), hint: hint.into() });
    }

    /// Notes something that is most likely not what was meant.
    pub(super) fn warning(&mut self, at: Location, message: impl Into<String>, hint: impl Into<String>) {
        self.warnings.push(Problem { at, message: message.into(), hint: hint.into() });
    }

    /// Notes a key that this version knows of and cannot follow; nothing that was configured is left out in silence.
    pub(super) fn refuse(&mut self, at: Location, what: &str, hint: &str) {
        self.error(at, format!("{what} is not possible in this version"), hint);
    }

    /// What was built, unless something wrong was noted while it was built.
    pub(super) fn unless_wrong<T>(&mut self, build: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let errors_before = self.errors.len();
        let value = build(self);
        value.filter(|_| self.errors.len() == errors_before)
    }

    /// The value, or nothing and a note of why.
    pub(super) fn take<T>(&mut self, at: Location, result: Result<T, Wrong>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err((message, hint)) => {
                self.error(at, message, hint);
                None
            }
        }
    }
}

/// Problems of one file, in the order of the file, at least one.
#[derive(Debug)]
pub struct Diagnosis {
    source: Source,
    problems: Vec<Problem>,
}

impl Diagnosis {
    pub(super) fn new(source: Source, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.at);
        Self { source, problems }
    }

    /// The problems, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems with their lines, marks and hints, on several lines, for a terminal; `kind` is `error` or
    /// `warning`.
    pub(super) fn render(&self, kind: &str) -> String {
        let mut text = String::new();
        for problem in self.problems.iter().take(MOST_SHOWN) {
            // Writing to a String cannot fail.
            let _ = self.render_one(&mut text, kind, problem);
        }
        if self.problems.len() > MOST_SHOWN {
            let _ = writeln!(text, "and {} more", self.problems.len() - MOST_SHOWN);
        }
        text
    }

    fn render_one(&self, text: &mut String, kind: &str, problem: &Problem) -> fmt::Result {
        let number = problem.at.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(text, "{kind}: {}", problem.message)?;
        writeln!(text, "{margin}--> {}:{}", self.source.name(), problem.at)?;
        if let Some(excerpt) = self.source.excerpt(problem.at) {
            let marks = format!("{}{}", " ".repeat(excerpt.marks_from), "^".repeat(excerpt.marks));
            writeln!(text, "{margin} |")?;
            writeln!(text, "{number} | {}", excerpt.line)?;
            writeln!(text, "{margin} | {marks}")?;
        }
        writeln!(text, "{margin} = {}", problem.hint)?;
        writeln!(text)
    }
}

/// The first problem on one line, and how many more there are.
impl fmt::Display for Diagnosis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.problems.first() else { return Ok(()) };
        write!(formatter, "{}:{}: {}", self.source.name(), first.at, first.message)?;
        match self.problems.len() {
            1 => Ok(()),
            count => write!(formatter, " (and {} more)", count - 1),
        }
    }
}
