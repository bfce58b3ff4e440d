//! The formats' common part: lines of spans, written by the rules of each format.

use crate::changelog::inline::{Issue, Span};
use crate::changelog::notes::{Entry, Update};

/// How a format writes the parts of a line. Every method takes printable text and returns escaped text.
pub(super) trait Markup {
    fn text(&self, text: &str) -> String;
    fn code(&self, code: &str) -> String;
    /// The name of a dependency, which begins its line and has no backtick in it.
    fn package(&self, name: &str) -> String {
        self.code(name)
    }
    /// A link. Its URL comes from [`Web`](crate::changelog::Web) or from the configuration.
    fn link(&self, label: &str, url: &str) -> String;
    /// A reference without a link.
    fn reference(&self, label: &str) -> String;
    /// Emphasized text.
    fn strong(&self, text: &str) -> String;

    fn spans(&self, spans: &[Span]) -> String {
        let mut line = String::new();
        for span in spans {
            defuse_mention(&mut line, span);
            match span {
                Span::Text(text) => line.push_str(&self.text(text)),
                Span::Code(code) => line.push_str(&self.code(code)),
                Span::Issue(issue) => line.push_str(&self.issue(issue)),
                Span::Ticket { key, url: Some(url) } => line.push_str(&self.link(key, url)),
                Span::Ticket { key, url: None } => line.push_str(&self.reference(key)),
            }
        }
        line
    }

    fn issue(&self, issue: &Issue) -> String {
        match &issue.url {
            Some(url) => self.link(&issue.label(), url),
            None => self.reference(&issue.label()),
        }
    }

    /// One change on one line: scope, text and origin, without its breaking notes.
    fn entry(&self, entry: &Entry) -> String {
        let mut line = String::new();
        if let Some(scope) = &entry.scope {
            line.push_str(&self.strong(&format!("{scope}:")));
            line.push(' ');
        }
        line.push_str(&self.spans(&entry.text));
        let commit = entry.commit.short();
        let origin = match (&entry.pull_request, &entry.url) {
            (Some(pull_request), _) => self.issue(pull_request),
            (None, Some(url)) => self.link(&commit, url),
            (None, None) => self.reference(&commit),
        };
        line.push_str(" (");
        line.push_str(&origin);
        line.push(')');
        line
    }

    /// One dependency update on one line.
    fn update(&self, update: &Update) -> String {
        let mut line = self.package(&update.name);
        if let Some(from) = &update.from {
            line.push(' ');
            line.push_str(&self.text(from));
        }
        line.push_str(" → ");
        line.push_str(&self.text(&update.to));
        if let Some(pull_request) = &update.pull_request {
            line.push_str(" (");
            line.push_str(&self.issue(pull_request));
            line.push(')');
        }
        line
    }
}

/// Replaces an `@` at the end of `line` if a repository or a ticket follows: together they would be a mention.
pub(super) fn defuse_mention(line: &mut String, span: &Span) {
    if matches!(span, Span::Issue(_) | Span::Ticket { .. }) && line.ends_with('@') {
        line.pop();
        line.push('＠');
    }
}
