//! Replacements: the scalars that an edit changes, what it writes there, and the splice. The only place that makes a new
//! text.

use std::collections::BTreeMap;
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
    /// The first byte of the block scalar whose text the scalar is part of.
    pub(super) block: Option<usize>,
}

impl Replacement {
    /// Replaces the scalar at `site` by `value`. The same value keeps its bytes.
    pub(super) fn new(text: &str, site: &Site, value: String, field: usize) -> Self {
        let width = site.quotes.width_bytes();
        let old = &text[site.span.clone()];
        let is_same = old.get(width..old.len() - width) == Some(value.as_str());
        let written = if is_same { old.to_owned() } else { site.write(&value) };
        Self { span: site.span.clone(), written, value, field, block: site.block }
    }

    /// The same replacement in the text of a block scalar, where it has this span.
    pub(super) fn within_block(&self, span: Range<usize>) -> Self {
        let (written, value) = (self.written.clone(), self.value.clone());
        Self { span, written, value, field: self.field, block: None }
    }
}

/// The scalars that change, in the order of the text, each once.
#[derive(Debug)]
pub(super) struct Replacements {
    list: Vec<Replacement>,
    /// The new values of block scalars that replacements are part of, by their first bytes.
    blocks: BTreeMap<usize, String>,
}

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
        Ok(Self { list: merged, blocks: BTreeMap::new() })
    }

    /// The block scalars that replacements are part of, by their first bytes, with these replacements.
    pub(super) fn by_block(&self) -> BTreeMap<usize, Vec<&Replacement>> {
        let mut by_block: BTreeMap<usize, Vec<&Replacement>> = BTreeMap::new();
        for replacement in &self.list {
            if let Some(block) = replacement.block {
                by_block.entry(block).or_default().push(replacement);
            }
        }
        by_block
    }

    /// Sets the new values of block scalars, by their first bytes.
    pub(super) fn set_blocks(&mut self, blocks: BTreeMap<usize, String>) {
        self.blocks = blocks;
    }

    /// The replacement of the scalar that begins at byte `start` of the old text.
    pub(super) fn at(&self, start: usize) -> Option<&Replacement> {
        let found = self.list.binary_search_by_key(&start, |replacement| replacement.span.start);
        found.ok().map(|index| &self.list[index])
    }

    /// The new value of the scalar that begins at byte `start` of the old text.
    pub(super) fn value_at(&self, start: usize) -> Option<&str> {
        let block = self.blocks.get(&start).map(String::as_str);
        let own = || self.at(start).filter(|replacement| replacement.block.is_none());
        block.or_else(|| own().map(|replacement| replacement.value.as_str()))
    }

    /// The text with the replacements made.
    pub(super) fn splice(&self, text: &str) -> String {
        let growth: usize = self.list.iter().map(|replacement| replacement.written.len()).sum();
        let mut new_text = String::with_capacity(text.len() + growth);
        let mut copied = 0;
        for Replacement { span, written, .. } in &self.list {
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
        let (written, value) = (value.to_owned(), value.to_owned());
        let list = vec![Replacement { span, written, value, field: 0, block: None }];
        Self { list, blocks: BTreeMap::new() }
    }
}
