//! The shape of the `notifications` section.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::git::Token;
use super::{DurationText, FilePath, TimeOfDayText, or_default};
use crate::config::location::Located;
use crate::model::EventKind;

/// One channel: where messages go, and which. It has exactly one of `slack`, `teams`, `googleChat`, `webhook`, `email` and
/// `github`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Channel {
    /// The name: 1 to 63 letters, digits, `-`, `_` or `.`. The outbox keeps messages under it, so a renamed channel begins
    /// with an empty one.
    #[schemars(extend("examples" = ["releases"]))]
    pub(in crate::config) name: Located<String>,

    /// An incoming webhook of Slack.
    pub(in crate::config) slack: Option<Located<ChatWebhook>>,

    /// A webhook of a Workflow of Microsoft Teams that posts Adaptive Cards. The retired Office 365 connectors do not work.
    pub(in crate::config) teams: Option<Located<ChatWebhook>>,

    /// An incoming webhook of a Google Chat space.
    pub(in crate::config) google_chat: Option<Located<ChatWebhook>>,

    /// A webhook of your own, which gets signed JSON.
    pub(in crate::config) webhook: Option<Located<Webhook>>,

    /// E-mail over SMTP.
    pub(in crate::config) email: Option<Located<Email>>,

    /// Commit statuses and deployments at GitHub, for promotions and rollbacks.
    pub(in crate::config) github: Option<Located<GithubChannel>>,

    /// The kinds of events. Without it, all.
    #[schemars(
        with = "Option<EventKinds>",
        length(min = 1),
        extend("examples" = [["promoted", "rolledBack", "passesFailing"]])
    )]
    pub(in crate::config) events: Option<Located<Vec<EventKind>>>,

    /// Only what concerns these environments. What concerns none, such as `passesFailing`, always comes.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = [], "examples" = [["prod"]]))]
    pub(in crate::config) environments: Vec<Located<String>>,

    /// Only what concerns these services: names or globs of `namespace/name`. What concerns none always comes.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = [], "examples" = [["common/*"]]))]
    pub(in crate::config) services: Vec<Located<String>>,

    /// How long a promotion must have waited before it is reported as `blocked`.
    #[schemars(extend("default" = "48h"))]
    pub(in crate::config) blocked_after: Option<Located<DurationText>>,

    /// How long a message is tried. After that it is given up, and the log says so.
    #[schemars(extend("default" = "24h"))]
    pub(in crate::config) give_up_after: Option<Located<DurationText>>,

    /// Collect messages and deliver them as one, once a day.
    pub(in crate::config) digest: Option<Located<Digest>>,

    /// When the digest goes out, in `timezone`.
    #[schemars(extend("default" = "09:00"))]
    pub(in crate::config) digest_at: Option<Located<TimeOfDayText>>,

    /// A report of what was promoted, by schedule.
    pub(in crate::config) report: Option<Located<Report>>,

    /// The texts of messages, instead of the usual ones.
    pub(in crate::config) template: Option<Located<MessageTemplate>>,
}

/// The kinds of events that a channel chooses from, for the schema.
struct EventKinds;

impl JsonSchema for EventKinds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EventKinds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = EventKind::CHOICES.map(EventKind::as_str);
        json_schema!({"type": "array", "items": {"type": "string", "enum": names}})
    }
}

/// How messages are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Digest {
    Daily,
}

/// The webhook of a chat: `webhookUrlFile` or `webhookUrlEnv`. Its URL is a secret. Tidegate reads it for each message, so you
/// can rotate it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ChatWebhook {
    /// The file that holds the URL; a trailing line break is ignored.
    pub(in crate::config) webhook_url_file: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the URL.
    #[schemars(extend("examples" = ["SLACK_WEBHOOK_URL"]))]
    pub(in crate::config) webhook_url_env: Option<Located<String>>,
}

/// A webhook of your own: its URL, and the secret that signs each request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Webhook {
    /// The file that holds the URL; a trailing line break is ignored.
    pub(in crate::config) url_file: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the URL.
    #[schemars(extend("examples" = ["RELEASES_WEBHOOK_URL"]))]
    pub(in crate::config) url_env: Option<Located<String>>,
    /// The file that holds the secret for the signature; a trailing line break is ignored.
    pub(in crate::config) secret_file: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the secret for the signature.
    #[schemars(extend("examples" = ["RELEASES_WEBHOOK_SECRET"]))]
    pub(in crate::config) secret_env: Option<Located<String>>,
}

/// E-mail over SMTP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Email {
    /// The host of the mail server.
    #[schemars(extend("examples" = ["smtp.vtr.cl"]))]
    pub(in crate::config) host: Located<String>,
    /// The port. Without it, 587 for `startTls`, 465 for `implicit`, 25 for `none`.
    pub(in crate::config) port: Option<Located<u16>>,
    /// How the connection is encrypted: `startTls` upgrades it and fails where the server does not offer that; `implicit` is
    /// encrypted from its first byte; `none` is refused for other machines than this one.
    #[schemars(extend("default" = "startTls"))]
    pub(in crate::config) tls: Option<Located<EmailTls>>,
    /// The user name, if the server wants a login.
    pub(in crate::config) username: Option<Located<String>>,
    /// The name of the environment variable that holds the password.
    #[schemars(extend("examples" = ["SMTP_PASSWORD"]))]
    pub(in crate::config) password_env: Option<Located<String>>,
    /// The file that holds the password; a trailing line break is ignored.
    pub(in crate::config) password_file: Option<Located<FilePath>>,
    /// The sender: an address, or `Name <address>`.
    #[schemars(extend("examples" = ["Tidegate <tidegate@vtr.cl>"]))]
    pub(in crate::config) from: Located<String>,
    /// The recipients.
    #[schemars(length(min = 1), extend("examples" = [["platform@vtr.cl"]]))]
    pub(in crate::config) to: Located<Vec<Located<String>>>,
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum EmailTls {
    StartTls,
    Implicit,
    None,
}

/// Commit statuses and deployments at GitHub.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct GithubChannel {
    /// The repository of the commits, as `owner/name`. Without it, that of `git.url`.
    #[schemars(extend("examples" = ["vtr/gitops"]))]
    pub(in crate::config) repository: Option<Located<String>>,
    /// The token, with the permissions `statuses: write` and `deployments: write`. Without it, `git.auth`.
    pub(in crate::config) token: Option<Located<Token>>,
    /// The URL of the API. Without it, `https://api.github.com`, or `/api/v3` on the host of a GitHub Enterprise.
    #[schemars(extend("examples" = ["https://github.vtr.cl/api/v3"]))]
    pub(in crate::config) api: Option<Located<String>>,
    /// Set a commit status on each commit that moves a tag.
    #[schemars(extend("default" = true))]
    pub(in crate::config) statuses: Option<bool>,
    /// Create a deployment for each tag that moves.
    #[schemars(extend("default" = true))]
    pub(in crate::config) deployments: Option<bool>,
}

/// A report of what was promoted, by schedule.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Report {
    /// When it goes out: a Unix cron expression in `timezone`.
    #[schemars(extend("default" = "0 9 * * mon"))]
    pub(in crate::config) schedule: Option<Located<String>>,
    /// How far back it looks.
    #[schemars(extend("default" = "7d"))]
    pub(in crate::config) since: Option<Located<DurationText>>,
}

/// The texts of messages: Jinja templates over the fields that the webhook sends (docs/notifications.md). The result is text:
/// the channel escapes it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct MessageTemplate {
    /// The title, on one line.
    #[schemars(extend("examples" = ["{{ service }} {{ to }} is in {{ environment }}"]))]
    pub(in crate::config) title: Option<Located<String>>,
    /// The text below the title.
    pub(in crate::config) body: Option<Located<String>>,
}
