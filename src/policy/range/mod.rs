//! Version ranges, as Masterminds/semver v3 reads them, since that is what a Flux `ImagePolicy` means.
//!
//! A range is alternatives (`||`) of comparators that must all hold (a comma or spaces). Owns what a range admits;
//! must not know where versions come from. Departures, all of them refusals of what has no sensible meaning there
//! either: an operator other than `=`, `~` or `>=` before a lone `*`, and `|` inside a number.

mod comparator;
mod parse;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::model::Version;

use super::syntax_error::SyntaxError;
use comparator::Alternative;

/// Which versions may be chosen: `>=1.0.0`, `^1.2`, `~1.0`, `1.x`, `1.2 - 2.3`, `>=1 <3, !=2.1.0 || 4.0.0-rc.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    written: Box<str>,
    alternatives: Vec<Alternative>,
}

impl Range {
    /// Whether the range admits `version`.
    ///
    /// A pre-release is only when a comparator of the alternative that admits it names a pre-release itself, such as
    /// `>=1.0.0-0`. A `v` and build metadata do not count.
    pub fn admits(&self, version: &Version) -> bool {
        version.is_semver() && self.alternatives.iter().any(|alternative| alternative.admits(version))
    }

    /// The range, as written.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl FromStr for Range {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let alternatives = parse::alternatives(text)?;
        Ok(Self { written: text.trim().into(), alternatives })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.written)
    }
}
