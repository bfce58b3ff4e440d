//! Selection: the tags of a registry that are candidates, in order.
//!
//! Each tag passes exclusions, pattern, version or key, and range. Must not know what runs where.

use std::cmp::Ordering;
use std::str::FromStr;

use crate::model::{Artifact, Tag, Version};

use super::pattern::TagPattern;
use super::range::Range;

/// The rules by which an image's tags are selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionRules {
    /// The admitted versions.
    pub versions: Range,
    /// Extracts the version, if a tag is more than its version.
    pub tag_pattern: Option<TagPattern>,
    /// The order of the tags. Orders other than semver ignore `versions`.
    pub order: TagOrder,
    /// Tags that match one of these are ignored, as by the `exclusionList` of a Flux ImageRepository.
    pub exclusions: Vec<TagPattern>,
}

/// The order of an image's tags, as in a Flux ImagePolicy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TagOrder {
    /// As semantic versions.
    #[default]
    Semver,
    /// As numbers.
    Numeric {
        /// The lowest number is the newest.
        is_descending: bool,
    },
    /// As text, byte by byte.
    Alphabetical {
        /// The first in the alphabet is the newest.
        is_descending: bool,
    },
}

/// A tag and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The tag, as the registry has it.
    pub tag: Tag,
    /// The version, as the selection rules read it.
    pub version: Version,
}

/// The tags that the rules admit, from the lowest version to the highest.
///
/// Of tags with the same version, the last is the one that Flux 1.x selects: the last by text (`v1.0.0` after `1.0.0`), but
/// the first by text where a pattern extracts the version. The order of the registry does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    ascending: Vec<Candidate>,
    is_extracted: bool,
    /// Tags that the rules admit but that are no runnable image.
    rejected: Vec<(Candidate, Artifact)>,
}

fn place(one: &Candidate, other: &Candidate, is_extracted: bool) -> Ordering {
    let by_text = one.tag.cmp(&other.tag);
    one.version.cmp(&other.version).then(if is_extracted { by_text.reverse() } else { by_text })
}

impl SelectionRules {
    /// Rules for semantic versions.
    pub fn new(versions: Range, tag_pattern: Option<TagPattern>) -> Self {
        Self { versions, tag_pattern, order: TagOrder::Semver, exclusions: Vec::new() }
    }

    /// The version of `tag`, in the range or not.
    ///
    /// Tags without a version of their own (`latest`, `main`, `master`, `dev`) and the tags of signatures, attestations and
    /// referrers have none, even if the pattern matches.
    pub fn version_of(&self, tag: &Tag) -> Option<Version> {
        if tag.is_floating() || self.excludes(tag) {
            return None;
        }
        let text = match &self.tag_pattern {
            Some(pattern) => pattern.version_text(tag)?,
            None => tag.as_str().into(),
        };
        match self.order {
            TagOrder::Semver => Version::from_str(&text).ok(),
            TagOrder::Numeric { is_descending } => Version::numeric(&text, is_descending),
            TagOrder::Alphabetical { is_descending } => Some(Version::alphabetical(&text, is_descending)),
        }
    }

    /// Whether a tag is none of the image's: excluded by name, or kept for a signature or another referrer.
    pub(super) fn excludes(&self, tag: &Tag) -> bool {
        names_a_digest(tag) || self.exclusions.iter().any(|one| one.matches(tag))
    }

    /// Whether the rules admit a version.
    pub fn admits(&self, version: &Version) -> bool {
        self.order != TagOrder::Semver || self.versions.admits(version)
    }

    /// The admitted versions, for messages.
    pub fn shown(&self) -> String {
        match self.order {
            TagOrder::Semver => self.versions.to_string(),
            TagOrder::Numeric { .. } => "order: numeric".to_owned(),
            TagOrder::Alphabetical { .. } => "order: alphabetical".to_owned(),
        }
    }

    /// The candidate of a tag, if the rules admit it.
    pub fn candidate(&self, tag: &Tag) -> Option<Candidate> {
        let version = self.version_of(tag)?;
        self.admits(&version).then(|| Candidate { tag: tag.clone(), version })
    }

    /// The candidates among `tags`.
    pub fn select(&self, tags: &[Tag]) -> Selection {
        let mut ascending: Vec<Candidate> = tags.iter().filter_map(|tag| self.candidate(tag)).collect();
        let is_extracted = self.tag_pattern.is_some();
        ascending.sort_unstable_by(|a, b| place(a, b, is_extracted));
        ascending.dedup();
        // Growth by doubling leaves spare capacity, and a selection lives as long as its tag list.
        ascending.shrink_to_fit();
        Selection { ascending, is_extracted, rejected: Vec::new() }
    }
}

impl Selection {
    /// The candidate with the highest version.
    pub fn highest(&self) -> Option<&Candidate> {
        self.ascending.last()
    }

    /// The candidates that may follow `version`, ascending: higher ones of the same variant.
    pub fn above<'a>(&'a self, version: &'a Version) -> impl DoubleEndedIterator<Item = &'a Candidate> {
        let higher = self.higher(version).iter();
        higher.filter(|candidate| candidate.version.may_follow(version))
    }

    /// The candidates higher than `version`, of any variant, ascending.
    pub(super) fn higher(&self, version: &Version) -> &[Candidate] {
        let first = self.ascending.partition_point(|candidate| candidate.version <= *version);
        &self.ascending[first..]
    }

    /// The candidate with this tag.
    pub fn find(&self, tag: &Tag) -> Option<&Candidate> {
        self.ascending.iter().find(|candidate| candidate.tag == *tag)
    }

    /// Whether a candidate has this tag.
    pub fn contains(&self, tag: &Tag) -> bool {
        self.find(tag).is_some()
    }

    /// The candidate with exactly this tag and version; faster than [`Self::find`].
    pub(super) fn find_candidate<'a>(&'a self, wanted: &'a Candidate) -> Option<&'a Candidate> {
        self.of_version(&wanted.version).find(|candidate| candidate.tag == wanted.tag)
    }

    /// The candidates of this version.
    pub(super) fn of_version<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = &'a Candidate> {
        let first = self.ascending.partition_point(|candidate| candidate.version < *version);
        self.ascending[first..].iter().take_while(|candidate| candidate.version == *version)
    }

    /// All candidates, ascending.
    pub fn candidates(&self) -> &[Candidate] {
        &self.ascending
    }

    /// Inserts a candidate in order.
    pub fn insert(&mut self, candidate: Candidate) {
        let is_extracted = self.is_extracted;
        if let Err(place) = self.ascending.binary_search_by(|one| place(one, &candidate, is_extracted)) {
            self.ascending.insert(place, candidate);
        }
    }

    /// The selection without this tag, which is no runnable image.
    #[must_use]
    pub fn reject(&self, tag: &Tag, artifact: &Artifact) -> Self {
        let mut kept = self.clone();
        let dropped = kept.ascending.extract_if(.., |candidate| candidate.tag == *tag);
        let dropped: Vec<(Candidate, Artifact)> =
            dropped.map(|candidate| (candidate, artifact.clone())).collect();
        kept.rejected.extend(dropped);
        kept
    }

    /// The kind of an admitted tag that is no runnable image.
    pub fn rejection(&self, tag: &Tag) -> Option<&Artifact> {
        self.rejected.iter().find(|(candidate, _)| candidate.tag == *tag).map(|(_, artifact)| artifact)
    }

    /// The highest incomplete image above `version`, with what it lacks. Charts and other artifacts do not count.
    pub(super) fn highest_incomplete_above(&self, version: &Version) -> Option<(&Tag, &str)> {
        let incomplete = self.rejected.iter().filter_map(|(candidate, artifact)| match artifact {
            Artifact::Incomplete(reason) => Some((candidate, reason.as_str())),
            Artifact::Image | Artifact::Other(_) => None,
        });
        let above = incomplete.filter(|(candidate, _)| candidate.version.may_follow(version));
        let highest = above.max_by(|(one, _), (other, _)| one.version.cmp(&other.version));
        highest.map(|(candidate, reason)| (&candidate.tag, reason))
    }

    /// Number of candidates.
    pub fn len(&self) -> usize {
        self.ascending.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ascending.is_empty()
    }
}

/// Whether the tag names a digest, as for signatures of cosign (`sha256-….sig`, `.att`, `.sbom`) and the referrers fallback
/// of the distribution specification (`sha256-…`).
fn names_a_digest(tag: &Tag) -> bool {
    let text = tag.as_str();
    let Some(digits) = text.strip_prefix("sha256-").or_else(|| text.strip_prefix("sha512-")) else {
        return false;
    };
    digits.len() >= 64 && digits.bytes().take(64).all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn rules(versions: &str, tag_pattern: Option<&str>) -> SelectionRules {
        SelectionRules::new(versions.parse().unwrap(), tag_pattern.map(|pattern| pattern.parse().unwrap()))
    }

    fn tags(text: &str) -> Vec<Tag> {
        text.split_whitespace().map(|tag| tag.parse().unwrap()).collect()
    }

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[rstest]
    #[case::ascending("*", None, "v1.0.10 v1.0.9 v1.0.100", "v1.0.9 v1.0.10 v1.0.100")]
    #[case::range("~1.0", None, "v1.0.1 v1.1.0 v0.9.0", "v1.0.1")]
    #[case::not_versions("*", None, "latest main 1 1.2 v1.2.3.4 sha-abc v1.2.3", "v1.2.3")]
    #[case::prereleases(">=1.0.0", None, "v1.0.0 v1.1.0-rc.1", "v1.0.0")]
    #[case::prereleases_wanted(">=1.0.0-0", None, "v1.0.0 v1.1.0-rc.1", "v1.0.0 v1.1.0-rc.1")]
    #[case::pattern(
        "*",
        Some("^(?P<version>v.*)-web$"),
        "v1.0.0 v1.0.1-web v1.0.0-web",
        "v1.0.0-web v1.0.1-web"
    )]
    #[case::same_version("*", None, "v1.0.0 1.0.0", "1.0.0 v1.0.0")]
    #[case::repeated("*", None, "v1.0.0 v1.0.0", "v1.0.0")]
    #[case::floating("*", Some("(?P<version>)dev|v(?P<x>.*)"), "dev latest", "")]
    #[case::nothing("*", None, "", "")]
    fn selects(
        #[case] versions: &str,
        #[case] pattern: Option<&str>,
        #[case] given: &str,
        #[case] expected: &str,
    ) {
        let selection = rules(versions, pattern).select(&tags(given));
        let found: Vec<Tag> = selection.candidates().iter().map(|one| one.tag.clone()).collect();
        assert_eq!(found, tags(expected));
    }

    #[test]
    fn signatures_and_attestations_are_no_candidates() {
        let pattern = TagPattern::with_extract("^(.)", "1.0.0").unwrap();
        let everything = SelectionRules::new("*-0".parse().unwrap(), Some(pattern));
        for suffix in ["", ".sig", ".att", ".sbom"] {
            let tag = format!("sha256-{HEX}{suffix}").parse().unwrap();
            assert_eq!(everything.version_of(&tag), None, "{tag}");
        }
        assert!(everything.version_of(&"sha256-abc".parse().unwrap()).is_some());
        assert_eq!(everything.version_of(&"latest".parse().unwrap()), None);
    }

    #[test]
    fn finds_by_tag_and_by_order() {
        let selection = rules("*", None).select(&tags("v1.0.0 1.0.0 v1.0.1 v1.1.0"));
        let tag: Tag = "v1.0.1".parse().unwrap();
        let found = selection.find(&tag).unwrap();
        assert_eq!(selection.find_candidate(found), Some(found));
        assert_eq!(selection.above(&"1.0.0".parse().unwrap()).count(), 2);
        assert_eq!(selection.above(&"1.1.0".parse().unwrap()).count(), 0);
        assert_eq!(selection.highest().unwrap().tag.as_str(), "v1.1.0");
        assert!(!selection.contains(&"v9.0.0".parse().unwrap()));
        let second = Candidate { tag: "v1.0.0".parse().unwrap(), version: "1.0.0".parse().unwrap() };
        assert_eq!(selection.find_candidate(&second), Some(&second));
    }

    proptest! {
        #[test]
        fn the_order_of_the_tags_changes_nothing(
            tags in prop::collection::vec("v?[0-2]\\.[0-2]\\.[0-2](-rc)?|[a-z]{3}", 0..20)
                .prop_flat_map(|tags| (Just(tags.clone()), Just(tags).prop_shuffle())),
        ) {
            let parse = |tags: &[String]| -> Vec<Tag> { tags.iter().map(|tag| tag.parse().unwrap()).collect() };
            let rules = rules(">=0.1.0-0", None);
            let selection = rules.select(&parse(&tags.0));
            prop_assert_eq!(&selection, &rules.select(&parse(&tags.1)));
            let mut one_by_one = Selection::default();
            parse(&tags.1).iter().filter_map(|tag| rules.candidate(tag)).for_each(|one| one_by_one.insert(one));
            prop_assert_eq!(&selection, &one_by_one);
            prop_assert!(selection.candidates().is_sorted_by_key(|candidate| &candidate.version));
        }
    }
}
