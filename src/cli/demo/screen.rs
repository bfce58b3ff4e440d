//! The demo on the terminal: headings, quotes, and events with their time.

use std::fmt::Write as _;
use std::time::Instant;

use anstyle::Style;

use crate::cli::output::{BOLD, CYAN, DIM, Output};
use crate::model::Fault;

#[derive(Debug)]
pub(super) struct Screen<'a> {
    output: &'a Output,
    began: Instant,
}

impl<'a> Screen<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self { output, began: Instant::now() }
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.output.is_terminal()
    }

    pub(super) fn has_colours(&self) -> bool {
        self.output.has_colours()
    }

    pub(super) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    pub(super) fn text(&self, text: &str) -> Result<(), Fault> {
        self.output.text(text)
    }

    pub(super) fn heading(&self, title: &str) -> Result<(), Fault> {
        self.text(&format!("\n{CYAN}──{CYAN:#} {BOLD}{title}{BOLD:#}\n\n"))
    }

    /// A command that a person types.
    pub(super) fn command(&self, line: &str) -> Result<(), Fault> {
        self.text(&format!("\n  {DIM}${DIM:#} {BOLD}{line}{BOLD:#}\n"))
    }

    /// Lines of output, indented.
    pub(super) fn quote(&self, text: &str) -> Result<(), Fault> {
        self.text(&indented(text))
    }

    /// An event: when, where, and what.
    pub(super) fn event(&self, place: &str, style: Style, what: &str) -> Result<(), Fault> {
        self.text(&format!("{} {style}{place:<9}{style:#} {what}\n", self.clock()))
    }

    /// A remark on the event before it.
    pub(super) fn remark(&self, what: &str) -> Result<(), Fault> {
        self.text(&format!("{:19}{DIM}{what}{DIM:#}\n", ""))
    }

    fn clock(&self) -> String {
        format!("{DIM}{:>7.1}s{DIM:#}", self.seconds())
    }
}

fn indented(text: &str) -> String {
    let mut indented = String::new();
    for line in text.lines() {
        // Writing to a text cannot fail.
        let _ = if line.is_empty() { writeln!(indented) } else { writeln!(indented, "  {line}") };
    }
    indented
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_indented_and_empty_lines_stay_empty() {
        assert_eq!(indented("a\n\n  b\r\n"), "  a\n\n    b\n");
    }
}
