//! Documents inside a literal block scalar: which bytes and which place of the file each of theirs is. Every line of the
//! scalar's value must be a line of the file behind the same indentation, or nothing is mapped.

use std::ops::Range;

use super::position::Position;

/// Where the lines of a literal scalar lie in its file.
pub(super) struct Embedded {
    /// The first byte of each line, in the value and in the file.
    starts: Vec<(usize, usize)>,
    /// The line of the file with the first line of the value.
    first_line: usize,
    /// Columns before each line of the value.
    indentation: usize,
}

impl Embedded {
    /// Maps the value of the literal scalar whose span begins at byte `start` of `text`: at its `|` or at its first character.
    /// `None` where the lines of the value are not those of the file.
    pub(super) fn of(text: &str, value: &str, start: usize) -> Option<Self> {
        let is_blank = |line: &str| line.trim().is_empty();
        let (before, from) = text.split_at_checked(start)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let (mut at, first_line) = if from.starts_with('|') {
            (start + from.find('\n')? + 1, line + 1)
        } else {
            let blank = before[..line_start].lines().rev().take_while(|line| is_blank(line));
            let leading = value.split('\n').take_while(|line| line.is_empty()).count();
            let blank_bytes: usize = blank.take(leading).map(|line| line.len() + 1).sum();
            let first = line_start.checked_sub(blank_bytes)?;
            (first, line - before[first..line_start].matches('\n').count())
        };
        let mut mapped = Self { starts: Vec::new(), first_line, indentation: 0 };
        let mut is_indented = false;
        let mut value_start = 0;
        for (number, line) in value.split('\n').enumerate() {
            let rest = text.get(at..)?;
            if number > 0 && value_start == value.len() {
                break;
            }
            let source = rest.find('\n').map_or(rest, |end| &rest[..end]);
            let written = source.strip_suffix('\r').unwrap_or(source);
            if line.is_empty() {
                written.bytes().all(|byte| byte == b' ').then_some(())?;
            } else {
                let indentation = written.strip_suffix(line)?;
                let is_first = !std::mem::replace(&mut is_indented, true);
                if is_first {
                    mapped.indentation = indentation.len();
                }
                let is_same = indentation.len() == mapped.indentation;
                (is_same && indentation.bytes().all(|byte| byte == b' ')).then_some(())?;
            }
            mapped.starts.push((value_start, at + mapped.indentation));
            value_start += line.len() + 1;
            at += source.len() + 1;
        }
        Some(mapped)
    }

    /// The place in the file of a place in the value.
    pub(super) fn position(&self, place: Position) -> Position {
        Position { line: self.first_line + place.line - 1, column: self.indentation + place.column }
    }

    /// The bytes of the file that are these bytes of one line of the value.
    pub(super) fn in_file(&self, bytes: Range<usize>) -> Option<Range<usize>> {
        let line = self.starts.partition_point(|(value, _)| *value <= bytes.start).checked_sub(1)?;
        let (value, file) = self.starts[line];
        let is_one_line = self.starts.get(line + 1).is_none_or(|(next, _)| bytes.end < *next);
        is_one_line.then(|| file + bytes.start - value..file + bytes.end - value)
    }

    /// The bytes of the value that are these bytes of one line of the file.
    pub(super) fn in_value(&self, bytes: Range<usize>) -> Option<Range<usize>> {
        let line = self.starts.partition_point(|(_, file)| *file <= bytes.start).checked_sub(1)?;
        let (value, file) = self.starts[line];
        Some(value + bytes.start - file..value + bytes.end - file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tree::{Content, Documents};

    /// The text of the file at the place of `word` in the value, and its position; none where nothing is mapped.
    fn mapped(text: &str, word: &str) -> Option<(String, String)> {
        let document = Documents::of(text).next().unwrap().unwrap();
        let node = document
            .nodes()
            .iter()
            .find(|node| matches!(&node.content, Content::Scalar { value, .. } if value.contains(word)))?;
        let Content::Scalar { value, .. } = &node.content else { return None };
        let embedded = Embedded::of(text, value, node.span.start)?;
        let at = value.find(word).unwrap();
        let bytes = embedded.in_file(at..at + word.len())?;
        assert_eq!(embedded.in_value(bytes.clone()), Some(at..at + word.len()));
        let line = 1 + value[..at].matches('\n').count();
        let column = 1 + value[..at].chars().rev().take_while(|letter| *letter != '\n').count();
        Some((text[bytes].to_owned(), embedded.position(Position { line, column }).to_string()))
    }

    #[test]
    fn the_lines_of_a_literal_scalar_are_found_in_the_file() {
        for (text, position) in [
            ("a: |\n  b: 1\n  c: WORD\n", Some("3:6")),
            ("a: |-\r\n  b: 1\r\n\r\n  c: WORD\r\nd: 1\r\n", Some("4:6")),
            ("a: |+ # note\n\n \n    b: WORD # x\n\n\nd: 1\n", Some("4:8")),
            ("a: |2\n    b: 1\n  c: WORD", Some("3:6")),
            ("- a: &x |\n    ñ: WORD\n- *x\n", Some("2:8")),
            ("--- |\nWORD\n", Some("2:1")),
            ("a: >\n  b: 1\n  c: WORD\n", None),
            ("a: \"b: 1\\nc: WORD\\n\"\n", None),
        ] {
            let expected = position.map(|position| ("WORD".to_owned(), position.to_owned()));
            assert_eq!(mapped(text, "WORD"), expected, "{text:?}");
        }
    }
}
