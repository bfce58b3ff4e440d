//! Generates the JSON Schema of the configuration file from the raw shape.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

use super::raw;

/// The text of `config/tidegate.schema.json`, in draft 7, which most editors support.
pub fn json_schema() -> String {
    let mut text = format!("{:#}", schema().as_value());
    text.push('\n');
    text
}

pub(super) fn schema() -> Schema {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<raw::File>();
    OneLine.transform(&mut schema);
    NeverNull.transform(&mut schema);
    schema
}

/// Removes the source's line breaks from descriptions.
struct OneLine;

impl Transform for OneLine {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        transform_subschemas(self, schema);
    }
}

/// Removes `null` from the types: an optional key is left out.
struct NeverNull;

impl Transform for NeverNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        drop_null_type(schema);
        drop_null_choice(schema);
    }
}

fn drop_null_type(schema: &mut Schema) {
    let Some(Value::Array(types)) = schema.get_mut("type") else { return };
    types.retain(|name| name != "null");
    if let [only] = types.as_slice() {
        let only = only.clone();
        schema.insert("type".to_owned(), only);
    }
    if let Some(Value::Array(choices)) = schema.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
}

fn drop_null_choice(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    let [only] = choices.as_slice() else { return };
    let Value::Object(only) = only.clone() else { return };
    schema.remove("anyOf");
    if only.contains_key("$ref") {
        schema.insert("allOf".to_owned(), Value::Array(vec![Value::Object(only)]));
    } else {
        for (key, value) in only {
            schema.ensure_object().entry(key).or_insert(value);
        }
    }
}
