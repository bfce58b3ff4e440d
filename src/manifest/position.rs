//! A place in a text: line and column from 1, as editors count.

use std::fmt;

use granit_parser::Marker;

/// A place in a manifest, displayed as `line:column`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters (Unicode scalar values), from 1.
    pub column: usize,
}

impl Position {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The place just after `text`.
    pub(super) fn after(text: &str) -> Self {
        let line_start = text.rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + text.bytes().filter(|byte| *byte == b'\n').count();
        Self { line, column: 1 + text[line_start..].chars().count() }
    }
}

impl From<Marker> for Position {
    /// The parser counts lines from 1 and columns from 0.
    fn from(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}
