//! A second reading of ranges, slow and plain: the sentences of Masterminds' documentation on lists of numbers, without
//! bounds and without a parser. Generated ranges must mean the same in both.

use proptest::prelude::*;

use super::Range;
use crate::model::Version;

/// A comparator before it is text.
#[derive(Clone, Debug)]
struct Sample {
    operator: &'static str,
    numbers: Vec<u64>,
    prerelease: Option<&'static str>,
}

impl Sample {
    fn text(&self) -> String {
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        let prerelease = self.prerelease.map(|text| format!("-{text}")).unwrap_or_default();
        format!("{}{}{prerelease}", self.operator, numbers.join("."))
    }

    /// The version with zeros for what is missing.
    fn version(&self) -> Version {
        let mut numbers = self.numbers.clone();
        numbers.resize(3, 0);
        let full = Self { operator: "", numbers, prerelease: self.prerelease };
        Version::bound(&full.text()).unwrap()
    }

    fn admits(&self, version: &Version) -> bool {
        let given = self.numbers.len();
        let is_partial = given < 3;
        let own = self.version();
        let starts_alike = |count: usize| version.numbers()[..count] == own.numbers()[..count];
        match self.operator {
            "" | "=" if is_partial => *version >= own && starts_alike(given),
            "" | "=" => *version == own,
            "!=" if given == 2 => !(starts_alike(2) && version.prerelease() == own.prerelease()),
            "!=" if given == 1 => !starts_alike(1),
            "!=" => *version != own,
            ">" if is_partial => version.numbers()[..given] > own.numbers()[..given],
            ">" => *version > own,
            ">=" => *version >= own,
            "<" => *version < own,
            "<=" if is_partial => version.numbers()[..given] <= own.numbers()[..given],
            "<=" => *version <= own,
            "~" if own.numbers() == [0, 0, 0] && !is_partial => *version >= own,
            "~" => *version >= own && starts_alike(given.min(2)),
            "^" => {
                let first_not_zero = self.numbers.iter().position(|number| *number > 0);
                *version >= own && starts_alike(first_not_zero.map_or(given, |at| at + 1))
            }
            other => unreachable!("{other}"),
        }
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    let operator = prop::sample::select(vec!["", "=", "!=", ">", ">=", "<", "<=", "~", "^"]);
    let prerelease = prop::option::weighted(0.3, prop::sample::select(vec!["0", "alpha", "rc.1"]));
    (operator, prop::collection::vec(0_u64..3, 1..=3), prerelease)
        .prop_map(|(operator, numbers, prerelease)| Sample { operator, numbers, prerelease })
}

fn version() -> impl Strategy<Value = Version> {
    let prerelease = prop::sample::select(vec!["", "-alpha", "-beta", "-rc.1", "-rc.2"]);
    (0_u64..4, 0_u64..4, 0_u64..4, prerelease).prop_map(|(major, minor, patch, prerelease)| {
        format!("{major}.{minor}.{patch}{prerelease}").parse().unwrap()
    })
}

proptest! {
    #[test]
    fn the_range_matches_its_documentation(
        alternatives in prop::collection::vec(prop::collection::vec(sample(), 1..3), 1..3),
        versions in prop::collection::vec(version(), 32),
    ) {
        let text = alternatives
            .iter()
            .map(|samples| samples.iter().map(Sample::text).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join(" || ");
        let range: Range = text.parse().unwrap();
        for version in versions {
            let expected = alternatives.iter().any(|samples| {
                let looks_at_prereleases = samples.iter().any(|sample| sample.prerelease.is_some());
                (looks_at_prereleases || !version.is_prerelease())
                    && samples.iter().all(|sample| sample.admits(&version))
            });
            prop_assert_eq!(range.admits(&version), expected, "{} and {}", text, version);
        }
    }
}
