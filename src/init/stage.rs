//! Reads the stage of an environment from the name of a folder.

/// The stage of an environment, in the usual order. Teams order staging and the like differently; the draft is a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Stage {
    Sandbox,
    Preview,
    Development,
    Test,
    Quality,
    Acceptance,
    NonProduction,
    Staging,
    PreProduction,
    Canary,
    Production,
}

impl Stage {
    /// Whether versions are never promoted from this stage.
    pub(super) fn is_dead_end(self) -> bool {
        matches!(self, Self::Sandbox | Self::Preview)
    }
}

/// The words that name a stage, alone or beside others: `prod`, `prod-digital-eks`, `eks-prod-eu`.
const WORDS: [(&str, Stage); 27] = [
    ("sandbox", Stage::Sandbox),
    ("playground", Stage::Sandbox),
    ("preview", Stage::Preview),
    ("dev", Stage::Development),
    ("devel", Stage::Development),
    ("develop", Stage::Development),
    ("development", Stage::Development),
    ("test", Stage::Test),
    ("testing", Stage::Test),
    ("tst", Stage::Test),
    ("integration", Stage::Test),
    ("qa", Stage::Quality),
    ("uat", Stage::Acceptance),
    ("acceptance", Stage::Acceptance),
    ("nonprod", Stage::NonProduction),
    ("nonprd", Stage::NonProduction),
    ("nonproduction", Stage::NonProduction),
    ("staging", Stage::Staging),
    ("stage", Stage::Staging),
    ("stg", Stage::Staging),
    ("preprod", Stage::PreProduction),
    ("preproduction", Stage::PreProduction),
    ("canary", Stage::Canary),
    ("prod", Stage::Production),
    ("prd", Stage::Production),
    ("production", Stage::Production),
    ("live", Stage::Production),
];

/// The stage in the name of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StageName {
    pub(super) stage: Stage,
    /// The word for the stage as written, in lower case: `non-prod`.
    pub(super) word: String,
    /// The other words, such as `eu`.
    pub(super) qualifiers: Vec<String>,
}

impl StageName {
    /// Reads the name of one folder. The latest of several stages counts, because that mistake costs time rather than an
    /// outage; but `prod-canary` is a canary.
    pub(super) fn read(folder: &str) -> Option<Self> {
        let folder = folder.to_lowercase();
        let words = words(&folder);
        let found: Vec<Match> = (0..words.len()).filter_map(|at| Match::at(&folder, &words, at)).collect();
        // The `prod` of `non-prod` is part of another word.
        let is_part = |one: &Match| found.iter().any(|other| other.words > 1 && other.first + 1 == one.first);
        let whole: Vec<&Match> = found.iter().filter(|one| !is_part(one)).collect();
        let canary = whole.iter().find(|one| one.stage == Stage::Canary);
        let best = canary.or_else(|| whole.iter().max_by_key(|one| one.stage))?;
        let is_other = |at: &usize| *at < best.first || *at >= best.first + best.words;
        let others = (0..words.len()).filter(is_other).map(|at| folder[words[at].clone()].to_owned());
        let digits = best.number.clone();
        Some(Self {
            stage: best.stage,
            word: best.text.clone(),
            qualifiers: others.chain((!digits.is_empty()).then_some(digits)).collect(),
        })
    }

    /// Whether the name is only a stage, perhaps with a number.
    pub(super) fn is_bare(&self) -> bool {
        self.qualifiers.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// A word for a stage in a name.
struct Match {
    stage: Stage,
    /// Index of its first word.
    first: usize,
    /// Number of words: two for `non-prod`.
    words: usize,
    text: String,
    /// The digits at the end: `prod2`.
    number: String,
}

impl Match {
    fn at(folder: &str, words: &[std::ops::Range<usize>], first: usize) -> Option<Self> {
        let word = &folder[words[first].clone()];
        let joined = words.get(first + 1).and_then(|next| {
            let (stem, number) = without_digits(&folder[next.clone()]);
            let stage = stage_of(&format!("{word}{stem}"))?;
            let end = next.end - number.len();
            let text = folder[words[first].start..end].to_owned();
            matches!(word, "non" | "pre").then(|| Self {
                stage,
                first,
                words: 2,
                text,
                number: number.to_owned(),
            })
        });
        joined.or_else(|| {
            let (stem, number) = without_digits(word);
            let text = stem.to_owned();
            stage_of(stem).map(|stage| Self { stage, first, words: 1, text, number: number.to_owned() })
        })
    }
}

fn stage_of(word: &str) -> Option<Stage> {
    WORDS.iter().find(|(name, _)| *name == word).map(|(_, stage)| *stage)
}

fn without_digits(word: &str) -> (&str, &str) {
    word.split_at(word.trim_end_matches(|letter: char| letter.is_ascii_digit()).len())
}

/// The runs of letters and digits.
fn words(folder: &str) -> Vec<std::ops::Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, letter) in folder.char_indices().chain([(folder.len(), '-')]) {
        match (letter.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// Examples for the error that no environment was found.
pub(super) const EXAMPLES: &str =
    "prod, production, non-prod, staging, preprod, uat, qa, test, dev, sandbox, preview, canary and the like";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_their_stage() {
        for (folder, stage, word, qualifiers) in [
            ("prod", Stage::Production, "prod", &[][..]),
            ("Production", Stage::Production, "production", &[]),
            ("prd01", Stage::Production, "prd", &["01"]),
            ("live", Stage::Production, "live", &[]),
            ("prod-digital-eks", Stage::Production, "prod", &["digital", "eks"]),
            ("eks-prod-eu", Stage::Production, "prod", &["eks", "eu"]),
            ("prod_eu.west", Stage::Production, "prod", &["eu", "west"]),
            ("non-prod", Stage::NonProduction, "non-prod", &[]),
            ("non_prod", Stage::NonProduction, "non_prod", &[]),
            ("nonprod", Stage::NonProduction, "nonprod", &[]),
            ("non-production", Stage::NonProduction, "non-production", &[]),
            ("non-prod-digital-eks", Stage::NonProduction, "non-prod", &["digital", "eks"]),
            ("eks-non-prod2", Stage::NonProduction, "non-prod", &["eks", "2"]),
            ("pre-prod", Stage::PreProduction, "pre-prod", &[]),
            ("preprod-eu", Stage::PreProduction, "preprod", &["eu"]),
            ("prod-canary", Stage::Canary, "canary", &["prod"]),
            ("dev-prod-mirror", Stage::Production, "prod", &["dev", "mirror"]),
            ("stage", Stage::Staging, "stage", &[]),
            ("stg-1", Stage::Staging, "stg", &["1"]),
            ("qa2", Stage::Quality, "qa", &["2"]),
        ] {
            let name = StageName::read(folder).unwrap_or_else(|| panic!("{folder}"));
            assert_eq!((name.stage, name.word.as_str()), (stage, word), "{folder}");
            assert_eq!(name.qualifiers, qualifiers, "{folder}");
        }
    }

    #[test]
    fn other_names_say_none() {
        for folder in
            ["", "base", "apps", "product", "devops", "tests", "reproduce", "production2go", "🌊", "--"]
        {
            assert_eq!(StageName::read(folder), None, "{folder}");
        }
    }

    #[test]
    fn what_is_later_is_greater() {
        let stages: Vec<Stage> =
            ["dev", "test", "qa", "uat", "non-prod", "staging", "preprod", "canary", "prod"]
                .map(|name| StageName::read(name).unwrap().stage)
                .into();
        assert!(stages.is_sorted());
    }
}
