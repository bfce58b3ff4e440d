//! What the formats share: a line's spans written by a format's own rules.

use crate::changelog::inline::{Issue, Span};
use crate::changelog::notes::{Entry, Update};

/// How a format writes the parts of a line. Every method gets text that is fit to be shown and returns what may stand in
/// a document as it is.
pub(super) trait Markup {
    /// Words, escaped.
    fn text(&self, text: &str) -> String;
    /// Code, escaped.
    fn code(&self, code: &str) -> String;
    /// The name of a dependency, which begins its line. There is no backtick in it.
    fn package(&self, name: &str) -> String {
        self.code(name)
    }
    /// A link with a label. The address was made by [`Web`](crate::changelog::Web) or by the configuration.
    fn link(&self, label: &str, url: &str) -> String;
    /// A reference that leads nowhere.
    fn reference(&self, label: &str) -> String;
    /// Something that stands out.
    fn strong(&self, text: &str) -> String;

    /// A whole line.
    fn spans(&self, spans: &[Span]) -> String {
        let mut line = String::new();
        for span in spans {
            calm_before(&mut line, span);
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

    /// An issue or a pull request.
    fn issue(&self, issue: &Issue) -> String {
        match &issue.url {
            Some(url) => self.link(&issue.label(), url),
            None => self.reference(&issue.label()),
        }
    }

    /// One change on one line, without what breaks by it: scope, text, and where it came from.
    fn entry(&self, entry: &Entry) -> String {
        let mut line = String::new();
        if let Some(scope) = &entry.scope {
            line.push_str(&self.strong(&format!("{scope}:")));
            line.push(' ');
        }
        line.push_str(&self.spans(&entry.text));
        let commit = entry.commit.short();
        let origin = match (&entry.request, &entry.url) {
            (Some(request), _) => self.issue(request),
            (None, Some(url)) => self.link(&commit, url),
            (None, None) => self.reference(&commit),
        };
        line.push_str(" (");
        line.push_str(&origin);
        line.push(')');
        line
    }

    /// A dependency that moved, on one line.
    fn update(&self, update: &Update) -> String {
        let mut line = self.package(&update.name);
        if let Some(from) = &update.from {
            line.push(' ');
            line.push_str(&self.text(from));
        }
        line.push_str(" → ");
        line.push_str(&self.text(&update.to));
        if let Some(request) = &update.request {
            line.push_str(" (");
            line.push_str(&self.issue(request));
            line.push(')');
        }
        line
    }
}

/// Takes the sign away that would call somebody, were the name of a repository or a ticket written behind it.
pub(super) fn calm_before(line: &mut String, span: &Span) {
    if matches!(span, Span::Issue(_) | Span::Ticket { .. }) && line.ends_with('@') {
        line.pop();
        line.push('＠');
    }
}
