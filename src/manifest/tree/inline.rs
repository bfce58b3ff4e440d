//! The content of one line: a key, then a scalar or a flow collection (`{cpu: 100m}`, `["a", b]`) that ends on the line.
//!
//! Keeps the invariant of `lines`: anything not fully understood is [`NotPlain`].

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::ScalarStyle;
use memchr::{memchr, memchr_iter, memchr2};

use super::node::{Content, Node, NodeId};
use crate::manifest::position::Position;

/// The longest key read here. YAML allows about a thousand characters.
const MAX_KEY_BYTES: usize = 500;

/// The deepest nesting of collections read here, far below the parser's limit.
pub(super) const MAX_DEPTH: usize = 64;

/// The text contains something that only the parser reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotPlain;

/// One line, without its line feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'t> {
    pub(super) text: &'t str,
    /// Its first byte in the whole text.
    pub(super) start: usize,
    /// From 1.
    pub(super) number: usize,
    /// Leading spaces.
    pub(super) indent: usize,
    pub(super) is_ascii: bool,
}

impl<'t> Line<'t> {
    /// Adds a node at these bytes of the line.
    // Inlined so that the node is built in place: it is several times larger than its parts, and copying it doubles the cost.
    #[inline]
    pub(super) fn push(
        &self,
        nodes: &mut Vec<Node<'t>>,
        content: Content<'t>,
        bytes: Range<usize>,
    ) -> NodeId {
        let id = NodeId::at_end_of(nodes);
        nodes.push(Node {
            content,
            position: Position { line: self.number, column: self.column(bytes.start) },
            span: self.start + bytes.start..self.start + bytes.end,
            is_anchored: false,
            tag: None,
            after: id.next(),
        });
        id
    }

    /// The column of a byte, in characters from 1.
    fn column(&self, byte: usize) -> usize {
        1 + if self.is_ascii { byte } else { self.text[..byte].chars().count() }
    }
}

/// A position on a line that moves forward.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'t> {
    line: Line<'t>,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn at(line: Line<'t>, at: usize) -> Self {
        Self { line, at }
    }

    pub(super) fn line(&self) -> Line<'t> {
        self.line
    }

    /// Bytes of the line already read.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// Reads the dash of a sequence item and the spaces after it, if present.
    pub(super) fn skip_dash(&mut self) -> bool {
        let is_dash = self.peek() == Some(b'-') && matches!(self.peek_after(1), None | Some(b' '));
        if is_dash {
            self.at += 1;
            self.skip_spaces();
        }
        is_dash
    }

    /// Whether a key comes next rather than a value.
    pub(super) fn is_at_entry(&self) -> Result<bool, NotPlain> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => {
                let end = self.end_of_quoted(quote)?;
                Ok(self.line.text.as_bytes().get(end) == Some(&b':'))
            }
            Some(b'[' | b'{') => Ok(false),
            _ => Ok(self.colon_before_blank().is_some_and(|colon| colon < self.comment())),
        }
    }

    /// Reads a key and its colon. Returns the offset of the colon.
    pub(super) fn key(&mut self, nodes: &mut Vec<Node<'t>>) -> Result<usize, NotPlain> {
        let start = self.at;
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote, nodes)?,
            Some(b'-') => return Err(NotPlain),
            _ => {
                self.check_plain_start()?;
                let colon = self.colon_before_blank().ok_or(NotPlain)?;
                let key = &self.line.text[start..colon];
                // A space before the colon, or a comment inside the key.
                if key.ends_with(' ') || key.contains('#') {
                    return Err(NotPlain);
                }
                self.line.push(nodes, Content::plain(key), start..colon);
                self.at = colon;
            }
        }
        let colon = self.at;
        let is_key = self.peek() == Some(b':') && matches!(self.peek_after(1), None | Some(b' '));
        if !is_key || colon - start > MAX_KEY_BYTES {
            return Err(NotPlain);
        }
        self.at += 1;
        Ok(colon)
    }

    /// Reads the value at the end of the line and an optional comment. Returns false where there is no value.
    pub(super) fn value(&mut self, nodes: &mut Vec<Node<'t>>) -> Result<bool, NotPlain> {
        self.skip_spaces();
        match self.peek() {
            // A comment needs a space before it; after a colon or a dash there always is one.
            None | Some(b'#') => return Ok(false),
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote, nodes)?,
            // Outside ASCII each column is counted from the start of the line. Many nodes on one line would be quadratic.
            Some(b'[' | b'{') if self.line.is_ascii => self.flow(nodes, 0)?,
            Some(_) => return self.plain_to_end(nodes).map(|()| true),
        }
        self.check_end().map(|()| true)
    }

    /// Reads a quoted scalar without escapes.
    fn quoted(&mut self, quote: u8, nodes: &mut Vec<Node<'t>>) -> Result<(), NotPlain> {
        let (start, end) = (self.at, self.end_of_quoted(quote)?);
        let value = Cow::Borrowed(&self.line.text[start + 1..end - 1]);
        let style = if quote == b'"' { ScalarStyle::DoubleQuoted } else { ScalarStyle::SingleQuoted };
        self.line.push(nodes, Content::Scalar { value, style }, start..end);
        self.at = end;
        Ok(())
    }

    /// Whether a scalar without quotes may begin here.
    fn check_plain_start(&self) -> Result<(), NotPlain> {
        let is_good = match self.peek() {
            None => false,
            Some(b'-') => self.peek_after(1).is_some_and(|next| !b" ,[]{}".contains(&next)),
            Some(first) => !b" ?:,[]{}#&*!|>'\"%@`".contains(&first),
        };
        if is_good { Ok(()) } else { Err(NotPlain) }
    }

    fn text_from(&self, start: usize) -> &'t str {
        &self.line.text[start..self.at]
    }

    fn push_from(&self, start: usize, nodes: &mut Vec<Node<'t>>, content: Content<'t>) -> NodeId {
        self.line.push(nodes, content, start..self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.peek_after(0)
    }

    fn peek_after(&self, bytes: usize) -> Option<u8> {
        self.line.text.as_bytes().get(self.at + bytes).copied()
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn rest(&self) -> &'t [u8] {
        &self.line.text.as_bytes()[self.at..]
    }

    /// Reads a scalar without quotes up to the end of the line or a comment.
    fn plain_to_end(&mut self, nodes: &mut Vec<Node<'t>>) -> Result<(), NotPlain> {
        self.check_plain_start()?;
        let (start, end) = (self.at, self.comment());
        // `a: b: c` is not YAML.
        if self.colon_before_blank().is_some_and(|colon| colon < end) {
            return Err(NotPlain);
        }
        let value = self.line.text[start..end].trim_end_matches(' ');
        self.line.push(nodes, Content::plain(value), start..start + value.len());
        self.at = self.line.text.len();
        Ok(())
    }

    /// The offset of the comment after a scalar without quotes, or the end of the line.
    fn comment(&self) -> usize {
        let rest = self.rest();
        let is_comment = |hash: &usize| *hash > 0 && rest[hash - 1] == b' ';
        self.at + memchr_iter(b'#', rest).find(is_comment).unwrap_or(rest.len())
    }

    /// The offset of the first colon that ends a key: a space or the end of the line follows.
    fn colon_before_blank(&self) -> Option<usize> {
        let rest = self.rest();
        let ends_key = |colon: &usize| matches!(rest.get(colon + 1), None | Some(b' '));
        memchr_iter(b':', rest).find(ends_key).map(|colon| self.at + colon)
    }

    /// The offset after the closing quote of the scalar that begins here.
    fn end_of_quoted(&self, quote: u8) -> Result<usize, NotPlain> {
        let start = self.at + 1;
        let inside = &self.line.text.as_bytes()[start..];
        let end = if quote == b'"' { memchr2(quote, b'\\', inside) } else { memchr(quote, inside) };
        let end = end.ok_or(NotPlain)?;
        let is_escape = inside[end] != quote || (quote == b'\'' && inside.get(end + 1) == Some(&quote));
        if is_escape { Err(NotPlain) } else { Ok(start + end + 1) }
    }

    /// Checks that only a comment follows.
    fn check_end(&mut self) -> Result<(), NotPlain> {
        let before = self.at;
        self.skip_spaces();
        match self.peek() {
            None => Ok(()),
            Some(b'#') if self.at > before => Ok(()),
            Some(_) => Err(NotPlain),
        }
    }
}

impl<'t> Cursor<'t> {
    /// Reads the flow collection that begins here.
    fn flow(&mut self, nodes: &mut Vec<Node<'t>>, depth: usize) -> Result<(), NotPlain> {
        let is_mapping = self.peek() == Some(b'{');
        let (content, close) = if is_mapping { (Content::Mapping, b'}') } else { (Content::Sequence, b']') };
        if depth == MAX_DEPTH {
            return Err(NotPlain);
        }
        let start = self.offset();
        self.skip(1);
        let id = self.push_from(start, nodes, content);
        self.skip_spaces();
        if self.peek() != Some(close) {
            self.flow_entries(nodes, is_mapping, close, depth)?;
        }
        self.skip(1);
        nodes[id.index()].after = NodeId::at_end_of(nodes);
        Ok(())
    }

    /// Reads the entries up to `close`: at least one, and no comma after the last.
    fn flow_entries(
        &mut self,
        nodes: &mut Vec<Node<'t>>,
        is_mapping: bool,
        close: u8,
        depth: usize,
    ) -> Result<(), NotPlain> {
        loop {
            if is_mapping {
                self.flow_key(nodes)?;
            }
            self.flow_value(nodes, depth)?;
            self.skip_spaces();
            match self.peek() {
                Some(b',') => self.skip(1),
                Some(byte) if byte == close => return Ok(()),
                _ => return Err(NotPlain),
            }
            self.skip_spaces();
        }
    }

    /// Reads a key, its colon and the space after it.
    fn flow_key(&mut self, nodes: &mut Vec<Node<'t>>) -> Result<(), NotPlain> {
        let start = self.offset();
        self.flow_scalar(nodes)?;
        let is_key = self.peek() == Some(b':') && self.peek_after(1) == Some(b' ');
        if !is_key || self.offset() - start > MAX_KEY_BYTES {
            return Err(NotPlain);
        }
        self.skip(1);
        self.skip_spaces();
        Ok(())
    }

    fn flow_value(&mut self, nodes: &mut Vec<Node<'t>>, depth: usize) -> Result<(), NotPlain> {
        match self.peek() {
            Some(b'[' | b'{') => self.flow(nodes, depth + 1),
            _ => self.flow_scalar(nodes),
        }
    }

    /// Reads a scalar. Without quotes it ends at a comma, a bracket or a colon.
    fn flow_scalar(&mut self, nodes: &mut Vec<Node<'t>>) -> Result<(), NotPlain> {
        if let Some(quote @ (b'"' | b'\'')) = self.peek() {
            return self.quoted(quote, nodes);
        }
        self.check_plain_start()?;
        let start = self.offset();
        self.skip(flow_plain_length(self.rest())?);
        let value = Content::plain(self.text_from(start));
        self.push_from(start, nodes, value);
        Ok(())
    }
}

/// The length of a scalar without quotes in a flow collection, which must end before the line does.
fn flow_plain_length(rest: &[u8]) -> Result<usize, NotPlain> {
    for (at, byte) in rest.iter().enumerate() {
        let ends = match byte {
            b',' | b']' | b'}' => true,
            b':' => rest.get(at + 1).is_none_or(|next| b" ,[]{}".contains(next)),
            b'[' | b'{' | b'#' => return Err(NotPlain),
            _ => false,
        };
        if ends {
            return Ok(rest[..at].trim_ascii_end().len());
        }
    }
    Err(NotPlain)
}
