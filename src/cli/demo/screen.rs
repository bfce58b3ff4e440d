//! How the demonstration looks: headings, lines of text, and moments of the story with their time.

use std::fmt::Write as _;
use std::time::Instant;

use anstyle::Style;

use crate::cli::output::{BOLD, CYAN, DIM, Output};
use crate::model::Fault;

/// Where the demonstration is told.
#[derive(Debug)]
pub(super) struct Screen<'a> {
    output: &'a Output,
    began: Instant,
}

impl<'a> Screen<'a> {
    /// A screen whose time begins now.
    pub(super) fn new(output: &'a Output) -> Self {
        Self { output, began: Instant::now() }
    }

    /// Whether a person looks on who can be shown something that moves.
    pub(super) fn is_terminal(&self) -> bool {
        self.output.is_terminal()
    }

    /// Whether it is shown in colours.
    pub(super) fn has_colours(&self) -> bool {
        self.output.has_colours()
    }

    /// How long it has been going on, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Text as it stands.
    pub(super) fn text(&self, text: &str) -> Result<(), Fault> {
        self.output.text(text)
    }

    /// Begins a part.
    pub(super) fn heading(&self, title: &str) -> Result<(), Fault> {
        self.text(&format!("\n{CYAN}──{CYAN:#} {BOLD}{title}{BOLD:#}\n\n"))
    }

    /// Lines of somebody else's text, moved in.
    pub(super) fn quote(&self, text: &str) -> Result<(), Fault> {
        self.text(&moved_in(text))
    }

    /// A moment of the story: when, where, and what.
    pub(super) fn moment(&self, place: &str, style: Style, what: &str) -> Result<(), Fault> {
        self.text(&format!("{} {style}{place:<9}{style:#} {what}\n", self.clock()))
    }

    /// What has no place of its own goes under the moment before it.
    pub(super) fn aside(&self, what: &str) -> Result<(), Fault> {
        self.text(&format!("{:19}{DIM}{what}{DIM:#}\n", ""))
    }

    /// The time of the story, as it stands before each moment.
    pub(super) fn clock(&self) -> String {
        format!("{DIM}{:>7.1}s{DIM:#}", self.seconds())
    }
}

fn moved_in(text: &str) -> String {
    let mut moved = String::new();
    for line in text.lines() {
        // Writing to a text cannot fail.
        let _ = if line.is_empty() { writeln!(moved) } else { writeln!(moved, "  {line}") };
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_moved_in_and_empty_lines_stay_empty() {
        assert_eq!(moved_in("a\n\n  b\r\n"), "  a\n\n    b\n");
    }
}
