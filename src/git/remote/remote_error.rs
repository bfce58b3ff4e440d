//! What went wrong on the way to a server, read from what `git`, `ssh` and curl say of it.
//!
//! Their words are all that there is: the exit status is the same for everything. They are in a pinned language, what is
//! not recognised is passed on as it was message, and only a class and a hint hang on being recognised.

use std::path::PathBuf;

use thiserror::Error;

use crate::model::{Class, Printable};

/// Why a server could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// Nothing is known of this server's key.
    #[error("its host key is not known{}", fingerprint.as_ref().map(|print| format!("; it shows {kind} {print}")).unwrap_or_default())]
    UnknownHost {
        /// The kind of key.
        kind: String,
        /// The file that should have it.
        known_hosts: Option<PathBuf>,
        /// The fingerprint of the key that it shows.
        fingerprint: Option<String>,
        /// The line that would make it known.
        line: Option<String>,
    },
    /// The server shows another key than the one that is known.
    #[error("its host key is not the one that is known{}", fingerprint.as_ref().map(|print| format!("; it shows {print}")).unwrap_or_default())]
    ChangedHost {
        /// The fingerprint of the key that it shows.
        fingerprint: Option<String>,
        /// Where the known key stands, as file and line.
        known_at: Option<String>,
    },
    /// The server's key was revoked.
    #[error("its host key is marked as revoked")]
    RevokedHost,
    /// The server does not let us in.
    #[error("it does not let us in{}", offered.as_ref().map(|print| format!(" by the key {print}")).unwrap_or_default())]
    LoginRefused {
        /// What was message.
        message: String,
        /// The fingerprint of the key that was offered.
        offered: Option<String>,
    },
    /// The key can't be used.
    #[error("the key {path} can't be used: {reason}")]
    Key {
        /// The file.
        path: String,
        /// Why not.
        reason: &'static str,
    },
    /// We are known there, and may not do this.
    #[error("we may not do that there: {message}")]
    NotAllowed {
        /// What was message.
        message: String,
    },
    /// The `ssh` program is not installed.
    #[error("the program `ssh` was not found")]
    NoSsh,
    /// There is no such repository, or none that we may see.
    #[error("there is no such repository, or none that we may see")]
    NotFound,
    /// The server's certificate is signed by nobody that is trusted.
    #[error("its certificate is not trusted: {message}")]
    Certificate {
        /// What was message.
        message: String,
    },
    /// The server sends us elsewhere.
    #[error("it sends us to another address, and redirects are not followed")]
    Redirected,
    /// The server could not be reached, or went away.
    #[error("{message}")]
    Unreachable {
        /// What was message.
        message: String,
    },
    /// The server has a problem of its own.
    #[error("the server has a problem: {message}")]
    Server {
        /// What was message.
        message: String,
    },
}

impl RemoteError {
    /// What it means for the one who has to act on it.
    pub(in crate::git) fn class(&self) -> Class {
        match self {
            Self::UnknownHost { .. } | Self::ChangedHost { .. } | Self::RevokedHost => Class::Refused,
            Self::Unreachable { .. } | Self::Server { .. } => Class::TryAgain,
            _ => Class::Failed,
        }
    }

    /// Whether the server is there and says no.
    pub(super) fn is_denial(&self) -> bool {
        matches!(self, Self::LoginRefused { .. } | Self::NotAllowed { .. } | Self::NotFound)
    }

    /// What to do next.
    pub(in crate::git) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownHost { known_hosts, line, .. } => unknown_host_hint(known_hosts.as_ref(), line.as_ref()),
            Self::ChangedHost { known_at, .. } => {
                let place = known_at.as_ref().map_or("the known_hosts file".to_owned(), Clone::clone);
                format!(
                    "somebody may stand in between: ask the server's owner for its fingerprint, and replace the key in \
                     {place} only if it is the new one"
                )
            }
            Self::RevokedHost => "do not connect until the server's owner has given it a new key".to_owned(),
            Self::LoginRefused { offered: Some(_), .. } => {
                "add the public key to the server's account or deploy keys".to_owned()
            }
            Self::LoginRefused { .. } => {
                "check git.auth: a token may have ended, or belong to somebody else".to_owned()
            }
            Self::Key { .. } => "check git.auth.sshKey: file, owner and mode (chmod 600), passphrase".to_owned(),
            Self::NotAllowed { .. } => {
                "give the key or token the right to write: a deploy key needs write access, a token `contents: write`"
                    .to_owned()
            }
            Self::NotFound => "check git.url, and that this login may see the repository".to_owned(),
            Self::Certificate { .. } => {
                "name the authority that signed it, in PEM form, as git.caFile".to_owned()
            }
            Self::NoSsh => "install it, on Debian with `apt install openssh-client`".to_owned(),
            Self::Redirected => "write the new address as git.url: the repository may have moved".to_owned(),
            Self::Unreachable { .. } | Self::Server { .. } => return None,
        };
        Some(hint)
    }
}

fn unknown_host_hint(known_hosts: Option<&PathBuf>, line: Option<&String>) -> String {
    let file = known_hosts.map_or("~/.ssh/known_hosts".to_owned(), |path| path.display().to_string());
    match line {
        Some(line) => format!(
            "if that is the fingerprint which the server's owner publishes, add this line to {file}: {line}"
        ),
        None => format!("add the server's key to {file}, after comparing its fingerprint"),
    }
}

/// What a diagnostics tells, if it is one that is known.
pub(super) fn of(diagnostics: &str) -> Option<RemoteError> {
    let has = |words: &[&str]| words.iter().any(|word| diagnostics.contains(word));
    let message = || message(diagnostics);
    if has(&["ssh: not found", "ssh: command not found"]) {
        return Some(RemoteError::NoSsh);
    }
    if has(&["REVOKED HOST KEY DETECTED"]) {
        return Some(RemoteError::RevokedHost);
    }
    if has(&["HOST IDENTIFICATION HAS CHANGED"]) {
        let fingerprint = word_after(diagnostics, "SHA256:").map(|rest| format!("SHA256:{rest}"));
        let known_at = diagnostics.lines().find_map(|line| {
            line.trim()
                .strip_prefix("Offending ")
                .and_then(|rest| rest.split_once(" key in "))
                .map(|(_, at)| at)
        });
        return Some(RemoteError::ChangedHost {
            fingerprint: fingerprint.map(|print| print.trim_end_matches('.').to_owned()),
            known_at: known_at.map(|at| Printable::new(at).to_string()),
        });
    }
    if has(&["host key is known for", "Host key verification failed"]) {
        let kind = diagnostics.lines().find_map(|line| line.trim().strip_prefix("No ")?.split(' ').next());
        let kind = Printable::bounded(kind.unwrap_or("host"), 20).to_string();
        return Some(RemoteError::UnknownHost { kind, known_hosts: None, fingerprint: None, line: None });
    }
    if has(&NOT_ALLOWED) {
        return Some(RemoteError::NotAllowed { message: message() });
    }
    if has(&LOGIN_REFUSED) {
        return Some(RemoteError::LoginRefused { message: message(), offered: None });
    }
    if has(&CERTIFICATE) {
        return Some(RemoteError::Certificate { message: message() });
    }
    if has(&["returned error: 30", "unable to update url base from redirection"]) {
        return Some(RemoteError::Redirected);
    }
    if has(&["returned error: 5", "returned error: 429", "remote: Internal Server Error", "HTTP 5"]) {
        return Some(RemoteError::Server { message: message() });
    }
    if has(&NOT_FOUND) {
        return Some(RemoteError::NotFound);
    }
    has(&UNREACHABLE).then(|| RemoteError::Unreachable { message: message() })
}

/// git's http.c; GitHub's and GitLab's words over ssh; a read-only `git daemon`.
const NOT_ALLOWED: [&str; 6] = [
    "returned error: 403",
    "marked as read only",
    "Write access to repository not granted",
    "You are not allowed to",
    "access denied or repository not exported",
    "service not enabled",
];

/// sshconnect2.c; git's http.c and credential.c.
const LOGIN_REFUSED: [&str; 6] = [
    "Permission denied (",
    "Too many authentication failures",
    "could not read Username",
    "could not read Password",
    "Authentication failed for",
    "returned error: 401",
];

/// What OpenSSL and `GnuTLS` say through curl.
const CERTIFICATE: [&str; 5] = [
    "certificate verification failed",
    "SSL certificate problem",
    "certificate subject name",
    "no alternative certificate subject name",
    "error setting certificate",
];

const NOT_FOUND: [&str; 5] = [
    "does not appear to be a git repository",
    "Repository not found",
    "returned error: 404",
    "not a git repository",
    "' not found",
];

const UNREACHABLE: [&str; 23] = [
    "Connection refused",
    "Connection timed out",
    "Connection reset",
    "Connection closed",
    "connection was closed",
    "Operation timed out",
    "Operation too slow",
    "Operation too fast",
    "Could not resolve",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Failed to connect",
    "Couldn't connect",
    "No route to host",
    "Network is unreachable",
    "Empty reply from server",
    "kex_exchange_identification",
    "banner exchange",
    "Broken pipe",
    "hung up unexpectedly",
    "early EOF",
    "unexpected disconnect",
    "not responding",
];

/// The lines that say something, on one line, fit to be shown.
fn message(diagnostics: &str) -> String {
    let is_noise = |line: &&str| {
        line.is_empty()
            || line.starts_with("Please make sure you have the correct access rights")
            || line.starts_with("and the repository exists")
            || line.starts_with("fatal: Could not read from remote repository")
    };
    let lines: Vec<&str> = diagnostics.lines().map(str::trim).filter(|line| !is_noise(line)).collect();
    Printable::bounded(&lines.join("; "), 300).to_string()
}

fn word_after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let rest = text.split_once(mark)?.1;
    let end = rest.find(|letter: char| letter.is_whitespace() || letter.is_control()).unwrap_or(rest.len());
    rest.get(..end.min(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_apart() {
        for (diagnostics, class, told) in [
            (
                "No ED25519 host key is known for [h]:22 and you have requested strict checking.\nHost key verification failed.",
                Class::Refused,
                "its host key is not known",
            ),
            (
                "@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nIT IS POSSIBLE\nThe fingerprint for the \
                 ED25519 key sent by the remote host is\nSHA256:abc.\nOffending ED25519 key in /k/known_hosts:3\nHost \
                 key verification failed.",
                Class::Refused,
                "its host key is not the one that is known; it shows SHA256:abc",
            ),
            ("git@h: Permission denied (publickey).", Class::Failed, "it does not let us in"),
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled",
                Class::Failed,
                "it does not let us in",
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 403",
                Class::Failed,
                "we may not do that there: fatal: unable to access 'https://h/': The requested URL returned error: 403",
            ),
            (
                "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.",
                Class::TryAgain,
                "ssh: connect to host h port 22: Connection refused",
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 503",
                Class::TryAgain,
                "the server has a problem: fatal: unable to access 'https://h/': The requested URL returned error: 503",
            ),
            (
                "fatal: repository 'https://h/x/' not found",
                Class::Failed,
                "there is no such repository, or none that we may see",
            ),
            (
                "fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none",
                Class::Failed,
                "its certificate is not trusted: fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none",
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 301",
                Class::Failed,
                "it sends us to another address, and redirects are not followed",
            ),
        ] {
            let remote_error = of(diagnostics).unwrap();
            assert_eq!(
                (remote_error.class(), remote_error.to_string().as_str()),
                (class, told),
                "{diagnostics}"
            );
        }
        assert_eq!(of("fatal: something new"), None);
    }

    #[test]
    fn a_changed_host_tells_where_the_known_key_stands() {
        let text = "HOST IDENTIFICATION HAS CHANGED\nOffending ED25519 key in /k/known_hosts:3\n";
        let hint = of(text).unwrap().hint().unwrap();
        assert!(hint.contains("/k/known_hosts:3"), "{hint}");
    }
}
