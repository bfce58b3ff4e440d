//! Every invalid file, and the whole text that its author sees.

use tidegate::config::{Config, ConfigError};
use tidegate::model::{Class, Fault};

use super::{HomeOnly, cases, compare_or_write, read};

const FOLDER: &str = "tests/config/bad";

fn error_of(case: &str) -> ConfigError {
    let text = read(&format!("{FOLDER}/{case}.yaml"));
    match Config::parse(&text, &format!("{case}.yaml"), &HomeOnly) {
        Ok(_) => panic!("{case}.yaml was taken"),
        Err(error) => error,
    }
}

#[test]
fn bad_files_are_reported_with_line_column_and_hint() {
    let cases = cases(FOLDER);
    assert!(cases.len() >= 80, "{} cases", cases.len());
    for case in cases {
        compare_or_write(&format!("{FOLDER}/{case}.txt"), &error_of(&case).render());
    }
}

#[test]
fn every_expected_text_has_its_file() {
    let cases = cases(FOLDER);
    for entry in std::fs::read_dir(format!("{}/{FOLDER}", env!("CARGO_MANIFEST_DIR"))).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let case =
            name.strip_suffix(".txt").or(name.strip_suffix(".yaml")).expect("only .yaml and .txt files");
        assert!(cases.iter().any(|known| known == case), "{name} has no .yaml");
    }
}

#[test]
fn every_diagnostic_has_a_position_a_message_and_a_hint() {
    for case in cases(FOLDER) {
        let ConfigError::Invalid(diagnostics) = error_of(&case) else { panic!("{case}") };
        assert!(!diagnostics.diagnostics().is_empty(), "{case}");
        for diagnostic in diagnostics.diagnostics() {
            assert!(diagnostic.at.line > 0 && diagnostic.at.column > 0, "{case}: {diagnostic:?}");
            assert!(!diagnostic.message.is_empty() && !diagnostic.hint.is_empty(), "{case}: {diagnostic:?}");
        }
    }
}

#[test]
fn no_error_shows_a_secret() {
    for case in cases(FOLDER) {
        let error = error_of(&case);
        let all = format!("{error} {} {error:?}", error.render());
        for secret in ["hunter2", "ghp_abc"] {
            assert!(!all.contains(secret), "{case}: {all}");
        }
    }
}

#[test]
fn an_error_is_one_line_and_a_usage_fault() {
    let fault = Fault::from(error_of("many-at-once"));
    assert_eq!(fault.class(), Class::Usage);
    assert_eq!(fault.to_string(), "many-at-once.yaml:1:11: `Mars/Olympus` is not a time zone (and 6 more)");
    assert!(fault.hint().is_some());
}
