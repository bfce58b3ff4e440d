//! A semantic version as tags write it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A semantic version (semver.org 2.0.0) with an optional `v` before it: `1.0.180`, `v1.0.180`, `2.0.0-rc.1`.
///
/// All three numbers are needed, as Flux wants them. Order and equality are precedence: the `v` and build metadata do
/// not count, so `v1.0.0` equals `1.0.0`.
#[derive(Clone, Debug)]
pub struct Version(semver::Version);

/// The text is not a semantic version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a semantic version such as v1.0.180")]
pub struct VersionError;

impl Version {
    /// The first number.
    pub fn major(&self) -> u64 {
        self.0.major
    }

    /// The second number.
    pub fn minor(&self) -> u64 {
        self.0.minor
    }

    /// The third number.
    pub fn patch(&self) -> u64 {
        self.0.patch
    }

    /// The three numbers.
    pub fn numbers(&self) -> [u64; 3] {
        [self.0.major, self.0.minor, self.0.patch]
    }

    /// What makes it a pre-release, such as `rc.1`; empty for a release.
    pub fn prerelease(&self) -> &str {
        self.0.pre.as_str()
    }

    /// Whether it is a pre-release, such as `1.0.0-rc.1`.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).map(Self).map_err(|_| VersionError)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
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
            "1.0.0-alpha.beta",
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

    #[test]
    fn what_is_not_one_is_refused() {
        for bad in [
            "", "v", "1", "1.2", "1.2.3.4", "vv1.2.3", "V1.2.3", "1.2.x", "01.2.3", "1.2.3-", "latest",
            " 1.2.3",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }
}
