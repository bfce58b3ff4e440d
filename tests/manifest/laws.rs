//! Laws that hold for every text, well formed or not. The fuzzer checks them too (`fuzz/`).

use tidegate::manifest::{self, Edit, EditRefused, ImageField};
use tidegate::model::{Digest, Tag};

/// Reads the text and edits each field forth and back.
///
/// # Panics
/// When a law is broken.
pub(crate) fn check(text: &[u8]) {
    let Ok(found) = manifest::read(text) else { return };
    for (number, field) in found.fields.iter().enumerate() {
        keeps_the_text_for_the_same_value(text, field);
        let tag: Tag = "v987.654.321".parse().expect("a tag");
        let digest: Digest = format!("sha256:{}", "9".repeat(64)).parse().expect("a digest");
        let Some(new_text) = try_edit(text, field, &tag, Some(&digest)) else { continue };
        only_the_value_differs(text, &new_text, field);
        let moved = manifest::read(&new_text).expect("an edited text can be read");
        assert_eq!(moved.fields.len(), found.fields.len(), "an edit adds and removes no field");
        assert_eq!(moved.refusals.len(), found.refusals.len(), "an edit makes no field unreadable");
        let moved = &moved.fields[number];
        assert_eq!((&moved.tag, &moved.key_path), (&tag, &field.key_path));
        assert_eq!(moved.digest.as_ref(), field.digest.as_ref().map(|_| &digest));
        reverses(text, &new_text, moved, field);
    }
}

/// The text after an edit, or `None` where the text justifies a refusal.
fn try_edit(text: &[u8], field: &ImageField, tag: &Tag, digest: Option<&Digest>) -> Option<Vec<u8>> {
    match manifest::edit(text, &[Edit { field, tag, digest }]) {
        Ok(text) => Some(text),
        Err(EditRefused::SharedAnchor { .. } | EditRefused::SecondParser(_)) => None,
        Err(error) => panic!("a field that was just read can be edited: {error}"),
    }
}

fn keeps_the_text_for_the_same_value(text: &[u8], field: &ImageField) {
    if let Some(same) = try_edit(text, field, &field.tag, field.digest.as_ref()) {
        assert_eq!(same, text, "an edit to the same value changes nothing");
    }
}

/// The reverse edit restores every byte, except that a tag which needs quotes may keep them.
fn reverses(text: &[u8], new_text: &[u8], moved: &ImageField, field: &ImageField) {
    let back = try_edit(new_text, moved, &field.tag, field.digest.as_ref());
    let back = back.expect("what could be edited can be edited back");
    let may_need_quotes = !field.tag.as_str().starts_with('v');
    assert!(may_need_quotes || back == text, "the reverse edit is the identity");
}

/// The bytes that differ are part of the old value.
fn only_the_value_differs(text: &[u8], new_text: &[u8], field: &ImageField) {
    if field.digest.is_some() {
        // Two scalars differ; reading the new text and the reverse edit cover them.
        return;
    }
    let same = |(old, new): &(&u8, &u8)| old == new;
    let before = text.iter().zip(new_text).take_while(same).count();
    let rest = (text[before..].iter().rev()).zip(new_text[before..].iter().rev());
    let after = rest.take_while(same).count();
    let differing = String::from_utf8_lossy(&text[before..text.len() - after]);
    assert!(field.tag.as_str().contains(&*differing), "{differing:?} is not of the tag {}", field.tag);
}
