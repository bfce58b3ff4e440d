//! Splits a line into text, code and references that can be linked.

use super::message::read_number;
use super::rules::{Rules, Tickets};
use super::web::{Forge, Web};

/// A part of a line, without line breaks and control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Plain text.
    Text(String),
    /// Text between backticks, without them.
    Code(String),
    /// An issue or a pull request.
    Issue(Issue),
    /// A ticket in an issue tracker.
    Ticket {
        /// Its key: `OPS-123`.
        key: String,
        /// Its page.
        url: Option<String>,
    },
}

/// An issue or a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The repository, if it is not the one that the notes describe: `vtr/other`.
    pub repository: Option<String>,
    /// The number.
    pub number: u64,
    /// The sign before the number: `#`, or `!` for GitLab's merge requests.
    pub sign: char,
    /// Its page.
    pub url: Option<String>,
}

impl Issue {
    /// `#12`, `vtr/other#12`.
    pub fn label(&self) -> String {
        format!("{}{}{}", self.repository.as_deref().unwrap_or_default(), self.sign, self.number)
    }
}

/// The text of a line, without links.
pub(super) fn plain(spans: &[Span]) -> String {
    let mut text = String::new();
    for span in spans {
        match span {
            Span::Text(words) => text.push_str(words),
            Span::Code(code) => {
                text.push('`');
                text.push_str(code);
                text.push('`');
            }
            Span::Issue(issue) => text.push_str(&issue.label()),
            Span::Ticket { key, .. } => text.push_str(key),
        }
    }
    text
}

/// Splits lines, with what is needed to link references.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inline<'a> {
    pub(super) web: Option<&'a Web>,
    pub(super) rules: &'a Rules,
}

/// A span, and its length in the text in bytes.
type Match = (Span, usize);

impl Inline<'_> {
    /// Splits a printable line.
    pub(super) fn spans(&self, text: &str) -> Vec<Span> {
        let may_refer = !self.rules.tickets.is_empty() || text.contains("GH-");
        if !may_refer && !text.bytes().any(|byte| b"`#!".contains(&byte)) {
            return if text.is_empty() { Vec::new() } else { vec![Span::Text(text.to_owned())] };
        }
        let mut spans = Vec::new();
        let mut words = String::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let matched = match character {
                '`' => code(rest),
                '#' | '!' => self.issue(&mut words, rest),
                'A'..='Z' if !ends_in_word(&words) => self.github_issue(rest).or_else(|| self.ticket(rest)),
                _ => None,
            };
            let Some((span, length)) = matched else {
                words.push(character);
                rest = &rest[character.len_utf8()..];
                continue;
            };
            if !words.is_empty() {
                spans.push(Span::Text(std::mem::take(&mut words)));
            }
            spans.push(span);
            rest = &rest[length..];
        }
        if !words.is_empty() {
            spans.push(Span::Text(words));
        }
        spans
    }

    pub(super) fn pull_request(&self, number: u64) -> Issue {
        Issue {
            repository: None,
            number,
            sign: self.web.map_or('#', Web::pull_request_sign),
            url: self.web.map(|web| web.pull_request(number)),
        }
    }

    /// `#12`, or `owner/repo#12`, where `owner/repo` is taken from the end of `words`.
    fn issue(&self, words: &mut String, rest: &str) -> Option<Match> {
        let sign = rest.chars().next()?;
        let is_gitlab = self.web.is_some_and(|web| web.forge() == Forge::GitLab);
        if sign == '!' && !is_gitlab {
            return None;
        }
        let (number, length) = number(&rest[1..])?;
        let url = |web: &Web| if sign == '!' { web.pull_request(number) } else { web.issue(number) };
        let issue = match repository_at_end(words) {
            Some(start) => {
                let repository = words.split_off(start);
                let url = self.web.and_then(|web| web.issue_elsewhere(&repository, number));
                Issue { repository: Some(repository), number, sign, url }
            }
            None if words.ends_with(|before: char| before.is_alphanumeric() || "_&#/".contains(before)) => {
                return None;
            }
            None => Issue { repository: None, number, sign, url: self.web.map(url) },
        };
        Some((Span::Issue(issue), 1 + length))
    }

    /// `GH-12`.
    fn github_issue(&self, rest: &str) -> Option<Match> {
        let (number, length) = number(rest.strip_prefix("GH-")?)?;
        let url = self.web.map(|web| web.issue(number));
        Some((Span::Issue(Issue { repository: None, number, sign: '#', url }), 3 + length))
    }

    /// `OPS-12`, if the configuration names the project.
    fn ticket(&self, rest: &str) -> Option<Match> {
        self.rules.tickets.iter().find_map(|tickets| ticket_of(tickets, rest))
    }
}

fn ticket_of(tickets: &Tickets, rest: &str) -> Option<Match> {
    let (_, length) = number(rest.strip_prefix(tickets.project.as_str())?.strip_prefix('-')?)?;
    let key = &rest[..tickets.project.len() + 1 + length];
    let url = tickets.url.as_ref().map(|url| url.replace("{key}", key));
    Some((Span::Ticket { key: key.to_owned(), url }, key.len()))
}

/// `` `code` ``.
fn code(rest: &str) -> Option<Match> {
    let end = rest[1..].find('`').filter(|end| *end > 0)?;
    Some((Span::Code(rest[1..=end].to_owned()), end + 2))
}

/// The number at the start, unless a word continues behind it.
fn number(text: &str) -> Option<(u64, usize)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let continues = text[end..].starts_with(|next: char| next.is_alphanumeric() || next == '_');
    read_number(&text[..end]).filter(|_| !continues).map(|number| (number, end))
}

/// The byte offset of `owner/repo` at the end of `words`.
fn repository_at_end(words: &str) -> Option<usize> {
    let is_sign = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-/".contains(byte);
    let length = words.bytes().rev().take(141).take_while(is_sign).count();
    let start = words.len() - length;
    let (owner, repository) = words[start..].split_once('/')?;
    let is_part = |part: &str| !part.is_empty() && !part.contains('/') && !part.starts_with(['.', '-']);
    (length <= 140 && is_part(owner) && is_part(repository)).then_some(start)
}

fn ends_in_word(words: &str) -> bool {
    words.ends_with(|before: char| before.is_alphanumeric() || "_-".contains(before))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn rules() -> Rules {
        let tickets = Tickets { project: "OPS".into(), url: Some("https://jira.vtr.cl/browse/{key}".into()) };
        Rules { tickets: vec![tickets], ..Rules::default() }
    }

    /// The spans as text, with links as `[label](url)`.
    fn split(text: &str, host: &str) -> String {
        let (rules, web) = (rules(), Web::of(&format!("{host}/vtr/app").parse().unwrap()));
        let spans = Inline { web: web.as_ref(), rules: &rules }.spans(text);
        spans.iter().map(shown).collect()
    }

    fn shown(span: &Span) -> String {
        match span {
            Span::Text(text) => text.clone(),
            Span::Code(code) => format!("<{code}>"),
            Span::Issue(issue) => format!("[{}]({})", issue.label(), issue.url.as_deref().unwrap_or("-")),
            Span::Ticket { key, url } => format!("[{key}]({})", url.as_deref().unwrap_or("-")),
        }
    }

    #[rstest]
    #[case::issue("closes #12.", "closes [#12](https://github.com/vtr/app/issues/12).")]
    #[case::brackets("a (#12)", "a ([#12](https://github.com/vtr/app/issues/12))")]
    #[case::old_form("see GH-7", "see [#7](https://github.com/vtr/app/issues/7)")]
    #[case::elsewhere("see vtr/api#7", "see [vtr/api#7](https://github.com/vtr/api/issues/7)")]
    #[case::ticket("OPS-12: a", "[OPS-12](https://jira.vtr.cl/browse/OPS-12): a")]
    #[case::other_ticket("UTF-8 and DEV-1", "UTF-8 and DEV-1")]
    #[case::within_a_word("XOPS-12 OPS-12a a#12 #12a", "XOPS-12 OPS-12a a#12 #12a")]
    #[case::entity("&#12;", "&#12;")]
    #[case::code("use `#12` now", "use <#12> now")]
    #[case::open_code("use `it", "use `it")]
    #[case::empty_code("a `` b", "a `` b")]
    #[case::not_a_request("wow!12", "wow!12")]
    #[case::zero("#0", "#0")]
    #[case::huge("#99999999999999", "#99999999999999")]
    #[case::path("a/b/c#1", "a/b/c#1")]
    fn splits_lines(#[case] text: &str, #[case] parts: &str) {
        assert_eq!(split(text, "github.com"), parts);
    }

    #[test]
    fn links_gitlab_merge_requests() {
        assert_eq!(
            split("see !12", "gitlab.com"),
            "see [!12](https://gitlab.com/vtr/app/-/merge_requests/12)"
        );
    }

    #[test]
    fn an_unknown_forge_gets_no_links() {
        assert_eq!(split("see #12", "git.vtr.cl"), "see [#12](-)");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn keeps_all_text(text in "[ -~é]{0,60}") {
            prop_assume!(!text.contains("GH-"));
            let rules = rules();
            let spans = Inline { web: None, rules: &rules }.spans(&text);
            prop_assert_eq!(plain(&spans), text);
        }
    }
}
