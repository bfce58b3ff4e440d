//! A webhook of one's own: the events and their words as JSON, signed as Standard Webhooks describes it.

use serde_json::{Value, json};

use super::Parcel;

/// The version of the body. It rises when a field changes its meaning.
const VERSION: u32 = 1;

pub(super) fn body(parcel: &Parcel) -> Value {
    let facts: serde_json::Map<String, Value> = parcel
        .message
        .facts
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
        .collect();
    let events: Vec<Value> = parcel.events.iter().map(event).collect();
    json!({
        "version": VERSION,
        "id": parcel.id,
        "title": parcel.message.title,
        "body": parcel.message.body,
        "facts": facts,
        "events": events,
    })
}

/// An event without the fields that say nothing.
fn event(event: &crate::notify::Event) -> Value {
    let mut value = serde_json::to_value(event).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}
