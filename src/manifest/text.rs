//! Bytes to text. Most files of a repository concern no image, and a search of their bytes shows it.

use memchr::memmem;

use super::kinds::{HELM_REPOSITORY, Kind, OCI_REPOSITORY};
use super::marker::MARKER_KEY;
use super::position::Position;
use super::unreadable::{Unreadable, UnreadableReason};

/// A file that concerns images contains the kind of a HelmRelease or of a workload, the API group of a Flux image object or
/// of a Flux Kustomization, an OCIRepository, a HelmRepository, a tag that kustomize sets, a JSON 6902
/// path, or a setter comment.
const KIND: &str = "HelmRelease";
const GROUP_END: &str = ".toolkit.fluxcd.io";
const GROUPS: [&str; 2] = ["image", "kustomize"];
const NEW_TAG: &str = "newTag";
/// The JSON 6902 paths of a HelmRelease that may say what runs.
pub(super) const JSON_PATCH_PATHS: [&str; 2] = ["/spec/values", "/spec/suspend"];

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

/// The text, if it may hold an object that is read.
///
/// # Errors
/// When it may and is not UTF-8, or is longer than 32 MiB.
pub(super) fn concerning_images(bytes: &[u8]) -> Result<Option<&str>, Unreadable> {
    if is_utf16_concerning_images(bytes) {
        return Err(Unreadable::new(Position::START, UnreadableReason::Utf16));
    }
    let is_group = |at: usize| GROUPS.iter().any(|group| bytes[..at].ends_with(group.as_bytes()));
    let has = |needle: &str| memmem::find(bytes, needle.as_bytes()).is_some();
    let is_read = has(KIND)
        || memmem::find_iter(bytes, GROUP_END).any(is_group)
        || has(MARKER_KEY)
        || has(NEW_TAG)
        || has(OCI_REPOSITORY)
        || has(HELM_REPOSITORY)
        || JSON_PATCH_PATHS.iter().any(|path| has(path))
        || has_workload(bytes);
    if is_read { readable(bytes).map(Some) } else { Ok(None) }
}

/// Whether an object may be a workload with containers. Definitions of custom resources speak of workloads too, but not on
/// the line of `kind`.
fn has_workload(bytes: &[u8]) -> bool {
    memmem::find(bytes, b"ontainers").is_some() && has_kind(bytes, Kind::may_be_workload)
}

/// Whether a line sets `kind` and its rest, from the colon on, is as wanted.
fn has_kind(bytes: &[u8], is_wanted: fn(&[u8]) -> bool) -> bool {
    memmem::find_iter(bytes, "kind").any(|at| {
        let rest = &bytes[at + "kind".len()..];
        let line = memchr::memchr2(b'\n', b'\r', rest).map_or(rest, |end| &rest[..end]);
        let is_key = line.iter().find(|byte| !b" \t\"'".contains(byte)) == Some(&b':');
        is_key && is_wanted(line)
    })
}

/// Whether a text that concerns no images otherwise may hold Helm values: in a ConfigMap, or as a file that is no object.
pub(super) fn has_values(bytes: &[u8]) -> bool {
    let is_object = || bytes.starts_with(b"apiVersion") || memmem::find(bytes, b"\napiVersion").is_some();
    may_hold_values(bytes) && (!is_object() || has_kind(bytes, Kind::may_be_config_map))
}

/// Whether Helm values may name an image: they have a key `tag` or `image`.
pub(super) fn may_hold_values(bytes: &[u8]) -> bool {
    let is_key = |end: usize| matches!(bytes.get(end), Some(b':' | b' ' | b'"' | b'\''));
    ["tag", "image"].into_iter().any(|key| memmem::find_iter(bytes, key).any(|at| is_key(at + key.len())))
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
    [KIND, GROUP_END].iter().any(|needle| {
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
        assert_eq!(concerning_images(b"source.toolkit.fluxcd.io/v1"), Ok(None));
        for text in ["kind: Service\ncontainers:", "kind: Deployment", "a: kinds of Deployment\ncontainers:"]
        {
            assert_eq!(concerning_images(text.as_bytes()), Ok(None), "{text}");
        }
        for text in [
            "kind: HelmRelease",
            "image.toolkit.fluxcd.io/v1",
            "kustomize.toolkit.fluxcd.io/v1",
            "kind: Deployment\r\ncontainers:",
            "{\"kind\" : \"CronJob\", \"initContainers\": []}",
            "images: [{newTag: v1}]",
            "kind: OCIRepository",
            "a: v1 # {\"$imagepolicy\": \"a:b\"}",
            "path: /spec/values/tag",
        ] {
            assert_eq!(concerning_images(text.as_bytes()), Ok(Some(text)));
        }
    }

    fn utf16(mark: u16, encode: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let text = "kind: HelmRelease".encode_utf16();
        std::iter::once(mark).chain(text).flat_map(encode).collect()
    }

    #[test]
    fn bytes_that_are_not_text_are_errors_with_a_position() {
        let long = [b"HelmRelease".to_vec(), vec![b' '; MAX_BYTES]].concat();
        for (bytes, line, column, reason) in [
            (&b"HelmRelease\n\xc3\xb1 \xff"[..], 2, 3, UnreadableReason::NotUtf8),
            (&utf16(0xfeff, u16::to_le_bytes)[..], 1, 1, UnreadableReason::Utf16),
            (&utf16(0xfeff, u16::to_be_bytes)[..], 1, 1, UnreadableReason::Utf16),
            (&long[..], 1, 1, UnreadableReason::TooLong),
        ] {
            let unreadable = Unreadable::new(Position { line, column }, reason);
            assert_eq!(concerning_images(bytes), Err(unreadable));
        }
    }
}
