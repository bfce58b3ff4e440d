//! The text of a scalar that belongs to an image field, and its bytes.

use granit_parser::Tag;

use super::field::{Quotes, Site};
use super::plain::PlainReading;
use super::refusal::RefusalReason;
use super::tree::{Content, Document, NodeId};

/// The text of the scalar at `id`, or of the scalar that an alias there refers to.
///
/// # Errors
/// When a chart would not receive exactly this text.
pub(super) fn read<'d>(text: &str, document: &'d Document<'_>, id: NodeId) -> Result<&'d str, RefusalReason> {
    let node = document.node(document.target(id));
    let Content::Scalar { value, style } = &node.content else {
        // `tag: {{ .Values.tag }}` without quotes is a nested mapping.
        let is_template = text.get(node.span.start..).is_some_and(|rest| rest.starts_with("{{"));
        return Err(if is_template { RefusalReason::Template } else { RefusalReason::NotScalar });
    };
    if is_template(value) {
        return Err(RefusalReason::Template);
    }
    if let Some(tag) = node.tag.as_deref().filter(|tag| !is_text_tag(tag)) {
        return Err(RefusalReason::CustomTag(tag.original()));
    }
    if value.is_empty() {
        return Err(RefusalReason::Empty);
    }
    let is_plain = Quotes::of(*style) == Some(Quotes::None) && node.tag.is_none();
    match PlainReading::of(value) {
        PlainReading::Null if is_plain => Err(RefusalReason::Empty),
        PlainReading::Text | PlainReading::Time => Ok(value),
        reading if is_plain => {
            Err(RefusalReason::NotText { value: (**value).to_owned(), read_as: reading.name() })
        }
        _ => Ok(value),
    }
}

/// The bytes of the scalar at `id`; `before_tag` is the prefix of its value.
///
/// # Errors
/// When the bytes are not the value itself, because of escapes or folding.
pub(super) fn site(
    text: &str,
    document: &Document<'_>,
    id: NodeId,
    before_tag: &str,
) -> Result<Site, RefusalReason> {
    let node = document.node(document.target(id));
    let Content::Scalar { value, style } = &node.content else { return Err(RefusalReason::NotScalar) };
    let quotes = Quotes::of(*style).ok_or(RefusalReason::BlockScalar)?;
    let inside = node.span.start + quotes.width_bytes()..node.span.end.saturating_sub(quotes.width_bytes());
    if text.get(inside) != Some(&**value) {
        return Err(RefusalReason::Escaped);
    }
    Ok(Site {
        span: node.span.clone(),
        block: None,
        quotes,
        before_tag: before_tag.into(),
        after_tag: "".into(),
    })
}

/// Whether something fills in the value later: Helm or Jinja templates, or Flux post-build substitution.
pub(super) fn is_template(value: &str) -> bool {
    value.contains("{{") || value.contains("${")
}

fn is_text_tag(tag: &Tag) -> bool {
    tag.is_yaml_core_schema_tag("str")
}
