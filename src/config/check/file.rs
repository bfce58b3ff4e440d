//! Paths of files on this machine.

use std::path::PathBuf;

use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::location::Located;
use crate::config::raw::FilePath;

/// An absolute path: a daemon does not know the folder that it is started in.
pub(super) fn path(raw: &Located<FilePath>, diagnostics: &mut Diagnostics) -> Option<PathBuf> {
    diagnostics.ok_or_report(raw.at, absolute(&raw.value.0))
}

pub(super) fn absolute(text: &str) -> Result<PathBuf, InvalidValue> {
    if text.starts_with('/') && !text.chars().any(char::is_control) {
        return Ok(PathBuf::from(text));
    }
    // The message leaves the text out: it may be a secret.
    Err(InvalidValue::new(
        "this is not an absolute path",
        "write it from the root, such as `/etc/tidegate/file`; `~` and variables are not expanded",
    ))
}

/// Decodes `%20` and the like.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok())?;
            bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| !digits.contains('+'))?);
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_decoded() {
        for (text, decoded) in [
            ("/srv/a%20b", Some("/srv/a b")),
            ("/srv/%C3%B1", Some("/srv/ñ")),
            ("/srv/ñ", Some("/srv/ñ")),
            ("/srv/%", None),
            ("/srv/%2", None),
            ("/srv/%+1", None),
            ("/srv/%zz", None),
            ("/srv/%ff", None),
        ] {
            assert_eq!(percent_decoded(text).as_deref(), decoded, "{text}");
        }
    }
}
