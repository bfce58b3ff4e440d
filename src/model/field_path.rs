//! Places of versions that the configuration names: a path of keys, and the image whose version stands there.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::image::ImageName;
use super::service::ServiceName;

/// The longest path.
const MAX_BYTES: usize = 500;

/// A field that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// Where it is.
    pub at: FieldPath,
    /// The image whose version it holds.
    pub image: ImageName,
    /// The service; without it, the one that the object's `metadata` names.
    pub service: Option<ServiceName>,
}

/// The end of the path to a value: `substitute.APP_VERSION`, `env[name=VERSION].value`, `data["app.version"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    segments: Vec<FieldPathSegment>,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldPathSegment {
    /// The value of a key.
    Key(String),
    /// The item of a list in which a key has a value.
    Item {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
}

/// The text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a path is made of keys and selectors, such as `substitute.VERSION` or `env[name=VERSION].value`")]
pub struct FieldPathError;

impl FieldPath {
    /// The steps; at least one.
    pub fn segments(&self) -> &[FieldPathSegment] {
        &self.segments
    }
}

impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_bounded = (1..=MAX_BYTES).contains(&text.len()) && !text.contains(char::is_control);
        let (mut segments, mut rest) = (Vec::new(), text);
        while is_bounded && !rest.is_empty() {
            let (segment, after) = if let Some(inside) = rest.strip_prefix('[') {
                let (inside, after) = split_bracket(inside).ok_or(FieldPathError)?;
                (bracket(inside).ok_or(FieldPathError)?, after)
            } else {
                let key = rest.strip_prefix('.').filter(|_| !segments.is_empty());
                let key = if segments.is_empty() { rest } else { key.ok_or(FieldPathError)? };
                let end = key.find(['.', '[']).unwrap_or(key.len());
                let name = Some(&key[..end]).filter(|name| !name.is_empty()).ok_or(FieldPathError)?;
                (FieldPathSegment::Key(name.to_owned()), &key[end..])
            };
            segments.push(segment);
            rest = after;
        }
        if segments.is_empty() { Err(FieldPathError) } else { Ok(Self { segments }) }
    }
}

/// The text inside a bracket, and what follows the bracket.
fn split_bracket(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let end = quoted.find("\"]")?;
        return Some((&text[..end + 2], &quoted[end + 2..]));
    }
    text.split_once(']')
}

/// `"key"` or `key=value`.
fn bracket(text: &str) -> Option<FieldPathSegment> {
    if let Some(key) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        return (!key.is_empty()).then(|| FieldPathSegment::Key(key.to_owned()));
    }
    let (key, value) = text.split_once('=')?;
    let is_whole = !key.is_empty() && !value.is_empty();
    is_whole.then(|| FieldPathSegment::Item { key: key.to_owned(), value: value.to_owned() })
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                FieldPathSegment::Key(key) if key.contains(['.', '[']) => write!(formatter, "[\"{key}\"]")?,
                FieldPathSegment::Key(key) if index == 0 => write!(formatter, "{key}")?,
                FieldPathSegment::Key(key) => write!(formatter, ".{key}")?,
                FieldPathSegment::Item { key, value } => write!(formatter, "[{key}={value}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_written() {
        for (text, segments) in [
            ("tag", 1),
            ("postBuild.substitute.APP_VERSION", 3),
            ("env[name=VERSION].value", 3),
            ("data[\"app.version\"]", 2),
            ("containers[name=app].env[name=TAG].value", 5),
        ] {
            let path: FieldPath = text.parse().unwrap();
            assert_eq!((path.segments().len(), path.to_string().as_str()), (segments, text));
        }
        for bad in [
            "",
            ".",
            "a.",
            "a..b",
            "a[",
            "a[]",
            "a[b]",
            "a[=c]",
            "a[b=]",
            "a]b[",
            "a\nb",
            "[\"a\"x",
            &"a".repeat(501),
        ] {
            let read = bad.parse::<FieldPath>();
            assert!(read.is_err(), "{bad:?} {read:?}");
        }
    }
}
