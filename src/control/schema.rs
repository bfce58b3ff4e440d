//! The JSON Schema of control files, generated from their types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::form;

/// The JSON Schema of control files (draft 7), as in `config/control.schema.json`.
pub fn json_schema() -> String {
    let mut generator = SchemaSettings::draft07().into_generator();
    let kinds: Vec<Schema> = vec![
        form::Hold::json_schema(&mut generator),
        form::Pin::json_schema(&mut generator),
        form::Quarantine::json_schema(&mut generator),
        form::Approval::json_schema(&mut generator),
        form::Freeze::json_schema(&mut generator),
    ];
    let mut kinds: Vec<Value> = kinds.into_iter().map(Schema::to_value).collect();
    kinds.iter_mut().for_each(tidy);
    let schema = serde_json::json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Tidegate control file",
        "oneOf": kinds,
    });
    let mut text = format!("{schema:#}");
    text.push('\n');
    text
}

/// Descriptions on one line, and no `null` for optional keys.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}
