//! Keep a Changelog: one section per version, newest first.

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

/// The beginning of a new file.
pub(super) const PREAMBLE: &str = "# Changelog\n\nThe format is that of \
    [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).\n\n";

/// Sections of a changelog file, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAChangelog {
    versions: Vec<VersionSection>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct VersionSection {
    /// The heading without its date: `v1.0.180`, `common/app v1.0.180`.
    name: String,
    day: Option<NaiveDate>,
    /// The text below the heading; it ends with an empty line.
    text: String,
}

/// The headings of Keep a Changelog, in its order.
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
    /// One section per release.
    pub fn from_releases(notes: &Notes) -> Self {
        let version = |release: &Release| {
            let groups = release.groups.iter();
            let entries = groups.flat_map(|group| group.entries.iter().map(|entry| (group.section, entry)));
            VersionSection {
                name: release.name.clone(),
                day: day(release),
                text: changes(&entries.collect::<Vec<_>>(), &release.updates, &[]),
            }
        };
        let mut versions: Vec<VersionSection> = notes.releases.iter().map(version).collect();
        if versions.is_empty() {
            let remarks: Vec<String> = notes.remarks.iter().map(ToString::to_string).collect();
            let text = changes(&[], &[], &remarks);
            versions.push(VersionSection { name: notes.heading.to.clone(), day: None, text });
        }
        Self { versions }
    }

    /// One section for a whole promotion, for a file that services share. Its heading names the service and the new tag,
    /// and `environment` if environments share the file too. Long sections are truncated.
    pub fn from_promotion(notes: &Notes, environment: Option<&str>, day: NaiveDate) -> Self {
        let merged = notes.merged();
        let entries: Vec<(Section, &Entry)> = merged
            .into_iter()
            .flat_map(|(section, entries)| entries.into_iter().map(move |entry| (section, entry)))
            .collect();
        let remarks: Vec<String> = notes.remarks.iter().map(ToString::to_string).collect();
        let mut text = truncate(changes(&entries, &notes.merged_updates(), &remarks));
        if let Some(url) = &notes.heading.compare {
            let _ = write!(text, "[{} to {}]({url})\n\n", notes.heading.from, notes.heading.to);
        }
        let mut name = format!("{} {}", clean::name(&notes.heading.service), notes.heading.to);
        if let Some(environment) = environment {
            let _ = write!(name, " in {environment}");
        }
        Self { versions: vec![VersionSection { name, day: Some(day), text }] }
    }

    /// Whether there is no section.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// Each section, with an empty line at its end.
    pub(super) fn sections(&self) -> impl Iterator<Item = String> {
        self.versions.iter().map(VersionSection::render)
    }

    /// The sections without a preamble.
    pub fn render(&self) -> String {
        let mut text: String = self.versions.iter().map(VersionSection::render).collect();
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    /// The file with these sections added, each above the first lower version and below the preamble and `Unreleased`.
    /// A version that the file already has stays as it is: repeating this changes nothing, and people's edits survive.
    pub fn prepend_to(&self, file: &str) -> String {
        let is_crlf = file.contains("\r\n");
        let file = file.replace("\r\n", "\n");
        let file = if file.trim().is_empty() { PREAMBLE.to_owned() } else { file };
        let mut parsed = ParsedFile::read(&file);
        // Oldest first, so that versions that compare equal stay in order.
        for version in self.versions.iter().rev() {
            parsed.insert(version);
        }
        let text = parsed.write();
        if is_crlf { text.replace('\n', "\r\n") } else { text }
    }
}

impl FromIterator<KeepAChangelog> for KeepAChangelog {
    fn from_iter<I: IntoIterator<Item = KeepAChangelog>>(all: I) -> Self {
        Self { versions: all.into_iter().flat_map(|changelog| changelog.versions).collect() }
    }
}

impl VersionSection {
    fn render(&self) -> String {
        let name = Markdown.text(&self.name);
        match self.day {
            Some(day) => format!("## [{name}] - {day}\n\n{}", self.text),
            None => format!("## [{name}]\n\n{}", self.text),
        }
    }
}

struct ParsedFile {
    /// Everything above the first section.
    preamble: String,
    /// Name and text of each section; the text includes the heading.
    sections: Vec<(Option<String>, String)>,
}

impl ParsedFile {
    fn read(file: &str) -> Self {
        let mut parsed = Self { preamble: String::new(), sections: Vec::new() };
        let mut is_code = false;
        for line in file.split_inclusive('\n') {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            }
            match line.strip_prefix("## ") {
                Some(heading) if !is_code => parsed.sections.push((Some(name_of(heading)), line.to_owned())),
                _ => match parsed.sections.last_mut() {
                    Some((_, text)) => text.push_str(line),
                    None => parsed.preamble.push_str(line),
                },
            }
        }
        parsed
    }

    fn insert(&mut self, version: &VersionSection) {
        let is_same = |(name, _): &(Option<String>, String)| name.as_deref() == Some(version.name.as_str());
        if self.sections.iter().any(is_same) {
            return;
        }
        let is_lower = |(name, _): &(Option<String>, String)| {
            name.as_deref().is_some_and(|name| !is_unreleased(name) && is_not_above(name, &version.name))
        };
        let position = self.sections.iter().position(is_lower).unwrap_or(self.sections.len());
        let before = match position.checked_sub(1) {
            Some(last) => &mut self.sections[last].1,
            None => &mut self.preamble,
        };
        end_with_blank_line(before);
        self.sections.insert(position, (Some(version.name.clone()), version.render()));
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

/// The name in a heading, without brackets, link and date: `[v1.0.0](url) - 2026-11-20` is `v1.0.0`.
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

/// Whether an existing section belongs below the new one. If the names are no versions, the new section is the newest.
fn is_not_above(existing: &str, new: &str) -> bool {
    let version = |name: &str| name.parse::<Version>().ok();
    match (version(existing), version(new)) {
        (Some(existing), Some(new)) => existing.cmp(&new) != Ordering::Greater,
        _ => true,
    }
}

/// Limits the length of a promotion's section; a last bullet counts the omitted changes.
fn truncate(text: String) -> String {
    const MAX_LINES: usize = 100;
    const MAX_BYTES: usize = 32 * 1024;
    let mut bytes = 0;
    let fits = |(number, line): &(usize, &str)| {
        bytes += line.len();
        *number < MAX_LINES && bytes <= MAX_BYTES
    };
    let mut lines: Vec<&str> =
        text.split_inclusive('\n').enumerate().take_while(fits).map(|(_, line)| line).collect();
    let end: usize = lines.iter().map(|line| line.len()).sum();
    let omitted = text[end..].lines().filter(|line| line.starts_with("- ")).count();
    if end == text.len() {
        return text;
    }
    // Drop a heading that has no change left.
    while lines.last().is_some_and(|line| !line.trim_start().starts_with("- ")) {
        lines.pop();
    }
    format!("{}- ... and {}\n\n", lines.concat(), counted(omitted, "more change"))
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

/// The heading of a change, or `None` for changes that readers of a changelog do not look for.
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

#[cfg(test)]
pub(super) mod fixture {
    use super::*;

    /// One section per name, all with the same day and the same change.
    pub(in crate::changelog::format) fn sections(names: &[&str]) -> KeepAChangelog {
        let version = |name: &&str| VersionSection {
            name: (*name).to_owned(),
            day: NaiveDate::from_ymd_opt(2026, 11, 20),
            text: "### Added\n\n- a\n\n".to_owned(),
        };
        KeepAChangelog { versions: names.iter().map(version).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::sections;
    use super::*;

    #[test]
    fn a_truncated_section_counts_its_omitted_changes() {
        let lines: Vec<String> = (0..300).map(|number| format!("- change {number}\n")).collect();
        let text = lines.concat();
        let truncated = truncate(format!("### Added\n\n{text}\n"));
        assert!(truncated.ends_with("- change 97\n- ... and 202 more changes\n\n"), "{truncated}");
        let wide =
            format!("### Added\n\n- {}\n- b\n\n### Fixed\n\n- {}\n\n", "x".repeat(30_000), "y".repeat(9_000));
        assert!(truncate(wide).ends_with("- b\n- ... and 1 more change\n\n"));
        assert_eq!(truncate("- a\n\n".to_owned()), "- a\n\n");
    }

    fn headings(file: &str) -> Vec<&str> {
        file.lines().filter_map(|line| line.strip_prefix("## ")).collect()
    }

    #[test]
    fn a_new_file_begins_with_its_preamble() {
        let file = sections(&["v1.0.1", "v1.0.0"]).prepend_to("");
        assert!(file.starts_with("# Changelog\n\nThe format is"), "{file}");
        assert_eq!(headings(&file), ["[v1.0.1] - 2026-11-20", "[v1.0.0] - 2026-11-20"]);
        assert!(file.ends_with("- a\n"));
    }

    #[test]
    fn prepending_twice_changes_nothing() {
        let once = sections(&["v1.0.1", "v1.0.0"]).prepend_to("");
        assert_eq!(sections(&["v1.0.1", "v1.0.0"]).prepend_to(&once), once);
    }

    #[test]
    fn versions_are_in_order_below_unreleased() {
        let file = "# Changes\n\n## [Unreleased]\n\n- soon\n\n## [v1.0.2](url) - 2026-11-22\n\n- x\n\n## v1.0.0 - 2026-11-01\n\n- y\n";
        let file = sections(&["v1.0.3", "v1.0.1"]).prepend_to(file);
        assert_eq!(
            headings(&file),
            [
                "[Unreleased]",
                "[v1.0.3] - 2026-11-20",
                "[v1.0.2](url) - 2026-11-22",
                "[v1.0.1] - 2026-11-20",
                "v1.0.0 - 2026-11-01",
            ]
        );
        assert!(file.contains("- soon\n\n## [v1.0.3]"));
    }

    #[test]
    fn keeps_sections_that_a_person_edited() {
        let file = "## [v1.0.1]\n\n- my own words\n";
        let file = sections(&["v1.0.2", "v1.0.1"]).prepend_to(file);
        assert!(file.contains("- my own words\n"));
        assert_eq!(headings(&file), ["[v1.0.2] - 2026-11-20", "[v1.0.1]"]);
    }

    #[test]
    fn ignores_headings_in_code() {
        let file = "# C\n\n```\n## [v9.0.0]\n```\n\n## [v1.0.0]\n";
        let file = sections(&["v1.0.1"]).prepend_to(file);
        assert!(file.contains("```\n## [v9.0.0]\n```\n\n## [v1.0.1]"), "{file}");
    }

    #[test]
    fn keeps_the_line_breaks_of_the_file() {
        let file = sections(&["v1.0.1"]).prepend_to("# C\r\n\r\n## [v1.0.0]\r\n");
        assert_eq!(file.matches('\n').count(), file.matches("\r\n").count());
    }

    #[test]
    fn services_that_share_a_file_are_listed_newest_first() {
        let first = sections(&["common/app v1.0.1"]).prepend_to("");
        let file = sections(&["common/api v3.0.0"]).prepend_to(&first);
        assert_eq!(headings(&file), ["[common/api v3.0.0] - 2026-11-20", "[common/app v1.0.1] - 2026-11-20"]);
    }
}
