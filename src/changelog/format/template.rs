//! A team's own format: a template over the notes as data.

use super::json;
use super::markdown::Markdown;
use super::markup::Markup;
use crate::changelog::notes::Notes;
use crate::template::{self, Escape, Filter};

pub use crate::template::TemplateError;

/// What a template may do with a text: write it so that Markdown shows it as it is.
const FILTERS: [Filter; 1] = [("markdown", |text| Markdown.text(&text))];

/// A template of a changelog.
#[derive(Clone, Debug)]
pub struct Template(template::Template);

impl Template {
    /// Understands a template. With `is_html` every value is escaped for HTML.
    ///
    /// # Errors
    /// When it is too large or no template.
    pub fn new(source: String, is_html: bool) -> Result<Self, TemplateError> {
        let escape = if is_html { Escape::Html } else { Escape::None };
        template::Template::new(source, escape, &FILTERS).map(Self)
    }

    /// Fills the template in.
    ///
    /// # Errors
    /// When it uses what isn't there, or makes too much.
    pub fn render(&self, notes: &Notes) -> Result<String, TemplateError> {
        self.0.render(&json::value(notes))
    }
}
