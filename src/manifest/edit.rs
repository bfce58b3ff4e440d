//! Edits: which scalars change, what is written there, and the splice. The only place that makes a new text.

use std::collections::HashMap;
use std::ops::Range;

use super::Manifest;
use super::edit_refused::EditRefused;
use super::field::{ImageField, Site};
use super::position::Position;
use super::{read_whole, text, verify};
use crate::model::{Digest, Tag};

/// One image field and what it shall hold.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'a> {
    /// The field, as [`read`](super::read()) gave it for the same text.
    pub field: &'a ImageField,
    /// The new tag.
    pub tag: &'a Tag,
    /// The new digest. It is written where the field holds a digest, which it must then be given, and nowhere else.
    pub digest: Option<&'a Digest>,
}

/// Gives the text with the edits made: the bytes of the named scalars are replaced, and all others stay.
///
/// The new text is read again, by the parser that found the fields and by another one. Both must see what the old text
/// held in everything but the edited values and the aliases of these.
///
/// # Errors
/// When a field is not one of this text, when an edit would move something else through an anchor, when a tag is a
/// floating one, and when a parser sees any other difference.
pub fn edit(text: &[u8], edits: &[Edit<'_>]) -> Result<Vec<u8>, EditRefused> {
    if edits.is_empty() {
        return Ok(text.to_vec());
    }
    let text = text::readable(text)?;
    let (manifest, documents) = read_whole(text)?;
    let replacements = Replacements::plan(text, &manifest, edits)?;
    let new_text = replacements.splice(text);
    verify::verify(&documents, &new_text, &replacements)?;
    Ok(new_text.into_bytes())
}

/// One scalar and what takes its place.
#[derive(Debug)]
pub(super) struct Replacement {
    /// The bytes of the old scalar with its quotes.
    span: Range<usize>,
    /// What is written there.
    written: String,
    /// What that means.
    value: String,
    /// The field that it is for, by its number in the manifest.
    field: usize,
}

/// The scalars that change, in the order of the text, no two of them the same.
#[derive(Debug)]
pub(super) struct Replacements(Vec<Replacement>);

impl Replacements {
    /// One scalar that becomes `value`, in the quotes it has; for tests of the verification.
    #[cfg(test)]
    pub(super) fn of_one(span: Range<usize>, value: &str) -> Self {
        Self(vec![Replacement { span, written: value.to_owned(), value: value.to_owned(), field: 0 }])
    }

    fn plan(text: &str, manifest: &Manifest, edits: &[Edit<'_>]) -> Result<Self, EditRefused> {
        let numbers = number_fields(manifest);
        let mut list = Vec::with_capacity(edits.len());
        let mut is_edited = vec![false; manifest.fields.len()];
        for edit in edits {
            let position = edit.field.position;
            if edit.tag.is_floating() {
                return Err(EditRefused::FloatingTag { position, tag: edit.tag.clone() });
            }
            let number = numbers
                .get(&(position, edit.field.key_path.as_str()))
                .copied()
                .filter(|number| manifest.fields[*number] == *edit.field)
                .ok_or(EditRefused::OtherText { position })?;
            is_edited[number] = true;
            let values = edit
                .field
                .new_values(edit.tag, edit.digest)
                .ok_or(EditRefused::DigestMissing { position })?;
            list.extend(values.into_iter().map(|(site, value)| replacement(text, site, value, number)));
        }
        list.sort_by_key(|replacement| replacement.span.start);
        let replacements = Self(without_repeats(list, manifest)?);
        replacements.check_anchors(manifest, &is_edited)?;
        Ok(replacements)
    }

    /// The new value of the scalar that begins at byte `start` of the old text, if it has one.
    pub(super) fn value_at(&self, start: usize) -> Option<&str> {
        self.at(start).map(|replacement| replacement.value.as_str())
    }

    fn at(&self, start: usize) -> Option<&Replacement> {
        let found = self.0.binary_search_by_key(&start, |replacement| replacement.span.start);
        found.ok().map(|index| &self.0[index])
    }

    /// Refuses to move what nobody asked to move: a field that shares a scalar with an edited one.
    fn check_anchors(&self, manifest: &Manifest, is_edited: &[bool]) -> Result<(), EditRefused> {
        let shared = |replacement: &Replacement, other| {
            let position = manifest.fields[replacement.field].position;
            Err(EditRefused::SharedAnchor { position, other })
        };
        let others = manifest.fields.iter().zip(is_edited).filter(|(_, is_edited)| !**is_edited);
        for (other, _) in others {
            let Some(moving) = other.sites().find_map(|site| self.at(site.span.start)) else { continue };
            let moves_whole = other.sites().all(|site| self.at(site.span.start).is_some());
            if !moves_whole || !manifest.fields[moving.field].is_same_image(other) {
                return shared(moving, other.position);
            }
        }
        for (span, position) in &manifest.refused_spans {
            if let Some(moving) = self.at(span.start) {
                return shared(moving, *position);
            }
        }
        Ok(())
    }

    fn splice(&self, text: &str) -> String {
        let growth: usize = self.0.iter().map(|replacement| replacement.written.len()).sum();
        let mut new_text = String::with_capacity(text.len() + growth);
        let mut done = 0;
        for Replacement { span, written, .. } in &self.0 {
            new_text.push_str(&text[done..span.start]);
            new_text.push_str(written);
            done = span.end;
        }
        new_text.push_str(&text[done..]);
        new_text
    }
}

/// The fields by where they stand. One anchored mapping may be reached by several paths.
fn number_fields(manifest: &Manifest) -> HashMap<(Position, &str), usize> {
    let numbered = manifest.fields.iter().enumerate();
    numbered.map(|(number, field)| ((field.position, field.key_path.as_str()), number)).collect()
}

fn replacement(text: &str, site: &Site, value: String, field: usize) -> Replacement {
    let width = site.quotes.width_bytes();
    let old = &text[site.span.clone()];
    let is_same = old.get(width..old.len() - width) == Some(value.as_str());
    let written = if is_same { old.to_owned() } else { site.write(&value) };
    Replacement { span: site.span.clone(), written, value, field }
}

/// Joins edits of one scalar that agree.
fn without_repeats(
    replacements: Vec<Replacement>,
    manifest: &Manifest,
) -> Result<Vec<Replacement>, EditRefused> {
    let mut kept: Vec<Replacement> = Vec::with_capacity(replacements.len());
    for next in replacements {
        match kept.last() {
            Some(last) if last.span.start == next.span.start => {
                if last.value != next.value {
                    let position = manifest.fields[last.field].position;
                    let other = manifest.fields[next.field].position;
                    return Err(EditRefused::Contradiction { position, other });
                }
            }
            _ => kept.push(next),
        }
    }
    Ok(kept)
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
    fn no_edits_give_the_text_itself() {
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
    fn one_field_may_be_named_twice_if_both_agree() {
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
    fn a_refusal_is_a_fault_with_a_hint_and_its_cause_apart() {
        let manifest = read(TEXT.as_bytes()).unwrap();
        let (field, new) = (&manifest.fields[0], tag("v2.0.0"));
        let broken = format!("{TEXT}]");
        let refused = edit(broken.as_bytes(), &[Edit { field, tag: &new, digest: None }]).unwrap_err();
        let fault = Fault::from(refused.clone());
        assert_eq!(fault.class(), Class::Refused);
        assert_eq!(fault.to_string(), "cannot edit: the text cannot be read at 5:1");
        assert_eq!(fault.hint(), Some("mend the YAML"));
        assert!(fault.in_one_line().starts_with("cannot edit: the text cannot be read at 5:1: "));
    }
}
