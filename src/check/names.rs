//! Names and labels of one object.

use super::finding::Drafts;
use super::images::is_template;
use super::object::Object;
use super::rule::Rule;
use super::settings::CheckSettings;
use crate::model::Printable;

/// The kinds whose names people choose and read.
const NAMED: [&str; 7] =
    ["HelmRelease", "ConfigMap", "Secret", "SealedSecret", "Service", "Deployment", "StatefulSet"];

/// Adds findings about the name and the labels of an object.
pub(super) fn check(object: &Object<'_, '_>, settings: &CheckSettings, findings: &mut Drafts) {
    if NAMED.contains(&object.kind)
        && let Some((message, hint)) = unusual(object.kind, object.name())
    {
        findings.add(Rule::Name, object.name_position(), message, hint);
    }
    check_labels(object, settings, findings);
}

/// What is wrong with a name that is not in kebab case, and what to do.
pub(super) fn unusual(kind: &str, name: &str) -> Option<(String, String)> {
    if name.is_empty() || is_template(name) || is_kebab_case(name) {
        return None;
    }
    let message = format!("the name `{}` of this {kind} is not in kebab case", Printable::bounded(name, 80));
    Some((message, format!("write it in lower case with hyphens: `{}`", kebab_case(name))))
}

fn check_labels(object: &Object<'_, '_>, settings: &CheckSettings, findings: &mut Drafts) {
    let is_labelled = object.is_helm_release() || object.is_workload();
    if !is_labelled || object.is_patch() {
        return;
    }
    let labels = object.get(&["metadata", "labels"]);
    let is_set = |label: &String| labels.is_some_and(|labels| object.document.get(labels, label).is_some());
    let missing: Vec<&str> =
        settings.labels.iter().filter(|label| !is_set(label)).map(String::as_str).collect();
    if !missing.is_empty() {
        findings.add(
            Rule::Labels,
            object.name_position(),
            format!("{} lacks the labels {}", object.label(), missing.join(", ")),
            "add them under metadata.labels, or change `check.labels`",
        );
    }
}

fn is_kebab_case(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.bytes().all(is_allowed) && !name.starts_with('-') && !name.ends_with('-')
}

fn kebab_case(name: &str) -> String {
    let mut text = String::new();
    let mut last = ' ';
    for character in name.chars().take(80) {
        if character.is_ascii_uppercase() && last.is_ascii_lowercase() {
            text.push('-');
        }
        last = character;
        text.push(if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' });
    }
    text.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_turned_into_kebab_case() {
        for (name, kebab) in [
            ("graphQlServer", "graph-ql-server"),
            ("graphql_server", "graphql-server"),
            ("a.b", "a-b"),
            ("API", "api"),
        ] {
            assert!(!is_kebab_case(name), "{name}");
            assert_eq!(kebab_case(name), kebab);
            assert!(is_kebab_case(kebab), "{kebab}");
        }
    }
}
