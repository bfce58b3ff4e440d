//! The schemas of OpenAPI 3.0 as closed JSON Schema: unnamed properties are errors.
//!
//! GitHub's description lists required properties and types, and allows any others. Here an object may have no
//! field that its schema does not name, so that neither side invents one.

use serde_json::{Map, Value, json};

/// The place of a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The only schema of a value.
    Alone,
    /// One of several schemas of a value.
    Beside,
}

/// The schema of one value.
pub(super) fn closed(schema: &Value) -> Value {
    converted(schema, Place::Alone)
}

/// A referenced schema, closed by its referrer.
pub(super) fn referred_to(schema: &Value) -> Value {
    converted(schema, Place::Beside)
}

fn converted(schema: &Value, place: Place) -> Value {
    let Some(keywords) = schema.as_object() else { return schema.clone() };
    let mut object = match keywords.get("$ref") {
        // OpenAPI 3.0 ignores siblings of a reference.
        Some(reference) => Map::from_iter([("$ref".to_owned(), reference.clone())]),
        None => keywords.iter().map(|(key, value)| (key.clone(), keyword(key, value))).collect(),
    };
    let is_nullable = object.remove("nullable") == Some(Value::Bool(true));
    let is_free =
        !["properties", "allOf", "anyOf", "oneOf", "$ref"].iter().any(|key| object.contains_key(*key));
    if is_free && object.get("type") == Some(&json!("object")) {
        object.entry("additionalProperties").or_insert(Value::Bool(true));
    }
    let may_be_object = object.get("type").is_none_or(|kind| kind == "object");
    if place == Place::Alone && may_be_object && !object.is_empty() {
        object.entry("unevaluatedProperties").or_insert(Value::Bool(false));
    }
    let object = Value::Object(object);
    if is_nullable { json!({"anyOf": [{"type": "null"}, object]}) } else { object }
}

fn keyword(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("properties", Value::Object(properties)) => {
            properties.iter().map(|(name, schema)| (name.clone(), closed(schema))).collect()
        }
        ("items" | "additionalProperties", schema) => closed(schema),
        ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => schemas.iter().map(referred_to).collect(),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_outside_the_schema_is_absent() {
        let described = json!({
            "type": "object",
            "nullable": true,
            "required": ["a"],
            "properties": {
                "a": {"type": "string", "nullable": true},
                "b": {"allOf": [{"type": "object", "properties": {"x": {}}}, {"type": "object", "properties": {"y": {}}}]},
                "free": {"type": "object"},
                "map": {"type": "object", "additionalProperties": {"type": "integer"}},
                "list": {"type": "array", "items": {"type": "object", "properties": {"z": {}}}},
            },
        });
        let schema = jsonschema::draft202012::new(&closed(&described)).unwrap();
        for (value, is_good) in [
            (json!(null), true),
            (json!({}), false),
            (json!({"a": null}), true),
            (json!({"a": 1}), false),
            (json!({"a": "", "c": 1}), false),
            (json!({"a": "", "b": {"x": 1, "y": 2}}), true),
            (json!({"a": "", "b": {"x": 1, "z": 2}}), false),
            (json!({"a": "", "free": {"any": 1}, "map": {"any": 1}}), true),
            (json!({"a": "", "map": {"any": "text"}}), false),
            (json!({"a": "", "list": [{"z": 1}]}), true),
            (json!({"a": "", "list": [{"q": 1}]}), false),
        ] {
            assert_eq!(schema.is_valid(&value), is_good, "{value}");
        }
    }
}
