//! Any text is either accepted or reported, and every report is safe for a terminal.

use proptest::prelude::*;
use tidegate::config::{Config, ConfigError};

use super::{HomeOnly, read};

fn is_fit_for_a_terminal(text: &str) -> bool {
    text.chars().all(|letter| letter == '\n' || !letter.is_control())
}

fn check(text: &str) {
    match Config::parse(text, "x.yaml", &HomeOnly) {
        Ok(loaded) => assert!(is_fit_for_a_terminal(&loaded.render_warnings())),
        Err(error) => {
            assert!(
                matches!(&error, ConfigError::Invalid(diagnostics) if !diagnostics.diagnostics().is_empty()),
                "{error:?}"
            );
            assert!(is_fit_for_a_terminal(&error.render()), "{:?}", error.render());
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_text_as_a_value(text in any::<String>(), at in 0_usize..60) {
        let example = read("config/tidegate.yaml");
        let quoted = serde_json::to_string(&text).unwrap();
        let mut lines: Vec<String> = example.lines().map(str::to_owned).collect();
        let at = at % lines.len();
        if let Some((key, _)) = lines[at].clone().split_once(": ") {
            lines[at] = format!("{key}: {quoted}");
        }
        check(&lines.join("\n"));
    }

    #[test]
    fn the_example_with_a_part_cut_out(from in 0_usize..4000, length in 0_usize..40, put in "[ -~\\n\\t]{0,6}") {
        let example: Vec<char> = read("config/tidegate.yaml").chars().collect();
        let from = from.min(example.len());
        let to = (from + length).min(example.len());
        let text: String = example[..from].iter().chain(put.chars().collect::<Vec<_>>().iter()).chain(&example[to..]).collect();
        check(&text);
    }
}
