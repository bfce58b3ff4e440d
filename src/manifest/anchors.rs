//! Gives each anchor of a text a name of its own.
//!
//! YAML allows a name to be used again, and an alias refers to the last anchor of its name. The second parser numbers anchors
//! by the count of distinct names and confuses such texts, so it gets them renamed. The rename resolves names by that rule
//! alone, independently of how the first parser resolved its aliases.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::tree::{Content, Document};

/// The text with distinct names, if a document uses one twice; else the text itself.
pub(super) fn rename_repeated<'t>(text: &'t str, documents: &[Document<'_>]) -> Cow<'t, str> {
    let mut renames = Vec::new();
    let mut is_repeated = false;
    for document in documents {
        let Some(found) = names(text, document) else { return Cow::Borrowed(text) };
        let mut seen = HashSet::new();
        is_repeated |= found.iter().any(|name| !name.is_alias && !seen.insert(&text[name.bytes.clone()]));
        renames.extend(found);
    }
    if is_repeated { Cow::Owned(rename(text, &renames)) } else { Cow::Borrowed(text) }
}

/// The name of an anchor or an alias.
struct Name {
    bytes: Range<usize>,
    is_alias: bool,
}

/// The names of a document's anchors and aliases, in the order of the text; `None` where one is not found.
fn names(text: &str, document: &Document<'_>) -> Option<Vec<Name>> {
    let mut names = Vec::new();
    let mut read = document.nodes().first().map_or(0, |root| start_of_document(text, root.span.start));
    for node in document.nodes() {
        if node.is_anchored {
            let start = read.min(node.span.start);
            let bytes = anchor_in(text.get(start..node.span.start)?)?;
            names.push(Name { bytes: start + bytes.start..start + bytes.end, is_alias: false });
        }
        read = match node.content {
            Content::Alias(_) => {
                names.push(Name { bytes: node.span.start + 1..node.span.end, is_alias: true });
                node.span.end
            }
            Content::Scalar { .. } => node.span.end,
            Content::Sequence | Content::Mapping => read.max(node.span.start),
        };
    }
    Some(names)
}

/// Where to look for the anchor of a root: after the last document marker before it.
fn start_of_document(text: &str, root: usize) -> usize {
    let before = text.get(..root).unwrap_or_default();
    before.rfind("\n---").map_or_else(|| if before.starts_with("---") { 3 } else { 0 }, |at| at + 4)
}

/// The name of the anchor between two tokens, which no comment holds.
fn anchor_in(between: &str) -> Option<Range<usize>> {
    let bytes = between.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &between[at..];
        match bytes[at] {
            b'#' if at == 0 || bytes[at - 1].is_ascii_whitespace() => {
                at += rest.find('\n').unwrap_or(rest.len());
            }
            b'!' => at += rest.find(char::is_whitespace).unwrap_or(rest.len()),
            b'&' => {
                let end = rest.find(|next: char| next.is_whitespace() || ",[]{}".contains(next));
                return Some(at + 1..at + end.unwrap_or(rest.len()));
            }
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    None
}

fn rename(text: &str, names: &[Name]) -> String {
    let mut renamed = String::with_capacity(text.len() + names.len() * 4);
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut copied = 0;
    for (number, Name { bytes, is_alias }) in names.iter().enumerate() {
        let name = &text[bytes.clone()];
        // An alias without an anchor stays as it is: the second parser reports it.
        let number = if *is_alias { numbers.get(name).copied() } else { Some(number) };
        let Some(number) = number else { continue };
        numbers.insert(name, number);
        renamed.push_str(&text[copied..bytes.start]);
        renamed.push('a');
        renamed.push_str(&number.to_string());
        copied = bytes.end;
    }
    renamed.push_str(&text[copied..]);
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tree::Documents;

    fn renamed(text: &str) -> String {
        let documents: Vec<_> = Documents::of(text).map(Result::unwrap).collect();
        rename_repeated(text, &documents).into_owned()
    }

    #[test]
    fn repeated_names_get_distinct_anchors_and_others_stay() {
        for (text, expected) in [
            ("a: &x 1\nb: *x\n", "a: &x 1\nb: *x\n"),
            ("a: &x 1\nb: &x 2\nc: *x\n", "a: &a0 1\nb: &a1 2\nc: *a1\n"),
            (
                "a: &x 1\nb: *x\nc: &x {d: 1}\ne: [*x, *x]\n",
                "a: &a0 1\nb: *a0\nc: &a2 {d: 1}\ne: [*a2, *a2]\n",
            ),
            ("a: &x # &y\n  b: 1\nc: &x\n- 1\nd: *x\n", "a: &a0 # &y\n  b: 1\nc: &a1\n- 1\nd: *a1\n"),
            ("a:\n- &x b: 1\n- &x !!str c\n- *x\n", "a:\n- &a0 b: 1\n- &a1 !!str c\n- *a1\n"),
            ("--- &x\na: &x 1\nb: *x\n", "--- &a0\na: &a1 1\nb: *a1\n"),
            (
                "a: &x 1\n--- # &x\nb: &x 2\n---\nc: &y 1\nd: &y\n",
                "a: &a0 1\n--- # &x\nb: &a1 2\n---\nc: &a2 1\nd: &a3\n",
            ),
        ] {
            assert_eq!(renamed(text), expected, "{text}");
        }
    }
}
