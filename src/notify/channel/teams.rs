//! Microsoft Teams, by a webhook of a Workflow: a message with one Adaptive Card. Texts are runs of rich text, which no
//! Markdown is read from, so nothing has to be escaped.

use serde_json::{Value, json};

use super::{Parcel, bounded};
use crate::notify::message::Tone;

/// Teams takes 28 KB; the rest is for title and facts.
const MAX_ROWS_BYTES: usize = 22_000;
const MAX_TITLE_BYTES: usize = 500;

/// The newest version that Workflows show.
const CARD_VERSION: &str = "1.4";

pub(super) fn body(parcel: &Parcel) -> Value {
    let message = &parcel.message;
    let cut = |text: &str, most| bounded(text, most, |letter, text| text.push(letter));
    let color = match message.tone {
        Tone::Good => "good",
        Tone::Bad => "attention",
        Tone::Plain => "default",
    };
    let title = cut(&message.title, MAX_TITLE_BYTES);
    let run = json!({"type": "TextRun", "text": title, "weight": "bolder", "size": "medium", "color": color});
    let mut rows = vec![json!({"type": "RichTextBlock", "inlines": [run]})];
    let line = |text: &str| json!({"type": "RichTextBlock", "spacing": "none", "inlines": [{"type": "TextRun", "text": text}]});
    // An empty run is an error; a blank line is a space.
    let shown = |text: &str| if text.is_empty() { " ".to_owned() } else { text.to_owned() };
    let mut left = MAX_ROWS_BYTES;
    for text in message.body.lines() {
        let row = line(&shown(text));
        let bytes = row.to_string().len() + 1;
        if bytes > left {
            rows.push(line("…"));
            break;
        }
        left -= bytes;
        rows.push(row);
    }
    rows.extend(message.facts.iter().map(|(name, value)| {
        let value = cut(value, MAX_TITLE_BYTES);
        let inlines = json!([
            {"type": "TextRun", "text": format!("{name}: "), "isSubtle": true},
            {"type": "TextRun", "text": value, "isSubtle": true}
        ]);
        json!({"type": "RichTextBlock", "spacing": "small", "inlines": inlines})
    }));
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": CARD_VERSION,
        "fallbackText": title,
        "msteams": {"width": "Full"},
        "body": rows,
    });
    if let Some(link) = &message.link {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": "Open", "url": link}]);
    }
    let attachment = json!({
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": card,
    });
    json!({"type": "message", "attachments": [attachment]})
}
