//! Channels of notifications and Flux Receivers, checked.

use std::collections::BTreeSet;
use std::time::Duration;

use super::compile::Schedule;
use super::host::Endpoint;
use super::secret::SecretSource;
use crate::model::{EnvironmentName, EventKind, ServiceName, ServicePattern};
use crate::template::Template;

/// One channel: where messages go, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Where messages go.
    pub target: ChannelTarget,
    /// The kinds of events.
    pub events: BTreeSet<EventKind>,
    /// Only what concerns these environments; everything if empty.
    pub environments: BTreeSet<EnvironmentName>,
    /// Only what concerns these services; everything if empty.
    pub services: Vec<ServicePattern>,
    /// Minimum wait of a promotion before a `blocked` notification.
    pub blocked_after: Duration,
    /// How long a message is tried.
    pub give_up_after: Duration,
    /// When collected messages go out; without it, each goes at once.
    pub digest: Option<Schedule>,
    /// A report by schedule.
    pub report: Option<Report>,
    /// The title of messages, instead of the usual one.
    pub title: Option<Template>,
    /// The body of messages, instead of the usual one.
    pub body: Option<Template>,
}

/// Where the messages of a channel go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelTarget {
    /// An incoming webhook of Slack.
    Slack { url: SecretSource },
    /// A webhook of a Workflow of Microsoft Teams.
    Teams { url: SecretSource },
    /// An incoming webhook of Google Chat.
    GoogleChat { url: SecretSource },
    /// A webhook that gets signed JSON.
    Webhook {
        /// Its URL.
        url: SecretSource,
        /// The secret of the signature.
        secret: SecretSource,
    },
    /// E-mail over SMTP.
    Email(Box<Email>),
    /// Commit statuses and deployments at GitHub.
    GitHub(GitHubChannel),
}

/// E-mail over SMTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The host of the mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: EmailTls,
    /// The user name and the password.
    pub login: Option<(String, SecretSource)>,
    /// The sender.
    pub from: String,
    /// The recipients; at least one.
    pub to: Vec<String>,
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailTls {
    /// Upgraded by STARTTLS before authentication.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all; this machine only.
    None,
}

/// Commit statuses and deployments at GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubChannel {
    /// `owner/name`.
    pub repository: String,
    /// The token; without it, `git.auth` is used.
    pub token: Option<SecretSource>,
    /// The URL of the API; without it, the one of the repository's host.
    pub api: Option<Endpoint>,
    /// Whether commits get a status.
    pub has_statuses: bool,
    /// Whether moves get a deployment.
    pub has_deployments: bool,
}

/// A report of what was promoted, by schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When it goes out.
    pub schedule: Schedule,
    /// How far back it looks.
    pub since: Duration,
}

/// A Flux Receiver that is called after a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluxReceiver {
    /// Its name in the log.
    pub name: String,
    /// Its URL.
    pub url: SecretSource,
    /// The token of a `generic-hmac` Receiver; without it, it is a `generic` one.
    pub secret: Option<SecretSource>,
    /// Only after pushes to these environments; after each if empty.
    pub environments: BTreeSet<EnvironmentName>,
}

impl Channel {
    /// Whether an event of this kind, about this environment and service, goes to the channel.
    pub fn wants(
        &self,
        kind: EventKind,
        environment: Option<&EnvironmentName>,
        service: Option<&ServiceName>,
    ) -> bool {
        let is_of_environment = |name| self.environments.is_empty() || self.environments.contains(name);
        let is_of_service =
            |name| self.services.is_empty() || self.services.iter().any(|pattern| pattern.matches(name));
        self.events.contains(&kind)
            && environment.is_none_or(is_of_environment)
            && service.is_none_or(is_of_service)
    }
}

impl ChannelTarget {
    /// The kind of the channel, as configuration, logs and metrics name it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::Teams { .. } => "teams",
            Self::GoogleChat { .. } => "googleChat",
            Self::Webhook { .. } => "webhook",
            Self::Email(_) => "email",
            Self::GitHub(_) => "github",
        }
    }
}
