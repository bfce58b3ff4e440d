//! Notes as text, in every format. A format knows how its readers parse text and escapes all that they would take for
//! more than words.

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

/// A format that needs nothing but the notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Markdown as forges show it.
    Markdown,
    /// A section of a file in the form of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).
    KeepAChangelog,
    /// Plain text.
    Text,
    /// Slack's own markup.
    Slack,
    /// A piece of HTML.
    Html,
}

impl Notes {
    /// The notes in a format. It ends with a line break.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Markdown => markdown::render(self),
            Format::KeepAChangelog => KeepAChangelog::of_releases(self).render(),
            Format::Text => text::render(self),
            Format::Slack => slack::render(self),
            Format::Html => html::render(self),
        }
    }

    /// The notes as they stand in a commit's body: bullets under headings, cut to `limits`. Nothing when there is
    /// nothing to tell. No line of it can be taken for a trailer, and none is empty at its start or end.
    pub fn body(&self, limits: &BodyLimits) -> String {
        body::render(self, limits)
    }

    /// The notes as data: the documented contract.
    pub fn json(&self) -> serde_json::Value {
        json::value(self)
    }

    /// One line that says how much there is.
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
            parts.push(format!("{} made and taken back", counted(reverted, "change")));
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

/// The day of a release, if its commit tells one that can be.
fn day(release: &Release) -> Option<NaiveDate> {
    release.at.map(|at| at.date_naive()).filter(|day| (1970..=9999).contains(&chrono::Datelike::year(day)))
}

/// `1 commit of a bot is not listed`.
fn bots_line(bots: usize) -> String {
    match bots {
        1 => "1 commit of a bot is not listed".to_owned(),
        _ => format!("{bots} commits of bots are not listed"),
    }
}

/// What a downgrade's heading adds.
const DOWNGRADE: &str = " (downgrade)";
