//! A version as tags write it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use semver::Prerelease;
use thiserror::Error;

use super::variant::{Suffix, Variant};

/// The sort key of a tag: a semantic version, or the key of another order.
///
/// A semantic version is read as Flux 1.x reads it (Masterminds/semver v3 without strictness): an optional `v`, leading
/// zeros (`2024.01.05`), and at least two dots (`1.2-rc.1`). Order is precedence; the `v` and build metadata do not
/// count. Versions with different variants (`1.2.0`, `1.2.0-alpine`) are never equal, and [`Self::may_follow`] keeps
/// one from replacing the other.
#[derive(Clone, Debug)]
pub struct Version {
    /// As written, without the `v`.
    text: Box<str>,
    key: Key,
}

#[derive(Clone, Debug)]
enum Key {
    Semver {
        numbers: [u64; 3],
        prerelease: Prerelease,
        variant: Option<Box<Variant>>,
        /// Where the suffix lies in the text, after its `-`.
        suffix: (usize, usize),
    },
    Number {
        value: f64,
        is_descending: bool,
    },
    Text {
        is_descending: bool,
    },
}

/// The text is not a semantic version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a semantic version such as v1.0.180")]
pub struct VersionError;

impl Version {
    /// A key that is ordered as a number; `None` if the text is no number.
    pub fn numeric(text: &str, is_descending: bool) -> Option<Self> {
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
        Some(Self { text: text.into(), key: Key::Number { value, is_descending } })
    }

    /// A key that is ordered as text, byte by byte.
    pub fn alphabetical(text: &str, is_descending: bool) -> Self {
        Self { text: text.into(), key: Key::Text { is_descending } }
    }

    /// A bound of a range, in which every suffix that names no variant is a pre-release: `1.0.0-0`.
    pub(crate) fn bound(text: &str) -> Result<Self, VersionError> {
        let mut version = Self::from_str(text)?;
        let has_letters = version.suffix().bytes().any(|byte| byte.is_ascii_alphabetic());
        let whole = Prerelease::new(version.suffix()).map_err(|_| VersionError)?;
        if let Key::Semver { prerelease, variant, .. } = &mut version.key
            && !has_letters
        {
            (*prerelease, *variant) = (whole, None);
        }
        Ok(version)
    }

    /// Whether it is a semantic version.
    pub(crate) fn is_semver(&self) -> bool {
        matches!(self.key, Key::Semver { .. })
    }

    /// The first number.
    pub fn major(&self) -> u64 {
        self.numbers()[0]
    }

    /// The second number.
    pub fn minor(&self) -> u64 {
        self.numbers()[1]
    }

    /// The three numbers; zeros for a key of another order.
    pub fn numbers(&self) -> [u64; 3] {
        match &self.key {
            Key::Semver { numbers, .. } => *numbers,
            Key::Number { .. } | Key::Text { .. } => [0; 3],
        }
    }

    /// What makes it a pre-release, such as `rc.1`, without its variant; empty for a release.
    pub fn prerelease(&self) -> &str {
        match &self.key {
            Key::Semver { prerelease, .. } => prerelease.as_str(),
            Key::Number { .. } | Key::Text { .. } => "",
        }
    }

    /// Whether it is a pre-release, such as `1.0.0-rc.1`.
    pub fn is_prerelease(&self) -> bool {
        !self.prerelease().is_empty()
    }

    /// Everything between the first `-` and the build metadata.
    pub(crate) fn suffix(&self) -> &str {
        match &self.key {
            Key::Semver { suffix: (from, to), .. } => &self.text[*from..*to],
            Key::Number { .. } | Key::Text { .. } => "",
        }
    }

    /// The suffix that makes it a variant, with `#` for numbers and `@` for a commit hash: `-alpine#.#`; empty for none.
    pub fn variant(&self) -> &str {
        match &self.key {
            Key::Semver { variant: Some(variant), .. } => variant.shape(),
            _ => "",
        }
    }

    /// Whether it is higher than `running` and the same variant, with a base image that is not older.
    pub fn may_follow(&self, running: &Self) -> bool {
        self > running && self.is_same_variant(running) && self.is_no_older_base(running)
    }

    /// Whether both are the same variant, whatever the numbers in their suffixes.
    pub fn is_same_variant(&self, other: &Self) -> bool {
        self.variant() == other.variant()
    }

    fn is_no_older_base(&self, running: &Self) -> bool {
        match (&self.key, &running.key) {
            (Key::Semver { variant: Some(one), .. }, Key::Semver { variant: Some(other), .. }) => {
                one.may_follow(other)
            }
            _ => true,
        }
    }

    /// Precedence without the variant, as ranges compare.
    pub(crate) fn cmp_release(&self, other: &Self) -> Ordering {
        match (&self.key, &other.key) {
            (
                Key::Semver { numbers, prerelease, .. },
                Key::Semver { numbers: other_numbers, prerelease: other_prerelease, .. },
            ) => numbers.cmp(other_numbers).then_with(|| prerelease.cmp(other_prerelease)),
            _ => self.cmp(other),
        }
    }

    /// Whether both have the same numbers and exactly the same suffix.
    pub(crate) fn is_exactly(&self, other: &Self) -> bool {
        self.numbers() == other.numbers() && self.suffix() == other.suffix()
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix('v').unwrap_or(text);
        // Flux requires two dots before it takes missing numbers as zero.
        if text.bytes().filter(|byte| *byte == b'.').count() < 2 {
            return Err(VersionError);
        }
        let (without_build, build) =
            text.split_once('+').map_or((text, None), |(one, build)| (one, Some(build)));
        if build.is_some_and(|build| semver::BuildMetadata::new(build).map_or(true, |build| build.is_empty()))
        {
            return Err(VersionError);
        }
        let (core, suffix) = without_build
            .split_once('-')
            .map_or((without_build, None), |(core, suffix)| (core, Some(suffix)));
        let mut numbers = [0; 3];
        let mut written = core.split('.');
        for (number, digits) in numbers.iter_mut().zip(written.by_ref()) {
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            *number = digits.parse().ok().filter(|_| is_number).ok_or(VersionError)?;
        }
        if written.next().is_some() {
            return Err(VersionError);
        }
        let Some(suffix) = suffix else {
            let (at, prerelease) = (core.len(), Prerelease::EMPTY);
            let key = Key::Semver { numbers, prerelease, variant: None, suffix: (at, at) };
            return Ok(Self { text: text.into(), key });
        };
        let whole = Prerelease::new(suffix).map_err(|_| VersionError)?;
        if whole.is_empty() {
            return Err(VersionError);
        }
        let Suffix { prerelease, variant } = Suffix::read(suffix);
        // If any part of the suffix is no pre-release word, the whole suffix is the variant.
        let (prerelease, variant) = match Prerelease::new(&prerelease) {
            Ok(prerelease) => (prerelease, variant.map(Box::new)),
            Err(_) => (whole, None),
        };
        let suffix = (core.len() + 1, without_build.len());
        Ok(Self { text: text.into(), key: Key::Semver { numbers, prerelease, variant, suffix } })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let turned =
            |order: Ordering, is_descending: bool| if is_descending { order.reverse() } else { order };
        match (&self.key, &other.key) {
            (Key::Semver { variant, .. }, Key::Semver { variant: other_variant, .. }) => {
                self.cmp_release(other).then_with(|| variant.cmp(other_variant))
            }
            (Key::Number { value, is_descending }, Key::Number { value: other, .. }) => {
                turned(value.total_cmp(other), *is_descending)
            }
            (Key::Text { is_descending }, Key::Text { .. }) => {
                turned(self.text.cmp(&other.text), *is_descending)
            }
            (one, other) => one.place().cmp(&other.place()),
        }
    }
}

impl Key {
    /// Keys of different kinds never come from one set of rules, but a total order needs a rule.
    fn place(&self) -> u8 {
        match self {
            Self::Semver { .. } => 0,
            Self::Number { .. } => 1,
            Self::Text { .. } => 2,
        }
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn precedence_is_that_of_the_specification() {
        // Section 11 of semver 2.0.0.
        let ascending = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "2.0.0",
            "2.1.0",
            "2.1.1",
        ];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn a_v_and_build_metadata_do_not_count() {
        assert_eq!(version("v1.0.0"), version("1.0.0"));
        assert_eq!(version("1.0.0+a"), version("1.0.0+b"));
    }

    #[rstest]
    #[case::leading_zeros("2024.01.05", [2024, 1, 5], "")]
    #[case::with_a_v("v2024.01.05", [2024, 1, 5], "")]
    #[case::two_numbers("1.2-rc.1", [1, 2, 0], "rc.1")]
    #[case::one_number("1-rc.1.2", [1, 0, 0], "rc.1.2")]
    #[case::two_numbers_and_a_variant("1.2-alpine3.20", [1, 2, 0], "")]
    fn flux_reads_these(#[case] text: &str, #[case] numbers: [u64; 3], #[case] prerelease: &str) {
        let version = version(text);
        assert_eq!((version.numbers(), version.prerelease()), (numbers, prerelease));
        assert_eq!(version.to_string(), text.trim_start_matches('v'), "written as it is");
    }

    #[test]
    fn an_invalid_version_is_refused() {
        for bad in [
            "",
            "v",
            "1",
            "1.2",
            "1.2.3.4",
            "vv1.2.3",
            "V1.2.3",
            "1.2.x",
            "1.2.3-",
            "latest",
            " 1.2.3",
            "1.2.3-rc.01",
            "1.2.3+",
            "1..3",
            ".1.2",
            "1.2.",
            "+1.2.3",
            "1.2.+3",
            "1.2.99999999999999999999",
            "1.2-rc1",
            "1.2-5",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }

    #[rstest]
    #[case::next_of_a_variant("1.2.0-rootless", "1.2.1-rootless", true)]
    #[case::variant_dropped("1.2.0-rootless", "1.2.1", false)]
    #[case::variant_of_the_same_version_dropped("1.2.0-rootless", "1.2.0", false)]
    #[case::variant_added("1.2.0", "1.2.1-alpine", false)]
    #[case::another_variant("1.2.0-alpine", "1.3.0-debian", false)]
    #[case::base_alone_rises("1.2.0-alpine3.20", "1.2.0-alpine3.21", true)]
    #[case::base_by_length("1.2.0-alpine3.9", "1.2.0-alpine3.10", true)]
    #[case::base_falls("1.2.0-alpine3.21", "1.2.1-alpine3.20", false)]
    #[case::base_without_a_number("1.2.0-alpine", "1.2.1-alpine3.20", false)]
    #[case::revision_starts_again("1.2.0-r5", "1.2.1-r0", true)]
    #[case::build_number("1.2.0-45", "1.2.0-46", true)]
    #[case::release_after_a_prerelease("1.2.0-rc.1", "1.2.0", true)]
    #[case::of_a_variant_too("1.2.0-rc1-alpine", "1.2.0-alpine", true)]
    #[case::but_not_of_another("1.2.0-rc1-alpine", "1.2.0", false)]
    #[case::git_describe("1.2.3-5-gabcdef1", "1.2.3-6-g1234567", true)]
    #[case::git_describe_to_a_release("1.2.3-5-gabcdef1", "1.2.4", false)]
    #[case::another_commit_of_one_version("1.2.3-abcdef1", "1.2.3-1234abc", false)]
    #[case::lower("1.2.1-alpine", "1.2.0-alpine", false)]
    fn what_may_follow(#[case] running: &str, #[case] next: &str, #[case] expected: bool) {
        assert_eq!(version(next).may_follow(&version(running)), expected);
    }

    #[test]
    fn keys_are_ordered_both_ways() {
        let number = |text: &str, is_descending| Version::numeric(text, is_descending).unwrap();
        assert!(number("9", false) < number("10", false));
        assert!(number("9", true) > number("10", true));
        assert!(number("1.5", false) < number("20260819092217", false));
        assert!(Version::alphabetical("RELEASE.2024", false) < Version::alphabetical("RELEASE.2025", false));
        assert!(Version::alphabetical("a", true) > Version::alphabetical("b", true));
        assert_eq!(Version::numeric("12a", false).map(|key| key.to_string()), None);
    }
}
