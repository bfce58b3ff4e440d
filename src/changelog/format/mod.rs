//! Notes as text, in every format. Each format escapes what its readers would interpret as markup.

mod body;
mod changelog_file;
mod html;
mod json;
mod keep_a_changelog;
mod markdown;
mod markup;
mod slack;
mod template;
mod text;

use chrono::NaiveDate;

use super::notes::{Counts, Notes, Release};

pub use body::BodyLimits;
pub use changelog_file::FileError;
pub use keep_a_changelog::KeepAChangelog;
pub use template::{Template, TemplateError};

/// A built-in format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Markdown as forges render it.
    Markdown,
    /// Sections of a [Keep a Changelog](https://keepachangelog.com/en/1.1.0/) file.
    KeepAChangelog,
    /// Plain text.
    Text,
    /// Slack's own markup.
    Slack,
    /// An HTML fragment.
    Html,
}

impl Notes {
    /// The notes in a format, with a line break at the end.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Markdown => markdown::render(self),
            Format::KeepAChangelog => KeepAChangelog::from_releases(self).render(),
            Format::Text => text::render(self),
            Format::Slack => slack::render(self),
            Format::Html => html::render(self),
        }
    }

    /// The notes for the body of a commit: bullets under headings, truncated to `limits`; empty when there are no changes.
    /// No line can be mistaken for a trailer, and the first and last lines are not empty.
    pub fn body(&self, limits: &BodyLimits) -> String {
        body::render(self, limits)
    }

    /// The notes as JSON, by the documented contract.
    pub fn json(&self) -> serde_json::Value {
        json::value(self)
    }

    /// One line of counts: `2 releases, 5 commits, by 2 people`.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        if self.releases.len() > 1 {
            parts.push(format!("{} releases", self.releases.len()));
        }
        let Counts { commits, reverted, copies } = self.counts;
        parts.push(counted(commits, "commit"));
        match self.breaking_count() {
            0 => {}
            breaking => parts.push(counted(breaking, "breaking change")),
        }
        match self.people.len() {
            0 => {}
            people => parts.push(format!("by {}", counted_people(people))),
        }
        if reverted > 0 {
            parts.push(format!("{} reverted", counted(reverted, "change")));
        }
        if copies > 0 {
            parts.push(format!("{} left out", counted(copies, "duplicate")));
        }
        parts.join(", ")
    }
}

/// `1 commit`, `2 commits`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn counted_people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

/// The date of a release, unless its commit claims an impossible one.
fn day(release: &Release) -> Option<NaiveDate> {
    release.at.map(|at| at.date_naive()).filter(|day| (1970..=9999).contains(&chrono::Datelike::year(day)))
}

fn bots_line(bots: usize) -> String {
    match bots {
        1 => "1 commit by a bot is not listed".to_owned(),
        _ => format!("{bots} commits by bots are not listed"),
    }
}

/// Suffix of a downgrade's heading.
const DOWNGRADE: &str = " (downgrade)";
