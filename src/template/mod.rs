//! Templates that teams write, in Jinja: bounded in work and in output, and without a way to another template or a file.
//!
//! This room knows nothing of what a template is filled with.

use std::fmt;
use std::io;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use thiserror::Error;

/// The largest template that is taken.
const MOST_SOURCE_BYTES: usize = 64 * 1024;

/// The most text that a template makes.
const MOST_OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// How many steps a template takes: enough to write tens of thousands of commits.
const FUEL: u64 = 10_000_000;

/// The one name under which the template is known.
const NAME: &str = "template";

/// What becomes of the values that a template writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// They stand as they are.
    None,
    /// They are text in HTML, never a part of it.
    Html,
}

/// What templates may call by a name, on a text.
pub type Filter = (&'static str, fn(String) -> String);

/// A template that was understood. Two are equal when their text is.
#[derive(Clone)]
pub struct Template {
    environment: Arc<Environment<'static>>,
}

/// Why a template can't be used.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// It is larger than templates are.
    #[error("the template is larger than 64 KiB")]
    TooLarge,
    /// It can't be understood.
    #[error("cannot read the template")]
    Syntax(#[source] minijinja::Error),
    /// It did not come to an end.
    #[error("cannot fill in the template")]
    Render(#[source] minijinja::Error),
    /// It makes more text than anybody reads.
    #[error("the template makes more than 4 MiB of text")]
    TooLong,
}

impl Template {
    /// Understands a template.
    ///
    /// # Errors
    /// When it is too large or no template.
    pub fn new(source: String, escape: Escape, filters: &[Filter]) -> Result<Self, TemplateError> {
        if source.len() > MOST_SOURCE_BYTES {
            return Err(TemplateError::TooLarge);
        }
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(50);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(move |_| match escape {
            Escape::None => AutoEscape::None,
            Escape::Html => AutoEscape::Html,
        });
        for (name, filter) in filters {
            environment.add_filter(*name, *filter);
        }
        let mut syntax = SyntaxConfig::builder();
        syntax.keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true);
        environment.set_syntax(syntax.build().map_err(TemplateError::Syntax)?);
        environment.add_template_owned(NAME, source).map_err(TemplateError::Syntax)?;
        Ok(Self { environment: Arc::new(environment) })
    }

    /// Fills the template in.
    ///
    /// # Errors
    /// When it uses what isn't there, or makes too much.
    pub fn render(&self, values: &impl Serialize) -> Result<String, TemplateError> {
        let template = self.environment.get_template(NAME).map_err(TemplateError::Render)?;
        let mut bounded = Bounded { text: Vec::new(), is_full: false };
        let rendered = template.render_captured_to(Serde(values), &mut bounded);
        if bounded.is_full {
            return Err(TemplateError::TooLong);
        }
        rendered.map_err(TemplateError::Render)?;
        Ok(String::from_utf8_lossy(&bounded.text).into_owned())
    }

    fn source(&self) -> Option<String> {
        Some(self.environment.get_template(NAME).ok()?.source().to_owned())
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Template {}

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Template").finish_non_exhaustive()
    }
}

/// Takes text until it is full.
struct Bounded {
    text: Vec<u8>,
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > MOST_OUTPUT_BYTES {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
