//! The kinds of changes, each with its heading.

use serde::Serialize;

use crate::model::Version;

/// The heading under which a change is listed, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Section {
    /// Breaking changes.
    Breaking,
    /// Security fixes.
    Security,
    /// New features.
    Features,
    /// Bug fixes.
    Fixes,
    /// Performance improvements.
    Performance,
    /// Reverts of changes in an earlier release.
    Reverts,
    /// Changes whose title names no type.
    Changes,
    /// Documentation.
    Documentation,
    /// Changes that do not affect users: tests, builds, refactoring.
    Maintenance,
}

impl Section {
    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Breaking => "Breaking changes",
            Self::Security => "Security",
            Self::Features => "Features",
            Self::Fixes => "Fixes",
            Self::Performance => "Performance",
            Self::Reverts => "Reverts",
            Self::Changes => "Other changes",
            Self::Documentation => "Documentation",
            Self::Maintenance => "Maintenance",
        }
    }

    /// The section of a Conventional Commits type, if it is known.
    pub(super) fn of_type(name: &str) -> Option<Self> {
        const TYPES: [(&str, Section); 26] = [
            ("feat", Section::Features),
            ("feature", Section::Features),
            ("features", Section::Features),
            ("fix", Section::Fixes),
            ("fixes", Section::Fixes),
            ("bugfix", Section::Fixes),
            ("bug", Section::Fixes),
            ("hotfix", Section::Fixes),
            ("security", Section::Security),
            ("sec", Section::Security),
            ("perf", Section::Performance),
            ("performance", Section::Performance),
            ("revert", Section::Reverts),
            ("docs", Section::Documentation),
            ("doc", Section::Documentation),
            ("refactor", Section::Maintenance),
            ("style", Section::Maintenance),
            ("test", Section::Maintenance),
            ("tests", Section::Maintenance),
            ("build", Section::Maintenance),
            ("ci", Section::Maintenance),
            ("chore", Section::Maintenance),
            ("bench", Section::Maintenance),
            ("cleanup", Section::Maintenance),
            ("wip", Section::Maintenance),
            ("release", Section::Maintenance),
        ];
        let known = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, section)| *section)
    }
}

impl Section {
    /// The section of a title without a type, guessed only from unambiguous words.
    pub(super) fn of_words(title: &str) -> Self {
        let mut words = title.split_whitespace();
        let first = words.next().unwrap_or_default().to_ascii_lowercase();
        if matches!(first.as_str(), "fix" | "fixes" | "fixed" | "[fix]") {
            return Self::Fixes;
        }
        if is_release(title) || title.to_ascii_lowercase().starts_with("update changelog") {
            return Self::Maintenance;
        }
        Self::Changes
    }
}

/// Whether a title only says that a version was released: `Release v1.2.0`, `axum 0.8.9`, `Bump version to 1.2.0`.
fn is_release(title: &str) -> bool {
    let lower = title.to_ascii_lowercase();
    let is_version = |word: &str| word.trim_matches([':', ',', '.', '"']).parse::<Version>().is_ok();
    let has_version = lower.split_whitespace().any(is_version);
    let begins =
        ["release ", "prepare release ", "prepare for release ", "bump version ", "version bump ", "cut "];
    let is_alone =
        lower.split_whitespace().count() <= 2 && lower.split_whitespace().last().is_some_and(is_version);
    has_version && (is_alone || begins.iter().any(|begin| lower.starts_with(begin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_only_from_unambiguous_words() {
        for (title, section) in [
            ("Fix the build", Section::Fixes),
            ("fixes typo", Section::Fixes),
            ("Fixture for tests", Section::Changes),
            ("Release v1.2.0", Section::Maintenance),
            ("Release axum v0.8.8 and axum-extra v0.12.3", Section::Maintenance),
            ("v1.2.0", Section::Maintenance),
            ("axum 0.8.9", Section::Maintenance),
            ("Bump version to 1.2.0", Section::Maintenance),
            ("Update changelogs", Section::Maintenance),
            ("Release the lock", Section::Changes),
            ("Update to Kubernetes 1.33.0 and Go 1.24.0", Section::Changes),
            ("Add Router::reset_fallback", Section::Changes),
        ] {
            assert_eq!(Section::of_words(title), section, "{title}");
        }
    }

    #[test]
    fn types_ignore_case() {
        assert_eq!(Section::of_type("feat"), Some(Section::Features));
        assert_eq!(Section::of_type("FIX"), Some(Section::Fixes));
        assert_eq!(Section::of_type("net/http"), None);
    }

    #[test]
    fn breaking_changes_come_first() {
        assert!(Section::Breaking < Section::Security && Section::Security < Section::Features);
        assert!(Section::Changes < Section::Maintenance);
    }
}
