//! Flow collections that end on their line: `{cpu: 100m, memory: 256Mi}`, `["a", b]`.
//!
//! Keeps the invariant of `lines`: what is not fully understood is [`NotPlain`].

use super::inline::{Cursor, MOST_KEY_BYTES};
use super::lines::{MOST_DEPTH, NotPlain};
use super::{Content, Node, NodeId};

impl<'t> Cursor<'t> {
    /// Takes a flow collection, which begins here.
    pub(super) fn flow(&mut self, nodes: &mut Vec<Node<'t>>, depth: usize) -> Result<(), NotPlain> {
        let is_mapping = self.peek() == Some(b'{');
        let (content, close) = if is_mapping { (Content::Mapping, b'}') } else { (Content::Sequence, b']') };
        if depth == MOST_DEPTH {
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

    /// Takes what stands before `close`: at least one entry, and no comma after the last one.
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

    /// Takes a key, its colon and the space after it.
    fn flow_key(&mut self, nodes: &mut Vec<Node<'t>>) -> Result<(), NotPlain> {
        let start = self.offset();
        self.flow_scalar(nodes)?;
        let is_key = self.peek() == Some(b':') && self.peek_after(1) == Some(b' ');
        if !is_key || self.offset() - start > MOST_KEY_BYTES {
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

    /// Takes a scalar; one without quotes goes to the comma, the bracket or the colon that ends it.
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

/// How long a scalar without quotes is, in a flow collection. Something must end it before the line does.
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
