//! A line reader for plain block YAML: mappings and sequences with one entry per line, whose scalars and flow collections
//! end on that line. Nearly all manifests look like that, and it is many times faster than a full YAML parser.
//!
//! **Invariant.** It produces the same nodes as the parser, to the byte and the column, or gives up with [`NotPlain`] and
//! leaves the text to the parser. It never decides that a text is malformed. A rule here may be too narrow, which costs
//! time, but never too wide. The tests beside this file and the fuzzer (`fuzz/`) compare both readers.
//!
//! This file handles lines and indentation; `inline` reads the content of one line.

use memchr::memchr;

use super::inline::{Cursor, Line, MAX_DEPTH, NotPlain};
use super::node::{Content, Document, Node, NodeId};

#[derive(Debug)]
pub(super) struct LineReader<'t> {
    text: &'t str,
    is_ascii: bool,
    /// The first byte of the next line, and its number from 1.
    next: usize,
    next_number: usize,
    /// Whether `---` precedes the next document.
    is_marked: bool,
    /// Capacity for the next document, from the size of the last one.
    likely_nodes: usize,
}

impl<'t> LineReader<'t> {
    /// A reader of this text, unless it holds a character that only the parser handles.
    pub(super) fn of(text: &'t str) -> Result<Self, NotPlain> {
        let is_ascii = text.is_ascii();
        if has_control(text.as_bytes()) || !(is_ascii || text.chars().all(is_ordinary)) {
            return Err(NotPlain);
        }
        Ok(Self { text, is_ascii, next: 0, next_number: 1, is_marked: false, likely_nodes: 128 })
    }

    /// The next document, or `None` at the end of the text.
    pub(super) fn next_document(&mut self) -> Result<Option<Document<'t>>, NotPlain> {
        let mut block = Block::new(self.likely_nodes);
        while let Some(line) = self.next_line() {
            if !is_document_marker(&line)? {
                block.push_line(line)?;
                continue;
            }
            let was_marked = std::mem::replace(&mut self.is_marked, true);
            match (block.nodes.is_empty(), was_marked) {
                (false, _) => return Ok(Some(self.finish(block))),
                (true, false) => {}
                // An empty document.
                (true, true) => return Err(NotPlain),
            }
        }
        match (block.nodes.is_empty(), std::mem::take(&mut self.is_marked)) {
            (false, _) => Ok(Some(self.finish(block))),
            (true, false) => Ok(None),
            (true, true) => Err(NotPlain),
        }
    }

    fn finish(&mut self, block: Block<'t>) -> Document<'t> {
        let nodes = block.finish();
        self.likely_nodes = nodes.len() + 16;
        Document { nodes }
    }

    /// The next line that is not empty and not only a comment.
    fn next_line(&mut self) -> Option<Line<'t>> {
        while self.next < self.text.len() {
            let (start, number) = (self.next, self.next_number);
            let rest = &self.text[start..];
            let text = memchr(b'\n', rest.as_bytes()).map_or(rest, |end| &rest[..end]);
            self.next = start + text.len() + 1;
            self.next_number += 1;
            let indent = text.bytes().take_while(|byte| *byte == b' ').count();
            match text.as_bytes().get(indent) {
                None | Some(b'#') => {}
                Some(_) => {
                    let is_ascii = self.is_ascii || text.is_ascii();
                    return Some(Line { text, start, number, indent, is_ascii });
                }
            }
        }
        None
    }
}

/// Whether there is a control character other than a line feed; the parser handles tabs and carriage returns.
fn has_control(bytes: &[u8]) -> bool {
    // Counted, not searched: without an early exit the loop is vectorized.
    bytes.iter().filter(|byte| (**byte < b' ' && **byte != b'\n') || **byte == 0x7f).count() > 0
}

/// Whether a character has no meaning in YAML 1.1 and 1.2: no control character, line separator or byte order mark.
fn is_ordinary(character: char) -> bool {
    matches!(character, '\0'..='\u{7e}' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{10000}'..)
}

/// Whether the line is `---`. The parser handles anything else that begins like a document marker.
fn is_document_marker(line: &Line<'_>) -> Result<bool, NotPlain> {
    if line.indent > 0 || !(line.text.starts_with("---") || line.text.starts_with("...")) {
        return Ok(false);
    }
    let rest = line.text.strip_prefix("---").ok_or(NotPlain)?;
    let after = rest.trim_start_matches(' ');
    let is_alone = after.is_empty() || (after.len() < rest.len() && after.starts_with('#'));
    if is_alone { Ok(true) } else { Err(NotPlain) }
}

/// A collection that is still open.
#[derive(Clone, Copy, Debug)]
struct Open {
    kind: Kind,
    /// The column of its entries, from 0.
    indent: usize,
    node: NodeId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mapping,
    Sequence,
    /// A sequence whose dashes have the indentation of its key.
    SequenceBelowKey,
}

/// Builds one document from its lines.
#[derive(Debug)]
struct Block<'t> {
    nodes: Vec<Node<'t>>,
    open: Vec<Open>,
    /// The line of a key whose value is not read yet, and the offset of its colon.
    pending_key: Option<(Line<'t>, usize)>,
}

impl<'t> Block<'t> {
    fn new(likely_nodes: usize) -> Self {
        Self { nodes: Vec::with_capacity(likely_nodes), open: Vec::new(), pending_key: None }
    }

    fn push_line(&mut self, line: Line<'t>) -> Result<(), NotPlain> {
        let mut cursor = Cursor::at(line, line.indent);
        let is_item = cursor.skip_dash();
        self.close_and_open(line, cursor.offset(), is_item)?;
        if !is_item {
            return self.entry(cursor);
        }
        if cursor.is_at_entry()? {
            // `- key: value`: a mapping whose other keys follow below the first one.
            self.open(Kind::Mapping, line, cursor.offset(), cursor.offset())?;
            return self.entry(cursor);
        }
        if cursor.value(&mut self.nodes)? { Ok(()) } else { Err(NotPlain) }
    }

    /// Closes and opens collections until the innermost one is that of `line`, whose content starts at `content`.
    fn close_and_open(&mut self, line: Line<'t>, content: usize, is_item: bool) -> Result<(), NotPlain> {
        let kind = if is_item { Kind::Sequence } else { Kind::Mapping };
        let Some(parent) = self.open.last().copied() else {
            let is_first = self.nodes.is_empty() && line.indent == 0;
            return if is_first { self.open(kind, line, 0, 0) } else { Err(NotPlain) };
        };
        if let Some((key_line, colon)) = self.pending_key.take() {
            if line.indent > parent.indent {
                return self.open(kind, line, line.indent, line.indent);
            }
            if line.indent == parent.indent && is_item {
                // The parser reports that such a sequence begins after its first dash.
                return self.open(Kind::SequenceBelowKey, line, line.indent, content);
            }
            push_absent_value(&mut self.nodes, key_line, colon);
        }
        self.close_to(line.indent, is_item);
        match self.open.last() {
            Some(open) if open.indent == line.indent && (open.kind != Kind::Mapping) == is_item => Ok(()),
            _ => Err(NotPlain),
        }
    }

    /// Closes the collections that end before a line with this indentation.
    fn close_to(&mut self, indent: usize, is_item: bool) {
        while let Some(open) = self.open.last() {
            let is_over = open.indent > indent
                || (open.indent == indent && open.kind == Kind::SequenceBelowKey && !is_item);
            if !is_over {
                return;
            }
            self.close();
        }
    }

    fn entry(&mut self, mut cursor: Cursor<'t>) -> Result<(), NotPlain> {
        let colon = cursor.key(&mut self.nodes)?;
        if !cursor.value(&mut self.nodes)? {
            self.pending_key = Some((cursor.line(), colon));
        }
        Ok(())
    }

    fn open(&mut self, kind: Kind, line: Line<'t>, indent: usize, start: usize) -> Result<(), NotPlain> {
        if self.open.len() == MAX_DEPTH {
            return Err(NotPlain);
        }
        let content = if kind == Kind::Mapping { Content::Mapping } else { Content::Sequence };
        let node = line.push(&mut self.nodes, content, start..start);
        self.open.push(Open { kind, indent, node });
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.nodes[open.node.index()].after = NodeId::at_end_of(&self.nodes);
    }

    fn finish(mut self) -> Vec<Node<'t>> {
        if let Some((line, colon)) = self.pending_key.take() {
            push_absent_value(&mut self.nodes, line, colon);
        }
        while !self.open.is_empty() {
            self.close();
        }
        self.nodes
    }
}

/// Adds the empty value of a key. The parser reports its place as the colon.
fn push_absent_value<'t>(nodes: &mut Vec<Node<'t>>, line: Line<'t>, colon: usize) {
    line.push(nodes, Content::plain(""), colon..colon);
}

#[cfg(test)]
mod tests;
