//! Nodes: one list per document, in the order of the text, each node with its bytes and its position.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{ScalarStyle, Tag};

use crate::manifest::position::Position;

/// The index of a node in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

impl NodeId {
    pub(crate) const ROOT: Self = Self(0);

    /// The id of the node that is pushed next.
    pub(super) fn at_end_of(nodes: &[Node<'_>]) -> Self {
        // A text of at most 32 MiB has fewer nodes than that.
        Self(u32::try_from(nodes.len()).unwrap_or(u32::MAX))
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// The following node: the first child of a collection that is not empty.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[derive(Debug, PartialEq)]
pub(crate) enum Content<'t> {
    Scalar {
        /// The value after escapes and folding; empty where nothing is written.
        value: Cow<'t, str>,
        style: ScalarStyle,
    },
    Sequence,
    /// The children alternate: key, value, key, value.
    Mapping,
    /// Refers to an earlier node.
    Alias(NodeId),
}

impl<'t> Content<'t> {
    /// A scalar without quotes.
    pub(super) fn plain(value: &'t str) -> Self {
        Self::Scalar { value: Cow::Borrowed(value), style: ScalarStyle::Plain }
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Node<'t> {
    pub(crate) content: Content<'t>,
    /// The bytes of a scalar with its quotes, or of an alias. Only the start of a collection is meaningful. Anchors
    /// and tags are not included.
    pub(crate) span: Range<usize>,
    pub(crate) position: Position,
    pub(crate) is_anchored: bool,
    pub(crate) tag: Option<Box<Tag>>,
    /// The first node after this one and its descendants.
    pub(crate) after: NodeId,
}

/// One document. The root comes first.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    pub(super) nodes: Vec<Node<'t>>,
}

impl<'t> Document<'t> {
    pub(crate) fn nodes(&self) -> &[Node<'t>] {
        &self.nodes
    }

    /// The node itself; an alias is not followed.
    pub(crate) fn node(&self, id: NodeId) -> &Node<'t> {
        &self.nodes[id.index()]
    }

    /// Follows an alias. Any other node is its own target.
    pub(crate) fn target(&self, id: NodeId) -> NodeId {
        match self.node(id).content {
            Content::Alias(target) => target,
            _ => id,
        }
    }

    /// The children of a collection: for a mapping, keys and values in turn. Empty for other nodes.
    pub(crate) fn children(&self, id: NodeId) -> Children<'_, 't> {
        let is_collection = matches!(self.node(id).content, Content::Sequence | Content::Mapping);
        let end = if is_collection { self.node(id).after } else { id.next() };
        Children { document: self, next: id.next(), end }
    }

    /// The entries of a mapping, or of the mapping that an alias refers to. Empty for other nodes.
    pub(crate) fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let target = self.target(id);
        let is_mapping = matches!(self.node(target).content, Content::Mapping);
        let mut children = is_mapping.then(|| self.children(target)).into_iter().flatten();
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The value of a scalar, or of the scalar that an alias refers to.
    pub(crate) fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(self.target(id)).content {
            Content::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The value of the first entry with this key.
    pub(crate) fn get(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        self.entries(mapping).find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| value)
    }

    /// Follows a path of keys through mappings.
    pub(crate) fn get_path(&self, mapping: NodeId, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(mapping, |node, key| self.get(node, key))
    }
}

pub(crate) struct Children<'d, 't> {
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
