//! Replacements: the scalars that an edit changes, what it writes there, and the splice. The only place that makes a new
//! text.

use std::ops::Range;

use super::field::Site;

/// One scalar and its new text.
#[derive(Debug)]
pub(super) struct Replacement {
    /// The bytes of the old scalar with its quotes.
    pub(super) span: Range<usize>,
    /// The new bytes, with quotes.
    written: String,
    /// The value of the new bytes.
    pub(super) value: String,
    /// The index of the field in the manifest.
    pub(super) field: usize,
}

impl Replacement {
    /// Replaces the scalar at `site` by `value`. The same value keeps its bytes.
    pub(super) fn new(text: &str, site: &Site, value: String, field: usize) -> Self {
        let width = site.quotes.width_bytes();
        let old = &text[site.span.clone()];
        let is_same = old.get(width..old.len() - width) == Some(value.as_str());
        let written = if is_same { old.to_owned() } else { site.write(&value) };
        Self { span: site.span.clone(), written, value, field }
    }
}

/// The scalars that change, in the order of the text, each once.
#[derive(Debug)]
pub(super) struct Replacements(Vec<Replacement>);

impl Replacements {
    /// Sorts the list and merges replacements of one scalar.
    ///
    /// # Errors
    /// Two replacements that write different values to one scalar.
    pub(super) fn new(mut list: Vec<Replacement>) -> Result<Self, (Replacement, Replacement)> {
        list.sort_by_key(|replacement| replacement.span.start);
        let mut merged: Vec<Replacement> = Vec::with_capacity(list.len());
        for next in list {
            match merged.pop_if(|last| last.span.start == next.span.start) {
                Some(other) if other.value != next.value => return Err((other, next)),
                Some(other) => merged.push(other),
                None => merged.push(next),
            }
        }
        Ok(Self(merged))
    }

    /// The replacement of the scalar that begins at byte `start` of the old text.
    pub(super) fn at(&self, start: usize) -> Option<&Replacement> {
        let found = self.0.binary_search_by_key(&start, |replacement| replacement.span.start);
        found.ok().map(|index| &self.0[index])
    }

    /// The new value of the scalar that begins at byte `start` of the old text.
    pub(super) fn value_at(&self, start: usize) -> Option<&str> {
        self.at(start).map(|replacement| replacement.value.as_str())
    }

    /// The text with the replacements made.
    pub(super) fn splice(&self, text: &str) -> String {
        let growth: usize = self.0.iter().map(|replacement| replacement.written.len()).sum();
        let mut new_text = String::with_capacity(text.len() + growth);
        let mut copied = 0;
        for Replacement { span, written, .. } in &self.0 {
            new_text.push_str(&text[copied..span.start]);
            new_text.push_str(written);
            copied = span.end;
        }
        new_text.push_str(&text[copied..]);
        new_text
    }

    /// One scalar that becomes `value`, in the quotes it has.
    #[cfg(test)]
    pub(super) fn of_one(span: Range<usize>, value: &str) -> Self {
        Self(vec![Replacement { span, written: value.to_owned(), value: value.to_owned(), field: 0 }])
    }
}
