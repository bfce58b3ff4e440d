//! The text form of a list of tags with optional digests.

use crate::model::PinnedTag;

use crate::store::row::{self, Unreadable};

/// `v1.0.0 v1.0.1@sha256:…`: neither a tag nor a digest contains a space or an `@`.
pub(super) fn to_text(tags: &[PinnedTag]) -> String {
    let mut text = String::new();
    for (at, PinnedTag { tag, digest }) in tags.iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(tag.as_str());
        if let Some(digest) = digest {
            text.push('@');
            text.push_str(digest.as_str());
        }
    }
    text
}

/// Parses the output of [`to_text`].
pub(super) fn from_text(text: &str, column: &'static str) -> Result<Vec<PinnedTag>, Unreadable> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(' ').map(|part| pinned_tag(part, column)).collect()
}

fn pinned_tag(text: &str, column: &'static str) -> Result<PinnedTag, Unreadable> {
    let (tag, digest) = match text.split_once('@') {
        Some((tag, digest)) => (tag, Some(row::parse(digest, column)?)),
        None => (text, None),
    };
    Ok(PinnedTag { tag: row::parse(tag, column)?, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_of_others_are_not_read() {
        for bad in [" ", "v1 ", " v1", "v1  v2", "v1@", "@sha256:00", "v1@v2", "v1\n", "v1,v2"] {
            assert!(from_text(bad, "before").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lists_come_back_as_they_were() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let text = format!("v1.0.0 v1.0.1@{digest} latest");
        let tags = from_text(&text, "before").unwrap();
        assert_eq!(tags.len(), 3);
        assert_eq!(tags[1].digest.as_ref().unwrap().as_str(), digest);
        assert_eq!(to_text(&tags), text);
        assert_eq!(from_text("", "before").unwrap(), []);
        assert_eq!(to_text(&[]), "");
    }
}
