//! YAML text to the raw shape, and the reader's errors in our words. Knows how a file is written, not what it means.

use serde_saphyr::{Error, MergeKeyPolicy};

use super::location::Location;
use super::problem::Problem;
use super::raw;
use super::suggest;
use crate::model::Printable;

/// Reads one YAML document.
pub(super) fn read(text: &str) -> Result<raw::File, Box<Problem>> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        reject_unsupported_tags: true,
        merge_keys: MergeKeyPolicy::Merge,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| Box::new(problem(&error)))
}

/// What the reader refused, without the text of a value, which may be a secret.
fn problem(error: &Error) -> Problem {
    let at = error.location().map_or(Location { line: 1, column: 1, length_chars: 1 }, Location::of);
    let (message, hint) = match error {
        Error::AliasError { error, .. } => return problem(error),
        Error::SerdeUnknownField { field, expected, .. } => unknown_key(field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => unknown_choice(variant, expected),
        Error::SerdeMissingField { field, .. } => missing_key(field),
        Error::DuplicateMappingKey { key, .. } => duplicate_key(key.as_deref()),
        Error::MultipleDocuments { .. } => (
            "the file holds more than one YAML document".to_owned(),
            "keep one configuration in a file; take the `---` and what follows it out".to_owned(),
        ),
        Error::UnsupportedTag { tag, .. } => (
            format!("the tag `{}` means nothing here", Printable::bounded(tag, 40)),
            "write the value without a tag".to_owned(),
        ),
        Error::Unexpected { expected, .. } => wrong_kind(expected),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            wrong_kind(expected)
        }
        Error::InvalidScalar { ty, .. } => wrong_kind(ty),
        Error::InvalidBooleanStrict { .. } => wrong_kind("bool"),
        Error::NullIntoString { .. } => wrong_kind("string"),
        Error::Eof { .. } => (
            "the file holds no configuration".to_owned(),
            "begin with `git:` and `environments:`, or let `tidegate init` write the file".to_owned(),
        ),
        Error::UnknownAnchor { .. } => (
            "the alias names no anchor that stands before it".to_owned(),
            "write the value, or put `&name` before the value that is meant".to_owned(),
        ),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            "the file is nested or repeated beyond what is read".to_owned(),
            "write the values out instead of repeating anchors".to_owned(),
        ),
        _ => not_yaml(error),
    };
    Problem { at, message, hint }
}

fn unknown_key(key: &str, known: &[&'static str]) -> (String, String) {
    let message = format!("the key `{}` is not known here", Printable::bounded(key, 60));
    let hint = match suggest::nearest(key, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if key == "password" => {
            "a secret is never written here: write `passwordEnv`, the name of an environment variable, or \
             `passwordFile`"
                .to_owned()
        }
        None => format!("the keys here are {}", list(known)),
    };
    (message, hint)
}

fn unknown_choice(choice: &str, known: &[&'static str]) -> (String, String) {
    let message = format!("`{}` is not one of the choices", Printable::bounded(choice, 60));
    let hint = match suggest::nearest(choice, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("write one of {}", list(known)),
    };
    (message, hint)
}

fn missing_key(key: &str) -> (String, String) {
    let example = match key {
        "git" => "git: {url: file:///srv/git/gitops.git}",
        "url" => "url: file:///srv/git/gitops.git",
        "environments" => "environments: [{name: non-prod, paths: [clusters/non-prod]}]",
        "name" => "name: non-prod",
        "paths" => "paths: [clusters/non-prod]",
        "host" => "host: ghcr.io",
        "match" => "match: common/graphql-server",
        "perSecond" => "perSecond: 10",
        _ => "",
    };
    let hint = match example {
        "" => format!("write `{key}`"),
        example => format!("write for example `{example}`"),
    };
    (format!("the key `{key}` is missing here"), hint)
}

fn duplicate_key(key: Option<&str>) -> (String, String) {
    let message = match key {
        Some(key) => format!("the key `{}` is written twice", Printable::bounded(key, 60)),
        None => "a key is written twice".to_owned(),
    };
    (message, "keep one of them".to_owned())
}

/// A value of another kind than the key takes; `expected` is the reader's word for the kind.
fn wrong_kind(expected: &str) -> (String, String) {
    let (kind, example) = match expected {
        _ if expected.contains("mapping") || expected.starts_with("struct ") => {
            ("a mapping", "`{key: value}`, or a line `key: value` for each")
        }
        _ if expected.contains("sequence") => {
            ("a list", "`[one, two]`, or a line that begins with `- ` for each")
        }
        _ if expected.contains("bool") => ("true or false", "`true` or `false`"),
        _ if expected.contains("string") || expected.contains("scalar") => {
            ("a text", "one value, not a list or a mapping")
        }
        _ if expected.contains("u32") || expected.contains("u64") || expected.contains("integer") => {
            ("a whole number", "digits only, such as `10`")
        }
        _ => ("another kind of value", "what docs/configuration.md shows for this key"),
    };
    (format!("{kind} belongs here"), format!("write {example}"))
}

/// The text is not YAML: the parser's own words, made fit to be shown.
fn not_yaml(error: &Error) -> (String, String) {
    let words = match error {
        Error::ExternalMessage { msg, .. } | Error::Message { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    // The place is told apart.
    let words = words.split(" at line ").next().unwrap_or_default();
    let hint = if words.contains("tab") {
        "indent with spaces"
    } else {
        "check the indentation, the quotes and the brackets up to here"
    };
    (format!("this is not YAML: {}", Printable::bounded(words, 120)), hint.to_owned())
}

fn list(words: &[&'static str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
