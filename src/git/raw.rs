//! Bounded text and times from commits, whose content is untrusted.

use chrono::DateTime;

use super::GitError;
use crate::model::Timestamp;

/// Decodes UTF-8 with replacement, cut to at most `max` bytes.
pub(super) fn bounded_text(bytes: &[u8], max: usize) -> String {
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(max)]).into_owned();
    text.truncate(text.floor_char_boundary(max));
    text
}

/// The time, clamped to the range of [`Timestamp`]: a commit may claim any.
pub(super) fn time(seconds: i64) -> Timestamp {
    let beyond = if seconds < 0 { Timestamp::MIN_UTC } else { Timestamp::MAX_UTC };
    DateTime::from_timestamp(seconds, 0).unwrap_or(beyond)
}

pub(super) fn walk_error(source: git2::Error) -> GitError {
    GitError::Damaged { operation: "walk the history".into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(bounded_text("añb".as_bytes(), 10), "añb");
        assert!(bounded_text("añb".as_bytes(), 2).len() <= 2);
        assert_eq!(bounded_text(b"a\xffb", 10), "a\u{fffd}b");
    }

    #[test]
    fn times_that_cannot_be_are_at_the_end() {
        assert_eq!(time(0), DateTime::UNIX_EPOCH);
        assert_eq!(time(i64::MAX), Timestamp::MAX_UTC);
        assert_eq!(time(i64::MIN), Timestamp::MIN_UTC);
    }
}
