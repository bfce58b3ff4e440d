//! Notes in a promotion's commit: the team's own bullets, cut to what a reader of `git log` will read.
//!
//! It stands between the evidence and the trailers of a message that Tidegate reads back. Every line of it is a heading
//! of ours, a bullet, or indented; nothing in it begins at the margin that somebody else wrote, and what looks like one of
//! our trailers is broken. References name their repository, since this commit lies in another one than theirs.

use std::fmt::Write as _;

use super::counted;
use super::markup::{Markup, calm_before};
use crate::changelog::clean::without_mentions;
use crate::changelog::inline::{Issue, Span};
use crate::changelog::notes::{Entry, Notes, Update};
use crate::changelog::section::Section;

/// How much of the notes a commit takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The most lines, the last one included that counts what is left out.
    pub lines: usize,
    /// The most bytes.
    pub bytes: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { lines: 40, bytes: 4000 }
    }
}

/// Words by which forges close an issue that follows them.
const CLOSING: [&str; 9] =
    ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

struct Body<'a> {
    /// The path of the source repository at its forge.
    repository: Option<&'a str>,
}

impl Markup for Body<'_> {
    fn text(&self, text: &str) -> String {
        calm(text)
    }

    fn code(&self, code: &str) -> String {
        format!("`{}`", calm(code))
    }

    fn link(&self, label: &str, _url: &str) -> String {
        label.to_owned()
    }

    fn reference(&self, label: &str) -> String {
        label.to_owned()
    }

    fn strong(&self, text: &str) -> String {
        calm(text)
    }

    fn issue(&self, issue: &Issue) -> String {
        let repository = issue.repository.as_deref().or(self.repository).unwrap_or_default();
        format!("{repository}{}{}", issue.sign, issue.number)
    }

    fn spans(&self, spans: &[Span]) -> String {
        let mut line = String::new();
        for span in spans {
            calm_before(&mut line, span);
            match span {
                Span::Text(text) => line.push_str(&self.text(text)),
                Span::Code(code) => line.push_str(&self.code(code)),
                Span::Ticket { key, .. } => line.push_str(key),
                // The commit must not close in one repository what was closed in another.
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

/// Words that call nobody, and that no search for our trailers finds.
fn calm(text: &str) -> String {
    const PREFIX: &str = "tidegate-";
    let calm = without_mentions(text);
    let lower = calm.to_ascii_lowercase();
    if !lower.contains(PREFIX) {
        return calm;
    }
    let mut broken = calm.into_bytes();
    for (at, _) in lower.match_indices(PREFIX) {
        broken[at + PREFIX.len() - 1] = b' ';
    }
    // One ASCII sign was put in the place of another.
    String::from_utf8(broken).unwrap_or_default()
}

pub(super) fn render(notes: &Notes, limits: &BodyLimits) -> String {
    // One that begins with a slash is a path of this machine, where no forge is.
    let source = notes.heading.source.as_deref().and_then(|source| source.split_once('/'));
    let body = Body { repository: source.filter(|(host, _)| !host.is_empty()).map(|(_, path)| path) };
    let mut lines = Lines::default();
    for remark in &notes.remarks {
        lines.remark(&format!("note: {}", calm(&remark.to_string())));
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
            lines.heading(&format!("No longer in it: {}", group.section.title()));
            for entry in &group.entries {
                lines.bullet(&body.entry(entry), &[]);
            }
        }
    }
    lines.finish(limits, notes.heading.compare.as_deref())
}

/// A line, and whether it is a change of its own.
struct Line {
    text: String,
    is_change: bool,
}

#[derive(Default)]
struct Lines {
    lines: Vec<Line>,
    /// What is counted and not told, such as `3 maintenance`.
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

    /// The lines that fit, what of them is left out, and the link.
    fn finish(self, limits: &BodyLimits, link: Option<&str>) -> String {
        let counts = (!self.counts.is_empty()).then(|| format!("Not listed: {}", self.counts.join(", ")));
        let link = link.map(|url| format!("\n{url}"));
        let tail: Vec<String> = counts.into_iter().chain(link).collect();
        let tail_bytes: usize = tail.iter().map(|line| line.len() + 1).sum();
        let all: usize = self.lines.iter().map(|line| line.text.len() + 1).sum();
        let fits = self.lines.len() + tail.len() <= limits.lines && all + tail_bytes <= limits.bytes;
        let mut kept = self.lines.len();
        if !fits {
            // Room for the line that says so.
            const SAID: usize = 40;
            let most_lines = limits.lines.saturating_sub(tail.len() + 1);
            let most_bytes = limits.bytes.saturating_sub(tail_bytes + SAID);
            let mut bytes = 0;
            kept = self
                .lines
                .iter()
                .take(most_lines)
                .take_while(|line| {
                    bytes += line.text.len() + 1;
                    bytes <= most_bytes
                })
                .count();
            // A heading with nothing under it says nothing.
            while kept > 0 && !self.lines[kept - 1].is_change && !self.lines[kept - 1].text.starts_with("  ")
            {
                kept -= 1;
            }
        }
        let left_out = self.lines[kept..].iter().filter(|line| line.is_change).count();
        let mut text: Vec<String> = self.lines.into_iter().take(kept).map(|line| line.text).collect();
        if left_out > 0 {
            text.push(format!("... and {}", counted(left_out, "more change")));
        }
        text.extend(tail);
        text.join("\n").trim_matches('\n').to_owned()
    }
}
