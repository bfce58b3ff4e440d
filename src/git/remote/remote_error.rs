//! Errors from a server, recognised in the messages of `git`, `ssh` and curl.
//!
//! Messages are the only source: the exit status is the same for every error. The locale is pinned. A message that is not
//! recognised is passed on as it is, without a class and a hint of its own.

use std::path::PathBuf;

use thiserror::Error;

use crate::model::{Class, Printable};

/// Why a server could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// `known_hosts` has no key for this server.
    #[error("its host key is unknown{}", fingerprint.as_ref().map(|print| format!("; the server presents {kind} {print}")).unwrap_or_default())]
    UnknownHost {
        /// The key type, such as `ED25519`.
        kind: String,
        /// The file to add the key to.
        known_hosts: Option<PathBuf>,
        /// The fingerprint of the key that the server presents.
        fingerprint: Option<String>,
        /// The `known_hosts` line that would accept it.
        line: Option<String>,
    },
    /// The server presents a different key than `known_hosts` has.
    #[error("its host key has changed{}", fingerprint.as_ref().map(|print| format!("; the server presents {print}")).unwrap_or_default())]
    ChangedHost {
        /// The fingerprint of the key that the server presents.
        fingerprint: Option<String>,
        /// The file and line of the known key.
        known_at: Option<String>,
    },
    /// `known_hosts` marks the server's key as revoked.
    #[error("its host key is revoked")]
    RevokedHost,
    /// The server rejected the login.
    #[error("it rejected the login{}", offered.as_ref().map(|print| format!(" with key {print}")).unwrap_or_default())]
    LoginRefused {
        message: String,
        /// The fingerprint of the key offered.
        offered: Option<String>,
    },
    /// The SSH key file is unusable.
    #[error("cannot use the key {path}: {reason}")]
    Key { path: String, reason: &'static str },
    /// The login is valid but lacks the permission.
    #[error("permission denied: {message}")]
    NotAllowed { message: String },
    /// The `ssh` program is not installed.
    #[error("the program `ssh` is not installed")]
    NoSsh,
    /// The repository does not exist, or the login cannot see it.
    #[error("the repository does not exist, or this login cannot see it")]
    NotFound,
    /// No trusted authority signed the server's certificate.
    #[error("its certificate is not trusted: {message}")]
    Certificate { message: String },
    /// The server answered with a redirect, which is never followed with credentials.
    #[error("it redirects to another address; redirects are not followed")]
    Redirected,
    /// No connection, or the connection broke.
    #[error("{message}")]
    Unreachable { message: String },
    /// The server failed or limits requests.
    #[error("server error: {message}")]
    Server { message: String },
}

impl RemoteError {
    /// The class, which drives retries and the exit code.
    pub(in crate::git) fn class(&self) -> Class {
        match self {
            Self::UnknownHost { .. } | Self::ChangedHost { .. } | Self::RevokedHost => Class::Refused,
            Self::Unreachable { .. } | Self::Server { .. } => Class::TryAgain,
            _ => Class::Failed,
        }
    }

    /// The server answered, and the answer is no.
    pub(super) fn is_denial(&self) -> bool {
        matches!(self, Self::LoginRefused { .. } | Self::NotAllowed { .. } | Self::NotFound)
    }

    /// What to do next.
    pub(in crate::git) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownHost { known_hosts, line, .. } => {
                unknown_host_hint(known_hosts.as_ref(), line.as_ref())
            }
            Self::ChangedHost { known_at, .. } => {
                let place = known_at.as_ref().map_or("the known_hosts file".to_owned(), Clone::clone);
                format!(
                    "this may be an attack: compare the fingerprint with the one that the server's owner publishes, \
                     and replace the key in {place} only if they match"
                )
            }
            Self::RevokedHost => "do not connect until the server's owner has replaced the key".to_owned(),
            Self::LoginRefused { offered: Some(_), .. } => {
                "add the public key to the server's account or deploy keys".to_owned()
            }
            Self::LoginRefused { .. } => {
                "check git.auth: the token may have expired or belong to another account".to_owned()
            }
            Self::Key { .. } => {
                "check git.auth.sshKey: file, owner and mode (chmod 600), passphrase".to_owned()
            }
            Self::NotAllowed { .. } => {
                "grant write access: a deploy key needs it switched on, a token needs `contents: write`"
                    .to_owned()
            }
            Self::NotFound => "check git.url, and give this login read access".to_owned(),
            Self::Certificate { .. } => "set git.caFile, or GIT_SSL_CAINFO for `tidegate init`, to the certificate authority's PEM file".to_owned(),
            Self::NoSsh => "install it, on Debian with `apt install openssh-client`".to_owned(),
            Self::Redirected => "the repository may have moved: set git.url to the new address".to_owned(),
            Self::Unreachable { .. } | Self::Server { .. } => return None,
        };
        Some(hint)
    }
}

fn unknown_host_hint(known_hosts: Option<&PathBuf>, line: Option<&String>) -> String {
    let file = known_hosts.map_or("~/.ssh/known_hosts".to_owned(), |path| path.display().to_string());
    match line {
        Some(line) => {
            format!("if the server's owner publishes this fingerprint, add this line to {file}: {line}")
        }
        None => format!("compare the server's fingerprint, then add its key to {file}"),
    }
}

/// The error that the diagnostics of a program describe, if they are recognised.
pub(super) fn recognise(diagnostics: &str) -> Option<RemoteError> {
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

/// From git's http.c, GitHub and GitLab over ssh, and a read-only `git daemon`.
const NOT_ALLOWED: [&str; 6] = [
    "returned error: 403",
    "marked as read only",
    "Write access to repository not granted",
    "You are not allowed to",
    "access denied or repository not exported",
    "service not enabled",
];

/// From sshconnect2.c, and git's http.c and credential.c.
const LOGIN_REFUSED: [&str; 6] = [
    "Permission denied (",
    "Too many authentication failures",
    "could not read Username",
    "could not read Password",
    "Authentication failed for",
    "returned error: 401",
];

/// From OpenSSL and `GnuTLS` through curl.
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

/// The informative lines, joined, bounded and printable.
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
    fn messages_map_to_errors() {
        for (diagnostics, class, text) in [
            (
                "No ED25519 host key is known for [h]:22 and you have requested strict checking.\nHost key verification failed.",
                Class::Refused,
                "its host key is unknown",
            ),
            (
                "@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nIT IS POSSIBLE\nThe fingerprint for the \
                 ED25519 key sent by the remote host is\nSHA256:abc.\nOffending ED25519 key in /k/known_hosts:3\nHost \
                 key verification failed.",
                Class::Refused,
                "its host key has changed; the server presents SHA256:abc",
            ),
            ("git@h: Permission denied (publickey).", Class::Failed, "it rejected the login"),
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled",
                Class::Failed,
                "it rejected the login",
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 403",
                Class::Failed,
                "permission denied: fatal: unable to access 'https://h/': The requested URL returned error: 403",
            ),
            (
                "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.",
                Class::TryAgain,
                "ssh: connect to host h port 22: Connection refused",
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 503",
                Class::TryAgain,
                "server error: fatal: unable to access 'https://h/': The requested URL returned error: 503",
            ),
            (
                "fatal: repository 'https://h/x/' not found",
                Class::Failed,
                "the repository does not exist, or this login cannot see it",
            ),
            (
                "fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none",
                Class::Failed,
                "its certificate is not trusted: fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none",
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 301",
                Class::Failed,
                "it redirects to another address; redirects are not followed",
            ),
        ] {
            let remote_error = recognise(diagnostics).unwrap();
            assert_eq!(
                (remote_error.class(), remote_error.to_string().as_str()),
                (class, text),
                "{diagnostics}"
            );
        }
        assert_eq!(recognise("fatal: something new"), None);
    }

    #[test]
    fn the_hint_for_a_changed_host_names_the_line_of_the_known_key() {
        let text = "HOST IDENTIFICATION HAS CHANGED\nOffending ED25519 key in /k/known_hosts:3\n";
        let hint = recognise(text).unwrap().hint().unwrap();
        assert!(hint.contains("/k/known_hosts:3"), "{hint}");
    }
}
