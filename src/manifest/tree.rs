//! The documents of a text, laid flat: one list of nodes a document, each with its place in the text.
//!
//! Two readers make them. `lines` reads what nearly all manifests are made of, and gives up at everything else; `parsed`
//! reads all YAML. What both can read they read alike, so that nobody has to ask which one it was. Knows nothing of what the
//! documents mean.

mod flow;
mod inline;
mod lines;
mod parsed;

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{ScalarStyle, Tag};

use self::lines::{LineReader, NotPlain};
use self::parsed::ParsedDocuments;
use super::position::Position;
use super::unreadable::Unreadable;

/// The index of a node in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(u32);

impl NodeId {
    /// The root of a document.
    pub(super) const ROOT: Self = Self(0);

    /// The one that comes after these.
    fn at_end_of(nodes: &[Node<'_>]) -> Self {
        // No text is long enough for more.
        Self(u32::try_from(nodes.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// The next one in the list: of a collection, its first child, if it has any.
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What a node is.
#[derive(Debug, PartialEq)]
pub(super) enum Content<'t> {
    Scalar {
        /// The value, after escapes and folding; empty if nothing is written.
        value: Cow<'t, str>,
        style: ScalarStyle,
    },
    Sequence,
    /// The children are keys and values in turn.
    Mapping,
    /// Stands for an earlier node.
    Alias(NodeId),
}

impl<'t> Content<'t> {
    /// A scalar without quotes.
    fn plain(value: &'t str) -> Self {
        Self::Scalar { value: Cow::Borrowed(value), style: ScalarStyle::Plain }
    }
}

/// One node of a document.
#[derive(Debug, PartialEq)]
pub(super) struct Node<'t> {
    pub(super) content: Content<'t>,
    /// The bytes of a scalar with its quotes, or of an alias; of a collection, only the start is meaningful.
    /// Anchors and tags are outside.
    pub(super) span: Range<usize>,
    pub(super) position: Position,
    pub(super) is_anchored: bool,
    pub(super) tag: Option<Box<Tag>>,
    /// The node after this one and everything in it.
    pub(super) after: NodeId,
}

/// One document: its nodes in the order of the text, the root first.
#[derive(Debug)]
pub(super) struct Document<'t> {
    nodes: Vec<Node<'t>>,
}

impl<'t> Document<'t> {
    pub(super) fn nodes(&self) -> &[Node<'t>] {
        &self.nodes
    }

    /// The node itself, an alias included.
    pub(super) fn node(&self, id: NodeId) -> &Node<'t> {
        &self.nodes[id.index()]
    }

    /// The node that `id` stands for: itself, or what it is an alias of.
    pub(super) fn target(&self, id: NodeId) -> NodeId {
        match self.node(id).content {
            Content::Alias(target) => target,
            _ => id,
        }
    }

    /// The children of a collection; of a mapping, keys and values in turn. Nothing for other nodes.
    pub(super) fn children(&self, id: NodeId) -> Children<'_, 't> {
        let is_collection = matches!(self.node(id).content, Content::Sequence | Content::Mapping);
        let end = if is_collection { self.node(id).after } else { id.next() };
        Children { document: self, next: id.next(), end }
    }

    /// The entries of a mapping, in the order of the text; aliases of one are followed. Nothing for other nodes.
    pub(super) fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let target = self.target(id);
        let is_mapping = matches!(self.node(target).content, Content::Mapping);
        let mut children = is_mapping.then(|| self.children(target)).into_iter().flatten();
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The value of a scalar; aliases of one are followed.
    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(self.target(id)).content {
            Content::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The value of the first entry of a mapping that has the key.
    pub(super) fn get(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        self.entries(mapping).find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| value)
    }

    /// Follows keys from mapping to mapping.
    pub(super) fn get_path(&self, mapping: NodeId, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(mapping, |node, key| self.get(node, key))
    }
}

/// The children of a collection.
pub(super) struct Children<'d, 't> {
    document: &'d Document<'t>,
    next: NodeId,
    end: NodeId,
}

impl Iterator for Children<'_, '_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        if self.next >= self.end {
            return None;
        }
        let child = self.next;
        self.next = self.document.node(child).after;
        Some(child)
    }
}

/// The documents of a text, one after the other.
pub(super) struct Documents<'t> {
    text: &'t str,
    reader: Reader<'t>,
    /// How many documents were given.
    given: usize,
}

enum Reader<'t> {
    Lines(LineReader<'t>),
    Parser(Box<ParsedDocuments<'t>>),
}

impl<'t> Documents<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let reader = match LineReader::of(text) {
            Ok(lines) => Reader::Lines(lines),
            Err(NotPlain) => Reader::Parser(Box::new(ParsedDocuments::of(text))),
        };
        Self { text, reader, given: 0 }
    }

    fn next_document(&mut self) -> Result<Option<Document<'t>>, Unreadable> {
        if let Reader::Lines(lines) = &mut self.reader {
            match lines.next_document() {
                Ok(document) => return Ok(document),
                Err(NotPlain) => self.reader = Reader::Parser(Box::new(self.parser_from_here()?)),
            }
        }
        match &mut self.reader {
            Reader::Parser(parser) => parser.next_document(),
            Reader::Lines(_) => Ok(None),
        }
    }

    /// The parser, past the documents that were given already.
    fn parser_from_here(&self) -> Result<ParsedDocuments<'t>, Unreadable> {
        let mut parser = ParsedDocuments::of(self.text);
        for _ in 0..self.given {
            parser.next_document()?;
        }
        Ok(parser)
    }
}

impl<'t> Iterator for Documents<'t> {
    type Item = Result<Document<'t>, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        let document = self.next_document().transpose();
        self.given += 1;
        document
    }
}

/// Holds the line reader against the parser: how many documents it read before it gave up, if it did.
///
/// # Panics
/// When it read one otherwise than the parser does.
#[cfg(any(test, fuzzing))]
pub(super) fn check_readers(text: &str) -> (usize, bool) {
    let Ok(mut lines) = LineReader::of(text) else { return (0, true) };
    let mut parser = ParsedDocuments::of(text);
    let mut read = 0;
    loop {
        match lines.next_document() {
            Err(NotPlain) => return (read, true),
            Ok(document) => {
                let nodes = |document: Document<'_>| format!("{:#?}", document.nodes);
                let parsed = parser.next_document();
                let is_same = matches!((&document, &parsed), (Some(ours), Ok(Some(parsed))) if ours.nodes == parsed.nodes)
                    || matches!((&document, &parsed), (None, Ok(None)));
                assert!(
                    is_same,
                    "{text:?}\nlines: {:?}\nparser: {:?}",
                    document.map(nodes),
                    parsed.map(|parsed| parsed.map(nodes))
                );
                let Some(_) = parsed.unwrap_or_default() else { return (read, false) };
                read += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
