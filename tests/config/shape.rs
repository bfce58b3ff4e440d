//! As much of JSON Schema as the configuration's schema uses, so that the schema is seen to admit what is admitted.

use regex::Regex;
use serde_json::Value;

/// What is wrong with `value` by `schema`, each with its place.
pub(crate) fn violations(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    for reference in [schema.get("$ref"), schema.pointer("/allOf/0/$ref")].into_iter().flatten() {
        let pointer = reference.as_str().unwrap().trim_start_matches('#');
        found.extend(violations(root, root.pointer(pointer).unwrap(), value, place));
    }
    if let Some(kind) = schema.get("type").and_then(Value::as_str)
        && kind != kind_of(value)
    {
        found.push(format!("{place}: {} where {kind} belongs", kind_of(value)));
        return found;
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && !choices.contains(value)
    {
        found.push(format!("{place}: none of the choices"));
    }
    found.extend(limits(schema, value).map(|limit| format!("{place}: {limit}")));
    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(violations(root, &schema["items"], item, &format!("{place}[{at}]")));
    }
    found.extend(keys(root, schema, value, place));
    found
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn limits<'a>(schema: &'a Value, value: &'a Value) -> impl Iterator<Item = &'static str> + 'a {
    let pattern = schema.get("pattern").and_then(Value::as_str).map(|text| Regex::new(text).unwrap());
    let too_few = schema.get("minItems").and_then(Value::as_u64)
        > value.as_array().map(|items| items.len() as u64)
        && value.is_array();
    let beyond = |key: &str| schema.get(key).and_then(Value::as_u64).zip(value.as_u64());
    let checks = [
        (value.as_str().zip(pattern).is_some_and(|(text, pattern)| !pattern.is_match(text)), "another form"),
        (too_few, "too few"),
        (beyond("minimum").is_some_and(|(limit, number)| number < limit), "too small"),
        (beyond("maximum").is_some_and(|(limit, number)| number > limit), "too large"),
    ];
    checks.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, words)| words)
}

fn keys(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Some(entries) = value.as_object() else { return found };
    for (key, below) in entries {
        let place = format!("{place}.{key}");
        let known = schema.get("properties").and_then(|known| known.get(key));
        match known.or(schema.get("additionalProperties")) {
            Some(Value::Bool(false)) => found.push(format!("{place}: unknown key")),
            Some(schema) => found.extend(violations(root, schema, below, &place)),
            None => {}
        }
    }
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !entries.contains_key(key.as_str().unwrap()) {
            found.push(format!("{place}: {key} is missing"));
        }
    }
    found
}
