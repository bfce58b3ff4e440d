//! Proves that an edit changed the replaced values and nothing else.
//!
//! The nodes of the old text are compared with the new text twice: node by node as the first parser reads it, and value by
//! value as the second parser does. The second parser descends from libyaml, like Go's, and shares no code with the first.
//! Any disagreement is refused. Both comparisons are linear.

use granit_parser::ScalarStyle;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess};
use serde::de::{VariantAccess, Visitor};

use super::anchors;
use super::edit_refused::{EditRefused, SecondParserError};
use super::plain::PlainReading;
use super::position::Position;
use super::replacement::Replacements;
use super::tree::{Content, Document, Documents, Node, NodeId};

/// Checks that `new_text` holds the old documents with the replaced values.
pub(super) fn verify(
    old: &[Document<'_>],
    new_text: &str,
    replacements: &Replacements,
) -> Result<(), EditRefused> {
    let new = by_first_parser(old, new_text, replacements)?;
    by_second_parser(old, &anchors::rename_repeated(new_text, &new), replacements)
}

fn by_first_parser<'n>(
    old: &[Document<'_>],
    new_text: &'n str,
    replacements: &Replacements,
) -> Result<Vec<Document<'n>>, EditRefused> {
    let mut new = Documents::of(new_text);
    let mut read = Vec::with_capacity(old.len());
    let mut end = Position::START;
    for old in old {
        let nodes = old.nodes();
        end = nodes.first().map_or(end, |root| root.position);
        let new = new.next().ok_or(EditRefused::OtherDifference { position: end })??;
        let is_same = |(old, new): &(&Node<'_>, &Node<'_>)| is_same_node(old, new, replacements);
        let first_other =
            nodes.iter().zip(new.nodes()).find(|pair| !is_same(pair)).map(|(old, _)| old.position);
        if let Some(position) = first_other {
            return Err(EditRefused::OtherDifference { position });
        }
        if nodes.len() != new.nodes().len() {
            return Err(EditRefused::OtherDifference { position: end });
        }
        read.push(new);
    }
    match new.next() {
        Some(_) => Err(EditRefused::OtherDifference { position: end }),
        None => Ok(read),
    }
}

fn is_same_node(old: &Node<'_>, new: &Node<'_>, replacements: &Replacements) -> bool {
    let is_same_content = match (&old.content, &new.content) {
        (Content::Scalar { value: old_value, style: old_style }, Content::Scalar { value, style }) => {
            match replacements.value_at(old.span.start) {
                Some(expected) => value == expected && is_text(value, *style, new),
                None => value == old_value && style == old_style,
            }
        }
        (old, new) => old == new,
    };
    is_same_content && old.tag == new.tag && old.is_anchored == new.is_anchored && old.after == new.after
}

/// Whether a chart reads the value as text: it is quoted, has a YAML tag, or is plain text.
fn is_text(value: &str, style: ScalarStyle, node: &Node<'_>) -> bool {
    let is_plain = style == ScalarStyle::Plain && node.tag.is_none();
    !is_plain || matches!(PlainReading::of(value), PlainReading::Text | PlainReading::Time)
}

fn by_second_parser(
    old: &[Document<'_>],
    new_text: &str,
    replacements: &Replacements,
) -> Result<(), EditRefused> {
    let refuse = |message: String| EditRefused::SecondParser(SecondParserError(message));
    // libyaml counts a byte order mark as a column of indentation when the encoding is set to UTF-8.
    let new_text = new_text.strip_prefix('\u{feff}').unwrap_or(new_text);
    let mut new = serde_yaml::Deserializer::from_str(new_text);
    for document in old {
        let new = new.next().ok_or_else(|| refuse("a document is missing".to_owned()))?;
        Expected { document, node: NodeId::ROOT, is_key: false, replacements }
            .deserialize(new)
            .map_err(|error| refuse(error.to_string()))?;
    }
    match new.next() {
        Some(_) => Err(refuse("there is an additional document".to_owned())),
        None => Ok(()),
    }
}

/// What the second parser must read: the node with its aliases followed and the replaced values in place.
///
/// Scalars are compared as written, so that no type hides a difference: `1.10` is not `1.1`. The bytes around a replaced
/// scalar are the old ones, so the same letters have the same type.
#[derive(Clone, Copy)]
struct Expected<'d, 't> {
    document: &'d Document<'t>,
    node: NodeId,
    is_key: bool,
    replacements: &'d Replacements,
}

impl Expected<'_, '_> {
    fn child(self, node: NodeId, is_key: bool) -> Self {
        Self { node, is_key, ..self }
    }

    fn target(self) -> NodeId {
        self.document.target(self.node)
    }
}

impl<'de> DeserializeSeed<'de> for Expected<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let node = self.document.node(self.target());
        let Content::Scalar { value, .. } = &node.content else { return deserializer.deserialize_any(self) };
        match self.replacements.value_at(node.span.start) {
            Some(_) if self.is_key => Err(Error::custom("a key is an alias of an image tag")),
            // `deserialize_any` keeps the parser's own type; only text is accepted.
            Some(expected) => deserializer.deserialize_any(Text(expected)),
            None => deserializer.deserialize_str(Text(value)),
        }
    }
}

impl<'de> Visitor<'de> for Expected<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the collection that the first parser reads")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        if self.document.node(self.target()).content != Content::Sequence {
            return Err(Error::custom("a sequence where the first parser reads none"));
        }
        for child in self.document.children(self.target()) {
            let found = access.next_element_seed(self.child(child, false))?;
            found.ok_or_else(|| Error::custom("a sequence is too short"))?;
        }
        match access.next_element::<IgnoredAny>()? {
            Some(_) => Err(Error::custom("a sequence is too long")),
            None => Ok(()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        if self.document.node(self.target()).content != Content::Mapping {
            return Err(Error::custom("a mapping where the first parser reads none"));
        }
        for (key, value) in self.document.entries(self.target()) {
            let found = access.next_key_seed(self.child(key, true))?;
            found.ok_or_else(|| Error::custom("a mapping is too short"))?;
            access.next_value_seed(self.child(value, false))?;
        }
        match access.next_key::<IgnoredAny>()? {
            Some(_) => Err(Error::custom("a mapping is too long")),
            None => Ok(()),
        }
    }

    /// A collection with a YAML tag.
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        let (IgnoredAny, variant) = access.variant()?;
        variant.newtype_variant_seed(self)
    }
}

/// A scalar's exact value.
struct Text<'a>(&'a str);

impl Visitor<'_> for Text<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the text that the first parser reads")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text == self.0 {
            Ok(())
        } else {
            Err(Error::custom("the value differs from what the first parser reads"))
        }
    }
}

#[cfg(test)]
mod tests;
