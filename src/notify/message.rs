//! Events in words, before any channel escapes them.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::SecondsFormat;
use serde::Serialize;

use crate::model::{Elapsed, EventKind, Timestamp};
use crate::template::Template;

use super::event::{Event, Phase, is_link, lines, one_line};

/// Maximum events that a digest lists.
const MAX_LISTED: usize = 100;

/// A message, as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// One line.
    pub title: String,
    /// Lines below it; may be empty.
    pub body: String,
    /// Names and values below the body.
    pub facts: Vec<(&'static str, String)>,
    /// A page about it.
    pub link: Option<String>,
    /// How it feels.
    pub tone: Tone,
}

/// How a message feels, for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tone {
    /// Something went well, or is over.
    Good,
    /// Somebody should look.
    Bad,
    /// Neither.
    Plain,
}

/// The texts of a channel instead of the usual ones.
#[derive(Clone, Debug, Default)]
pub struct Wording {
    pub title: Option<Template>,
    pub body: Option<Template>,
}

impl Message {
    /// The message of one event. A template that cannot be filled in is replaced by the usual text; the error says why.
    pub fn of(event: &Event, wording: &Wording) -> (Self, Option<String>) {
        let mut message = Self {
            title: title(event),
            body: body(event),
            facts: facts(event),
            link: event.url.clone().filter(|url| is_link(url)),
            tone: tone(event),
        };
        let mut failed = None;
        let mut filled = |template: &Option<Template>| match template.as_ref()?.render(event) {
            Ok(text) => Some(text),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                failed = Some(one_line(&format!("{error}: {cause}")));
                None
            }
        };
        if let Some(title) =
            filled(&wording.title).map(|text| one_line(&text)).filter(|text| !text.is_empty())
        {
            message.title = title;
        }
        if let Some(body) = filled(&wording.body) {
            message.body = lines(&body);
            message.facts.clear();
        }
        (message, failed)
    }

    /// One message of many events, oldest first.
    pub fn digest(events: &[Event], wording: &Wording) -> (Self, Option<String>) {
        if let [event] = events {
            return Self::of(event, wording);
        }
        let mut failed = None;
        let mut list: Vec<String> = Vec::new();
        for event in events.iter().take(MAX_LISTED) {
            let (message, error) = Self::of(event, wording);
            failed = failed.or(error);
            list.push(format!("{}  {}", event.at.format("%m-%d %H:%M"), message.title));
        }
        if events.len() > MAX_LISTED {
            list.push(format!("and {} more", events.len() - MAX_LISTED));
        }
        let has_bad = events.iter().any(|event| tone(event) == Tone::Bad);
        let message = Self {
            title: format!("Tidegate: {} events (times in UTC)", events.len()),
            body: list.join("\n"),
            facts: Vec::new(),
            link: None,
            tone: if has_bad { Tone::Bad } else { Tone::Plain },
        };
        (message, failed)
    }

    /// The message as plain text.
    pub fn plain(&self) -> String {
        let mut text = String::new();
        if !self.body.is_empty() {
            text.push_str(&self.body);
            text.push('\n');
        }
        if !self.facts.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            for (name, value) in &self.facts {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{name}: {value}");
            }
        }
        if let Some(link) = &self.link {
            let _ = writeln!(text, "\n{link}");
        }
        text
    }
}

fn title(event: &Event) -> String {
    let of = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let (service, environment) = (of(&event.service), of(&event.environment));
    let (to, subject) = (of(&event.to), of(&event.subject));
    let is_over = event.phase == Phase::Ended;
    match event.kind {
        EventKind::Promoted => format!("{service} {to} is in {environment}"),
        EventKind::RolledBack => format!("{service} is back to {to} in {environment}"),
        EventKind::Refused if is_over => format!("{service}: {to} is no longer refused in {environment}"),
        EventKind::Refused => format!("{service} {to} is refused in {environment}"),
        EventKind::Blocked if is_over => format!("{service} no longer waits in {environment}"),
        EventKind::Blocked => format!("{service} {to} waits to go to {environment} for {}", lasted(event)),
        EventKind::ApprovalWanted if is_over => {
            format!("{service} {to} no longer needs approval in {environment}")
        }
        EventKind::ApprovalWanted => format!("{service} {to} needs approval to go to {environment}"),
        EventKind::Unhealthy if is_over => format!("{service} is no longer unhealthy in {environment}"),
        EventKind::Unhealthy => format!("{service} {to} did not become healthy in {environment}"),
        EventKind::Problem if is_over => "Tidegate: problem resolved".to_owned(),
        EventKind::Problem => match (&event.service, &event.environment) {
            (Some(service), Some(environment)) => {
                format!("Tidegate: problem with {service} in {environment}")
            }
            _ => "Tidegate: problem".to_owned(),
        },
        EventKind::NamesUnmatched if is_over => {
            "Tidegate: the name in the configuration matches again".to_owned()
        }
        EventKind::NamesUnmatched => "Tidegate: a name in the configuration matches nothing".to_owned(),
        EventKind::RegistrySilent if is_over => format!("Tidegate: {subject} answers again"),
        EventKind::RegistrySilent => format!("Tidegate: {subject} does not answer"),
        EventKind::PassesFailing if is_over => "Tidegate: passes succeed again".to_owned(),
        EventKind::PassesFailing => "Tidegate: passes fail, nothing is promoted".to_owned(),
        EventKind::CredentialEnds if is_over => format!("Tidegate: {subject} no longer ends soon"),
        EventKind::CredentialEnds => format!("Tidegate: {subject} ends {}", day(event.until)),
        EventKind::Report => format!("Promotions since {}", day(event.since)),
    }
}

fn body(event: &Event) -> String {
    let mut parts: Vec<String> = Vec::new();
    let is_move = matches!(event.kind, EventKind::Promoted | EventKind::RolledBack);
    if let (true, Some(from), Some(to)) = (is_move, &event.from, &event.to) {
        let by = event.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
        parts.push(format!("{from} → {to}{by}"));
    }
    parts.extend(event.reason.clone());
    if event.phase != Phase::Ended {
        parts.extend(event.hint.as_ref().map(|hint| format!("What to do: {hint}")));
    }
    if let (EventKind::Blocked, Phase::Began, Some(until)) = (event.kind, event.phase, event.until) {
        parts.push(format!("It can go at {} at the earliest", moment(until)));
    }
    let is_condition = event.phase == Phase::Ended && event.kind != EventKind::CredentialEnds;
    if let (true, Some(since)) = (is_condition, event.since) {
        parts.push(format!("It lasted {}, since {}", lasted(event), moment(since)));
    }
    if let Some(notes) = &event.notes {
        if !parts.is_empty() {
            parts.push(String::new());
        }
        parts.push(notes.clone());
    }
    parts.join("\n")
}

fn facts(event: &Event) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if matches!(event.kind, EventKind::Promoted | EventKind::RolledBack) {
        facts.extend(event.image.clone().map(|image| ("Image", image)));
        facts.extend(event.commit.as_ref().map(|commit| ("Commit", commit.chars().take(12).collect())));
    }
    facts
}

fn tone(event: &Event) -> Tone {
    match (event.kind, event.phase) {
        (EventKind::Promoted, _) | (_, Phase::Ended) => Tone::Good,
        (EventKind::Report | EventKind::ApprovalWanted, _) => Tone::Plain,
        _ => Tone::Bad,
    }
}

fn lasted(event: &Event) -> String {
    let lasted = event.since.and_then(|since| (event.at - since).to_std().ok());
    Elapsed(lasted.unwrap_or(Duration::ZERO)).to_string()
}

fn day(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "?".to_owned(), |at| at.format("%Y-%m-%d").to_string())
}

fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
