//! Tag patterns: which part of a tag is its version.
//!
//! The regular expressions of users are bounded in size, and matching takes time linear in the tag. Must not know what a
//! version is.

mod dialect;
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
/// Maximum length of a pattern or template, in bytes.
const LONGEST_BYTES: usize = 1024;
/// Maximum memory of a compiled pattern, in bytes.
const LARGEST_COMPILED_BYTES: usize = 1 << 20;

/// A regular expression that a tag must match, and the part of the match that is its version.
#[derive(Clone, Debug)]
pub struct TagPattern {
    /// As written.
    written: Box<str>,
    regex: Regex,
    /// The named groups by number. As in Go, alternatives may reuse a name.
    names: Vec<(String, usize)>,
    extract: Extract,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Extract {
    /// The match of the group `version`.
    Version,
    /// A template with `$group` in it.
    Template(Box<str>),
    /// The whole tag, including what the pattern did not match.
    WholeTag,
}

/// An invalid tag pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// The pattern or the template is too long.
    #[error("the tag pattern is longer than {LONGEST_BYTES} bytes")]
    TooLong,
    /// The text is not a regular expression.
    #[error("cannot read the tag pattern as a regular expression: {reason}")]
    Syntax {
        /// The parser's message.
        reason: String,
    },
    /// Flux (Go) reads a part of the expression differently.
    #[error("Flux reads `{found}` in the tag pattern differently: {reason}")]
    Differs {
        /// The part.
        found: &'static str,
        /// The two readings.
        reason: &'static str,
        /// Syntax that both read alike.
        instead: &'static str,
    },
    /// Flux (Go) reads a part of the template differently.
    #[error("Flux reads `${found}` in the template differently from the group that it seems to name")]
    TemplateDiffers {
        /// What follows the `$`.
        found: String,
    },
    /// The regular expression would take too much memory.
    #[error("the tag pattern repeats too much to be matched in {LARGEST_COMPILED_BYTES} bytes of memory")]
    TooLarge,
    /// The pattern has no group that holds the version.
    #[error("the tag pattern has no group named `{VERSION_GROUP}`")]
    NoVersionGroup,
    /// The template names a group that the pattern does not have.
    #[error("the template takes a group from the tag pattern that it does not have: `{group}`")]
    UnknownGroup {
        /// Name or number of the group.
        group: String,
    },
}

impl TagPattern {
    /// A pattern as in `filterTags` of a Flux `ImagePolicy`: the version is the template `extract` (`$version`, `${1}`)
    /// applied to the match, or the whole tag if `extract` is empty.
    ///
    /// # Errors
    /// When the pattern is no regular expression or too large, or when the template names a group that the pattern does not
    /// have.
    pub fn with_extract(pattern: &str, extract: &str) -> Result<Self, PatternError> {
        if extract.len() > LONGEST_BYTES {
            return Err(PatternError::TooLong);
        }
        let compiled = Self::compile(pattern, Extract::WholeTag)?;
        if extract.is_empty() {
            return Ok(compiled);
        }
        for group in groups_in(extract) {
            match group {
                Ok(group) if compiled.has_group(group) => {}
                Ok(group) => return Err(PatternError::UnknownGroup { group: group.to_owned() }),
                Err(found) => return Err(PatternError::TemplateDiffers { found: found.to_owned() }),
            }
        }
        Ok(Self { extract: Extract::Template(extract.into()), ..compiled })
    }

    fn compile(pattern: &str, extract: Extract) -> Result<Self, PatternError> {
        if pattern.len() > LONGEST_BYTES {
            return Err(PatternError::TooLong);
        }
        let (unique, names) = dialect::check(pattern)?;
        Ok(Self { written: pattern.into(), regex: compile(&unique)?, names, extract })
    }

    fn has_group(&self, group: &str) -> bool {
        match group.parse::<usize>() {
            Ok(number) => number < self.regex.captures_len(),
            Err(_) => self.names.iter().any(|(name, _)| name == group),
        }
    }

    /// The match of a group; of several with one name, the first that matched.
    fn group<'t>(&self, captures: &Captures<'t>, group: &str) -> Option<&'t str> {
        if let Ok(number) = group.parse::<usize>() {
            return captures.get(number).map(|found| found.as_str());
        }
        let named = self.names.iter().filter(|(name, _)| name == group);
        named.filter_map(|(_, number)| captures.get(*number)).map(|found| found.as_str()).next()
    }

    /// Expands a template like Go's `Regexp.Expand`.
    fn expand(&self, captures: &Captures<'_>, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            rest = after;
            if let Some(after_dollar) = after.strip_prefix('$') {
                text.push('$');
                rest = after_dollar;
            } else if let Some((group, length)) = group_at(after) {
                text.push_str(self.group(captures, group).unwrap_or_default());
                rest = &after[length..];
            } else {
                text.push('$');
            }
        }
        text.push_str(rest);
        text
    }

    /// The regular expression, as written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The template of [`Self::with_extract`]; `None` for the group `version`.
    pub fn extract(&self) -> Option<&str> {
        match &self.extract {
            Extract::Version => None,
            Extract::Template(template) => Some(template),
            Extract::WholeTag => Some(""),
        }
    }

    /// Whether the pattern matches a part of the tag.
    pub(super) fn matches(&self, tag: &Tag) -> bool {
        self.regex.is_match(tag.as_str())
    }

    /// The version's text in `tag`; `None` if the tag does not match.
    pub fn version_text<'t>(&self, tag: &'t Tag) -> Option<Cow<'t, str>> {
        self.version_in(tag.as_str())
    }

    /// The version's text in another name, such as a Git tag.
    pub fn version_in<'t>(&self, tag: &'t str) -> Option<Cow<'t, str>> {
        match &self.extract {
            Extract::WholeTag => self.regex.is_match(tag).then_some(Cow::Borrowed(tag)),
            Extract::Version => {
                let captures = self.regex.captures(tag)?;
                self.group(&captures, VERSION_GROUP).map(Cow::Borrowed)
            }
            Extract::Template(template) => {
                self.regex.captures(tag).map(|found| Cow::Owned(self.expand(&found, template)))
            }
        }
    }
}

impl fmt::Display for TagPattern {
    /// The regular expression, as written.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

fn compile(pattern: &str) -> Result<Regex, PatternError> {
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
    // The message repeats the pattern over several lines; the last one has the error.
    let text = error.to_string();
    let last_line = text.lines().last().unwrap_or_default();
    let reason = last_line.strip_prefix("error: ").unwrap_or(last_line);
    PatternError::Syntax { reason: Printable::new(reason).to_string() }
}

/// The names or numbers of the groups in a template, in order; an error for what Go and Rust read differently.
fn groups_in(template: &str) -> impl Iterator<Item = Result<&str, &str>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('$')?;
            if let Some(after_dollar) = after.strip_prefix('$') {
                rest = after_dollar;
                continue;
            }
            rest = after;
            match group_at(after) {
                // To Go, `$01` is an unknown group.
                Some((group, _)) if group.len() > 1 && group.starts_with('0') => return Some(Err(group)),
                Some((group, _)) => return Some(Ok(group)),
                None if after.starts_with('{') => return Some(Err("{")),
                None => {}
            }
        }
    })
}

/// The group name after a `$` in a template, and its length with braces: the longest run of letters, digits and `_`, or the
/// text in braces.
fn group_at(text: &str) -> Option<(&str, usize)> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let (name, length) = if let Some(braced) = text.strip_prefix('{') {
        let (name, _) = braced.split_once('}')?;
        (name, name.len() + 2)
    } else {
        let name = &text[..text.find(|character| !is_word(character)).unwrap_or(text.len())];
        (name, name.len())
    };
    (!name.is_empty() && name.chars().all(is_word)).then_some((name, length))
}

impl FromStr for TagPattern {
    type Err = PatternError;

    /// A pattern with the version in its group `version`.
    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        let compiled = Self::compile(pattern, Extract::Version)?;
        if compiled.has_group(VERSION_GROUP) { Ok(compiled) } else { Err(PatternError::NoVersionGroup) }
    }
}

impl PartialEq for TagPattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written && self.extract == other.extract
    }
}

impl Eq for TagPattern {}

impl PatternError {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Differs { instead, .. } => instead,
            Self::TemplateDiffers { .. } => "write `$1` or `${name}`, and `$$` for a dollar sign",
            Self::TooLong => "write a shorter pattern",
            Self::TooLarge => "write smaller repetitions, such as `\\d+`",
            Self::Syntax { .. } => {
                "write one without look-around or back-references, such as `^(?P<version>v\\d+\\.\\d+\\.\\d+)-mobile$`"
            }
            Self::NoVersionGroup => "put the version in `(?P<version>…)`",
            Self::UnknownGroup { .. } => "name a group of the pattern, as in `$version` for `(?P<version>…)`",
        }
    }

    /// The error class, for exit codes.
    pub fn class(&self) -> Class {
        Class::Usage
    }
}

impl From<PatternError> for Fault {
    fn from(error: PatternError) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint())
    }
}
