//! Columns that line up.

use std::fmt::Write;

use anstyle::Style;

/// A cell: plain text, and how it is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::new() }
    }

    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

/// Rows as text, two blanks between columns, none at a line's end.
pub(super) fn render(rows: &[Vec<Cell>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        for (column, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let Cell { text: content, style } = cell;
            // Writing to a string does not fail.
            let _ = write!(text, "{style}{content}{style:#}");
            if Some(column) != last {
                let padding = widths[column] - content.chars().count() + 2;
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_without_blanks() {
        let rows = [
            vec![Cell::plain("a"), Cell::plain("longer"), Cell::plain("")],
            vec![Cell::plain("größer"), Cell::plain("b"), Cell::plain("c")],
        ];
        assert_eq!(render(&rows), "a       longer\ngrößer  b       c\n");
    }
}
