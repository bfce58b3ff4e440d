//! One comparator of a range: an operator and a version that may be partial, turned into plain bounds.
//!
//! A bound is either a version, compared by precedence, or the first numbers of one, which leaves pre-releases of
//! the bound out too: `~1.2.3` is from the version 1.2.3 to below the numbers 1.3.0, and so does not admit `1.3.0-rc.1`.

use crate::model::Version;

/// The operator before the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Number of given parts; the rest are missing or wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Given {
    /// None of them: `*`.
    Nothing,
    /// The first: `1`, `1.x`.
    Major,
    /// The first two: `1.2`, `1.2.x`.
    Minor,
    /// All three.
    Patch,
}

/// A partial version. In `version`, missing numbers are zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) version: Version,
    pub(super) given: Given,
}

/// A condition on a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Comparator {
    /// Between two bounds.
    Within(Lower, Upper),
    /// Exactly this version and suffix.
    Exactly(Version),
    /// Any other version.
    Not(Version),
    /// Any other major version.
    NotMajor(u64),
    /// Any version with other major and minor numbers, or with another pre-release.
    NotMinor(Version),
}

/// Comparators that must all match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alternative {
    pub(super) comparators: Vec<Comparator>,
    /// One comparator that names a pre-release admits pre-releases for its whole alternative.
    pub(super) admits_prereleases: bool,
}

/// The lower bound of an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lower {
    Open,
    At(Version),
    After(Version),
    AtNumbers([u64; 3]),
}

/// The upper bound of an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Upper {
    Open,
    At(Version),
    Before(Version),
    BeforeNumbers([u64; 3]),
}

impl Alternative {
    pub(super) fn admits(&self, version: &Version) -> bool {
        (self.admits_prereleases || !version.is_prerelease())
            && self.comparators.iter().all(|comparator| comparator.admits(version))
    }
}

impl Comparator {
    pub(super) fn new(operator: Operator, partial: Partial) -> Self {
        let Partial { version, given } = partial;
        match operator {
            Operator::Equal if given == Given::Patch => Self::Exactly(version),
            Operator::Equal | Operator::Tilde => {
                let end = end_of_tilde(&version, given);
                Self::Within(Lower::At(version), end)
            }
            Operator::Caret => {
                let end = end_of_caret(&version, given);
                Self::Within(Lower::At(version), end)
            }
            Operator::Greater => Self::Within(beyond(version, given), Upper::Open),
            Operator::GreaterOrEqual => Self::Within(Lower::At(version), Upper::Open),
            Operator::Less => Self::Within(Lower::Open, Upper::Before(version)),
            Operator::LessOrEqual => Self::Within(Lower::Open, up_to(version, given)),
            Operator::NotEqual => other_than(version, given),
        }
    }

    pub(super) fn admits(&self, version: &Version) -> bool {
        match self {
            Self::Within(lower, upper) => lower.admits(version) && upper.admits(version),
            Self::Exactly(wanted) => version.is_exactly(wanted),
            Self::Not(excluded) => !version.is_exactly(excluded),
            Self::NotMajor(major) => version.major() != *major,
            Self::NotMinor(excluded) => {
                (version.major(), version.minor()) != (excluded.major(), excluded.minor())
                    || version.prerelease() != excluded.prerelease()
            }
        }
    }
}

impl Lower {
    fn admits(&self, version: &Version) -> bool {
        match self {
            Self::Open => true,
            Self::At(bound) => version.cmp_release(bound).is_ge(),
            Self::After(bound) => version.cmp_release(bound).is_gt(),
            Self::AtNumbers(numbers) => version.numbers() >= *numbers,
        }
    }
}

impl Upper {
    fn admits(&self, version: &Version) -> bool {
        match self {
            Self::Open => true,
            Self::At(bound) => version.cmp_release(bound).is_le(),
            Self::Before(bound) => version.cmp_release(bound).is_lt(),
            Self::BeforeNumbers(numbers) => version.numbers() < *numbers,
        }
    }
}

/// `~1.2.3` and `~1.2` end with 1.2, `~1` ends with 1; `~*` and, by Masterminds' own exception, `~0.0.0` never end.
fn end_of_tilde(version: &Version, given: Given) -> Upper {
    match given {
        Given::Nothing => Upper::Open,
        Given::Patch if version.numbers() == [0, 0, 0] => Upper::Open,
        Given::Major => Upper::BeforeNumbers(next_major(version)),
        Given::Minor | Given::Patch => Upper::BeforeNumbers(next_minor(version)),
    }
}

/// A caret keeps the first number that is not zero: `^1.2.3` ends with 1, `^0.2.3` with 0.2, `^0.0.3` with 0.0.3.
fn end_of_caret(version: &Version, given: Given) -> Upper {
    let end = match version.numbers() {
        _ if given <= Given::Major => next_major(version),
        [0, 0, patch] if given == Given::Patch => [0, 0, patch.saturating_add(1)],
        [0, _, _] => next_minor(version),
        _ => next_major(version),
    };
    Upper::BeforeNumbers(end)
}

/// `>1` begins with 2 and `>1.2` with 1.3, while `>1.2.3` is everything above it.
fn beyond(version: Version, given: Given) -> Lower {
    match given {
        Given::Major => Lower::AtNumbers(next_major(&version)),
        Given::Minor => Lower::AtNumbers(next_minor(&version)),
        Given::Nothing | Given::Patch => Lower::After(version),
    }
}

/// `<=1` ends with 1 and `<=1.2` with 1.2.
fn up_to(version: Version, given: Given) -> Upper {
    match given {
        Given::Major => Upper::BeforeNumbers(next_major(&version)),
        Given::Minor => Upper::BeforeNumbers(next_minor(&version)),
        Given::Nothing | Given::Patch => Upper::At(version),
    }
}

fn other_than(version: Version, given: Given) -> Comparator {
    match given {
        Given::Major => Comparator::NotMajor(version.major()),
        Given::Minor => Comparator::NotMinor(version),
        Given::Nothing | Given::Patch => Comparator::Not(version),
    }
}

/// The parser leaves room above every number, so that one more is never too many.
fn next_major(version: &Version) -> [u64; 3] {
    [version.major().saturating_add(1), 0, 0]
}

fn next_minor(version: &Version) -> [u64; 3] {
    [version.major(), version.minor().saturating_add(1), 0]
}
