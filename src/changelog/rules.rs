//! What a team says about its own commits: which tickets it writes, and which authors are machines.

/// How notes are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The trackers whose tickets are named in commits.
    pub tickets: Vec<Tickets>,
    /// Names of authors that are machines, beside those that everybody knows.
    pub bots: Vec<String>,
}

/// The tickets of one project of a tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tickets {
    /// What a key begins with: `OPS` for `OPS-123`. Upper-case letters, digits and underscores.
    pub project: String,
    /// Where a ticket is, with `{key}` in it.
    pub url: Option<String>,
}

/// Those whose commits are upkeep. Machines that write features, as some do today, are none of them.
const BOTS: [&str; 18] = [
    "dependabot",
    "dependabot-preview",
    "renovate",
    "renovate-bot",
    "greenkeeper",
    "snyk-bot",
    "pre-commit-ci",
    "semantic-release-bot",
    "github-actions",
    "github-actions[bot]",
    "allcontributors",
    "mergify",
    "weblate",
    "imgbot",
    "release-please",
    "depfu",
    "pyup-bot",
    "scala-steward",
];

impl Rules {
    /// Whether an author is a machine that does upkeep.
    pub(super) fn is_bot(&self, name: &str) -> bool {
        let short = name.trim().strip_suffix("[bot]").unwrap_or(name.trim());
        let is = |known: &str| known.eq_ignore_ascii_case(short) || known.eq_ignore_ascii_case(name);
        BOTS.iter().any(|known| is(known)) || self.bots.iter().any(|known| is(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_that_do_upkeep_are_known() {
        let rules = Rules { bots: vec!["vtr-releaser".into()], ..Rules::default() };
        for bot in ["dependabot[bot]", "Renovate", "renovate[bot]", "vtr-releaser", "VTR-Releaser[bot]"] {
            assert!(rules.is_bot(bot), "{bot}");
        }
        for other in ["Ana Soto", "copilot-swe-agent[bot]", ""] {
            assert!(!rules.is_bot(other), "{other}");
        }
    }
}
