//! Parses git.url. An unknown form is refused, never passed to a program.

use std::path::PathBuf;

use crate::git::GitError;
use crate::model::{NetworkUrl, NetworkUrlError, Printable};

/// A repository's location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// An absolute local path.
    Path(PathBuf),
    /// A repository on another machine.
    Network(NetworkUrl),
}

impl Location {
    /// Parses a plain path, a `file://` URL, or a network URL.
    pub(super) fn parse(url: &str) -> Result<Self, GitError> {
        let refused = |reason| GitError::Url { url: display_url(url), reason };
        if url.is_empty() {
            return Err(refused("it is empty"));
        }
        if url.starts_with('-') {
            return Err(refused("it looks like an option; begin a path with ./"));
        }
        if url.chars().any(char::is_control) {
            return Err(refused("it contains a control character"));
        }
        if let Some(rest) = url.strip_prefix("file://") {
            return from_file_url(rest).map_err(refused);
        }
        match url.parse() {
            Ok(url) => return Ok(Self::Network(url)),
            Err(NetworkUrlError::Path) => {}
            Err(error) => return Err(refused(unfit(error))),
        }
        std::path::absolute(url).map(Self::Path).map_err(|_| refused("cannot determine the current folder"))
    }
}

/// The path of a `file://` URL, percent-decoded (RFC 8089) as Git does.
fn from_file_url(rest: &str) -> Result<Location, &'static str> {
    if !rest.starts_with('/') {
        return Err("a file URL must not name a host; write file:///srv/gitops.git");
    }
    let decoded = percent_decoded(rest).ok_or("a % must be followed by two hexadecimal digits")?;
    if decoded.chars().any(char::is_control) {
        return Err("it contains a control character");
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
        NetworkUrlError::Helper => "transport helpers run programs and are not supported",
        NetworkUrlError::Scheme => "its scheme is unknown",
        NetworkUrlError::Login => "a URL must not contain a login",
        NetworkUrlError::Plain => "http is not encrypted; it is allowed only to this machine",
        NetworkUrlError::User => "its user name is invalid",
        NetworkUrlError::Host => "it names no host",
        NetworkUrlError::Repository => "it names no repository path",
    }
}

/// The URL without its user information, which may contain a password.
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
    fn paths_and_file_urls_are_local() {
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
    fn unsupported_urls_and_those_that_run_programs_are_refused() {
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
            ("file://host/a", "not name a host"),
            ("https://bot:x@github.com/a.git", "login"),
            ("http://github.com/a.git", "not encrypted"),
            ("gopher://x/a", "unknown"),
        ] {
            let Err(GitError::Url { reason, .. }) = Location::parse(url) else {
                panic!("{url} was accepted")
            };
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
