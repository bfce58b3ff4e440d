//! The text of a configuration file, to show lines of it: safe for a terminal, bounded, and without secrets that somebody
//! wrote where they do not belong.

use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::location::Location;
use crate::model::Printable;

/// Maximum characters shown of a line.
const MAX_CHARS: usize = 120;

/// A user name and password inside a URL.
static LOGIN_IN_URL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"://[^/\s@]+@").ok());

/// The URL of a webhook, which is a secret: Slack's, a Workflow's, Google Chat's, a Flux Receiver's.
static WEBHOOK_URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(https?://)[^\s"',}]*(?:hook|/workflows/|/messages)[^\s"',}]*"#).ok());

/// The value of a key that names a secret.
static SECRET_VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)((?:password|passphrase|secret|token|username)[a-z]*["']?\s*:\s*|\benv\s*:\s*)("[^"]*"?|'[^']*'?|[^\s,}#{\[][^\s,}#]*)"#).ok()
});

/// A configuration file: its text, and its name in diagnostics.
pub(super) struct Source {
    name: String,
    text: String,
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self { name: Printable::new(name).to_string(), text: text.to_owned() }
    }

    /// The name, safe for a terminal.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The line at `at`, and which part of it to underline.
    pub(super) fn excerpt(&self, at: Location) -> Option<Excerpt> {
        let line = self.text.lines().nth(at.line as usize - 1)?;
        let (first, last) = shown_range(line, at);
        let upto = |end: usize| {
            let part: String = line.chars().skip(first).take(end.clamp(first, last) - first).collect();
            printable(&without_secrets(&part))
        };
        let start = at.column as usize - 1;
        let underline_start = upto(start).chars().count();
        let underline_end = upto(start + at.length_chars as usize).chars().count();
        let underline_chars = underline_end.saturating_sub(underline_start).max(1);
        Some(Excerpt { line: upto(last), underline_start, underline_chars })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A line to show, and which characters of it to underline.
pub(super) struct Excerpt {
    pub(super) line: String,
    pub(super) underline_start: usize,
    pub(super) underline_chars: usize,
}

/// The characters of a line to show: at most `MAX_CHARS`, around the value.
fn shown_range(line: &str, at: Location) -> (usize, usize) {
    let length = line.trim_end().chars().count();
    let column = (at.column as usize - 1).min(length);
    let first = if column < MAX_CHARS { 0 } else { column - MAX_CHARS / 2 };
    (first, length.min(first + MAX_CHARS))
}

fn printable(text: &str) -> String {
    let one_wide = text.replace('\t', " ");
    Printable::bounded(&one_wide, MAX_CHARS).to_string()
}

/// Replaces logins in URLs, and values of keys that name a secret, by `***`. Names of environment variables, paths and
/// mappings are not secrets.
pub(super) fn without_secrets(text: &str) -> String {
    let expressions = (LOGIN_IN_URL.as_ref(), SECRET_VALUE.as_ref(), WEBHOOK_URL.as_ref());
    let (Some(login), Some(secret), Some(webhook)) = expressions else {
        return "***".to_owned();
    };
    let text = webhook.replace_all(text, "${1}***");
    let text = login.replace_all(&text, |found: &Captures<'_>| match &found[0] {
        // The account of every Git server over SSH.
        "://git@" => "://git@",
        _ => "://***@",
    });
    secret
        .replace_all(&text, |found: &Captures<'_>| {
            let value = &found[2];
            let is_name = found[1].to_lowercase().contains("username") && !value.contains(':');
            let shown = if is_name || is_not_secret(value) { value } else { "***" };
            format!("{}{shown}", &found[1])
        })
        .into_owned()
}

/// Whether a value says where a secret is.
fn is_not_secret(value: &str) -> bool {
    let bare = value.trim_matches(['"', '\'']);
    let is_variable =
        bare.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    is_variable || bare.starts_with(['/', '{', '[', '&', '*'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (text, shown) in [
            ("url: https://bot:hunter2@github.com/x.git", "url: https://***@github.com/x.git"),
            ("url: https://ghp_abc@github.com/x.git", "url: https://***@github.com/x.git"),
            ("  password: hunter2 # mine", "  password: *** # mine"),
            ("{username: bot, password: 'hunter 2', x: 1}", "{username: bot, password: ***, x: 1}"),
            ("{\"password\": \"hunter2\"}", "{\"password\": ***}"),
            ("passwordEnv: ghp_abc", "passwordEnv: ***"),
            ("token: \"unclosed secret", "token: ***"),
            ("token: {env: ghp_abc}", "token: {env: ***}"),
            ("clientSecret: abc", "clientSecret: ***"),
            ("username: bot:hunter2", "username: ***"),
            ("slack: {url: https://hooks.slack.com/services/T0/B0/X}", "slack: {url: https://***}"),
            ("webhookUrl: \"https://x.logic.azure.com/workflows/a?sig=b\"", "webhookUrl: \"https://***\""),
            ("url: https://chat.googleapis.com/v1/spaces/A/messages?key=b", "url: https://***"),
            ("url: http://flux.vtr.cl/hook/0123abcd", "url: http://***"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }

    #[test]
    fn names_of_secrets_are_shown() {
        for text in [
            "passwordEnv: GHCR_TOKEN",
            "passwordFile: /etc/tidegate/password",
            "token: {env: TOKEN}",
            "tokenHosts: [auth.docker.io]",
            "username: bot",
            "url: ssh://git.example/x",
            "url: ssh://git@git.example/x",
            "environments: [prod]",
        ] {
            assert_eq!(without_secrets(text), text);
        }
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let source = Source::new("x.yaml", &format!("{}bad{}", "a".repeat(500), "b".repeat(500)));
        let excerpt = source.excerpt(Location { line: 1, column: 501, length_chars: 3 }).unwrap();
        let underlined: String =
            excerpt.line.chars().skip(excerpt.underline_start).take(excerpt.underline_chars).collect();
        assert_eq!(underlined, "bad");
        assert_eq!(excerpt.line.chars().count(), MAX_CHARS);
    }

    #[test]
    fn a_line_is_fit_for_a_terminal() {
        let source = Source::new("x\u{1b}.yaml", "a: \u{1b}[31m\tred");
        let excerpt = source.excerpt(Location { line: 1, column: 10, length_chars: 3 }).unwrap();
        assert_eq!(excerpt.line, "a: \\u{1b}[31m red");
        assert_eq!(&excerpt.line[excerpt.underline_start..], "red");
        assert_eq!(source.name(), "x\\u{1b}.yaml");
    }

    #[test]
    fn a_place_outside_the_text_has_no_line() {
        let source = Source::new("x.yaml", "a: 1\n");
        assert!(source.excerpt(Location { line: 9, column: 1, length_chars: 1 }).is_none());
        assert!(source.excerpt(Location { line: 1, column: 99, length_chars: 4 }).is_some());
    }

    #[test]
    fn debug_hides_the_text() {
        assert!(!format!("{:?}", Source::new("x.yaml", "password: hunter2")).contains("hunter2"));
    }
}
