//! The registry room against a real registry, and against an emulation of ghcr.io.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails, fails its test")]

mod docker;
mod emulation;
mod ghcr;
mod hostile;
mod paging;
mod refusals;

use std::error::Error;
use std::time::Duration;

use tidegate::model::{ImageName, Tag};
use tidegate::registry::{Client, Credentials, HostSettings, Limits, RegistryError};

/// Limits under which a test of failures is over soon.
fn quick() -> Limits {
    Limits {
        request_timeout: Duration::from_secs(10),
        operation_timeout: Duration::from_secs(20),
        retries: 3,
        first_retry_delay: Duration::from_millis(1),
        longest_retry_delay: Duration::from_millis(4),
        ..Limits::default()
    }
}

/// A registry on this machine.
fn local(host: &str, credentials: Credentials) -> HostSettings {
    HostSettings { plain_http: true, credentials, ..HostSettings::new(host) }
}

/// A client of one registry on this machine, asked anonymously.
fn anonymous(host: &str) -> Client {
    client(local(host, Credentials::Anonymous))
}

fn client(settings: HostSettings) -> Client {
    Client::new(vec![settings], quick()).unwrap()
}

fn image(host: &str, repository: &str) -> ImageName {
    format!("{host}/{repository}").parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// An error and its causes on one line, as logs have it.
fn in_full(error: &RegistryError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
