//! A team's own format: a template filled with the notes as JSON.

use super::json;
use super::markdown::Markdown;
use super::markup::Markup;
use crate::changelog::notes::Notes;
use crate::template::{self, Escape, Filter};

pub use crate::template::TemplateError;

/// `{{ text | markdown }}` escapes a text for Markdown.
const FILTERS: [Filter; 1] = [("markdown", |text| Markdown.text(&text))];

/// A template of a changelog.
#[derive(Clone, Debug)]
pub struct Template(template::Template);

impl Template {
    /// Parses a template. With `is_html` every value is escaped for HTML.
    ///
    /// # Errors
    /// When the template is too large or does not parse.
    pub fn new(source: String, is_html: bool) -> Result<Self, TemplateError> {
        let escape = if is_html { Escape::Html } else { Escape::None };
        template::Template::new(source, escape, &FILTERS).map(Self)
    }

    /// Renders the template.
    ///
    /// # Errors
    /// When it uses an undefined value or exceeds the limit on output.
    pub fn render(&self, notes: &Notes) -> Result<String, TemplateError> {
        self.0.render(&json::value(notes))
    }
}
