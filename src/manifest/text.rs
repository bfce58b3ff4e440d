//! Bytes to text, if they are worth it: most files of a repository concern no image and are told by their bytes.

use memchr::memmem;

use super::marker::MARKER_KEY;
use super::position::Position;
use super::unreadable::{Unreadable, UnreadableReason};

/// What a file that concerns images must have in it.
const NEEDLES: [&str; 2] = ["HelmRelease", super::flux::GROUP];

/// How long a text may be. Kubernetes takes objects of one and a half megabytes; reading needs ten times the memory.
const MOST_BYTES: usize = 32 << 20;

/// A text, and whether any of its comments may be a setter comment.
#[derive(Clone, Copy)]
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
    pub(super) has_markers: bool,
}

impl<'t> Source<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, has_markers: memmem::find(text.as_bytes(), MARKER_KEY.as_bytes()).is_some() }
    }
}

/// The text, if it may hold a HelmRelease or one of Flux's image objects.
///
/// # Errors
/// When it may, and is not UTF-8, or longer than 32 MiB.
pub(super) fn concerning_images(bytes: &[u8]) -> Result<Option<&str>, Unreadable> {
    if is_utf16_concerning_images(bytes) {
        return Err(Unreadable::new(Position::START, UnreadableReason::Utf16));
    }
    if !NEEDLES.iter().any(|needle| memmem::find(bytes, needle.as_bytes()).is_some()) {
        return Ok(None);
    }
    readable(bytes).map(Some)
}

/// The text of bytes that are UTF-8 and not too many.
pub(super) fn readable(bytes: &[u8]) -> Result<&str, Unreadable> {
    if bytes.len() > MOST_BYTES {
        return Err(Unreadable::new(Position::START, UnreadableReason::TooLong));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, _) = bytes.split_at(error.valid_up_to());
        let position = std::str::from_utf8(good).map_or(Position::START, Position::after);
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
    fn only_what_concerns_images_is_looked_at() {
        assert_eq!(concerning_images(b"\xff broken: ["), Ok(None));
        assert_eq!(concerning_images(&vec![b' '; MOST_BYTES + 1]), Ok(None));
        assert_eq!(concerning_images(b"kind: HelmRelease"), Ok(Some("kind: HelmRelease")));
        assert_eq!(concerning_images(b"image.toolkit.fluxcd.io/v1"), Ok(Some("image.toolkit.fluxcd.io/v1")));
    }

    #[test]
    fn what_is_no_text_is_told_with_its_place() {
        let long = [b"HelmRelease".to_vec(), vec![b' '; MOST_BYTES]].concat();
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
