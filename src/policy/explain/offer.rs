//! What a registry offers of an image under the selection rules.

use std::collections::BTreeMap;

use crate::model::{Tag, Version};
use crate::policy::select::{Selection, SelectionRules};

/// The tags of an image, summarized. Each tag is either admitted or counted in `left_out`.
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
    /// The tags that are not admitted, by reason.
    pub left_out: BTreeMap<LeftOut, LeftOutTags>,
}

/// Why a tag is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// The rules read no version from it.
    NoVersion,
    /// A name such as `latest`, which says nothing about what it holds.
    Floating,
    /// An `exclusionList` names it, or it keeps a signature or the like.
    Excluded,
    /// A pre-release, where the range admits none.
    Prerelease,
    /// The range does not admit it.
    OutOfRange,
    /// Another variant of the image than what runs.
    OtherVariant,
    /// It is no image to run, or lacks a platform.
    NoImage,
}

/// The tags that are left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutTags {
    /// How many.
    pub count: usize,
    /// The highest, or the last in alphabetical order where they have no version.
    pub example: Tag,
}

/// Summarizes the tags of an image; `running` is the tag that runs.
pub fn offer<'v>(
    rules: &SelectionRules,
    selection: &Selection,
    tags: &[Tag],
    running: impl IntoIterator<Item = &'v Version>,
) -> Offer {
    let running: Vec<&Version> = running.into_iter().collect();
    let mut offer = Offer {
        tag_count: tags.len(),
        admitted_count: 0,
        highest: None,
        highest_admitted: None,
        versions: rules.shown(),
        tag_pattern: rules.tag_pattern.as_ref().map(ToString::to_string),
        without_version: None,
        left_out: BTreeMap::new(),
    };
    let mut versions: Vec<(Option<Version>, &Tag)> =
        tags.iter().map(|tag| (rules.version_of(tag), tag)).collect();
    // Ascending, so that the last one seen is the highest.
    versions.sort_unstable();
    for (version, tag) in versions {
        match &version {
            Some(_) => offer.highest = Some(tag.clone()),
            None => offer.without_version = Some(tag.clone()),
        }
        let Some(reason) = left_out(rules, selection, tag, version.as_ref(), &running) else {
            offer.admitted_count += 1;
            offer.highest_admitted = Some(tag.clone());
            continue;
        };
        let known = offer.left_out.entry(reason);
        let known = known.or_insert_with(|| LeftOutTags { count: 0, example: tag.clone() });
        known.count += 1;
        known.example = tag.clone();
    }
    offer
}

/// Why a tag is not admitted; `None` if it is.
fn left_out(
    rules: &SelectionRules,
    selection: &Selection,
    tag: &Tag,
    version: Option<&Version>,
    running: &[&Version],
) -> Option<LeftOut> {
    let Some(version) = version else {
        return Some(match () {
            () if tag.is_floating() => LeftOut::Floating,
            () if rules.excludes(tag) => LeftOut::Excluded,
            () => LeftOut::NoVersion,
        });
    };
    if !rules.admits(version) {
        return Some(if version.is_prerelease() { LeftOut::Prerelease } else { LeftOut::OutOfRange });
    }
    if selection.rejection(tag).is_some() {
        return Some(LeftOut::NoImage);
    }
    let is_other = !running.is_empty() && !running.iter().any(|running| version.is_same_variant(running));
    is_other.then_some(LeftOut::OtherVariant)
}
