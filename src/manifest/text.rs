//! Bytes to text. Most files of a repository concern no image, and a search of their bytes shows it.

use memchr::memmem;

use super::marker::MARKER_KEY;
use super::position::Position;
use super::unreadable::{Unreadable, UnreadableReason};

/// A file that concerns images contains one of these.
const NEEDLES: [&str; 2] = ["HelmRelease", super::flux::GROUP];

/// The longest text that is read. Kubernetes accepts objects of 1.5 MiB; reading takes ten times the memory.
const MAX_BYTES: usize = 32 << 20;

/// A text that is being read.
#[derive(Clone, Copy)]
pub(super) struct SourceText<'t> {
    pub(super) text: &'t str,
    /// Whether any comment may be a setter comment.
    pub(super) has_markers: bool,
}

impl<'t> SourceText<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, has_markers: memmem::find(text.as_bytes(), MARKER_KEY.as_bytes()).is_some() }
    }
}

/// The text, if it may hold a HelmRelease or a Flux image object.
///
/// # Errors
/// When it may and is not UTF-8, or is longer than 32 MiB.
pub(super) fn concerning_images(bytes: &[u8]) -> Result<Option<&str>, Unreadable> {
    if is_utf16_concerning_images(bytes) {
        return Err(Unreadable::new(Position::START, UnreadableReason::Utf16));
    }
    if !NEEDLES.iter().any(|needle| memmem::find(bytes, needle.as_bytes()).is_some()) {
        return Ok(None);
    }
    readable(bytes).map(Some)
}

/// The text, if it is UTF-8 and at most 32 MiB.
pub(super) fn readable(bytes: &[u8]) -> Result<&str, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable::new(Position::START, UnreadableReason::TooLong));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let (valid, _) = bytes.split_at(error.valid_up_to());
        let position = std::str::from_utf8(valid).map_or(Position::START, Position::after);
        Unreadable::new(position, UnreadableReason::NotUtf8)
    })
}

fn is_utf16_concerning_images(bytes: &[u8]) -> bool {
    let encode: fn(u16) -> [u8; 2] = match bytes {
        [0xff, 0xfe, ..] => u16::to_le_bytes,
        [0xfe, 0xff, ..] => u16::to_be_bytes,
        _ => return false,
    };
    NEEDLES.iter().any(|needle| {
        let needle: Vec<u8> = needle.encode_utf16().flat_map(encode).collect();
        memmem::find(bytes, &needle).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_that_concerns_images_is_decoded() {
        assert_eq!(concerning_images(b"\xff broken: ["), Ok(None));
        assert_eq!(concerning_images(&vec![b' '; MAX_BYTES + 1]), Ok(None));
        assert_eq!(concerning_images(b"kind: HelmRelease"), Ok(Some("kind: HelmRelease")));
        assert_eq!(concerning_images(b"image.toolkit.fluxcd.io/v1"), Ok(Some("image.toolkit.fluxcd.io/v1")));
    }

    #[test]
    fn bytes_that_are_not_text_are_errors_with_a_position() {
        let long = [b"HelmRelease".to_vec(), vec![b' '; MAX_BYTES]].concat();
        for (bytes, line, column, reason) in [
            (&b"HelmRelease\n\xc3\xb1 \xff"[..], 2, 3, UnreadableReason::NotUtf8),
            (&b"\xff\xfeH\0e\0l\0m\0R\0e\0l\0e\0a\0s\0e\0"[..], 1, 1, UnreadableReason::Utf16),
            (&b"\xfe\xff\0H\0e\0l\0m\0R\0e\0l\0e\0a\0s\0e"[..], 1, 1, UnreadableReason::Utf16),
            (&long[..], 1, 1, UnreadableReason::TooLong),
        ] {
            let unreadable = Unreadable::new(Position { line, column }, reason);
            assert_eq!(concerning_images(bytes), Err(unreadable));
        }
    }
}
