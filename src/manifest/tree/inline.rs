//! What stands on one line: a key, and a scalar or a flow collection that ends where the line does.
//!
//! Keeps the invariant of `lines`: what is not fully understood is [`NotPlain`].

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::ScalarStyle;
use memchr::{memchr, memchr_iter, memchr2};

use super::lines::NotPlain;
use super::{Content, Node, NodeId};
use crate::manifest::position::Position;

/// How long a key may be. YAML allows about a thousand characters.
pub(super) const MOST_KEY_BYTES: usize = 500;

/// One line, without its line feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'t> {
    pub(super) text: &'t str,
    /// Where it begins in the whole text.
    pub(super) start: usize,
    /// From 1.
    pub(super) number: usize,
    /// How many spaces it begins with.
    pub(super) indent: usize,
    pub(super) is_ascii: bool,
}

impl<'t> Line<'t> {
    /// Adds a node that stands at these bytes of the line.
    // A node is several times as long as what it is made of: made elsewhere and copied, it would cost twice as much.
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

    /// The column of a byte: characters from 1.
    fn column(&self, byte: usize) -> usize {
        1 + if self.is_ascii { byte } else { self.text[..byte].chars().count() }
    }
}

/// A place on a line, which goes forward.
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

    /// How many bytes of the line are behind.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// Takes the dash of a sequence's item with the spaces after it, if there is one.
    pub(super) fn skip_dash(&mut self) -> bool {
        let is_dash = self.peek() == Some(b'-') && matches!(self.peek_after(1), None | Some(b' '));
        if is_dash {
            self.at += 1;
            self.skip_spaces();
        }
        is_dash
    }

    /// Whether a key comes, rather than a value.
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

    /// Takes a key with its colon. Where the colon is.
    pub(super) fn key(&mut self, nodes: &mut Vec<Node<'t>>) -> Result<usize, NotPlain> {
        let start = self.at;
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote, nodes)?,
            Some(b'-') => return Err(NotPlain),
            _ => {
                self.check_plain_start()?;
                let colon = self.colon_before_blank().ok_or(NotPlain)?;
                let key = &self.line.text[start..colon];
                // A space before the colon, or a comment in the midst.
                if key.ends_with(' ') || key.contains('#') {
                    return Err(NotPlain);
                }
                self.line.push(nodes, Content::plain(key), start..colon);
                self.at = colon;
            }
        }
        let colon = self.at;
        let is_key = self.peek() == Some(b':') && matches!(self.peek_after(1), None | Some(b' '));
        if !is_key || colon - start > MOST_KEY_BYTES {
            return Err(NotPlain);
        }
        self.at += 1;
        Ok(colon)
    }

    /// Takes the value that ends with the line, with a comment perhaps. False when there is none.
    pub(super) fn value(&mut self, nodes: &mut Vec<Node<'t>>) -> Result<bool, NotPlain> {
        self.skip_spaces();
        match self.peek() {
            // A comment has a space before it: after a colon or a dash there always is one.
            None | Some(b'#') => return Ok(false),
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote, nodes)?,
            // Where columns are no bytes, they are counted for each node: for few of them, so that the cost stays linear.
            Some(b'[' | b'{') if self.line.is_ascii => self.flow(nodes, 0)?,
            Some(_) => return self.plain_to_end(nodes).map(|()| true),
        }
        self.check_end().map(|()| true)
    }

    /// Takes a quoted scalar without escapes.
    pub(super) fn quoted(&mut self, quote: u8, nodes: &mut Vec<Node<'t>>) -> Result<(), NotPlain> {
        let (start, end) = (self.at, self.end_of_quoted(quote)?);
        let value = Cow::Borrowed(&self.line.text[start + 1..end - 1]);
        let style = if quote == b'"' { ScalarStyle::DoubleQuoted } else { ScalarStyle::SingleQuoted };
        self.line.push(nodes, Content::Scalar { value, style }, start..end);
        self.at = end;
        Ok(())
    }

    /// Whether a scalar without quotes may begin here.
    pub(super) fn check_plain_start(&self) -> Result<(), NotPlain> {
        let is_good = match self.peek() {
            None => false,
            Some(b'-') => self.peek_after(1).is_some_and(|next| !b" ,[]{}".contains(&next)),
            Some(first) => !b" ?:,[]{}#&*!|>'\"%@`".contains(&first),
        };
        if is_good { Ok(()) } else { Err(NotPlain) }
    }

    pub(super) fn text_from(&self, start: usize) -> &'t str {
        &self.line.text[start..self.at]
    }

    pub(super) fn push_from(&self, start: usize, nodes: &mut Vec<Node<'t>>, content: Content<'t>) -> NodeId {
        self.line.push(nodes, content, start..self.at)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_after(0)
    }

    pub(super) fn peek_after(&self, bytes: usize) -> Option<u8> {
        self.line.text.as_bytes().get(self.at + bytes).copied()
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    pub(super) fn rest(&self) -> &'t [u8] {
        &self.line.text.as_bytes()[self.at..]
    }

    /// Takes a scalar without quotes that goes to the end of the line or to a comment.
    fn plain_to_end(&mut self, nodes: &mut Vec<Node<'t>>) -> Result<(), NotPlain> {
        self.check_plain_start()?;
        let (start, end) = (self.at, self.comment());
        // A key within a value is not YAML.
        if self.colon_before_blank().is_some_and(|colon| colon < end) {
            return Err(NotPlain);
        }
        let value = self.line.text[start..end].trim_end_matches(' ');
        self.line.push(nodes, Content::plain(value), start..start + value.len());
        self.at = self.line.text.len();
        Ok(())
    }

    /// Where the comment begins after a scalar without quotes; the end of the line if there is none.
    fn comment(&self) -> usize {
        let rest = self.rest();
        let is_comment = |hash: &usize| *hash > 0 && rest[hash - 1] == b' ';
        self.at + memchr_iter(b'#', rest).find(is_comment).unwrap_or(rest.len())
    }

    /// The first colon that ends a key: one with a space or nothing after it.
    fn colon_before_blank(&self) -> Option<usize> {
        let rest = self.rest();
        let ends_key = |colon: &usize| matches!(rest.get(colon + 1), None | Some(b' '));
        memchr_iter(b':', rest).find(ends_key).map(|colon| self.at + colon)
    }

    /// Where a quoted scalar ends that begins here, its quotes with it.
    fn end_of_quoted(&self, quote: u8) -> Result<usize, NotPlain> {
        let start = self.at + 1;
        let inside = &self.line.text.as_bytes()[start..];
        let end = if quote == b'"' { memchr2(quote, b'\\', inside) } else { memchr(quote, inside) };
        let end = end.ok_or(NotPlain)?;
        let is_escape = inside[end] != quote || (quote == b'\'' && inside.get(end + 1) == Some(&quote));
        if is_escape { Err(NotPlain) } else { Ok(start + end + 1) }
    }

    /// Whether nothing but a comment comes.
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
