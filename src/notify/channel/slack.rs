//! Slack's incoming webhooks: blocks of mrkdwn, and the title as the text of the notification.

use serde_json::{Value, json};

use super::{Parcel, bounded, escape_markup};

/// Slack takes 3,000 characters in a section.
const MAX_SECTION_BYTES: usize = 2_900;
const MAX_TITLE_BYTES: usize = 280;

pub(super) fn body(parcel: &Parcel) -> Value {
    let message = &parcel.message;
    // A sign that ends the bold text would be the only one that a title can misuse.
    let title = bounded(&message.title.replace('*', "∗"), MAX_TITLE_BYTES, escape_markup);
    let section = |text: String| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
    let mut blocks = vec![section(format!("*{title}*"))];
    if !message.body.is_empty() {
        blocks.push(section(bounded(&message.body, MAX_SECTION_BYTES, escape_markup)));
    }
    let mut facts: Vec<String> = message
        .facts
        .iter()
        .map(|(name, value)| format!("{name}: {}", bounded(value, MAX_TITLE_BYTES, escape_markup)))
        .collect();
    // A link has no sign that Slack would read.
    facts.extend(message.link.as_ref().map(|link| format!("<{}|Open>", link.replace('&', "&amp;"))));
    if !facts.is_empty() {
        let text = json!({"type": "mrkdwn", "text": facts.join("   ")});
        blocks.push(json!({"type": "context", "elements": [text]}));
    }
    json!({"text": title, "blocks": blocks})
}
