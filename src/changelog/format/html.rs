//! An HTML fragment for a page or an email. Every character that could be markup is escaped, in elements and in
//! attributes.

use std::fmt::Write as _;

use super::markup::Markup;
use super::{DOWNGRADE, bots_line, day};
use crate::changelog::notes::{Notes, Release};

struct Html;

impl Markup for Html {
    fn text(&self, text: &str) -> String {
        escape(text)
    }

    fn code(&self, code: &str) -> String {
        format!("<code>{}</code>", escape(code))
    }

    fn link(&self, label: &str, url: &str) -> String {
        format!("<a href=\"{}\">{}</a>", escape(url), escape(label))
    }

    fn reference(&self, label: &str) -> String {
        escape(label)
    }

    fn strong(&self, text: &str) -> String {
        format!("<strong>{}</strong>", escape(text))
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

pub(super) fn render(notes: &Notes) -> String {
    let heading = &notes.heading;
    let mut text = format!(
        "<section class=\"changelog\">\n<h2>{} {} → {}{}</h2>\n",
        escape(&heading.service),
        escape(&heading.from),
        escape(&heading.to),
        if heading.is_downgrade { DOWNGRADE } else { "" }
    );
    if !notes.releases.is_empty() {
        let _ = write!(text, "<p>{}", escape(&notes.summary()));
        if let Some(url) = &heading.compare {
            let _ = write!(text, " · {}", Html.link("compare", url));
        }
        text.push_str("</p>\n");
    }
    for remark in &notes.remarks {
        let _ = writeln!(text, "<p class=\"remark\">{}</p>", escape(&remark.to_string()));
    }
    let has_headings = notes.releases.len() > 1;
    for release in &notes.releases {
        if has_headings {
            let day = day(release).map_or(String::new(), |day| format!(" ({day})"));
            let _ = writeln!(text, "<h3>{}{day}</h3>", escape(&release.name));
        }
        release_body(&mut text, release, if has_headings { "h4" } else { "h3" });
    }
    if let Some(lost) = &notes.lost {
        let _ = writeln!(text, "<h3>Only in {}</h3>", escape(&lost.name));
        release_body(&mut text, lost, "h4");
    }
    let people: Vec<String> = notes
        .people
        .iter()
        .map(|person| match &person.url {
            Some(url) => Html.link(&person.name, url),
            None => escape(&person.name),
        })
        .collect();
    if !people.is_empty() {
        let _ = writeln!(text, "<p>By {}</p>", people.join(", "));
    }
    text.push_str("</section>\n");
    text
}

fn release_body(text: &mut String, release: &Release, level: &str) {
    for group in &release.groups {
        let _ = writeln!(text, "<{level}>{}</{level}>\n<ul>", group.section.title());
        for entry in &group.entries {
            let _ = write!(text, "<li>{}", Html.entry(entry));
            for note in &entry.breaking {
                let _ = write!(text, "<br>{}", Html.spans(note));
            }
            text.push_str("</li>\n");
        }
        text.push_str("</ul>\n");
    }
    if !release.updates.is_empty() {
        let _ = writeln!(text, "<{level}>Dependencies</{level}>\n<ul>");
        for update in &release.updates {
            let _ = writeln!(text, "<li>{}</li>", Html.update(update));
        }
        text.push_str("</ul>\n");
    }
    if release.bots > 0 {
        let _ = writeln!(text, "<p>{}</p>", bots_line(release.bots));
    }
    if release.is_empty() {
        text.push_str("<p>No notable changes.</p>\n");
    }
}
