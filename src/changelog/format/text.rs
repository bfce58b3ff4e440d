//! Plain text, for terminals, emails and logs. `@` mentions are disabled.

use std::fmt::Write as _;

use super::markup::Markup;
use super::{DOWNGRADE, bots_line, day};
use crate::changelog::clean::without_mentions;
use crate::changelog::notes::{Notes, Release};

pub(super) struct Plain;

impl Markup for Plain {
    fn text(&self, text: &str) -> String {
        without_mentions(text)
    }

    fn code(&self, code: &str) -> String {
        format!("`{}`", without_mentions(code))
    }

    fn package(&self, name: &str) -> String {
        // Chat programs read no mentions between backticks, and no backtick can be open here.
        format!("`{name}`")
    }

    fn link(&self, label: &str, _url: &str) -> String {
        label.to_owned()
    }

    fn reference(&self, label: &str) -> String {
        label.to_owned()
    }

    fn strong(&self, text: &str) -> String {
        without_mentions(text)
    }
}

pub(super) fn render(notes: &Notes) -> String {
    let heading = &notes.heading;
    let mut text = format!("{} {} -> {}", heading.service, heading.from, heading.to);
    if heading.is_downgrade {
        text.push_str(DOWNGRADE);
    }
    text.push('\n');
    if !notes.releases.is_empty() {
        let _ = writeln!(text, "{}", notes.summary());
    }
    for remark in &notes.remarks {
        let _ = writeln!(text, "note: {remark}");
    }
    let has_headings = notes.releases.len() > 1;
    for release in &notes.releases {
        if has_headings {
            release_heading(&mut text, release);
        }
        release_body(&mut text, release);
    }
    if let Some(lost) = &notes.lost {
        let _ = writeln!(text, "\n== Only in {} ==", lost.name);
        release_body(&mut text, lost);
    }
    if !notes.people.is_empty() {
        let names: Vec<&str> = notes.people.iter().map(|person| person.name.as_str()).collect();
        let _ = writeln!(text, "\nBy {}", without_mentions(&names.join(", ")));
    }
    if let Some(url) = &heading.compare {
        let _ = writeln!(text, "\n{url}");
    }
    text
}

fn release_heading(text: &mut String, release: &Release) {
    let _ = write!(text, "\n== {}", release.name);
    if let Some(day) = day(release) {
        let _ = write!(text, ", {day}");
    }
    text.push_str(" ==\n");
}

fn release_body(text: &mut String, release: &Release) {
    for group in &release.groups {
        let _ = writeln!(text, "\n{}", group.section.title());
        for entry in &group.entries {
            let _ = writeln!(text, "- {}", Plain.entry(entry));
            for note in &entry.breaking {
                let _ = writeln!(text, "    {}", Plain.spans(note));
            }
        }
    }
    if !release.updates.is_empty() {
        text.push_str("\nDependencies\n");
        for update in &release.updates {
            let _ = writeln!(text, "- {}", Plain.update(update));
        }
    }
    if release.bots > 0 {
        let _ = writeln!(text, "\n{}", bots_line(release.bots));
    }
    if release.is_empty() {
        text.push_str("\nNo notable changes.\n");
    }
}
