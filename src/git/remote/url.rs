//! Reads git.url: which transport, and where. What is not understood is refused, never handed to a program.

use std::path::PathBuf;

use crate::git::GitError;
use crate::model::{NetworkUrl, NetworkUrlError, Printable};

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// A folder on this machine, absolute.
    Path(PathBuf),
    /// On another machine.
    Network(NetworkUrl),
}

impl Location {
    /// Reads a plain path, a `file://` URL, or that of a repository on another machine.
    pub(super) fn parse(url: &str) -> Result<Self, GitError> {
        let refused = |reason| GitError::Url { url: display_url(url), reason };
        if url.is_empty() {
            return Err(refused("it is empty"));
        }
        if url.starts_with('-') {
            return Err(refused("it looks like an option; begin a path with ./"));
        }
        if url.chars().any(char::is_control) {
            return Err(refused("it has a control character in it"));
        }
        if let Some(rest) = url.strip_prefix("file://") {
            return from_file_url(rest).map_err(refused);
        }
        match url.parse() {
            Ok(url) => return Ok(Self::Network(url)),
            Err(NetworkUrlError::Path) => {}
            Err(error) => return Err(refused(unfit(error))),
        }
        std::path::absolute(url).map(Self::Path).map_err(|_| refused("the current folder cannot be told"))
    }
}

/// The path after `file://`, where `%20` stands for a space (RFC 8089), as Git reads it.
fn from_file_url(rest: &str) -> Result<Location, &'static str> {
    if !rest.starts_with('/') {
        return Err("a file URL names no host: file:///srv/gitops.git");
    }
    let decoded = percent_decoded(rest).ok_or("a % must be followed by two hexadecimal digits")?;
    if decoded.chars().any(char::is_control) {
        return Err("it has a control character in it");
    }
    Ok(Location::Path(decoded.into()))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let digits = piece.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

fn unfit(error: NetworkUrlError) -> &'static str {
    match error {
        NetworkUrlError::Path => "it is a path",
        NetworkUrlError::Helper => "transport helpers run programs, so they are never used",
        NetworkUrlError::Scheme => "its scheme is unknown",
        NetworkUrlError::Login => "a login does not stand in a URL",
        NetworkUrlError::Plain => "it is not encrypted, so it is used to this machine only",
        NetworkUrlError::User => "the user in it is none that can be used",
        NetworkUrlError::Host => "it names no host",
        NetworkUrlError::Repository => "it names no path of a repository",
    }
}

/// The URL without what stands before an `@`, which may be a password.
fn display_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let separator = if scheme.is_empty() { "" } else { "://" };
    Printable::new(&format!("{scheme}{separator}{host}{path}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_file_urls_are_places_on_this_machine() {
        for (url, path) in [
            ("/srv/gitops.git", "/srv/gitops.git"),
            ("file:///srv/gitops.git", "/srv/gitops.git"),
            ("file:///srv/git%20ops%c3%B1.git", "/srv/git opsñ.git"),
            ("/srv/a:b.git", "/srv/a:b.git"),
        ] {
            assert_eq!(Location::parse(url).unwrap(), Location::Path(path.into()), "{url}");
        }
        let Location::Path(relative) = Location::parse("./-x").unwrap() else { panic!("it is a path") };
        assert!(relative.is_absolute() && relative.ends_with("-x"));
    }

    #[test]
    fn what_could_run_a_program_or_is_not_supported_is_refused() {
        for (url, because) in [
            ("", "empty"),
            ("--upload-pack=touch x", "option"),
            ("ext::sh -c touch% x", "transport helpers"),
            ("fd::7", "transport helpers"),
            ("file:///a\nb", "control"),
            ("file:///a%0ab", "control"),
            ("file:///a%0", "two hexadecimal"),
            ("file:///a%+1", "two hexadecimal"),
            ("file:///a%é", "two hexadecimal"),
            ("file://host/a", "no host"),
            ("https://bot:x@github.com/a.git", "login"),
            ("http://github.com/a.git", "not encrypted"),
            ("gopher://x/a", "unknown"),
        ] {
            let Err(GitError::Url { reason, .. }) = Location::parse(url) else { panic!("{url} was taken") };
            assert!(reason.contains(because), "{url}: {reason}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        for url in ["https://bot:hunter2@host/a.git", "https://hunter2@host", "ssh://a:hunter2@host/a"] {
            let text = Location::parse(url).unwrap_err().to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
