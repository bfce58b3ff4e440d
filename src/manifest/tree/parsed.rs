//! The full YAML parser: its events, laid flat.
//!
//! Refuses texts whose cost has no bound: deep nesting, aliases that multiply, an alias inside its own anchor.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::node::{Content, Document, Node, NodeId};
use crate::manifest::position::Position;
use crate::manifest::unreadable::{Unreadable, UnreadableReason};

/// The deepest nesting of collections. The second parser stops at 128.
const MAX_DEPTH: usize = 100;
/// Nodes that aliases may expand to in a document of any size.
const FREE_ALIASED_NODES: usize = 10_000;
/// Nodes that aliases may expand to, per written node.
const MAX_ALIASED_NODES_PER_NODE: usize = 10;

pub(super) struct ParsedDocuments<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// Capacity for the next document, from the size of the last one.
    likely_nodes: usize,
}

impl<'t> ParsedDocuments<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let options = granit_parser::options! {
            // `marker` finds the few comments that matter; collecting all of them costs a tenth of the time.
            emit_comments: false,
            // As libyaml does, so that both parsers read the same value.
            block_scalar_eof_without_line_feed: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        Self { parser: Parser::new_from_str_with_options(text, options), likely_nodes: 128 }
    }

    pub(super) fn next_document(&mut self) -> Result<Option<Document<'t>>, Unreadable> {
        let mut builder = Builder { nodes: Vec::with_capacity(self.likely_nodes), ..Builder::default() };
        for event in self.parser.by_ref() {
            let (event, span) = event.map_err(|error| syntax_error(&error))?;
            match event {
                Event::DocumentEnd => {
                    self.likely_nodes = builder.nodes.len() + 16;
                    return Ok(Some(Document { nodes: builder.nodes }));
                }
                Event::StreamEnd => return Ok(None),
                event => builder.push_event(event, &span)?,
            }
        }
        Ok(None)
    }
}

fn syntax_error(error: &ScanError) -> Unreadable {
    let reason = match error.kind() {
        granit_parser::ErrorKind::RecursionLimitExceeded => UnreadableReason::TooDeep,
        kind => UnreadableReason::Syntax(kind.to_string()),
    };
    Unreadable::new((*error.marker()).into(), reason)
}

struct Anchor {
    /// The parser's number; it counts up, and a name that is used again gets a new one.
    number: usize,
    node: NodeId,
    /// Nodes that an alias of it expands to; `None` until the node is complete.
    expanded_nodes: Option<usize>,
}

/// Builds one document from its events.
#[derive(Default)]
struct Builder<'t> {
    nodes: Vec<Node<'t>>,
    /// The open collections, each with the value of `aliased_nodes` when it was opened.
    open: Vec<(NodeId, usize)>,
    /// Sorted by number.
    anchors: Vec<Anchor>,
    /// Nodes that the aliases read so far expand to.
    aliased_nodes: usize,
}

impl<'t> Builder<'t> {
    fn push_event(&mut self, event: Event<'t>, span: &Span) -> Result<(), Unreadable> {
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let is_absent = style == ScalarStyle::Plain && span.is_empty();
                // The parser reports `~` where nothing is written.
                let value = if is_absent { Cow::Borrowed("") } else { value };
                let id = self.push(Content::Scalar { value, style }, span, anchor, tag);
                self.close_anchor(id, self.aliased_nodes);
            }
            Event::SequenceStart(_, anchor, tag) => self.open(Content::Sequence, span, anchor, tag)?,
            Event::MappingStart(_, anchor, tag) => self.open(Content::Mapping, span, anchor, tag)?,
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(number) => self.alias(number, span)?,
            _ => {}
        }
        Ok(())
    }

    fn push(
        &mut self,
        content: Content<'t>,
        span: &Span,
        anchor: usize,
        tag: Option<Cow<'t, Tag>>,
    ) -> NodeId {
        let id = NodeId::at_end_of(&self.nodes);
        if anchor != 0 {
            self.anchors.push(Anchor { number: anchor, node: id, expanded_nodes: None });
        }
        self.nodes.push(Node {
            content,
            span: span.byte_range().unwrap_or_default(),
            position: Position::from(span.start),
            is_anchored: anchor != 0,
            tag: tag.map(|tag| Box::new(tag.into_owned())),
            after: id.next(),
        });
        id
    }

    fn open(
        &mut self,
        content: Content<'t>,
        span: &Span,
        anchor: usize,
        tag: Option<Cow<'t, Tag>>,
    ) -> Result<(), Unreadable> {
        if self.open.len() == MAX_DEPTH {
            return Err(Unreadable::new(span.start.into(), UnreadableReason::TooDeep));
        }
        let id = self.push(content, span, anchor, tag);
        self.open.push((id, self.aliased_nodes));
        Ok(())
    }

    fn close(&mut self) {
        let Some((id, aliased_before)) = self.open.pop() else { return };
        let after = NodeId::at_end_of(&self.nodes);
        self.nodes[id.index()].after = after;
        self.close_anchor(id, aliased_before);
    }

    /// Marks the anchor of `id`, if it has one, as complete, so that aliases may refer to it.
    fn close_anchor(&mut self, id: NodeId, aliased_before: usize) {
        if let Ok(at) = self.anchors.binary_search_by_key(&id, |anchor| anchor.node) {
            let written = self.nodes.len() - id.index();
            self.anchors[at].expanded_nodes = Some(written + self.aliased_nodes - aliased_before);
        }
    }

    fn alias(&mut self, number: usize, span: &Span) -> Result<(), Unreadable> {
        let fail = |reason| Unreadable::new(span.start.into(), reason);
        let found = self.anchors.binary_search_by_key(&number, |anchor| anchor.number);
        let anchor = found.ok().map(|at| &self.anchors[at]);
        let anchor = anchor.ok_or_else(|| fail(UnreadableReason::Syntax("unknown anchor".to_owned())))?;
        let nodes = anchor.expanded_nodes.ok_or_else(|| fail(UnreadableReason::AliasInItself))?;
        let target = anchor.node;
        self.aliased_nodes = self.aliased_nodes.saturating_add(nodes);
        if self.aliased_nodes > FREE_ALIASED_NODES + self.nodes.len() * MAX_ALIASED_NODES_PER_NODE {
            return Err(fail(UnreadableReason::TooManyAliases));
        }
        self.push(Content::Alias(target), span, 0, None);
        Ok(())
    }
}
