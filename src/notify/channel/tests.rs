//! What each channel sends, in its real form; and that nothing in a text becomes markup.

use std::fmt::Write as _;

use serde_json::Value;

use super::*;
use crate::model::{EventKind, Timestamp};
use crate::notify::{Event, Message, Phase, Wording, samples};

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn parcel(events: Vec<Event>) -> Parcel {
    let (message, failed) = Message::digest(&events, &Wording::default());
    assert_eq!(failed, None);
    Parcel { id: "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11".to_owned(), events, message }
}

fn shown(form: fn(&Parcel) -> Value) -> String {
    let events = samples(now());
    let mut parcels: Vec<Parcel> = events.iter().map(|event| parcel(vec![event.clone()])).collect();
    parcels.push(parcel(events));
    parcels.iter().fold(String::new(), |mut text, parcel| {
        writeln!(text, "{:#}", form(parcel)).unwrap();
        text
    })
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn every_kind_in_its_real_form() {
    settings().bind(|| {
        insta::assert_snapshot!("slack", shown(slack::body));
        insta::assert_snapshot!("teams", shown(teams::body));
        insta::assert_snapshot!("google_chat", shown(google_chat::body));
        insta::assert_snapshot!("webhook", shown(webhook::body));
    });
}

#[test]
fn every_kind_in_words() {
    let text = samples(now()).iter().fold(String::new(), |mut text, event| {
        let (message, _) = Message::of(event, &Wording::default());
        writeln!(text, "# {}\n{}", message.title, message.plain()).unwrap();
        text
    });
    settings().bind(|| insta::assert_snapshot!("words", text));
}

const HOSTILE: &str = "<!channel> <@U123> <https://evil.example|log in> &lt; *b* _i_ `c` [a](https://evil.example) \
                       <b>x</b> <users/all> **md** \u{202e}txt\u{1b}[31m\r\nBcc: all@vtr.cl";

fn hostile() -> Parcel {
    let mut event = Event::new(EventKind::RolledBack, Phase::Happened, now());
    for text in [
        &mut event.service,
        &mut event.environment,
        &mut event.to,
        &mut event.from,
        &mut event.by,
        &mut event.reason,
        &mut event.image,
        &mut event.notes,
        &mut event.commit,
    ] {
        *text = Some(HOSTILE.to_owned());
    }
    event.url = Some("https://evil.example/\"|>x".to_owned());
    // As it comes out of the outbox.
    parcel(vec![Event::from_json(&event.to_json()).unwrap()])
}

/// Every text in a JSON value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn no_text_becomes_a_mention_or_a_link_in_slack() {
    for text in texts(&slack::body(&hostile())) {
        assert!(!text.contains('<') && !text.contains('>'), "{text}");
        assert!(!text.contains("&lt; *b*") || text.contains("&amp;lt;"), "{text}");
        assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn no_text_becomes_markup_in_google_chat() {
    let body = google_chat::body(&hostile());
    for text in texts(&body["cardsV2"][0]["card"]["sections"]) {
        assert!(!text.replace("<br>", "").contains('<'), "{text}");
    }
}

#[test]
fn teams_gets_plain_runs_only() {
    let body = teams::body(&hostile());
    let card = &body["attachments"][0]["content"];
    for row in card["body"].as_array().unwrap() {
        assert_eq!(row["type"], "RichTextBlock");
        for run in row["inlines"].as_array().unwrap() {
            assert_eq!(run["type"], "TextRun");
            assert!(!run["text"].as_str().unwrap().is_empty());
        }
    }
    assert_eq!(card["actions"], Value::Null, "the link is no link");
}

#[test]
fn the_largest_message_keeps_every_limit() {
    let mut event = Event::new(EventKind::Report, Phase::Happened, now());
    event.notes = Some("&\n".repeat(100_000));
    event.subject = Some("&".repeat(5_000));
    let parcel = parcel(vec![Event::from_json(&event.to_json()).unwrap()]);
    for block in slack::body(&parcel)["blocks"].as_array().unwrap() {
        assert!(texts(block).iter().all(|text| text.chars().count() <= 3_000));
    }
    assert!(teams::body(&parcel).to_string().len() <= 28 * 1_024);
    assert!(google_chat::body(&parcel).to_string().len() <= 32_000);
}

#[test]
fn an_entity_is_never_cut() {
    let text = bounded("&&&&", 12, escape_markup);
    assert_eq!(text, "&amp;…");
}

#[test]
fn a_template_changes_words_and_never_markup() {
    let template = |text: &str| {
        crate::template::Template::new(text.to_owned(), crate::template::Escape::None, &[]).unwrap()
    };
    let event = samples(now()).remove(0);
    let wording = Wording {
        title: Some(template("<!here> {{ service }} {{ to }}\nsecond line")),
        body: Some(template("{{ from }} -> {{ to }} at {{ at }}")),
    };
    let (message, failed) = Message::of(&event, &wording);
    assert_eq!(failed, None);
    assert_eq!(message.title, "<!here> common/graphql-server v1.0.180 second line");
    assert_eq!(message.body, "v1.0.176 -> v1.0.180 at 2026-11-30T12:00:00Z");
    let parcel = Parcel { id: String::new(), events: vec![event.clone()], message };
    assert!(slack::body(&parcel)["text"].as_str().unwrap().starts_with("&lt;!here&gt;"));

    let wording = Wording { title: Some(template("{{ nothing.there }}")), body: None };
    let (message, failed) = Message::of(&event, &wording);
    assert_eq!(message.title, "common/graphql-server v1.0.180 is in prod");
    assert!(failed.unwrap().contains("cannot fill in the template"));
}
