//! The configured rules for commits: issue trackers and bots.

/// Rules for making notes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Issue trackers whose tickets commits mention.
    pub tickets: Vec<Tickets>,
    /// Author names of bots, besides the well-known ones.
    pub bots: Vec<String>,
}

/// The tickets of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tickets {
    /// Prefix of the keys: `OPS` for `OPS-123`. Upper-case letters, digits and underscores.
    pub project: String,
    /// URL of a ticket, with `{key}` in it.
    pub url: Option<String>,
}

/// Bots that do maintenance. Those that write features, as coding agents do, are not listed.
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
    /// Whether an author is a bot that does maintenance.
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
    fn knows_maintenance_bots() {
        let rules = Rules { bots: vec!["vtr-releaser".into()], ..Rules::default() };
        for bot in ["dependabot[bot]", "Renovate", "renovate[bot]", "vtr-releaser", "VTR-Releaser[bot]"] {
            assert!(rules.is_bot(bot), "{bot}");
        }
        for other in ["Ana Soto", "copilot-swe-agent[bot]", ""] {
            assert!(!rules.is_bot(other), "{other}");
        }
    }
}
