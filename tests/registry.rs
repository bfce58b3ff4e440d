//! The registry client against a real registry, an emulation of ghcr.io and hostile servers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails, fails its test")]

mod docker;
mod emulation;
mod ghcr;
mod helm;
mod hostile;
mod paging;
mod refusals;

use std::error::Error;
use std::time::Duration;

use tidegate::model::{ImageName, Tag};
use tidegate::registry::{Client, Credentials, HostSettings, Limits, RegistryError};

/// Limits that end failing requests soon.
fn quick() -> Limits {
    Limits {
        request_timeout: Duration::from_secs(10),
        operation_timeout: Duration::from_secs(20),
        retries: 3,
        first_retry_delay: Duration::from_millis(1),
        max_retry_delay: Duration::from_millis(4),
        ..Limits::default()
    }
}

/// Settings of a registry on this machine.
fn local(host: &str, credentials: Credentials) -> HostSettings {
    HostSettings { plain_http: true, credentials, ..HostSettings::new(host) }
}

/// An anonymous client of one registry on this machine.
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

/// An error and its causes on one line.
fn in_full(error: &RegistryError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
