//! Slack's own markup (mrkdwn), for the text of a message. Only `&`, `<` and `>` need escaping, which also disables
//! `<!everyone>` and `<@U123>`. Slack has no escape for bold and italics; they change how a word looks and nothing else.

use std::fmt::Write as _;

use super::markup::Markup;
use super::{DOWNGRADE, bots_line};
use crate::changelog::clean::without_mentions;
use crate::changelog::notes::Notes;

/// Slack recommends at most 4,000 characters per message; the difference is for the last line.
const MAX_CHARS: usize = 3_700;

struct Slack;

impl Markup for Slack {
    fn text(&self, text: &str) -> String {
        escape(text)
    }

    fn code(&self, code: &str) -> String {
        format!("`{}`", escape(code))
    }

    fn package(&self, name: &str) -> String {
        // Slack reads no mentions between backticks, and no backtick can be open here.
        format!("`{}`", escape_entities(name))
    }

    fn link(&self, label: &str, url: &str) -> String {
        let url = url.replace('|', "%7C").replace('>', "%3E");
        format!("<{url}|{}>", escape(label))
    }

    fn reference(&self, label: &str) -> String {
        escape(label)
    }

    fn strong(&self, text: &str) -> String {
        // Remove asterisks first: without them an `@` may stand before a name.
        format!("*{}*", escape(&text.replace('*', "")))
    }
}

fn escape(text: &str) -> String {
    escape_entities(&without_mentions(text))
}

fn escape_entities(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn render(notes: &Notes) -> String {
    let heading = &notes.heading;
    let mut text =
        format!("{} {} → {}", Slack.strong(&heading.service), escape(&heading.from), escape(&heading.to));
    if heading.is_downgrade {
        text.push_str(DOWNGRADE);
    }
    if let Some(url) = &heading.compare {
        let _ = write!(text, " ({})", Slack.link("compare", url));
    }
    text.push('\n');
    if !notes.releases.is_empty() {
        let _ = writeln!(text, "{}", escape(&notes.summary()));
    }
    for remark in &notes.remarks {
        let _ = writeln!(text, "_{}_", escape(&remark.to_string()));
    }
    let mut lines = Lines { text, omitted: 0 };
    for (section, entries) in notes.merged() {
        lines.heading(section.title());
        for entry in entries {
            lines.bullet(&Slack.entry(entry));
            for note in &entry.breaking {
                lines.note(&Slack.spans(note));
            }
        }
    }
    let updates = notes.merged_updates();
    if !updates.is_empty() {
        lines.heading("Dependencies");
        for update in &updates {
            lines.bullet(&Slack.update(update));
        }
    }
    lines.finish(notes)
}

/// Appends lines until the limit is reached, then counts the omitted changes.
struct Lines {
    text: String,
    omitted: usize,
}

impl Lines {
    fn heading(&mut self, title: &str) {
        self.push(&format!("\n*{title}*\n"));
    }

    fn bullet(&mut self, line: &str) {
        if !self.push(&format!("• {line}\n")) {
            self.omitted += 1;
        }
    }

    fn note(&mut self, line: &str) {
        self.push(&format!("    {line}\n"));
    }

    fn push(&mut self, line: &str) -> bool {
        // After the first omission nothing more is added, however short.
        if self.omitted > 0 || self.text.chars().count() + line.chars().count() > MAX_CHARS {
            return false;
        }
        self.text.push_str(line);
        true
    }

    fn finish(mut self, notes: &Notes) -> String {
        match self.omitted {
            0 if notes.bots() > 0 => {
                let _ = writeln!(self.text, "_{}_", bots_line(notes.bots()));
            }
            0 => {}
            omitted => {
                let _ = write!(self.text, "… and {omitted} more");
                if let Some(url) = &notes.heading.compare {
                    let _ = write!(self.text, ": {}", Slack.link("full comparison", url));
                }
                self.text.push('\n');
            }
        }
        self.text
    }
}
