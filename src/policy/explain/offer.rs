//! What a registry offers of an image under the selection rules.

use crate::model::Tag;
use crate::policy::select::{Selection, SelectionRules};

/// The tags of an image, summarized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Number of tags.
    pub tag_count: usize,
    /// Number of admitted tags.
    pub admitted_count: usize,
    /// The tag of the highest version, admitted or not.
    pub highest: Option<Tag>,
    /// The tag of the highest admitted version.
    pub highest_admitted: Option<Tag>,
    /// The range, as written.
    pub versions: String,
    /// The tag pattern, as written.
    pub tag_pattern: Option<String>,
    /// A tag without a version: the last in alphabetical order.
    pub without_version: Option<Tag>,
}

/// Summarizes the tags of an image.
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
