//! Reads the stage of an environment from the name of a folder.

/// The stage of an environment, in the usual order. Teams order staging and the like differently; the draft is a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Stage {
    Sandbox,
    Preview,
    Development,
    Test,
    Quality,
    Performance,
    SecurityTest,
    Acceptance,
    NonProduction,
    Staging,
    PreProduction,
    Demo,
    Edge,
    Management,
    Canary,
    Production,
}

impl Stage {
    /// Whether versions come straight from the registry and go nowhere from here.
    pub(super) fn is_dead_end(self) -> bool {
        matches!(self, Self::Sandbox | Self::Preview)
    }

    /// Whether nothing waits for this stage: the chain goes past it.
    pub(super) fn is_side_branch(self) -> bool {
        let is_beside = matches!(
            self,
            Self::Performance | Self::SecurityTest | Self::Demo | Self::Edge | Self::Management
        );
        is_beside || self.is_dead_end()
    }
}

/// The words for a stage, alone or with others: `prod`, `prod-digital-eks`, `eks-prod-eu`.
const WORDS: [(&str, Stage); 58] = [
    ("sandbox", Stage::Sandbox),
    ("sbx", Stage::Sandbox),
    ("sbox", Stage::Sandbox),
    ("snd", Stage::Sandbox),
    ("playground", Stage::Sandbox),
    ("lab", Stage::Sandbox),
    ("preview", Stage::Preview),
    ("dev", Stage::Development),
    ("devel", Stage::Development),
    ("develop", Stage::Development),
    ("development", Stage::Development),
    ("test", Stage::Test),
    ("testing", Stage::Test),
    ("tst", Stage::Test),
    ("int", Stage::Test),
    ("integration", Stage::Test),
    ("sit", Stage::Test),
    ("e2e", Stage::Test),
    ("qa", Stage::Quality),
    ("qas", Stage::Quality),
    ("perf", Stage::Performance),
    ("perftest", Stage::Performance),
    ("performance", Stage::Performance),
    ("load", Stage::Performance),
    ("loadtest", Stage::Performance),
    ("stress", Stage::Performance),
    ("ithc", Stage::SecurityTest),
    ("pentest", Stage::SecurityTest),
    ("uat", Stage::Acceptance),
    ("aat", Stage::Acceptance),
    ("acceptance", Stage::Acceptance),
    ("nonprod", Stage::NonProduction),
    ("nonprd", Stage::NonProduction),
    ("nonproduction", Stage::NonProduction),
    ("nonlive", Stage::NonProduction),
    ("nprod", Stage::NonProduction),
    ("nprd", Stage::NonProduction),
    ("staging", Stage::Staging),
    ("stage", Stage::Staging),
    ("stg", Stage::Staging),
    ("pre", Stage::PreProduction),
    ("preprod", Stage::PreProduction),
    ("preprd", Stage::PreProduction),
    ("preproduction", Stage::PreProduction),
    ("prelive", Stage::PreProduction),
    ("pprod", Stage::PreProduction),
    ("pprd", Stage::PreProduction),
    ("ppd", Stage::PreProduction),
    ("ppe", Stage::PreProduction),
    ("demo", Stage::Demo),
    ("edge", Stage::Edge),
    ("mgmt", Stage::Management),
    ("management", Stage::Management),
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
        // The `prod` of `non-prod` is part of that word.
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

    /// Reads the name of a file that holds one stage of something: `prod.yaml`, `values-prod.yaml`, `release.dev.yaml`.
    pub(super) fn of_file(path: &str) -> Option<Self> {
        let stem = path.rsplit('/').next()?.rsplit_once('.')?.0;
        let words = stem.split(['-', '.', '_']).collect::<Vec<_>>();
        let of_stem = Self::read(stem)?;
        let is_stage = of_stem.is_bare()
            || words
                .first()
                .is_some_and(|first| ["values", "release", "helmrelease", "patch"].contains(first));
        is_stage.then_some(of_stem)
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
            let stage = match (word, stage_of(stem)?) {
                ("non", Stage::Production) => Stage::NonProduction,
                ("pre", Stage::Production) => Stage::PreProduction,
                _ => return None,
            };
            let text = folder[words[first].start..next.end - number.len()].to_owned();
            Some(Self { stage, first, words: 2, text, number: number.to_owned() })
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
    "prod, production, non-prod, staging, pre-prod, uat, qa, test, dev, sandbox and the like";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_stage() {
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
            ("pre-prd", Stage::PreProduction, "pre-prd", &[]),
            ("pre-live-eu", Stage::PreProduction, "pre-live", &["eu"]),
            ("pre", Stage::PreProduction, "pre", &[]),
            ("ppd", Stage::PreProduction, "ppd", &[]),
            ("non-live", Stage::NonProduction, "non-live", &[]),
            ("sbox01", Stage::Sandbox, "sbox", &["01"]),
            ("e2e", Stage::Test, "e2e", &[]),
            ("ithc", Stage::SecurityTest, "ithc", &[]),
        ] {
            let name = StageName::read(folder).unwrap_or_else(|| panic!("{folder}"));
            assert_eq!((name.stage, name.word.as_str()), (stage, word), "{folder}");
            assert_eq!(name.qualifiers, qualifiers, "{folder}");
        }
    }

    #[test]
    fn other_names_have_no_stage() {
        for folder in [
            "",
            "base",
            "apps",
            "product",
            "devops",
            "tests",
            "reproduce",
            "production2go",
            "prefix",
            "🌊",
            "--",
        ] {
            assert_eq!(StageName::read(folder), None, "{folder}");
        }
    }

    #[test]
    fn later_stages_are_greater() {
        let stages: Vec<Stage> =
            ["snd", "dev", "sit", "qa", "uat", "non-prod", "staging", "pre-prd", "canary", "prd"]
                .map(|name| StageName::read(name).unwrap().stage)
                .into();
        assert!(stages.is_sorted());
    }

    #[test]
    fn a_file_is_named_like_a_stage_alone_or_behind_a_word_for_its_content() {
        for (path, word) in [
            ("apps/shop/prod.yaml", Some("prod")),
            ("apps/shop/values-prod.yaml", Some("prod")),
            ("apps/shop/values.non-prod.yaml", Some("non-prod")),
            ("release-dev.yml", Some("dev")),
            ("apps/dev-portal.yaml", None),
            ("apps/test-runner.yaml", None),
            ("apps/values.yaml", None),
            ("prod", None),
        ] {
            let read = StageName::of_file(path);
            assert_eq!(read.as_ref().map(|name| name.word.as_str()), word, "{path}");
        }
    }
}
