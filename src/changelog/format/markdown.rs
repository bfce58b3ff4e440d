//! Markdown as GitHub and GitLab render it: `CommonMark` with bare links, mentions and references.
//!
//! Everything that could begin a block or an inline element is escaped. Mentions, and references without a link, become
//! code: forges look for both after removing escapes, so a backslash does not stop them.

use std::fmt::Write as _;

use super::markup::Markup;
use super::{DOWNGRADE, bots_line, day};
use crate::changelog::clean::is_mention;
use crate::changelog::inline::Span;
use crate::changelog::notes::{Entry, Notes, Release};

/// Characters that are markup within a line.
const SPECIAL: &str = "\\`*_[]<>&~^|$";

pub(super) struct Markdown;

impl Markup for Markdown {
    fn text(&self, text: &str) -> String {
        escape(text)
    }

    fn code(&self, code: &str) -> String {
        // `code` came from between single backticks, so it has none.
        format!("`{code}`")
    }

    fn link(&self, label: &str, url: &str) -> String {
        format!("[{}]({url})", escape_label(label))
    }

    fn reference(&self, label: &str) -> String {
        format!("`{label}`")
    }

    fn strong(&self, text: &str) -> String {
        format!("**{}**", escape(text))
    }
}

impl Markdown {
    /// The text of a change, behind its bullet.
    pub(super) fn bullet(&self, entry: &Entry) -> String {
        escape_start(&self.entry(entry))
    }

    /// The text of a breaking note, behind its bullet.
    pub(super) fn note(&self, note: &[Span]) -> String {
        escape_start(&self.spans(note))
    }
}

/// Escapes the label of a link. Forges look for no mentions or references there.
fn escape_label(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if SPECIAL.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Escapes markup within a line; `escape_start` handles the first characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut before = None;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = rest[character.len_utf8()..].chars().next();
        let mut length = character.len_utf8();
        match character {
            '@' if is_mention(before, after) => {
                let name = mention(rest);
                let _ = write!(escaped, "`{name}`");
                length = name.len();
            }
            '#' if after.is_some_and(|after| after.is_ascii_digit()) => {
                let end =
                    rest[1..].find(|next: char| !next.is_ascii_digit()).map_or(rest.len(), |end| end + 1);
                let _ = write!(escaped, "`{}`", &rest[..end]);
                length = end;
            }
            '_' if before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric) => {
                escaped.push('_');
            }
            // A link may follow, and `![` begins an image.
            '!' if after.is_none() => escaped.push_str("\\!"),
            _ if SPECIAL.contains(character) => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
        // A word does not continue behind code.
        before = Some(if escaped.ends_with('`') { '`' } else { character });
        rest = &rest[length..];
    }
    escaped
}

/// `@name`, `@org/team`, `@types/node@20`.
fn mention(text: &str) -> &str {
    let is_part = |next: char| next.is_alphanumeric() || "-_/.@".contains(next);
    let end = text[1..].find(|next| !is_part(next)).map_or(text.len(), |end| end + 1);
    &text[..end]
}

/// Escapes the first characters of a line, so that they begin no block.
fn escape_start(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let is_numbered = (1..=9).contains(&digits) && line[digits..].starts_with(['.', ')']);
    if is_numbered {
        return format!("{}\\{}", &line[..digits], &line[digits..]);
    }
    if line.starts_with(['#', '-', '+', '=', ':']) { format!("\\{line}") } else { line.to_owned() }
}

pub(super) fn render(notes: &Notes) -> String {
    let heading = &notes.heading;
    let mut text =
        format!("## {} {} → {}", escape(&heading.service), escape(&heading.from), escape(&heading.to));
    if heading.is_downgrade {
        text.push_str(DOWNGRADE);
    }
    text.push_str("\n\n");
    if !notes.releases.is_empty() {
        text.push_str(&escape(&notes.summary()));
        if let Some(url) = &heading.compare {
            let _ = write!(text, " · [compare]({url})");
        }
        text.push_str("\n\n");
    }
    for remark in &notes.remarks {
        let _ = writeln!(text, "> {}\n", escape_start(&escape(&remark.to_string())));
    }
    let has_headings = notes.releases.len() > 1;
    for release in &notes.releases {
        if has_headings {
            release_heading(&mut text, release);
        }
        release_body(&mut text, release, if has_headings { "####" } else { "###" });
    }
    if let Some(lost) = &notes.lost {
        let _ = writeln!(text, "### Only in {}\n", escape(&lost.name));
        release_body(&mut text, lost, "####");
    }
    people(&mut text, notes);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn release_heading(text: &mut String, release: &Release) {
    let _ = write!(text, "### {}", escape(&release.name));
    if let Some(day) = day(release) {
        let _ = write!(text, " ({day})");
    }
    text.push_str("\n\n");
}

fn release_body(text: &mut String, release: &Release, level: &str) {
    for group in &release.groups {
        let _ = writeln!(text, "{level} {}\n", group.section.title());
        for entry in &group.entries {
            let _ = writeln!(text, "- {}", Markdown.bullet(entry));
            for note in &entry.breaking {
                let _ = writeln!(text, "  - {}", Markdown.note(note));
            }
        }
        text.push('\n');
    }
    if !release.updates.is_empty() {
        let _ = writeln!(text, "{level} Dependencies\n");
        for update in &release.updates {
            let _ = writeln!(text, "- {}", Markdown.update(update));
        }
        text.push('\n');
    }
    if release.bots > 0 {
        let _ = writeln!(text, "{}\n", bots_line(release.bots));
    }
    if release.is_empty() {
        text.push_str("No notable changes.\n\n");
    }
}

fn people(text: &mut String, notes: &Notes) {
    if notes.people.is_empty() {
        return;
    }
    let names: Vec<String> = notes
        .people
        .iter()
        .map(|person| match &person.url {
            Some(url) => Markdown.link(&person.name, url),
            None => escape(&person.name),
        })
        .collect();
    let _ = writeln!(text, "By {}", names.join(", "));
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("cache queries", "cache queries")]
    #[case::emphasis("a *b* _c_ ~d~", "a \\*b\\* \\_c\\_ \\~d\\~")]
    #[case::snake("read_each_one", "read_each_one")]
    #[case::link("[a](http://b)", "\\[a\\](http://b)")]
    #[case::html("<script>&amp;", "\\<script\\>\\&amp;")]
    #[case::mention("thanks @ana-s!", "thanks `@ana-s`\\!")]
    #[case::exclamation("no! way", "no! way")]
    #[case::team("cc @vtr/ops", "cc `@vtr/ops`")]
    #[case::address("a@b.cl", "a@b.cl")]
    #[case::reference("a #12b", "a `#12`b")]
    #[case::backticks("a ` b", "a \\` b")]
    fn escapes_text(#[case] text: &str, #[case] escaped: &str) {
        assert_eq!(escape(text), escaped);
    }

    #[rstest]
    #[case::heading("# a", "\\# a")]
    #[case::list("- a", "\\- a")]
    #[case::numbered("1. a", "1\\. a")]
    #[case::version("1.2 is out", "1\\.2 is out")]
    #[case::rule("---", "\\---")]
    #[case::plain("a", "a")]
    fn escapes_the_start_of_a_line(#[case] line: &str, #[case] escaped: &str) {
        assert_eq!(escape_start(line), escaped);
    }
}
