//! All YAML: the parser's events, laid flat.
//!
//! Refuses what no reader could bound: deep nesting, aliases that multiply, an alias inside its own anchor.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::{Content, Document, Node, NodeId};
use crate::manifest::position::Position;
use crate::manifest::unreadable::{Unreadable, UnreadableReason};

/// How deep collections may be nested. The second parser stops at 128.
const MOST_DEPTH: usize = 100;
/// How many nodes aliases may stand for, whatever the size of the document.
const FREE_ALIASED_NODES: usize = 10_000;
/// How many nodes aliases may stand for, for each node that is written.
const MOST_ALIASED_NODES_PER_NODE: usize = 10;

/// The documents of a text, one after the other.
pub(super) struct ParsedDocuments<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// How many nodes the last document had; the next one is likely to have about as many.
    likely_nodes: usize,
}

impl<'t> ParsedDocuments<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let options = granit_parser::options! {
            // Comments are looked for where they matter; collecting all of them costs a tenth of the time and has a limit.
            emit_comments: false,
            // As libyaml, so that both parsers read the same value.
            block_scalar_eof_without_line_feed: true,
            flow_nesting_limit: MOST_DEPTH,
            block_nesting_limit: MOST_DEPTH,
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
                event => builder.take(event, &span)?,
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

/// An anchor of the document: the parser's number for it, its node, and how many nodes it stands for once it is whole.
struct Anchor {
    number: usize,
    node: NodeId,
    nodes: Option<usize>,
}

/// Makes one document of its events.
#[derive(Default)]
struct Builder<'t> {
    nodes: Vec<Node<'t>>,
    /// The collections that are not closed yet, with the count of aliased nodes when each was opened.
    open: Vec<(NodeId, usize)>,
    /// In the order of their numbers, since the parser counts up.
    anchors: Vec<Anchor>,
    /// How many nodes the aliases up to here stand for.
    aliased_nodes: usize,
}

impl<'t> Builder<'t> {
    fn take(&mut self, event: Event<'t>, span: &Span) -> Result<(), Unreadable> {
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let is_absent = style == ScalarStyle::Plain && span.is_empty();
                // The parser says `~` where nothing is written.
                let value = if is_absent { Cow::Borrowed("") } else { value };
                let id = self.push(Content::Scalar { value, style }, span, anchor, tag)?;
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
    ) -> Result<NodeId, Unreadable> {
        let position = Position::from(span.start);
        let too_long = || Unreadable::new(position, UnreadableReason::TooLong);
        let id = NodeId(u32::try_from(self.nodes.len()).map_err(|_| too_long())?);
        if anchor != 0 {
            self.anchors.push(Anchor { number: anchor, node: id, nodes: None });
        }
        self.nodes.push(Node {
            content,
            span: span.byte_range().unwrap_or_default(),
            position,
            is_anchored: anchor != 0,
            tag: tag.map(|tag| Box::new(tag.into_owned())),
            after: id.next(),
        });
        Ok(id)
    }

    fn open(
        &mut self,
        content: Content<'t>,
        span: &Span,
        anchor: usize,
        tag: Option<Cow<'t, Tag>>,
    ) -> Result<(), Unreadable> {
        if self.open.len() == MOST_DEPTH {
            return Err(Unreadable::new(span.start.into(), UnreadableReason::TooDeep));
        }
        let id = self.push(content, span, anchor, tag)?;
        self.open.push((id, self.aliased_nodes));
        Ok(())
    }

    fn close(&mut self) {
        let Some((id, aliased_before)) = self.open.pop() else { return };
        let after = NodeId::at_end_of(&self.nodes);
        self.nodes[id.index()].after = after;
        self.close_anchor(id, aliased_before);
    }

    /// From here on `id` may be referred to, if it has an anchor.
    fn close_anchor(&mut self, id: NodeId, aliased_before: usize) {
        if let Ok(at) = self.anchors.binary_search_by_key(&id, |anchor| anchor.node) {
            let written = self.nodes.len() - id.index();
            self.anchors[at].nodes = Some(written + self.aliased_nodes - aliased_before);
        }
    }

    fn alias(&mut self, number: usize, span: &Span) -> Result<(), Unreadable> {
        let fail = |reason| Unreadable::new(span.start.into(), reason);
        let found = self.anchors.binary_search_by_key(&number, |anchor| anchor.number);
        let anchor = found.ok().map(|at| &self.anchors[at]);
        let anchor = anchor.ok_or_else(|| fail(UnreadableReason::Syntax("unknown anchor".to_owned())))?;
        let nodes = anchor.nodes.ok_or_else(|| fail(UnreadableReason::AliasInItself))?;
        let target = anchor.node;
        self.aliased_nodes = self.aliased_nodes.saturating_add(nodes);
        if self.aliased_nodes > FREE_ALIASED_NODES + self.nodes.len() * MOST_ALIASED_NODES_PER_NODE {
            return Err(fail(UnreadableReason::TooManyAliases));
        }
        self.push(Content::Alias(target), span, 0, None)?;
        Ok(())
    }
}
