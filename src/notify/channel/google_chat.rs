//! Google Chat's incoming webhooks: one card. Its paragraphs read a part of HTML, so texts are escaped; nobody can be
//! mentioned in a card.

use serde_json::{Value, json};

use super::{Parcel, bounded, escape_markup};

/// Google Chat takes 32 KB.
const MAX_BODY_BYTES: usize = 14_000;
const MAX_TITLE_BYTES: usize = 400;

pub(super) fn body(parcel: &Parcel) -> Value {
    let message = &parcel.message;
    let title = bounded(&message.title, MAX_TITLE_BYTES, |letter, text| text.push(letter));
    let mut widgets = Vec::new();
    if !message.body.is_empty() {
        let text = bounded(&message.body, MAX_BODY_BYTES, |letter, text| match letter {
            '\n' => text.push_str("<br>"),
            other => escape_markup(other, text),
        });
        widgets.push(json!({"textParagraph": {"text": text}}));
    }
    for (name, value) in &message.facts {
        let value = bounded(value, MAX_TITLE_BYTES, escape_markup);
        widgets.push(json!({"decoratedText": {"topLabel": name, "text": value, "wrapText": true}}));
    }
    if let Some(link) = &message.link {
        let button = json!({"text": "Open", "onClick": {"openLink": {"url": link}}});
        widgets.push(json!({"buttonList": {"buttons": [button]}}));
    }
    if widgets.is_empty() {
        // A section needs a widget.
        let text = bounded(&message.title, MAX_TITLE_BYTES, escape_markup);
        widgets.push(json!({"textParagraph": {"text": text}}));
    }
    let card = json!({"header": {"title": title}, "sections": [{"widgets": widgets}]});
    json!({"cardsV2": [{"cardId": parcel.id, "card": card}]})
}
