//! What a registry offers of an image, as far as the rules are concerned.

use crate::model::Tag;
use crate::policy::select::{Selection, SelectionRules};

/// What a registry offers of an image, and what of it may be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// How many tags there are.
    pub tag_count: usize,
    /// How many of them the rules admit.
    pub admitted_count: usize,
    /// The tag of the highest version of all, admitted or not.
    pub highest: Option<Tag>,
    /// The tag of the highest version that the rules admit.
    pub highest_admitted: Option<Tag>,
    /// The versions that are admitted, as somebody wrote it.
    pub versions: String,
    /// Where a tag's version is, as somebody wrote it.
    pub tag_pattern: Option<String>,
    /// A tag in which no version is found: the last by its text.
    pub without_version: Option<Tag>,
}

/// Looks through the tags of an image.
pub fn offer(rules: &SelectionRules, selection: &Selection, tags: &[Tag]) -> Offer {
    let highest = tags
        .iter()
        .filter_map(|tag| Some((rules.version_of(tag)?, tag)))
        .max_by(|(one, tag), (other, tag_of_other)| one.cmp(other).then_with(|| tag.cmp(tag_of_other)));
    Offer {
        tag_count: tags.len(),
        admitted_count: selection.len(),
        highest: highest.map(|(_, tag)| tag.clone()),
        highest_admitted: selection.highest().map(|candidate| candidate.tag.clone()),
        versions: rules.shown(),
        tag_pattern: rules.tag_pattern.as_ref().map(ToString::to_string),
        without_version: tags.iter().filter(|tag| rules.version_of(tag).is_none()).max().cloned(),
    }
}
