//! Changelogs for a terminal, and as JSON.

use std::fmt::Write as _;

use anstyle::Style;
use serde_json::{Value, json};

use crate::changelog::{Entry, Issue, Notes, Release, Section, Span, Update};
use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED, YELLOW};

pub(crate) fn json(notes: &[Notes]) -> Value {
    json!({ "changelogs": notes.iter().map(Notes::json).collect::<Vec<_>>() })
}

pub(crate) fn coloured(notes: &Notes) -> String {
    let heading = &notes.heading;
    let mut text =
        format!("{BOLD}{}{BOLD:#} {} -> {GREEN}{}{GREEN:#}", heading.service, heading.from, heading.to);
    if heading.is_downgrade {
        let _ = write!(text, " {RED}(downgrade){RED:#}");
    }
    text.push('\n');
    if !notes.releases.is_empty() {
        let _ = writeln!(text, "{DIM}{}{DIM:#}", notes.summary());
    }
    for remark in &notes.remarks {
        let _ = writeln!(text, "{YELLOW}note:{YELLOW:#} {remark}");
    }
    let has_headings = notes.releases.len() > 1;
    for release in &notes.releases {
        if has_headings {
            release_heading(&mut text, release);
        }
        body(&mut text, release);
    }
    if let Some(lost) = &notes.lost {
        let _ = writeln!(text, "\n{RED}Only in {}{RED:#}", lost.name);
        body(&mut text, lost);
    }
    if !notes.people.is_empty() {
        let names: Vec<&str> = notes.people.iter().map(|person| person.name.as_str()).collect();
        let _ = writeln!(text, "\n{DIM}By {}{DIM:#}", names.join(", "));
    }
    if let Some(url) = &heading.compare {
        let _ = writeln!(text, "\n{CYAN}{url}{CYAN:#}");
    }
    text
}

fn release_heading(text: &mut String, release: &Release) {
    let _ = write!(text, "\n{BOLD}{}{BOLD:#}", release.name);
    if let Some(at) = release.at {
        let _ = write!(text, " {DIM}{}{DIM:#}", at.date_naive());
    }
    text.push('\n');
}

fn body(text: &mut String, release: &Release) {
    for group in &release.groups {
        let style = style_of(group.section);
        let _ = writeln!(text, "\n  {style}{}{style:#}", group.section.title());
        for one in &group.entries {
            let _ = writeln!(text, "  - {}", entry(one));
            for note in &one.breaking {
                let _ = writeln!(text, "      {}", spans(note));
            }
        }
    }
    if !release.updates.is_empty() {
        let _ = writeln!(text, "\n  {DIM}Dependencies{DIM:#}");
        for one in &release.updates {
            let _ = writeln!(text, "  - {}", update(one));
        }
    }
    if release.bots > 0 {
        let _ = writeln!(text, "\n  {DIM}{} by bots not listed{DIM:#}", release.bots);
    }
    if release.is_empty() {
        let _ = writeln!(text, "\n  {DIM}No notable changes.{DIM:#}");
    }
}

fn style_of(section: Section) -> Style {
    match section {
        Section::Breaking | Section::Security => RED.bold(),
        Section::Features => GREEN,
        Section::Fixes | Section::Reverts => YELLOW,
        Section::Performance => CYAN,
        Section::Changes => Style::new().bold(),
        Section::Documentation | Section::Maintenance => DIM,
    }
}

fn entry(entry: &Entry) -> String {
    let mut line = entry.scope.as_ref().map_or_else(String::new, |scope| format!("{BOLD}{scope}:{BOLD:#} "));
    line.push_str(&spans(&entry.text));
    let origin = entry.pull_request.as_ref().map_or_else(|| entry.commit.short(), Issue::label);
    let _ = write!(line, " {DIM}({origin}){DIM:#}");
    line
}

fn update(update: &Update) -> String {
    let from = update.from.as_ref().map_or_else(String::new, |from| format!("{from} "));
    format!("{} {from}-> {}", update.name, update.to)
}

fn spans(spans: &[Span]) -> String {
    let mut line = String::new();
    for span in spans {
        let _ = match span {
            Span::Text(words) => write!(line, "{words}"),
            Span::Code(code) => write!(line, "{CYAN}{code}{CYAN:#}"),
            Span::Issue(issue) => write!(line, "{CYAN}{}{CYAN:#}", issue.label()),
            Span::Ticket { key, .. } => write!(line, "{CYAN}{key}{CYAN:#}"),
        };
    }
    line
}
