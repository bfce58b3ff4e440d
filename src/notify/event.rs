//! What happened, as it is stored, templated and sent to webhooks. Every text in it may be somebody else's.

use serde::{Deserialize, Serialize};

use crate::model::{EventKind, Printable, Timestamp};

/// Maximum characters of a text of one line.
const MAX_LINE_CHARS: usize = 500;

/// Maximum characters of release notes and reports.
const MAX_NOTES_CHARS: usize = 12_000;

/// A notification: something that happened, or a condition that began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What kind of event it is.
    pub kind: EventKind,
    /// Whether it happened at one moment, or begins or ends.
    pub phase: Phase,
    /// When.
    pub at: Timestamp,
    /// The environment, if it concerns one.
    pub environment: Option<String>,
    /// The service, as `namespace/name`, if it concerns one.
    pub service: Option<String>,
    /// The image.
    pub image: Option<String>,
    /// The tag before.
    pub from: Option<String>,
    /// The tag after, or the candidate.
    pub to: Option<String>,
    /// Who did it: `schedule`, or a person.
    pub by: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// A page about it.
    pub url: Option<String>,
    /// What it concerns if that is no service: a registry, a credential.
    pub subject: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Since when it has lasted.
    pub since: Option<Timestamp>,
    /// When it ends, as far as that is known.
    pub until: Option<Timestamp>,
    /// Release notes, or the text of a report: several lines.
    pub notes: Option<String>,
}

/// Whether an event happens at one moment, or is the begin or the end of what lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// It happened.
    Happened,
    /// It begins.
    Began,
    /// It is over.
    Ended,
}

impl Event {
    /// An event that says nothing more yet.
    pub fn new(kind: EventKind, phase: Phase, at: Timestamp) -> Self {
        Self {
            kind,
            phase,
            at,
            environment: None,
            service: None,
            image: None,
            from: None,
            to: None,
            by: None,
            commit: None,
            url: None,
            subject: None,
            reason: None,
            hint: None,
            since: None,
            until: None,
            notes: None,
        }
    }

    /// The event as JSON, with bounded texts of printable characters.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.clone().bounded()).unwrap_or_default()
    }

    /// Reads a stored event.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self::bounded)
    }

    fn bounded(mut self) -> Self {
        for text in [
            &mut self.environment,
            &mut self.service,
            &mut self.image,
            &mut self.from,
            &mut self.to,
            &mut self.by,
            &mut self.commit,
            &mut self.subject,
            &mut self.reason,
            &mut self.hint,
        ] {
            *text = text.take().map(|text| one_line(&text));
        }
        self.url = self.url.take().filter(|url| is_link(url));
        self.notes = self.notes.take().map(|text| lines(&text));
        self
    }
}

/// The text on one line.
pub(super) fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Printable::bounded(&text, MAX_LINE_CHARS).to_string()
}

/// The text with its lines, each of printable characters.
pub(super) fn lines(text: &str) -> String {
    let mut left = MAX_NOTES_CHARS;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        if left == 0 {
            lines.push("…".to_owned());
            break;
        }
        let line = line.replace('\t', "    ");
        left = left.saturating_sub(line.chars().count() + 1);
        lines.push(Printable::bounded(line.trim_end(), MAX_LINE_CHARS).to_string());
    }
    lines.join("\n").trim_end().to_owned()
}

/// Whether the text is a link of HTTP whose characters no channel has to escape.
pub(super) fn is_link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&+,;=%".contains(&byte);
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_safe)) && url.len() <= 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_and_printable() {
        let mut event = Event::new(EventKind::Promoted, Phase::Happened, Timestamp::UNIX_EPOCH);
        event.reason = Some(format!("a\n\u{1b}[31m{}", "x".repeat(1_000)));
        event.notes = Some("one\r\n\ttwo\u{202e}\n".to_owned() + &"y\n".repeat(20_000));
        event.url = Some("javascript:alert(1)".to_owned());
        let read = Event::from_json(&event.to_json()).unwrap();
        assert!(read.reason.as_ref().unwrap().starts_with("a \\u{1b}[31mx"));
        assert_eq!(read.reason.unwrap().chars().count(), MAX_LINE_CHARS + 1);
        let notes = read.notes.unwrap();
        assert!(notes.starts_with("one\n    two\\u{202e}\ny\n"), "{}", &notes[..40]);
        assert!(notes.chars().count() <= MAX_NOTES_CHARS + 10);
        assert_eq!(read.url, None);
    }

    #[test]
    fn links_are_of_http_and_plain() {
        for good in ["https://github.com/vtr/gitops/commit/abc", "http://127.0.0.1:8080/x?y=1#z"] {
            assert!(is_link(good), "{good}");
        }
        for bad in ["", "https://", "ftp://x", "https://x/>|y", "https://x/ y", "https://x/\"", "https://x/)"]
        {
            assert!(!is_link(bad), "{bad}");
        }
    }
}
