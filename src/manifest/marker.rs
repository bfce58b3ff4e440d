//! Flux's setter comments: `# {"$imagepolicy": "namespace:name:tag"}` (Flux documentation, *Configure image updates*). A
//! comment names the policy and the part of the image reference on its line. Comments are read and never changed.

use std::collections::HashSet;
use std::fmt;

use memchr::memmem;
use serde::Deserialize;

/// The namespace and name of a Flux ImagePolicy. The namespace is empty where no file gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyName {
    /// The policy's namespace.
    pub namespace: String,
    /// The policy's name.
    pub name: String,
}

impl fmt::Display for PolicyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (namespace, name) = (&self.namespace, &self.name);
        let full = if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") };
        write!(formatter, "{}", crate::model::Printable::new(&full))
    }
}

/// The part of an image reference that the value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkedPart {
    Reference,
    Name,
    Tag,
    Digest,
}

/// A setter comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) policy: PolicyName,
    pub(super) part: MarkedPart,
}

pub(super) const MARKER_KEY: &str = "$imagepolicy";

/// The most setter comments on no value that are reported of one file.
const MAX_STRAYS: usize = 100;

#[derive(Deserialize)]
struct Setter {
    #[serde(rename = "$imagepolicy")]
    image_policy: String,
}

impl Marker {
    /// The setter comment on the line of a scalar or alias that ends at byte `end`.
    ///
    /// # Errors
    /// Returns the comment when it contains [`MARKER_KEY`] but is malformed.
    pub(super) fn after(text: &str, end: usize) -> Result<Option<Self>, String> {
        match comment_after(text, end).map(|hash| comment_at(text, hash)) {
            // Prose that mentions the key is not a setter comment.
            Some(comment) if comment.trim_start().starts_with('{') && comment.contains(MARKER_KEY) => {
                Self::read(comment).map(Some).ok_or_else(|| comment.trim().to_owned())
            }
            _ => Ok(None),
        }
    }

    fn read(comment: &str) -> Option<Self> {
        // Flux allows text after the object.
        let mut values = serde_json::Deserializer::from_str(comment.trim_start()).into_iter::<Setter>();
        let setter = values.next()?.ok()?.image_policy;
        let mut words = setter.split(':');
        let (namespace, name) = (words.next()?, words.next()?);
        let part = match words.next() {
            None => MarkedPart::Reference,
            Some("name") => MarkedPart::Name,
            Some("tag") => MarkedPart::Tag,
            Some("digest") => MarkedPart::Digest,
            Some(_) => return None,
        };
        let is_whole = words.next().is_none() && !namespace.is_empty() && !name.is_empty();
        let policy = PolicyName { namespace: namespace.to_owned(), name: name.to_owned() };
        is_whole.then_some(Self { policy, part })
    }
}

/// The setter comments of a text that are on no value, by the byte of their `#`: in a line that is commented out, after a key
/// without a value, or in a block scalar. `ends` are the ends of all scalars and aliases.
pub(super) fn strays(text: &str, ends: impl Iterator<Item = usize>) -> Vec<usize> {
    let read: HashSet<usize> = ends.filter_map(|end| comment_after(text, end)).collect();
    let comments = memmem::find_iter(text.as_bytes(), MARKER_KEY).filter_map(|key| {
        let before = text[..key].strip_suffix('"')?.trim_end_matches([' ', '\t']).strip_suffix('{')?;
        before.trim_end_matches([' ', '\t']).strip_suffix('#').map(str::len)
    });
    comments.filter(|hash| !read.contains(hash)).take(MAX_STRAYS).collect()
}

/// The comment whose `#` is at this byte, without it.
fn comment_at(text: &str, hash: usize) -> &str {
    let rest = &text[hash + 1..];
    rest.find(['\n', '\r']).map_or(rest, |stop| &rest[..stop])
}

/// The `#` of the comment after byte `end` on the same line. Only blanks and closing brackets or commas of a flow collection
/// may come before it.
fn comment_after(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let line = rest.find(['\n', '\r']).map_or(rest, |stop| &rest[..stop]);
    let hash = line.find('#')?;
    let between = &line[..hash];
    let is_comment = between.ends_with([' ', '\t']);
    let is_near = between.chars().all(|character| matches!(character, ' ' | '\t' | ',' | '}' | ']'));
    (is_comment && is_near).then_some(end + hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_value(rest: &str) -> Result<Option<(String, MarkedPart)>, String> {
        let text = format!("v1{rest}");
        Marker::after(&text, 2).map(|marker| marker.map(|marker| (marker.policy.to_string(), marker.part)))
    }

    #[test]
    fn comments_name_a_policy_and_a_part() {
        for (rest, part) in [
            (r#" # {"$imagepolicy": "flux-system:app"}"#, MarkedPart::Reference),
            (r#" # {"$imagepolicy": "flux-system:app:tag"}"#, MarkedPart::Tag),
            (r#" # {"$imagepolicy": "flux-system:app:name"}"#, MarkedPart::Name),
            (r#" # {"$imagepolicy": "flux-system:app:digest"}"#, MarkedPart::Digest),
            ("\t#\t{\"$imagepolicy\":\"flux-system:app:tag\"}\r\nnext", MarkedPart::Tag),
            (r#"} # {"$imagepolicy": "flux-system:app:tag"}"#, MarkedPart::Tag),
            (r#", # {"$imagepolicy": "flux-system:app:tag"} kept by Flux"#, MarkedPart::Tag),
        ] {
            assert_eq!(after_value(rest), Ok(Some(("flux-system/app".to_owned(), part))), "{rest:?}");
        }
    }

    #[test]
    fn other_comments_are_ignored() {
        for rest in [
            "",
            " # {\"$policy\": \"a:b\"}",
            "\n# {\"$imagepolicy\": \"a:b\"}",
            "# {\"$imagepolicy\": \"a:b\"}",
            " # moved by $imagepolicy",
            ", b: c # {\"$imagepolicy\": \"a:b\"}",
        ] {
            assert_eq!(after_value(rest), Ok(None), "{rest:?}");
        }
    }

    #[test]
    fn setter_comments_on_no_value_are_found() {
        let text = "\
# tag: v1 # {\"$imagepolicy\": \"a:b\"}
tag: v1 # {\"$imagepolicy\": \"a:b\"}
other: #{ \"$imagepolicy\": \"a:b\"}
  v1
# prose about $imagepolicy and \"$imagepolicy\"
";
        let value = text.find("v1 # {\"$imagepolicy\": \"a:b\"}\nother").unwrap() + 2;
        let found = strays(text, [value].into_iter());
        let lines: Vec<usize> = found.iter().map(|hash| 1 + text[..*hash].matches('\n').count()).collect();
        assert_eq!(lines, [1, 3]);
    }

    #[test]
    fn malformed_setter_comments_are_errors() {
        for comment in [
            r#"{"$imagepolicy": "app"}"#,
            r#"{"$imagepolicy": "a:b:version"}"#,
            r#"{"$imagepolicy": "a:b:tag:x"}"#,
            r#"{"$imagepolicy": ":b"}"#,
            r#"{"$imagepolicy": 1}"#,
            r#"{"$imagepolicy": "#,
        ] {
            assert_eq!(after_value(&format!(" # {comment}")), Err(comment.trim().to_owned()), "{comment}");
        }
    }
}
