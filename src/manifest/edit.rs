//! Edits: which scalars of a text change, and the checks before and after the splice.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::Manifest;
use super::edit_refused::EditRefused;
use super::embedded::Embedded;
use super::field::{ImageField, Quotes, Site};
use super::position::Position;
use super::replacement::{Replacement, Replacements};
use super::tree::{Content, Document, Documents, Node};
use super::{read_documents, text, verify};
use crate::model::{Digest, FieldRule, Tag};

/// One image field and its new tag.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'a> {
    /// The field, as [`read`](super::read()) returned it for the same text.
    pub field: &'a ImageField,
    /// The new tag.
    pub tag: &'a Tag,
    /// The new digest. A field that holds a digest requires it; for any other field it is ignored.
    pub digest: Option<&'a Digest>,
}

/// Returns the text with the edits made. Only the bytes of the edited scalars change.
///
/// The new text is parsed again, by the parser that found the fields and by a second one. Both must read the same
/// documents as before, except for the edited values and the aliases of them.
///
/// # Errors
/// When a field is not one of this text, when an edit would change another field through an anchor, when a tag is a floating
/// one, or when either parser reads any other difference.
///
/// # Examples
/// ```
/// use tidegate::manifest::{Edit, edit, read};
///
/// let text = b"\
/// apiVersion: helm.toolkit.fluxcd.io/v2
/// kind: HelmRelease
/// metadata: {name: app, namespace: common}
/// spec:
///   values:
///     image:
///       repository: ghcr.io/vtr/app
///       tag: v1.0.0  # deployed by Tidegate
/// ";
/// let manifest = read(text)?;
/// let edits = [Edit { field: &manifest.fields[0], tag: &"v1.1.0".parse()?, digest: None }];
/// let new_text = String::from_utf8(edit(text, &edits)?)?;
/// assert!(new_text.ends_with("      tag: v1.1.0  # deployed by Tidegate\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn edit(text: &[u8], edits: &[Edit<'_>]) -> Result<Vec<u8>, EditRefused> {
    edit_with(text, &[], edits)
}

/// As [`edit()`], of a text that [`read_with`](super::read_with()) read by these rules.
///
/// # Errors
/// As [`edit()`].
pub fn edit_with(text: &[u8], rules: &[&FieldRule], edits: &[Edit<'_>]) -> Result<Vec<u8>, EditRefused> {
    if edits.is_empty() {
        return Ok(text.to_vec());
    }
    let text = text::readable(text)?;
    let (manifest, documents) = read_documents(text, rules)?;
    let mut replacements = plan(text, &manifest, edits)?;
    let blocks = new_blocks(text, &documents, &replacements)?;
    replacements.set_blocks(blocks);
    let new_text = replacements.splice(text);
    verify::verify(&documents, &new_text, &replacements)?;
    Ok(new_text.into_bytes())
}

/// Returns the text with other values in some scalars, verified as [`edit()`] does. A span is that of a scalar with its quotes.
///
/// # Errors
/// When a scalar is not written as its value, when two edits contradict, or when either parser reads any other difference.
pub(crate) fn replace_scalars(text: &str, edits: &[(Range<usize>, String)]) -> Result<String, EditRefused> {
    let (_, documents) = read_documents(text, &[])?;
    let mut list = Vec::with_capacity(edits.len());
    for (number, (span, value)) in edits.iter().enumerate() {
        let node = scalar_at(&documents, span.start).filter(|node| node.span == *span);
        let site = node.and_then(|node| {
            let Content::Scalar { style, .. } = node.content else { return None };
            Some(Site {
                span: span.clone(),
                block: None,
                quotes: Quotes::of(style)?,
                before_tag: "".into(),
                after_tag: "".into(),
            })
        });
        let site = site.ok_or(EditRefused::OtherText { position: Position::START })?;
        list.push(Replacement::new(text, &site, value.clone(), number));
    }
    let contradiction = |_| EditRefused::OtherText { position: Position::START };
    let replacements = Replacements::new(list).map_err(contradiction)?;
    let new_text = replacements.splice(text);
    verify::verify(&documents, &new_text, &replacements)?;
    Ok(new_text)
}

fn plan(text: &str, manifest: &Manifest, edits: &[Edit<'_>]) -> Result<Replacements, EditRefused> {
    let index = index_fields(manifest);
    let mut list = Vec::with_capacity(edits.len());
    let mut is_edited = vec![false; manifest.fields.len()];
    for edit in edits {
        let position = edit.field.position;
        if edit.tag.is_floating() {
            return Err(EditRefused::FloatingTag { position, tag: edit.tag.clone() });
        }
        let number = index
            .get(&(position, edit.field.key_path.as_str()))
            .copied()
            .filter(|number| manifest.fields[*number] == *edit.field)
            .ok_or(EditRefused::OtherText { position })?;
        is_edited[number] = true;
        let values =
            edit.field.new_values(edit.tag, edit.digest).ok_or(EditRefused::DigestMissing { position })?;
        list.extend(values.into_iter().map(|(site, value)| Replacement::new(text, site, value, number)));
    }
    let position_of = |replacement: &Replacement| manifest.fields[replacement.field].position;
    let replacements = Replacements::new(list).map_err(|(one, other)| EditRefused::Contradiction {
        position: position_of(&one),
        other: position_of(&other),
    })?;
    check_anchors(manifest, &replacements, &is_edited)?;
    Ok(replacements)
}

/// The new text of each block scalar that holds an edited document, by its first byte. The document is verified as a file is.
fn new_blocks(
    text: &str,
    documents: &[Document<'_>],
    replacements: &Replacements,
) -> Result<BTreeMap<usize, String>, EditRefused> {
    let mut blocks = BTreeMap::new();
    for (start, within) in replacements.by_block() {
        let node = scalar_at(documents, start).ok_or(EditRefused::OtherText { position: Position::START })?;
        let position = node.position;
        let other_text = || EditRefused::OtherText { position };
        let Content::Scalar { value, .. } = &node.content else { return Err(other_text()) };
        let embedded = Embedded::of(text, value, start).ok_or_else(other_text)?;
        let list = within.into_iter().map(|one| {
            let span = embedded.in_value(one.span.clone()).filter(|span| value.get(span.clone()).is_some());
            span.map(|span| one.within_block(span))
        });
        let list = list.collect::<Option<Vec<_>>>().ok_or_else(other_text)?;
        let inner = Replacements::new(list).map_err(|_| other_text())?;
        let old: Vec<_> = Documents::of(value).collect::<Result<_, _>>()?;
        let new_value = inner.splice(value);
        verify::verify(&old, &new_value, &inner).map_err(|refused| match refused {
            EditRefused::OtherDifference { position } => {
                EditRefused::OtherDifference { position: embedded.position(position) }
            }
            other => other,
        })?;
        blocks.insert(start, new_value);
    }
    Ok(blocks)
}

/// The scalar whose span begins at this byte.
fn scalar_at<'d, 't>(documents: &'d [Document<'t>], start: usize) -> Option<&'d Node<'t>> {
    documents.iter().find_map(|document| {
        // A collection begins where its first scalar does.
        let nodes = document.nodes();
        let first = nodes.partition_point(|node| node.span.start < start);
        let mut found = nodes[first..].iter().take_while(|node| node.span.start == start);
        found.find(|node| matches!(node.content, Content::Scalar { .. }) && !node.span.is_empty())
    })
}

/// The fields by position and path: several paths may reach one anchored mapping.
fn index_fields(manifest: &Manifest) -> HashMap<(Position, &str), usize> {
    let numbered = manifest.fields.iter().enumerate();
    numbered.map(|(number, field)| ((field.position, field.key_path.as_str()), number)).collect()
}

/// Refuses edits that would change another field through a shared anchor.
fn check_anchors(
    manifest: &Manifest,
    replacements: &Replacements,
    is_edited: &[bool],
) -> Result<(), EditRefused> {
    let shared = |replacement: &Replacement, other| {
        let position = manifest.fields[replacement.field].position;
        Err(EditRefused::SharedAnchor { position, other })
    };
    let others = manifest.fields.iter().zip(is_edited).filter(|(_, is_edited)| !**is_edited);
    for (other, _) in others {
        let Some(moving) = other.sites().find_map(|site| replacements.at(site.span.start)) else { continue };
        let moving_field = &manifest.fields[moving.field];
        // An anchored tag that a complete image uses, reached at its definition.
        if other.stands_alone() && !moving_field.stands_alone() {
            continue;
        }
        let moves_whole = other.sites().all(|site| replacements.at(site.span.start).is_some());
        if !moves_whole || !moving_field.is_same_image(other) {
            return shared(moving, other.position);
        }
    }
    for (span, position) in &manifest.refused_spans {
        if let Some(moving) = replacements.at(span.start) {
            return shared(moving, *position);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read;
    use crate::model::{Class, Fault};

    const TEXT: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app}\n\
        spec: {values: {image: {repository: ghcr.io/vtr/app, tag: v1.0.0}}}\n";

    fn tag(text: &str) -> Tag {
        text.parse().unwrap()
    }

    #[test]
    fn no_edits_return_the_text_itself() {
        assert_eq!(edit(b"\xff anything", &[]).unwrap(), b"\xff anything");
    }

    #[test]
    fn a_field_of_another_text_is_refused() {
        let manifest = read(TEXT.as_bytes()).unwrap();
        let field = &manifest.fields[0];
        let new = Edit { field, tag: &tag("v2.0.0"), digest: None };
        for other in [
            TEXT.replace("v1.0.0", "v1.0.1"),
            TEXT.replace("vtr/app", "vtr/api"),
            TEXT.replace("{name: app}", "{name:  app}"),
            TEXT.replace("name: app", "name: api"),
            TEXT.replace("tag: v1.0.0", "tag: 'v1.0.0'"),
            "a: HelmRelease".to_owned(),
        ] {
            let refused = edit(other.as_bytes(), &[new]);
            assert!(matches!(refused, Err(EditRefused::OtherText { .. })), "{other}");
        }
    }

    #[test]
    fn two_edits_of_one_field_must_agree() {
        let manifest = read(TEXT.as_bytes()).unwrap();
        let field = &manifest.fields[0];
        let (two, three) = (tag("v2.0.0"), tag("v3.0.0"));
        let to = |tag| Edit { field, tag, digest: None };
        let edited = edit(TEXT.as_bytes(), &[to(&two), to(&two)]).unwrap();
        assert_eq!(edited, TEXT.replace("v1.0.0", "v2.0.0").into_bytes());
        let refused = edit(TEXT.as_bytes(), &[to(&two), to(&three)]);
        assert!(matches!(refused, Err(EditRefused::Contradiction { .. })));
    }

    #[test]
    fn a_refusal_becomes_a_fault_with_a_hint_and_a_separate_cause() {
        let manifest = read(TEXT.as_bytes()).unwrap();
        let (field, new) = (&manifest.fields[0], tag("v2.0.0"));
        let broken = format!("{TEXT}]");
        let refused = edit(broken.as_bytes(), &[Edit { field, tag: &new, digest: None }]).unwrap_err();
        let fault = Fault::from(refused.clone());
        assert_eq!(fault.class(), Class::Refused);
        assert_eq!(fault.to_string(), "cannot edit: cannot read the YAML at 5:1");
        assert_eq!(fault.hint(), Some("correct the YAML"));
        assert!(fault.in_one_line().starts_with("cannot edit: cannot read the YAML at 5:1: "));
    }
}
