//! Parses YAML into the raw shape, and explains the parser's errors. Knows the syntax of the file, not its meaning.

use serde_saphyr::{Error, MergeKeyPolicy};

use super::diagnostic::{Diagnostic, InvalidValue};
use super::location::Location;
use super::raw;
use super::suggest;
use crate::model::Printable;

/// Reads one YAML document.
pub(super) fn read(text: &str) -> Result<raw::File, Box<Diagnostic>> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        reject_unsupported_tags: true,
        merge_keys: MergeKeyPolicy::Merge,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| Box::new(diagnostic(&error)))
}

/// Explains an error, without the text of a value, which may be a secret.
fn diagnostic(error: &Error) -> Diagnostic {
    let at = error.location().map_or(Location::START, Location::of);
    let InvalidValue { message, hint } = match error {
        Error::AliasError { error, .. } => return diagnostic(error),
        Error::SerdeUnknownField { field, expected, .. } => unknown_key(field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => unknown_choice(variant, expected),
        Error::SerdeMissingField { field, .. } => missing_key(field),
        Error::DuplicateMappingKey { key, .. } => duplicate_key(key.as_deref()),
        Error::MultipleDocuments { .. } => InvalidValue::new(
            "the file has more than one YAML document",
            "keep one configuration per file; remove the `---` and what follows it",
        ),
        Error::UnsupportedTag { tag, .. } => InvalidValue::new(
            format!("unsupported YAML tag `{}`", Printable::bounded(tag, 40)),
            "write the value without a tag",
        ),
        Error::Unexpected { expected, .. } => wrong_type(expected),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            wrong_type(expected)
        }
        Error::InvalidScalar { ty, .. } => wrong_type(ty),
        Error::InvalidBooleanStrict { .. } => wrong_type("bool"),
        Error::NullIntoString { .. } => wrong_type("string"),
        Error::Eof { .. } => InvalidValue::new(
            "the file is empty",
            "begin with `git:` and `environments:`, or let `tidegate init` write the file",
        ),
        Error::UnknownAnchor { .. } => InvalidValue::new(
            "the alias has no anchor before it",
            "write the value itself, or add `&name` to the value it refers to",
        ),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => InvalidValue::new(
            "the file is nested too deeply, or its aliases expand to too much",
            "write the values out instead of repeating anchors",
        ),
        _ => not_yaml(error),
    };
    Diagnostic { at, message, hint }
}

fn unknown_key(key: &str, known: &[&'static str]) -> InvalidValue {
    let message = format!("unknown key `{}`", Printable::bounded(key, 60));
    let hint = match suggest::nearest(key, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if key == "password" => {
            "never write a secret here: write `passwordEnv`, the name of an environment variable, or `passwordFile`"
                .to_owned()
        }
        None => format!("the keys here are {}", list(known)),
    };
    InvalidValue::new(message, hint)
}

fn unknown_choice(choice: &str, known: &[&'static str]) -> InvalidValue {
    let message = format!("unknown value `{}`", Printable::bounded(choice, 60));
    let hint = match suggest::nearest(choice, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("write one of {}", list(known)),
    };
    InvalidValue::new(message, hint)
}

fn missing_key(key: &str) -> InvalidValue {
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
    InvalidValue::new(format!("missing key `{key}`"), hint)
}

fn duplicate_key(key: Option<&str>) -> InvalidValue {
    let message = match key {
        Some(key) => format!("duplicate key `{}`", Printable::bounded(key, 60)),
        None => "duplicate key".to_owned(),
    };
    InvalidValue::new(message, "remove one of them")
}

/// A value of another type than the key takes; `expected` is the parser's name of the type.
fn wrong_type(expected: &str) -> InvalidValue {
    let (kind, example) = match expected {
        _ if expected.contains("mapping") || expected.starts_with("struct ") => {
            ("a mapping", "`{key: value}`, or a line `key: value` for each")
        }
        _ if expected.contains("sequence") => {
            ("a list", "`[one, two]`, or a line that begins with `- ` for each")
        }
        _ if expected.contains("bool") => ("true or false", "`true` or `false`"),
        _ if expected.contains("string") || expected.contains("scalar") => {
            ("a string", "one value, not a list or a mapping")
        }
        _ if expected.contains("u32") || expected.contains("u64") || expected.contains("integer") => {
            ("a whole number", "digits only, such as `10`")
        }
        _ => ("another kind of value", "what docs/configuration.md shows for this key"),
    };
    InvalidValue::new(format!("expected {kind}"), format!("write {example}"))
}

/// The parser's own message, safe for a terminal.
fn not_yaml(error: &Error) -> InvalidValue {
    let words = match error {
        Error::ExternalMessage { msg, .. } | Error::Message { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    // The diagnostic has the position already.
    let words = words.split(" at line ").next().unwrap_or_default();
    let hint = if words.contains("tab") {
        "indent with spaces"
    } else {
        "check the indentation, the quotes and the brackets up to here"
    };
    InvalidValue::new(format!("invalid YAML: {}", Printable::bounded(words, 120)), hint)
}

fn list(words: &[&'static str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
