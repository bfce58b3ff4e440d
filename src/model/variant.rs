//! Variants: what the suffix of a version says besides "pre-release", such as `-alpine3.20` or `-rootless`.
//!
//! Semantic versioning calls every suffix a pre-release. Image tags use suffixes for builds of the same version on another
//! base, and those are different images. A suffix is split into its pre-release words (`rc.1`) and the rest, its variant.

use std::cmp::Ordering;

/// Words that make a suffix a pre-release; digits may follow directly (`rc1`) or as further parts (`rc.1`).
const PRERELEASE_WORDS: [&str; 21] = [
    "alpha",
    "beta",
    "canary",
    "cr",
    "dev",
    "devel",
    "ea",
    "eap",
    "experimental",
    "insiders",
    "milestone",
    "next",
    "nightly",
    "pr",
    "pre",
    "preview",
    "prerelease",
    "rc",
    "snapshot",
    "unstable",
    "incubating",
];

/// Words whose number counts builds of one version, so that it may start again with the next version: `-r0`, `-ls45`.
const REVISION_WORDS: [&str; 17] = [
    "b", "bld", "build", "fix", "hf", "hotfix", "ls", "p", "patch", "pl", "post", "r", "rel", "rev",
    "revision", "sp", "update",
];

/// The part of a suffix that names a variant: its text with every number taken out, and the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    /// The text with `#` for a number and `@` for a commit hash: `-alpine#.#`, `-#-@`.
    shape: Box<str>,
    numbers: Vec<Number>,
}

/// A number inside a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Number {
    /// Digits without leading zeros.
    digits: Box<str>,
    /// Whether it counts builds of one version, rather than naming a version of the base image.
    is_revision: bool,
}

/// A parsed suffix.
pub(super) struct Suffix {
    /// The pre-release words, such as `rc.1`; empty for a release.
    pub(super) prerelease: String,
    pub(super) variant: Option<Variant>,
}

impl Suffix {
    /// Parses the text behind the first `-` of a version.
    pub(super) fn read(text: &str) -> Self {
        let mut prerelease = String::new();
        let mut rest: Vec<(char, &str)> = Vec::new();
        let mut is_prerelease = false;
        for (separator, part) in parts(text) {
            is_prerelease = is_prerelease_word(part) || (is_prerelease && continues_prerelease(part));
            if is_prerelease {
                if !prerelease.is_empty() {
                    prerelease.push(separator);
                }
                prerelease.push_str(part);
            } else {
                rest.push((separator, part));
            }
        }
        let variant = (!rest.is_empty()).then(|| Variant::of(&rest));
        Self { prerelease, variant }
    }
}

impl Variant {
    fn of(parts: &[(char, &str)]) -> Self {
        let mut shape = String::new();
        let mut numbers = Vec::new();
        let mut is_revision = true;
        let mut before: Option<&str> = None;
        for (separator, part) in parts {
            shape.push(if shape.is_empty() { '-' } else { *separator });
            if is_hash(part) {
                shape.push('@');
                is_revision = true;
            } else {
                if *separator == '-' || before.is_none() {
                    is_revision = counts_builds(part, before);
                }
                push_part(part, is_revision, &mut shape, &mut numbers);
            }
            before = Some(part);
        }
        Self { shape: shape.into(), numbers }
    }

    /// Whether the image is the same variant as `running`, and its base image is not older.
    pub(super) fn may_follow(&self, running: &Self) -> bool {
        let is_older = |(one, other): (&Number, &Number)| !one.is_revision && one.cmp_digits(other).is_lt();
        self.shape == running.shape && !self.numbers.iter().zip(&running.numbers).any(is_older)
    }

    /// The suffix with `#` for each number and `@` for each commit hash.
    pub(super) fn shape(&self) -> &str {
        &self.shape
    }
}

impl Ord for Variant {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.numbers.iter().zip(&other.numbers);
        let by_number = pairs.map(|(one, other)| one.cmp_digits(other)).find(|order| order.is_ne());
        by_number.unwrap_or_else(|| self.shape.cmp(&other.shape))
    }
}

impl PartialOrd for Variant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Number {
    fn cmp_digits(&self, other: &Self) -> Ordering {
        self.digits.len().cmp(&other.digits.len()).then_with(|| self.digits.cmp(&other.digits))
    }
}

/// The parts of a suffix, each with the separator before it.
fn parts(text: &str) -> impl Iterator<Item = (char, &str)> {
    let mut separator = '-';
    text.split_inclusive(['-', '.']).filter_map(move |piece| {
        let part = piece.trim_end_matches(['-', '.']);
        let found = (!part.is_empty()).then_some((separator, part));
        separator = piece.chars().next_back().filter(|last| matches!(last, '-' | '.')).unwrap_or('-');
        found
    })
}

/// Letters, and the digits that follow them; `None` for any other form.
fn word_of(part: &str) -> Option<(String, &str)> {
    let letters = part.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, digits) = part.split_at(letters);
    let is_word = letters > 0 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_word.then(|| (word.to_ascii_lowercase(), digits))
}

fn is_prerelease_word(part: &str) -> bool {
    word_of(part).is_some_and(|(word, digits)| {
        PRERELEASE_WORDS.contains(&word.as_str()) || (word == "m" && !digits.is_empty())
    })
}

/// Whether a part after a pre-release word belongs to it: a number, a date or a commit hash.
fn continues_prerelease(part: &str) -> bool {
    let is_stamp = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z' | b't' | b'z');
    is_hash(part) || (part.starts_with(|first: char| first.is_ascii_digit()) && part.bytes().all(is_stamp))
}

/// A commit hash, with the `g` that `git describe` puts before it or without.
fn is_hash(part: &str) -> bool {
    let described = part.strip_prefix('g').filter(|rest| rest.len() >= 6);
    let digits = described.unwrap_or(part);
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let has_both = digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().any(|byte| byte.is_ascii_alphabetic());
    is_hex && (described.is_some() || (digits.len() >= 7 && has_both) || (digits.len() == 40))
}

/// Whether the numbers of a part count builds of one version.
fn counts_builds(part: &str, before: Option<&str>) -> bool {
    let is_revision_word =
        |text: &str| word_of(text).is_some_and(|(word, _)| REVISION_WORDS.contains(&word.as_str()));
    if !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return is_revision_word(part);
    }
    match before {
        // `-debian-11`: the number belongs to the word. `-alpine3.20-5`: it counts builds.
        Some(before) if before.bytes().all(|byte| byte.is_ascii_alphabetic()) => is_revision_word(before),
        _ => true,
    }
}

/// Adds a part to the shape, with its runs of digits taken out.
fn push_part(part: &str, is_revision: bool, shape: &mut String, numbers: &mut Vec<Number>) {
    let mut rest = part;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let trimmed = rest[..digits].trim_start_matches('0');
            numbers.push(Number { digits: trimmed.into(), is_revision });
            shape.push('#');
            rest = &rest[digits..];
        } else {
            let letters = rest.bytes().take_while(|byte| !byte.is_ascii_digit()).count();
            shape.push_str(&rest[..letters]);
            rest = &rest[letters..];
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::rc("rc1", "rc1", "")]
    #[case::rc_dot("rc.1", "rc.1", "")]
    #[case::upper_case("RC-2", "RC-2", "")]
    #[case::snapshot("SNAPSHOT", "SNAPSHOT", "")]
    #[case::stamped("SNAPSHOT-20240105.123456-7", "SNAPSHOT-20240105.123456-7", "")]
    #[case::dev_of_a_commit("dev.20240101.1a2b3c4", "dev.20240101.1a2b3c4", "")]
    #[case::milestone("m1", "m1", "")]
    #[case::m_alone("m", "", "-m")]
    #[case::a_word_that_begins_alike("prebuilt", "", "-prebuilt")]
    #[case::debian_is_no_dev("debian-11-r5", "", "-debian-#-r#")]
    #[case::nextcloud_is_no_next("nextcloud", "", "-nextcloud")]
    #[case::alpine("alpine3.20", "", "-alpine#.#")]
    #[case::both("rc1-alpine", "rc1", "-alpine")]
    #[case::both_the_other_way("alpine-rc1", "rc1", "-alpine")]
    #[case::both_with_numbers("beta.2-debian-11-r3", "beta.2", "-debian-#-r#")]
    #[case::build_number("45", "", "-#")]
    #[case::git_describe("5-gabcdef1", "", "-#-@")]
    #[case::commit("1a2b3c4", "", "-@")]
    #[case::hex_that_is_a_word("facade", "", "-facade")]
    #[case::release("RELEASE", "", "-RELEASE")]
    fn suffixes(#[case] text: &str, #[case] prerelease: &str, #[case] shape: &str) {
        let suffix = Suffix::read(text);
        assert_eq!(suffix.prerelease, prerelease);
        assert_eq!(suffix.variant.as_ref().map_or("", Variant::shape), shape);
    }

    #[rstest]
    #[case::same("rootless", "rootless", true)]
    #[case::another("rootless", "alpine", false)]
    #[case::base_rises("alpine3.20", "alpine3.21", true)]
    #[case::base_falls("alpine3.21", "alpine3.20", false)]
    #[case::base_falls_after_a_dash("debian-12", "debian-11", false)]
    #[case::revision_starts_again("r5", "r0", true)]
    #[case::build_starts_again("45", "1", true)]
    #[case::revision_of_a_base("debian-11-r5", "debian-11-r0", true)]
    #[case::build_of_a_base("alpine3.20-5", "alpine3.20-1", true)]
    #[case::commit("5-gabcdef1", "1-g1234567", true)]
    fn what_may_follow(#[case] running: &str, #[case] next: &str, #[case] expected: bool) {
        let variant = |text| Suffix::read(text).variant.unwrap();
        assert_eq!(variant(next).may_follow(&variant(running)), expected);
    }
}
