//! Nodes: one list per document, in the order of the text, each node with its bytes and its position.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{ScalarStyle, Tag};

use crate::manifest::position::Position;

/// The index of a node in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::manifest) struct NodeId(u32);

impl NodeId {
    pub(in crate::manifest) const ROOT: Self = Self(0);

    /// The id of the node that is pushed next.
    pub(super) fn at_end_of(nodes: &[Node<'_>]) -> Self {
        // A text of at most 32 MiB has fewer nodes than that.
        Self(u32::try_from(nodes.len()).unwrap_or(u32::MAX))
    }

    pub(in crate::manifest) fn index(self) -> usize {
        self.0 as usize
    }

    /// The following node: the first child of a collection that is not empty.
    pub(in crate::manifest) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[derive(Debug, PartialEq)]
pub(in crate::manifest) enum Content<'t> {
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
pub(in crate::manifest) struct Node<'t> {
    pub(in crate::manifest) content: Content<'t>,
    /// The bytes of a scalar with its quotes, or of an alias. Only the start of a collection is meaningful. Anchors
    /// and tags are not included.
    pub(in crate::manifest) span: Range<usize>,
    pub(in crate::manifest) position: Position,
    pub(in crate::manifest) is_anchored: bool,
    pub(in crate::manifest) tag: Option<Box<Tag>>,
    /// The first node after this one and its descendants.
    pub(in crate::manifest) after: NodeId,
}

/// One document. The root comes first.
#[derive(Debug)]
pub(in crate::manifest) struct Document<'t> {
    pub(super) nodes: Vec<Node<'t>>,
}

impl<'t> Document<'t> {
    pub(in crate::manifest) fn nodes(&self) -> &[Node<'t>] {
        &self.nodes
    }

    /// The node itself; an alias is not followed.
    pub(in crate::manifest) fn node(&self, id: NodeId) -> &Node<'t> {
        &self.nodes[id.index()]
    }

    /// Follows an alias. Any other node is its own target.
    pub(in crate::manifest) fn target(&self, id: NodeId) -> NodeId {
        match self.node(id).content {
            Content::Alias(target) => target,
            _ => id,
        }
    }

    /// The children of a collection: for a mapping, keys and values in turn. Empty for other nodes.
    pub(in crate::manifest) fn children(&self, id: NodeId) -> Children<'_, 't> {
        let is_collection = matches!(self.node(id).content, Content::Sequence | Content::Mapping);
        let end = if is_collection { self.node(id).after } else { id.next() };
        Children { document: self, next: id.next(), end }
    }

    /// The entries of a mapping, or of the mapping that an alias refers to. Empty for other nodes.
    pub(in crate::manifest) fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let target = self.target(id);
        let is_mapping = matches!(self.node(target).content, Content::Mapping);
        let mut children = is_mapping.then(|| self.children(target)).into_iter().flatten();
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The value of a scalar, or of the scalar that an alias refers to.
    pub(in crate::manifest) fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(self.target(id)).content {
            Content::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The value of the first entry with this key.
    pub(in crate::manifest) fn get(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        self.entries(mapping).find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| value)
    }

    /// Follows a path of keys through mappings.
    pub(in crate::manifest) fn get_path(&self, mapping: NodeId, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(mapping, |node, key| self.get(node, key))
    }
}

pub(in crate::manifest) struct Children<'d, 't> {
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
