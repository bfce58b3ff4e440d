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

    /// Cuts what is longer than so many characters, and shows that.
    pub(super) fn cut(&mut self, most: usize) {
        if self.text.chars().count() > most {
            self.text = self.text.chars().take(most.saturating_sub(1)).chain(['…']).collect();
        }
    }
}

/// Cuts every line of a styled text to so many characters; a cut line ends in an ellipsis.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let mut fitted = String::with_capacity(text.len());
    for line in text.lines() {
        let excess = anstream::adapter::strip_str(line).to_string().chars().count() > width;
        if excess {
            cut_line(&mut fitted, line, width.saturating_sub(1));
        } else {
            fitted.push_str(line);
        }
        fitted.push('\n');
    }
    fitted
}

fn cut_line(fitted: &mut String, line: &str, most: usize) {
    let (mut shown, mut is_escape) = (0, false);
    for character in line.chars() {
        if character == '\u{1b}' {
            is_escape = true;
        } else if is_escape {
            is_escape = !character.is_ascii_alphabetic();
        } else if shown == most {
            break;
        } else {
            shown += 1;
        }
        fitted.push(character);
    }
    fitted.push_str("…\u{1b}[0m");
}

/// How wide the rows are.
pub(super) fn width(rows: &[Vec<Cell>]) -> usize {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let all: usize = (0..columns).map(|column| column_width(rows, column)).sum();
    all + 2 * columns.saturating_sub(1)
}

/// How wide a column is.
pub(super) fn column_width(rows: &[Vec<Cell>], column: usize) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column));
    cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0)
}

/// Rows as text, two blanks between columns, none at a line's end.
pub(super) fn render(rows: &[Vec<Cell>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(|column| column_width(rows, column)).collect();
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
    fn a_cut_cell_ends_in_an_ellipsis() {
        let mut cell = Cell::plain("größer");
        cell.cut(6);
        assert_eq!(cell.text, "größer");
        cell.cut(4);
        assert_eq!(cell.text, "grö…");
        assert_eq!(width(&[vec![cell, Cell::plain("b")], vec![Cell::plain("a")]]), 7);
    }

    #[test]
    fn a_styled_line_is_cut_at_its_visible_width() {
        let bold = "\u{1b}[1mabcdef\u{1b}[0m";
        assert_eq!(fit(bold, 6), format!("{bold}\n"));
        assert_eq!(fit(&format!("{bold}\nxy\n"), 4), "\u{1b}[1mabc…\u{1b}[0m\nxy\n");
        assert_eq!(fit("größer als", 6), "größe…\u{1b}[0m\n");
    }

    #[test]
    fn columns_line_up_and_lines_end_without_blanks() {
        let rows = [
            vec![Cell::plain("a"), Cell::plain("longer"), Cell::plain("")],
            vec![Cell::plain("größer"), Cell::plain("b"), Cell::plain("c")],
        ];
        assert_eq!(render(&rows), "a       longer\ngrößer  b       c\n");
    }
}
