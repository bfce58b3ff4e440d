//! Tag patterns: which part of a tag is its version.
//!
//! Owns the regular expressions that users write, bounded in size; the engine that runs them takes time linear in the
//! tag. Must not know what a version is.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use regex::{Captures, Regex, RegexBuilder};
use thiserror::Error;

use crate::model::{Class, Fault, Printable, Tag};

/// The named group that holds the version.
const VERSION_GROUP: &str = "version";
/// The longest pattern or template that is read, in bytes.
const LONGEST_BYTES: usize = 1024;
/// How much memory a compiled pattern may take, in bytes.
const LARGEST_COMPILED_BYTES: usize = 1 << 20;

/// A regular expression that a tag must match, and where in the match its version is.
#[derive(Clone, Debug)]
pub struct TagPattern {
    regex: Regex,
    extract: Extract,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Extract {
    /// What the group with this number matched.
    Group(usize),
    /// A template with `$group` in it.
    Template(Box<str>),
    /// The whole tag, matched or not.
    WholeTag,
}

/// A tag pattern that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// The pattern or the template is too long.
    #[error("the tag pattern is longer than {LONGEST_BYTES} bytes")]
    TooLong,
    /// The text is not a regular expression.
    #[error("cannot read the tag pattern as a regular expression: {reason}")]
    Syntax {
        /// What the reader of regular expressions says is wrong.
        reason: String,
    },
    /// The regular expression would take too much memory.
    #[error("the tag pattern repeats too much to be matched in {LARGEST_COMPILED_BYTES} bytes of memory")]
    TooLarge,
    /// The pattern has no group that holds the version.
    #[error("the tag pattern has no group named `{VERSION_GROUP}`")]
    NoVersionGroup,
    /// The template names a group that the pattern doesn't have.
    #[error("the template takes a group from the tag pattern that it does not have: `{group}`")]
    UnknownGroup {
        /// The name or the number of the group.
        group: String,
    },
}

impl TagPattern {
    /// A pattern as Flux's `ImagePolicy` writes it in `filterTags`: what `extract` makes of the match is the version
    /// (`$version`, `${1}`), or the whole tag when `extract` is empty.
    ///
    /// # Errors
    /// When the pattern is not a regular expression or is too large, and when the template names a group that the
    /// pattern doesn't have.
    pub fn with_extract(pattern: &str, extract: &str) -> Result<Self, PatternError> {
        if extract.len() > LONGEST_BYTES {
            return Err(PatternError::TooLong);
        }
        let regex = compile(pattern)?;
        if extract.is_empty() {
            return Ok(Self { regex, extract: Extract::WholeTag });
        }
        match groups_in(extract).find(|group| !has_group(&regex, group)) {
            Some(group) => Err(PatternError::UnknownGroup { group: group.to_owned() }),
            None => Ok(Self { regex, extract: Extract::Template(extract.into()) }),
        }
    }

    /// The regular expression, as it was written.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// What is made of a match, as [`Self::with_extract`] takes it; nothing when it is the group `version`.
    pub fn extract(&self) -> Option<&str> {
        match &self.extract {
            Extract::Group(_) => None,
            Extract::Template(template) => Some(template),
            Extract::WholeTag => Some(""),
        }
    }

    /// The text of the version in `tag`, or `None` when the tag doesn't match.
    pub fn version_text<'t>(&self, tag: &'t Tag) -> Option<Cow<'t, str>> {
        self.version_in(tag.as_str())
    }

    /// The text of the version in a name that is no image's tag, such as a tag of a Git repository.
    pub fn version_in<'t>(&self, tag: &'t str) -> Option<Cow<'t, str>> {
        match &self.extract {
            Extract::WholeTag => self.regex.is_match(tag).then_some(Cow::Borrowed(tag)),
            Extract::Group(group) => {
                let captures = self.regex.captures(tag)?;
                captures.get(*group).map(|found| Cow::Borrowed(found.as_str()))
            }
            Extract::Template(template) => self.regex.captures(tag).map(|found| expand(&found, template)),
        }
    }
}

impl fmt::Display for TagPattern {
    /// The regular expression as it was written.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.regex.as_str())
    }
}

fn expand<'t>(captures: &Captures<'t>, template: &str) -> Cow<'t, str> {
    let mut text = String::new();
    captures.expand(template, &mut text);
    Cow::Owned(text)
}

fn compile(pattern: &str) -> Result<Regex, PatternError> {
    if pattern.len() > LONGEST_BYTES {
        return Err(PatternError::TooLong);
    }
    RegexBuilder::new(pattern)
        .size_limit(LARGEST_COMPILED_BYTES)
        .dfa_size_limit(LARGEST_COMPILED_BYTES)
        .nest_limit(32)
        .build()
        .map_err(|error| refusal(&error))
}

fn refusal(error: &regex::Error) -> PatternError {
    if let regex::Error::CompiledTooBig(_) = error {
        return PatternError::TooLarge;
    }
    // The text repeats the pattern over several lines; what is wrong stands in the last.
    let text = error.to_string();
    let last_line = text.lines().last().unwrap_or_default();
    let reason = last_line.strip_prefix("error: ").unwrap_or(last_line);
    PatternError::Syntax { reason: Printable::new(reason).to_string() }
}

/// The names or numbers of the groups in `template`, in order.
///
/// As when a template is expanded: a name without braces is the longest run of letters, digits and `_`, and a `$` that
/// begins no group stands for itself.
fn groups_in(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('$')?;
            if let Some(after_dollar) = after.strip_prefix('$') {
                rest = after_dollar;
                continue;
            }
            let name = name_at(after);
            rest = after;
            if let Some(name) = name {
                return Some(name);
            }
        }
    })
}

fn name_at(text: &str) -> Option<&str> {
    let is_other = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    let name = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?.0,
        None => &text[..text.find(is_other).unwrap_or(text.len())],
    };
    (!name.is_empty()).then_some(name)
}

fn has_group(regex: &Regex, group: &str) -> bool {
    match group.parse::<usize>() {
        Ok(number) => number < regex.captures_len(),
        Err(_) => regex.capture_names().flatten().any(|name| name == group),
    }
}

impl FromStr for TagPattern {
    type Err = PatternError;

    /// A pattern of which the group `version` is the version.
    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        let regex = compile(pattern)?;
        let group = regex.capture_names().position(|name| name == Some(VERSION_GROUP));
        let extract = Extract::Group(group.ok_or(PatternError::NoVersionGroup)?);
        Ok(Self { regex, extract })
    }
}

impl PartialEq for TagPattern {
    fn eq(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str() && self.extract == other.extract
    }
}

impl Eq for TagPattern {}

impl PatternError {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLong => "write a shorter pattern",
            Self::TooLarge => "write smaller repetitions, such as `\\d+`",
            Self::Syntax { .. } => {
                "write one without look-around or back-references, such as `^(?P<version>v\\d+\\.\\d+\\.\\d+)-mobile$`"
            }
            Self::NoVersionGroup => "put the version in `(?P<version>…)`",
            Self::UnknownGroup { .. } => "name a group of the pattern, as in `$version` for `(?P<version>…)`",
        }
    }

    /// What the error means for the one who has to act on it.
    pub fn class(&self) -> Class {
        Class::Usage
    }
}

impl From<PatternError> for Fault {
    fn from(error: PatternError) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint())
    }
}
