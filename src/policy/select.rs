//! Selection: which of a registry's tags may be chosen, in order.
//!
//! tag → pattern → semantic version → range. Owns what is a candidate; must not know what runs where.

use std::str::FromStr;

use crate::model::{Tag, Version};

use super::pattern::TagPattern;
use super::range::Range;

/// What may be chosen for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionRules {
    /// The versions that are admitted.
    pub versions: Range,
    /// Where a tag's version is, if the tag is more than its version.
    pub tag_pattern: Option<TagPattern>,
}

/// A tag and the version that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The tag, as the registry has it.
    pub tag: Tag,
    /// The version, read by the selection rules.
    pub version: Version,
}

/// The tags that the rules admit, from the lowest version to the highest.
///
/// Two tags of the same version (`1.0.0` and `v1.0.0`) are ordered by their text, so that the order in which the
/// registry names them changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    ascending: Vec<Candidate>,
}

impl SelectionRules {
    /// The version that `tag` stands for; the range is not asked.
    ///
    /// Names that say nothing about what they hold (`latest`, `main`, `master`, `dev`), and the tags under which
    /// signatures, attestations and referrers are kept, stand for none, whatever the pattern says.
    pub fn version_of(&self, tag: &Tag) -> Option<Version> {
        if tag.is_floating() || names_a_digest(tag) {
            return None;
        }
        match &self.tag_pattern {
            Some(pattern) => Version::from_str(&pattern.version_text(tag)?).ok(),
            None => Version::from_str(tag.as_str()).ok(),
        }
    }

    /// The candidate that a tag is, if it is one.
    pub fn candidate(&self, tag: &Tag) -> Option<Candidate> {
        let version = self.version_of(tag)?;
        self.versions.admits(&version).then(|| Candidate { tag: tag.clone(), version })
    }

    /// The candidates among `tags`.
    pub fn select(&self, tags: &[Tag]) -> Selection {
        let mut ascending: Vec<Candidate> = tags.iter().filter_map(|tag| self.candidate(tag)).collect();
        ascending.sort_unstable_by(|a, b| a.version.cmp(&b.version).then_with(|| a.tag.cmp(&b.tag)));
        ascending.dedup();
        Selection { ascending }
    }
}

impl Selection {
    /// The candidate with the highest version.
    pub fn highest(&self) -> Option<&Candidate> {
        self.ascending.last()
    }

    /// The candidates that are higher than `version`, ascending.
    pub fn above(&self, version: &Version) -> &[Candidate] {
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

    /// The candidate with exactly this tag and version; quicker than [`Self::find`].
    pub(super) fn find_candidate(&self, wanted: &Candidate) -> Option<&Candidate> {
        let first = self.ascending.partition_point(|candidate| candidate.version < wanted.version);
        let same_version =
            self.ascending[first..].iter().take_while(|candidate| candidate.version == wanted.version);
        same_version.into_iter().find(|candidate| candidate.tag == wanted.tag)
    }

    /// All candidates, ascending.
    pub fn candidates(&self) -> &[Candidate] {
        &self.ascending
    }

    /// Takes in one more candidate, in its place.
    pub fn take_in(&mut self, candidate: Candidate) {
        let order =
            |one: &Candidate| one.version.cmp(&candidate.version).then_with(|| one.tag.cmp(&candidate.tag));
        if let Err(place) = self.ascending.binary_search_by(order) {
            self.ascending.insert(place, candidate);
        }
    }

    /// How many candidates there are.
    pub fn len(&self) -> usize {
        self.ascending.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ascending.is_empty()
    }
}

/// Whether the tag is a digest, as cosign (`sha256-….sig`, `.att`, `.sbom`) and the referrers fallback of the
/// distribution specification (`sha256-…`) name what belongs to an image.
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
        SelectionRules {
            versions: versions.parse().unwrap(),
            tag_pattern: tag_pattern.map(|pattern| pattern.parse().unwrap()),
        }
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
    fn what_belongs_to_an_image_is_no_candidate() {
        let everything = SelectionRules {
            versions: "*-0".parse().unwrap(),
            tag_pattern: Some(TagPattern::with_extract("^(.)", "1.0.0").unwrap()),
        };
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
        assert_eq!(selection.above(&"1.0.0".parse().unwrap()).len(), 2);
        assert_eq!(selection.above(&"1.1.0".parse().unwrap()), []);
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
            parse(&tags.1).iter().filter_map(|tag| rules.candidate(tag)).for_each(|one| one_by_one.take_in(one));
            prop_assert_eq!(&selection, &one_by_one);
            prop_assert!(selection.candidates().is_sorted_by_key(|candidate| &candidate.version));
        }
    }
}
