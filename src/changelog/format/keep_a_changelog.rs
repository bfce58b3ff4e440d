//! Keep a Changelog: a section a version, and a file of them, newest first.

use std::cmp::Ordering;
use std::fmt::Write as _;

use chrono::NaiveDate;

use super::markdown::Markdown;
use super::markup::Markup;
use super::{counted, day};
use crate::changelog::clean;
use crate::changelog::notes::{Entry, Notes, Release, Update};
use crate::changelog::section::Section;
use crate::model::Version;

/// How a new file begins.
pub(super) const PREAMBLE: &str = "# Changelog\n\nThe format is that of \
    [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).\n\n";

/// Sections of a changelog file, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAChangelog {
    versions: Vec<Versioned>,
}

/// What a file says of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Versioned {
    /// What the heading says before the date: `v1.0.180`, `common/app v1.0.180`.
    name: String,
    day: Option<NaiveDate>,
    /// What follows the heading, with an empty line at its end.
    text: String,
}

/// The headings of the form, in its order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Added,
    Changed,
    Deprecated,
    Removed,
    Fixed,
    Security,
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Added, "Added"),
    (Kind::Changed, "Changed"),
    (Kind::Deprecated, "Deprecated"),
    (Kind::Removed, "Removed"),
    (Kind::Fixed, "Fixed"),
    (Kind::Security, "Security"),
];

impl KeepAChangelog {
    /// A section for each release.
    pub fn of_releases(notes: &Notes) -> Self {
        let version = |release: &Release| {
            let groups = release.groups.iter();
            let entries = groups.flat_map(|group| group.entries.iter().map(|entry| (group.section, entry)));
            Versioned {
                name: release.name.clone(),
                day: day(release),
                text: changes(&entries.collect::<Vec<_>>(), &release.updates, &[]),
            }
        };
        let mut versions: Vec<Versioned> = notes.releases.iter().map(version).collect();
        if versions.is_empty() {
            let remarks: Vec<String> = notes.remarks.iter().map(ToString::to_string).collect();
            let text = changes(&[], &[], &remarks);
            versions.push(Versioned { name: notes.heading.to.clone(), day: None, text });
        }
        Self { versions }
    }

    /// One section for all that a promotion brings, for a file that many services share: named after the service and its
    /// new tag, and after the environment where the file is of several. It is cut where nobody reads on.
    pub fn of_promotion(notes: &Notes, environment: Option<&str>, day: NaiveDate) -> Self {
        let merged = notes.merged();
        let entries: Vec<(Section, &Entry)> = merged
            .into_iter()
            .flat_map(|(section, entries)| entries.into_iter().map(move |entry| (section, entry)))
            .collect();
        let remarks: Vec<String> = notes.remarks.iter().map(ToString::to_string).collect();
        let mut text = cut(changes(&entries, &notes.merged_updates(), &remarks));
        if let Some(url) = &notes.heading.compare {
            let _ = write!(text, "[{} to {}]({url})\n\n", notes.heading.from, notes.heading.to);
        }
        let mut name = format!("{} {}", clean::name(&notes.heading.service), notes.heading.to);
        if let Some(environment) = environment {
            let _ = write!(name, " in {environment}");
        }
        Self { versions: vec![Versioned { name, day: Some(day), text }] }
    }

    /// Whether there is no section.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// Each section, ended by an empty line.
    pub(super) fn sections(&self) -> impl Iterator<Item = String> {
        self.versions.iter().map(Versioned::render)
    }

    /// The sections alone.
    pub fn render(&self) -> String {
        let mut text: String = self.versions.iter().map(Versioned::render).collect();
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    /// A file with these sections in it. Each comes before the first version that is lower than it, below the preamble
    /// and what is unreleased. A version that the file has already stays as it is, so that doing it again changes nothing,
    /// and what a person edited is kept.
    pub fn prepend_to(&self, file: &str) -> String {
        let is_crlf = file.contains("\r\n");
        let file = file.replace("\r\n", "\n");
        let file = if file.trim().is_empty() { PREAMBLE.to_owned() } else { file };
        let mut pieces = Pieces::read(&file);
        // The oldest goes in first, so that equals keep their order.
        for version in self.versions.iter().rev() {
            pieces.insert(version);
        }
        let text = pieces.write();
        if is_crlf { text.replace('\n', "\r\n") } else { text }
    }
}

/// The sections of several, in their order.
impl FromIterator<KeepAChangelog> for KeepAChangelog {
    fn from_iter<I: IntoIterator<Item = KeepAChangelog>>(all: I) -> Self {
        Self { versions: all.into_iter().flat_map(|keep| keep.versions).collect() }
    }
}

impl Versioned {
    fn render(&self) -> String {
        let name = Markdown.text(&self.name);
        match self.day {
            Some(day) => format!("## [{name}] - {day}\n\n{}", self.text),
            None => format!("## [{name}]\n\n{}", self.text),
        }
    }
}

/// A file: what stands before the first section, and the sections, each with its heading.
struct Pieces {
    preamble: String,
    sections: Vec<(Option<String>, String)>,
}

impl Pieces {
    fn read(file: &str) -> Self {
        let mut pieces = Self { preamble: String::new(), sections: Vec::new() };
        let mut is_code = false;
        for line in file.split_inclusive('\n') {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            }
            match line.strip_prefix("## ") {
                Some(heading) if !is_code => pieces.sections.push((Some(name_of(heading)), line.to_owned())),
                _ => match pieces.sections.last_mut() {
                    Some((_, text)) => text.push_str(line),
                    None => pieces.preamble.push_str(line),
                },
            }
        }
        pieces
    }

    fn insert(&mut self, version: &Versioned) {
        let is_same = |(name, _): &(Option<String>, String)| name.as_deref() == Some(version.name.as_str());
        if self.sections.iter().any(is_same) {
            return;
        }
        let is_lower = |(name, _): &(Option<String>, String)| {
            name.as_deref().is_some_and(|name| !is_unreleased(name) && is_not_above(name, &version.name))
        };
        let place = self.sections.iter().position(is_lower).unwrap_or(self.sections.len());
        let before = match place.checked_sub(1) {
            Some(last) => &mut self.sections[last].1,
            None => &mut self.preamble,
        };
        end_with_blank_line(before);
        self.sections.insert(place, (Some(version.name.clone()), version.render()));
    }

    fn write(self) -> String {
        let sections: String = self.sections.into_iter().map(|(_, text)| text).collect();
        let mut text = format!("{}{sections}", self.preamble);
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

fn end_with_blank_line(text: &mut String) {
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push_str("\n\n");
    }
}

/// What a heading names, without brackets, link and date: `[v1.0.0](url) - 2026-11-20` is `v1.0.0`.
pub(super) fn name_of(heading: &str) -> String {
    let heading = heading.trim();
    let name = match heading.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => heading.split(" - ").next().unwrap_or(heading),
    };
    name.replace('\\', "").trim().to_owned()
}

pub(super) fn is_unreleased(name: &str) -> bool {
    name.eq_ignore_ascii_case("unreleased")
}

/// Whether a section of the file goes below a new one. What can't be compared does: the new one is the newest.
fn is_not_above(there: &str, new: &str) -> bool {
    let version = |name: &str| name.parse::<Version>().ok();
    match (version(there), version(new)) {
        (Some(there), Some(new)) => there.cmp(&new) != Ordering::Greater,
        _ => true,
    }
}

/// The lines that a section of a promotion has at most, and how many bytes.
fn cut(text: String) -> String {
    const MAX_LINES: usize = 100;
    const MAX_BYTES: usize = 32 * 1024;
    let mut bytes = 0;
    let fits = |(number, line): &(usize, &str)| {
        bytes += line.len();
        *number < MAX_LINES && bytes <= MAX_BYTES
    };
    let mut kept: Vec<&str> =
        text.split_inclusive('\n').enumerate().take_while(fits).map(|(_, line)| line).collect();
    let rest: usize = kept.iter().map(|line| line.len()).sum();
    let left_out = text[rest..].lines().filter(|line| line.starts_with("- ")).count();
    if rest == text.len() {
        return text;
    }
    // A heading with nothing under it says nothing.
    while kept.last().is_some_and(|line| !line.trim_start().starts_with("- ")) {
        kept.pop();
    }
    format!("{}- ... and {}\n\n", kept.concat(), counted(left_out, "more change"))
}

fn changes(entries: &[(Section, &Entry)], updates: &[Update], remarks: &[String]) -> String {
    let mut text = String::new();
    for remark in remarks {
        let _ = writeln!(text, "> {}\n", Markdown.text(remark));
    }
    for (kind, title) in KINDS {
        let mut lines: Vec<String> = entries
            .iter()
            .filter(|(section, entry)| kind_of(*section, entry) == Some(kind))
            .map(line)
            .collect();
        if kind == Kind::Changed {
            lines.extend(updates.iter().map(|update| format!("- Update {}\n", Markdown.update(update))));
        }
        if !lines.is_empty() {
            let _ = writeln!(text, "### {title}\n\n{}", lines.concat());
        }
    }
    if text.is_empty() {
        text.push_str("No notable changes.\n\n");
    }
    text
}

fn line((section, entry): &(Section, &Entry)) -> String {
    let breaking = if *section == Section::Breaking { "**Breaking:** " } else { "" };
    let mut text = format!("- {breaking}{}\n", Markdown.bullet(entry));
    for note in &entry.breaking {
        let _ = writeln!(text, "  - {}", Markdown.note(note));
    }
    text
}

/// Where a change is told; nowhere when it is none that the readers of such a file look for.
fn kind_of(section: Section, entry: &Entry) -> Option<Kind> {
    let text = entry.plain_text().to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    match section {
        Section::Documentation | Section::Maintenance => None,
        Section::Security => Some(Kind::Security),
        Section::Fixes => Some(Kind::Fixed),
        Section::Reverts => Some(Kind::Removed),
        _ if begins(&["deprecate "]) => Some(Kind::Deprecated),
        _ if begins(&["remove ", "drop "]) => Some(Kind::Removed),
        Section::Features => Some(Kind::Added),
        Section::Breaking | Section::Performance | Section::Changes => Some(Kind::Changed),
    }
}

/// Sections for tests.
#[cfg(test)]
pub(super) mod fixture {
    use super::*;

    /// A section for each name, all of the same day and the same change.
    pub(in crate::changelog::format) fn keep(names: &[&str]) -> KeepAChangelog {
        let version = |name: &&str| Versioned {
            name: (*name).to_owned(),
            day: NaiveDate::from_ymd_opt(2026, 11, 20),
            text: "### Added\n\n- a\n\n".to_owned(),
        };
        KeepAChangelog { versions: names.iter().map(version).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::keep;
    use super::*;

    #[test]
    fn a_section_is_cut_behind_a_change_and_says_so() {
        let lines: Vec<String> = (0..300).map(|number| format!("- change {number}\n")).collect();
        let text = lines.concat();
        let made = cut(format!("### Added\n\n{text}\n"));
        assert!(made.ends_with("- change 97\n- ... and 202 more changes\n\n"), "{made}");
        let wide =
            format!("### Added\n\n- {}\n- b\n\n### Fixed\n\n- {}\n\n", "x".repeat(30_000), "y".repeat(9_000));
        assert!(cut(wide).ends_with("- b\n- ... and 1 more change\n\n"));
        assert_eq!(cut("- a\n\n".to_owned()), "- a\n\n");
    }

    fn headings(file: &str) -> Vec<&str> {
        file.lines().filter_map(|line| line.strip_prefix("## ")).collect()
    }

    #[test]
    fn a_new_file_begins_with_its_preamble() {
        let file = keep(&["v1.0.1", "v1.0.0"]).prepend_to("");
        assert!(file.starts_with("# Changelog\n\nThe format is"), "{file}");
        assert_eq!(headings(&file), ["[v1.0.1] - 2026-11-20", "[v1.0.0] - 2026-11-20"]);
        assert!(file.ends_with("- a\n"));
    }

    #[test]
    fn doing_it_again_changes_nothing() {
        let once = keep(&["v1.0.1", "v1.0.0"]).prepend_to("");
        assert_eq!(keep(&["v1.0.1", "v1.0.0"]).prepend_to(&once), once);
    }

    #[test]
    fn versions_are_put_in_their_order_below_what_is_unreleased() {
        let file = "# Changes\n\n## [Unreleased]\n\n- soon\n\n## [v1.0.2](url) - 2026-11-22\n\n- x\n\n## v1.0.0 - 2026-11-01\n\n- y\n";
        let made = keep(&["v1.0.3", "v1.0.1"]).prepend_to(file);
        assert_eq!(
            headings(&made),
            [
                "[Unreleased]",
                "[v1.0.3] - 2026-11-20",
                "[v1.0.2](url) - 2026-11-22",
                "[v1.0.1] - 2026-11-20",
                "v1.0.0 - 2026-11-01",
            ]
        );
        assert!(made.contains("- soon\n\n## [v1.0.3]"));
    }

    #[test]
    fn what_a_person_wrote_stays() {
        let file = "## [v1.0.1]\n\n- my own words\n";
        let made = keep(&["v1.0.2", "v1.0.1"]).prepend_to(file);
        assert!(made.contains("- my own words\n"));
        assert_eq!(headings(&made), ["[v1.0.2] - 2026-11-20", "[v1.0.1]"]);
    }

    #[test]
    fn a_heading_in_code_is_none() {
        let file = "# C\n\n```\n## [v9.0.0]\n```\n\n## [v1.0.0]\n";
        let made = keep(&["v1.0.1"]).prepend_to(file);
        assert!(made.contains("```\n## [v9.0.0]\n```\n\n## [v1.0.1]"), "{made}");
    }

    #[test]
    fn line_breaks_of_the_file_are_kept() {
        let made = keep(&["v1.0.1"]).prepend_to("# C\r\n\r\n## [v1.0.0]\r\n");
        assert_eq!(made.matches('\n').count(), made.matches("\r\n").count());
    }

    #[test]
    fn services_share_a_file_newest_first() {
        let first = keep(&["common/app v1.0.1"]).prepend_to("");
        let made = keep(&["common/api v3.0.0"]).prepend_to(&first);
        assert_eq!(headings(&made), ["[common/api v3.0.0] - 2026-11-20", "[common/app v1.0.1] - 2026-11-20"]);
    }
}
