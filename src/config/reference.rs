//! The reference of the configuration as Markdown, made from the schema. Knows only the schema.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::schema::schema;

/// What stands before the tables.
const INTRODUCTION: &str = "\
Made from the types by `UPDATE_GENERATED=1 cargo test --test rooms config::`; change the comments in `src/config/raw/`
and not this file. An annotated example is [config/tidegate.yaml](../config/tidegate.yaml). Editors that read JSON
Schema complete and check the file when its first line is

    # yaml-language-server: $schema=./tidegate.schema.json

Secrets never stand in the file: it names the environment variable or the file that holds one. `tidegate` tells every
problem with its line and column and what to write instead, and exits with 2.
";

/// A mapping that has a table of its own: where it stands in the file, and its schema.
struct Section<'a> {
    path: String,
    schema: &'a Map<String, Value>,
}

/// The reference, as it is kept in `docs/configuration.md`.
pub fn reference() -> String {
    let schema = schema();
    let Some(root) = schema.as_object() else { return String::new() };
    let mut sections = Vec::new();
    collect_sections(root, Section { path: String::new(), schema: root }, &mut sections);
    let mut text = format!("# Configuration\n\n{}\n\n{INTRODUCTION}", text_of(root, "description"));
    write_forms(&mut text, root);
    for section in &sections {
        write_section(&mut text, root, section);
    }
    write_refused(&mut text, &sections);
    text
}

/// Adds a mapping and those under it, depth first, in the order of the keys.
fn collect_sections<'a>(root: &'a Map<String, Value>, section: Section<'a>, found: &mut Vec<Section<'a>>) {
    let (schema, path) = (section.schema, section.path.clone());
    found.push(section);
    for (key, property) in properties(schema) {
        let (element, marker) = element(property);
        let below = resolve(root, element);
        if below.contains_key("properties") {
            let dot = if path.is_empty() { "" } else { "." };
            let section = Section { path: format!("{path}{dot}{key}{marker}"), schema: below };
            collect_sections(root, section, found);
        }
    }
}

/// What a list holds, or the value itself; and how that is marked in a path.
fn element(property: &Map<String, Value>) -> (&Map<String, Value>, &'static str) {
    match property.get("items").and_then(Value::as_object) {
        Some(items) => (items, "[]"),
        None => (property, ""),
    }
}

/// The definition that a property refers to, or the property itself.
fn resolve<'a>(root: &'a Map<String, Value>, property: &'a Map<String, Value>) -> &'a Map<String, Value> {
    let name = reference_of(property);
    let definition = name.and_then(|name| root.get("definitions")?.get(name)?.as_object());
    definition.unwrap_or(property)
}

/// The name of the definition that a property refers to.
fn reference_of(property: &Map<String, Value>) -> Option<&str> {
    let within_all = || property.get("allOf")?.get(0)?.get("$ref");
    let reference = property.get("$ref").or_else(within_all)?.as_str()?;
    reference.strip_prefix("#/definitions/")
}

fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().filter_map(|(key, property)| Some((key, property.as_object()?)))
}

fn text_of<'a>(schema: &'a Map<String, Value>, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The texts that have a form of their own, so that the tables can name it.
fn write_forms(text: &mut String, root: &Map<String, Value>) {
    text.push_str("\n## Forms of text\n\n| form | meaning |\n| --- | --- |\n");
    let definitions = root.get("definitions").and_then(Value::as_object).into_iter().flatten();
    for (name, definition) in definitions.filter_map(|(name, value)| Some((name, value.as_object()?))) {
        if definition.contains_key("pattern") {
            let _ = writeln!(text, "| {} | {} |", in_words(name), meaning(definition));
        }
    }
}

fn write_section(text: &mut String, root: &Map<String, Value>, section: &Section<'_>) {
    let heading = if section.path.is_empty() { "The file" } else { &format!("`{}`", section.path) };
    let _ = writeln!(text, "\n## {heading}\n");
    if !section.path.is_empty() {
        let _ = writeln!(text, "{}\n", text_of(section.schema, "description"));
    }
    text.push_str("| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
    let required = section.schema.get("required").and_then(Value::as_array);
    for (key, property) in properties(section.schema) {
        let is_required = required.is_some_and(|keys| keys.iter().any(|required| required == key));
        let default = if is_required { "required".to_owned() } else { default_of(property) };
        let dot = if section.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{key}", section.path);
        let kind = kind(root, property, &path);
        let _ = writeln!(text, "| `{key}` | {kind} | {default} | {} |", meaning(property));
    }
}

/// What this version knows of and does not do, gathered from the descriptions.
fn write_refused(text: &mut String, sections: &[Section<'_>]) {
    text.push_str("\n## Refused in this version\n\nThese are known and refused when the file is read, rather than ignored:\n\n");
    for section in sections {
        let dot = if section.path.is_empty() { "" } else { "." };
        for (key, property) in properties(section.schema) {
            let description = text_of(property, "description");
            for sentence in description.split_inclusive(". ").filter(|sentence| is_refusal(sentence)) {
                let _ = writeln!(text, "- `{}{dot}{key}`: {}", section.path, sentence.trim());
            }
        }
    }
}

fn is_refusal(sentence: &str) -> bool {
    sentence.to_lowercase().contains("refused in this version")
}

/// The type of a value in words, with a link to its table if it has one.
fn kind(root: &Map<String, Value>, property: &Map<String, Value>, path: &str) -> String {
    let (element, marker) = element(property);
    if marker == "[]" {
        return format!("list of {}", kind(root, element, &format!("{path}[]")));
    }
    let schema = resolve(root, property);
    if schema.contains_key("properties") {
        return format!("[mapping](#{})", anchor(path));
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let choices: Vec<String> = choices.iter().map(code).collect();
        return choices.join(", ");
    }
    match (text_of(schema, "type"), reference_of(property)) {
        ("string", Some(form)) => in_words(form),
        ("string", None) => "text".to_owned(),
        ("integer", _) => "whole number".to_owned(),
        ("boolean", _) => "`true`, `false`".to_owned(),
        ("object", _) => match schema.get("additionalProperties").and_then(Value::as_object) {
            Some(value) => format!("mapping of name to {}", kind(root, value, path)),
            None => "mapping".to_owned(),
        },
        (other, _) => other.to_owned(),
    }
}

/// `LocalDateTime` as `local date time`.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// The anchor that Markdown renderers give the heading of a path.
fn anchor(path: &str) -> String {
    path.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

fn default_of(property: &Map<String, Value>) -> String {
    match property.get("default") {
        None => "none".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "none".to_owned(),
        Some(value) => code(value),
    }
}

fn meaning(property: &Map<String, Value>) -> String {
    let examples: Vec<String> =
        property.get("examples").and_then(Value::as_array).into_iter().flatten().map(code).collect();
    let description = text_of(property, "description").replace('|', "\\|");
    if examples.is_empty() {
        description
    } else {
        format!("{description} For example {}.", examples.join(", "))
    }
}

/// A value as it is written in the file.
fn code(value: &Value) -> String {
    format!("`{}`", flow(value).replace('|', "\\|"))
}

/// A value in YAML's flow style.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
