//! Notes for the body of a promotion's commit: bullets under headings, cut to a length that people read in `git log`.
//!
//! They stand between the evidence and the trailers of a message that Tidegate reads back. So every line is a heading
//! of ours, a bullet or indented, no foreign text begins a line, and text that looks like one of our trailers is altered.
//! References name their repository, because this commit lies in another one.

use std::fmt::Write as _;

use super::counted;
use super::markup::{Markup, defuse_mention};
use crate::changelog::clean::without_mentions;
use crate::changelog::inline::{Issue, Span};
use crate::changelog::notes::{Entry, Notes, Update};
use crate::changelog::section::Section;

/// Maximum length of the notes in a commit message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Maximum lines, including the last one, which counts omitted changes.
    pub lines: usize,
    /// Maximum bytes.
    pub bytes: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { lines: 40, bytes: 4000 }
    }
}

/// Keywords with which forges close the issue that follows.
const CLOSING: [&str; 9] =
    ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

struct Body<'a> {
    /// Path of the source repository at its forge.
    repository: Option<&'a str>,
}

impl Markup for Body<'_> {
    fn text(&self, text: &str) -> String {
        neutralize(text)
    }

    fn code(&self, code: &str) -> String {
        format!("`{}`", neutralize(code))
    }

    fn link(&self, label: &str, _url: &str) -> String {
        label.to_owned()
    }

    fn reference(&self, label: &str) -> String {
        label.to_owned()
    }

    fn strong(&self, text: &str) -> String {
        neutralize(text)
    }

    fn issue(&self, issue: &Issue) -> String {
        let repository = issue.repository.as_deref().or(self.repository).unwrap_or_default();
        format!("{repository}{}{}", issue.sign, issue.number)
    }

    fn spans(&self, spans: &[Span]) -> String {
        let mut line = String::new();
        for span in spans {
            defuse_mention(&mut line, span);
            match span {
                Span::Text(text) => line.push_str(&self.text(text)),
                Span::Code(code) => line.push_str(&self.code(code)),
                Span::Ticket { key, .. } => line.push_str(key),
                // A commit here must not close an issue of another repository.
                Span::Issue(issue) if ends_in_closing_word(&line) => {
                    let _ = write!(line, "issue {}", issue.number);
                }
                Span::Issue(issue) => line.push_str(&self.issue(issue)),
            }
        }
        line
    }
}

fn ends_in_closing_word(line: &str) -> bool {
    let line = line.trim_end_matches([' ', ':']);
    let word = line.rsplit(|before: char| !before.is_ascii_alphabetic()).next().unwrap_or_default();
    CLOSING.iter().any(|closing| closing.eq_ignore_ascii_case(word))
}

/// Text without mentions, and without anything that a search for our trailers could find.
fn neutralize(text: &str) -> String {
    const PREFIX: &str = "tidegate-";
    let text = without_mentions(text);
    let lower = text.to_ascii_lowercase();
    if !lower.contains(PREFIX) {
        return text;
    }
    let mut bytes = text.into_bytes();
    for (at, _) in lower.match_indices(PREFIX) {
        bytes[at + PREFIX.len() - 1] = b' ';
    }
    // Still UTF-8: one ASCII character replaced another.
    String::from_utf8(bytes).unwrap_or_default()
}

pub(super) fn render(notes: &Notes, limits: &BodyLimits) -> String {
    // A source that begins with a slash is a local path: there is no forge.
    let source = notes.heading.source.as_deref().and_then(|source| source.split_once('/'));
    let body = Body { repository: source.filter(|(host, _)| !host.is_empty()).map(|(_, path)| path) };
    let mut lines = Lines::default();
    for remark in &notes.remarks {
        lines.remark(&format!("note: {}", neutralize(&remark.to_string())));
    }
    for (section, entries) in notes.merged() {
        match section {
            Section::Documentation | Section::Maintenance => lines.count(section, entries.len()),
            _ => lines.section(&body, section, &entries),
        }
    }
    lines.updates(&body, &notes.merged_updates());
    lines.count_bots(notes.bots());
    if let Some(lost) = &notes.lost {
        for group in &lost.groups {
            lines.heading(&format!("No longer included: {}", group.section.title()));
            for entry in &group.entries {
                lines.bullet(&body.entry(entry), &[]);
            }
        }
    }
    lines.finish(limits, notes.heading.compare.as_deref())
}

struct Line {
    text: String,
    /// Whether the line begins a change; headings and notes of a change do not.
    is_change: bool,
}

#[derive(Default)]
struct Lines {
    lines: Vec<Line>,
    /// What is counted but not listed, such as `3 maintenance`.
    counts: Vec<String>,
}

impl Lines {
    fn remark(&mut self, text: &str) {
        self.lines.push(Line { text: text.to_owned(), is_change: false });
    }

    fn heading(&mut self, title: &str) {
        self.lines.push(Line { text: title.to_owned(), is_change: false });
    }

    fn bullet(&mut self, text: &str, notes: &[String]) {
        self.lines.push(Line { text: format!("- {text}"), is_change: true });
        self.lines.extend(notes.iter().map(|note| Line { text: format!("  {note}"), is_change: false }));
    }

    fn section(&mut self, body: &Body<'_>, section: Section, entries: &[&Entry]) {
        self.heading(section.title());
        for entry in entries {
            let notes: Vec<String> = entry.breaking.iter().map(|note| body.spans(note)).collect();
            self.bullet(&body.entry(entry), &notes);
        }
    }

    fn updates(&mut self, body: &Body<'_>, updates: &[Update]) {
        if updates.is_empty() {
            return;
        }
        self.heading("Dependencies");
        for update in updates {
            self.bullet(&body.update(update), &[]);
        }
    }

    fn count(&mut self, section: Section, count: usize) {
        self.counts.push(format!("{count} {}", section.title().to_ascii_lowercase()));
    }

    fn count_bots(&mut self, bots: usize) {
        if bots > 0 {
            self.counts.push(format!("{bots} by bots"));
        }
    }

    /// The lines that fit, the count of omitted changes, and the link.
    fn finish(self, limits: &BodyLimits, link: Option<&str>) -> String {
        let counts = (!self.counts.is_empty()).then(|| format!("Not listed: {}", self.counts.join(", ")));
        let link = link.map(|url| format!("\n{url}"));
        let tail: Vec<String> = counts.into_iter().chain(link).collect();
        let tail_bytes: usize = tail.iter().map(|line| line.len() + 1).sum();
        let all: usize = self.lines.iter().map(|line| line.text.len() + 1).sum();
        let fits = self.lines.len() + tail.len() <= limits.lines && all + tail_bytes <= limits.bytes;
        let mut length = self.lines.len();
        if !fits {
            /// Room for the line that counts omitted changes.
            const OMITTED_LINE_BYTES: usize = 40;
            let most_lines = limits.lines.saturating_sub(tail.len() + 1);
            let most_bytes = limits.bytes.saturating_sub(tail_bytes + OMITTED_LINE_BYTES);
            let mut bytes = 0;
            length = self
                .lines
                .iter()
                .take(most_lines)
                .take_while(|line| {
                    bytes += line.text.len() + 1;
                    bytes <= most_bytes
                })
                .count();
            // Drop a heading that has no change left.
            let is_heading = |line: &Line| !line.is_change && !line.text.starts_with("  ");
            while length > 0 && is_heading(&self.lines[length - 1]) {
                length -= 1;
            }
        }
        let omitted = self.lines[length..].iter().filter(|line| line.is_change).count();
        let mut text: Vec<String> = self.lines.into_iter().take(length).map(|line| line.text).collect();
        if omitted > 0 {
            text.push(format!("... and {}", counted(omitted, "more change")));
        }
        text.extend(tail);
        text.join("\n").trim_matches('\n').to_owned()
    }
}
