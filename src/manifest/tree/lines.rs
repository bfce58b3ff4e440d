//! A reader of our own for what nearly all manifests are made of: block mappings and sequences, an entry a line, whose
//! scalars and flow collections end on their line. Many times as fast as a parser of all of YAML.
//!
//! **Invariant.** What it reads, it reads as the parser does: the same nodes, to the byte and to the column. It judges
//! nothing: at the first sign of something else, well formed or not, it gives up with [`NotPlain`], and the parser
//! reads the text. So a rule here may be too narrow, which costs time, and must never be too wide. The tests beside
//! this file hold both readers against each other, and so does the fuzzer (`fuzz/`).
//!
//! Here are lines and their indentation; what stands on one line is for `inline` and `flow`.

use memchr::memchr;

use super::inline::{Cursor, Line};
use super::{Content, Document, Node, NodeId};

/// How deep collections may stand in one another; far below where the parser stops.
pub(super) const MOST_DEPTH: usize = 64;

/// The text has something in it that is for the parser to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotPlain;

/// Reads a text line by line.
#[derive(Debug)]
pub(super) struct LineReader<'t> {
    text: &'t str,
    is_ascii: bool,
    /// Where the next line begins, and its number from 1.
    next: usize,
    next_number: usize,
    /// Whether `---` stands before the document that comes.
    is_marked: bool,
    /// How many nodes the last document had; the next one is likely to have about as many.
    likely_nodes: usize,
}

impl<'t> LineReader<'t> {
    /// A reader of this text, unless a character tells already that it is for the parser.
    pub(super) fn of(text: &'t str) -> Result<Self, NotPlain> {
        let is_ascii = text.is_ascii();
        if has_control(text.as_bytes()) || !(is_ascii || text.chars().all(is_ordinary)) {
            return Err(NotPlain);
        }
        Ok(Self { text, is_ascii, next: 0, next_number: 1, is_marked: false, likely_nodes: 128 })
    }

    /// The next document; nothing at the end of the text.
    pub(super) fn next_document(&mut self) -> Result<Option<Document<'t>>, NotPlain> {
        let mut block = Block::new(self.likely_nodes);
        while let Some(line) = self.next_line() {
            if !is_document_marker(&line)? {
                block.take(line)?;
                continue;
            }
            let was_marked = std::mem::replace(&mut self.is_marked, true);
            match (block.nodes.is_empty(), was_marked) {
                (false, _) => return Ok(Some(self.finish(block))),
                (true, false) => {}
                // A document with nothing in it.
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

    /// The next line with something on it beside a comment.
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

/// Whether there is a control character other than a line feed: tabs and carriage returns are for the parser.
fn has_control(bytes: &[u8]) -> bool {
    // Counted rather than looked for: without an end in the midst, many bytes are looked at at once.
    bytes.iter().filter(|byte| (**byte < b' ' && **byte != b'\n') || **byte == 0x7f).count() > 0
}

/// Whether a character means nothing to YAML, old or new: no control character, no line separator, no byte order mark.
fn is_ordinary(character: char) -> bool {
    matches!(character, '\0'..='\u{7e}' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{10000}'..)
}

/// Whether the line is `---`. Anything else that begins as a marker does is for the parser.
fn is_document_marker(line: &Line<'_>) -> Result<bool, NotPlain> {
    if line.indent > 0 || !(line.text.starts_with("---") || line.text.starts_with("...")) {
        return Ok(false);
    }
    let rest = line.text.strip_prefix("---").ok_or(NotPlain)?;
    let after = rest.trim_start_matches(' ');
    let is_alone = after.is_empty() || (after.len() < rest.len() && after.starts_with('#'));
    if is_alone { Ok(true) } else { Err(NotPlain) }
}

/// A collection that is not closed yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    kind: Kind,
    /// How many characters stand before its entries.
    indent: usize,
    node: NodeId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mapping,
    Sequence,
    /// A sequence whose dashes stand right below the key that it belongs to.
    SequenceBelowKey,
}

/// Makes one document of its lines.
#[derive(Debug)]
struct Block<'t> {
    nodes: Vec<Node<'t>>,
    open: Vec<Open>,
    /// The line of a key whose value has not come yet, and where its colon is.
    awaited: Option<(Line<'t>, usize)>,
}

impl<'t> Block<'t> {
    fn new(likely_nodes: usize) -> Self {
        Self { nodes: Vec::with_capacity(likely_nodes), open: Vec::new(), awaited: None }
    }

    fn take(&mut self, line: Line<'t>) -> Result<(), NotPlain> {
        let mut cursor = Cursor::at(line, line.indent);
        let is_item = cursor.skip_dash();
        self.come_to(line, cursor.offset(), is_item)?;
        if !is_item {
            return self.entry(cursor);
        }
        if cursor.is_at_entry()? {
            // `- key: value`: a mapping whose further keys stand below the first one.
            self.open(Kind::Mapping, line, cursor.offset(), cursor.offset())?;
            return self.entry(cursor);
        }
        if cursor.value(&mut self.nodes)? { Ok(()) } else { Err(NotPlain) }
    }

    /// Closes and opens collections, so that the innermost one is that of `line`, whose content is at `content`.
    fn come_to(&mut self, line: Line<'t>, content: usize, is_item: bool) -> Result<(), NotPlain> {
        let kind = if is_item { Kind::Sequence } else { Kind::Mapping };
        let Some(parent) = self.open.last().copied() else {
            let is_first = self.nodes.is_empty() && line.indent == 0;
            return if is_first { self.open(kind, line, 0, 0) } else { Err(NotPlain) };
        };
        if let Some((key_line, colon)) = self.awaited.take() {
            if line.indent > parent.indent {
                return self.open(kind, line, line.indent, line.indent);
            }
            if line.indent == parent.indent && is_item {
                // The parser says of such a sequence that it begins after its first dash.
                return self.open(Kind::SequenceBelowKey, line, line.indent, content);
            }
            push_nothing(&mut self.nodes, key_line, colon);
        }
        self.close_to(line.indent, is_item);
        match self.open.last() {
            Some(open) if open.indent == line.indent && (open.kind != Kind::Mapping) == is_item => Ok(()),
            _ => Err(NotPlain),
        }
    }

    /// Closes the collections that a line with this indentation is not in.
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
            self.awaited = Some((cursor.line(), colon));
        }
        Ok(())
    }

    fn open(&mut self, kind: Kind, line: Line<'t>, indent: usize, start: usize) -> Result<(), NotPlain> {
        if self.open.len() == MOST_DEPTH {
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
        if let Some((line, colon)) = self.awaited.take() {
            push_nothing(&mut self.nodes, line, colon);
        }
        while !self.open.is_empty() {
            self.close();
        }
        self.nodes
    }
}

/// The value of a key that has none: the parser says that it is at the colon.
fn push_nothing<'t>(nodes: &mut Vec<Node<'t>>, line: Line<'t>, colon: usize) {
    line.push(nodes, Content::plain(""), colon..colon);
}

#[cfg(test)]
mod tests;
