//! What kind of change a commit is, and under which heading it is told.

use serde::Serialize;

/// The heading under which a change is told, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Section {
    /// What breaks something for those who use the service.
    Breaking,
    /// What closes a hole.
    Security,
    /// What is new.
    Features,
    /// What works now.
    Fixes,
    /// What is faster or smaller.
    Performance,
    /// What was taken back that an earlier release had.
    Reverts,
    /// What doesn't say which kind it is.
    Changes,
    /// What is written about it.
    Documentation,
    /// What doesn't change what the service does.
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

    /// The section of a Conventional Commits type, if it is one that people use.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_in_any_case() {
        assert_eq!(Section::of_type("feat"), Some(Section::Features));
        assert_eq!(Section::of_type("FIX"), Some(Section::Fixes));
        assert_eq!(Section::of_type("net/http"), None);
    }

    #[test]
    fn what_breaks_comes_first() {
        assert!(Section::Breaking < Section::Security && Section::Security < Section::Features);
        assert!(Section::Changes < Section::Maintenance);
    }
}
