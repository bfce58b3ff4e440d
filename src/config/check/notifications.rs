//! The `notifications` section, and `git.fluxReceivers`.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chrono_tz::Tz;

use super::email;
use super::git_auth::{self, secret};
use super::{environment, forge};
use crate::config::compile;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::duration::duration;
use crate::config::location::{Located, Location};
use crate::config::names::ConfiguredName;
use crate::config::notifications::{Channel, ChannelTarget, FluxReceiver, GitHubChannel, Report};
use crate::config::raw;
use crate::config::secret::SecretSource;
use crate::config::settings::{Auth, Git};
use crate::model::{EnvironmentName, EventKind, Printable, ServicePattern};
use crate::template::{Escape, Template};

const DEFAULT_BLOCKED_AFTER: Duration = Duration::from_hours(48);
const DEFAULT_GIVE_UP_AFTER: Duration = Duration::from_hours(24);
const DEFAULT_DIGEST_AT: &str = "09:00";
const DEFAULT_REPORT_SCHEDULE: &str = "0 9 * * mon";
const DEFAULT_REPORT_SINCE: Duration = Duration::from_hours(7 * 24);

const EXAMPLE: &str = "write one of `slack`, `teams`, `googleChat`, `webhook`, `email` and `github`, such as \
                       `slack: {webhookUrlFile: /etc/tidegate/slack-url}`";

/// What the section is checked against.
pub(super) struct Surroundings<'a> {
    pub(super) file: &'a raw::File,
    pub(super) git: Option<&'a Git>,
    pub(super) zone: Tz,
}

pub(super) fn channels(around: &Surroundings<'_>, diagnostics: &mut Diagnostics) -> Vec<Channel> {
    let raw = &around.file.notifications;
    refuse_repeated(raw.iter().map(|channel| &channel.name), "channel", diagnostics);
    raw.iter().filter_map(|raw| channel(raw, around, diagnostics)).collect()
}

/// The services that channels name, each of which must match something in the repository.
pub(super) fn names(file: &raw::File) -> impl Iterator<Item = ConfiguredName> {
    let matcher = |text: &Located<String>| Some(compile::glob(&text.value, "").ok()?.compile_matcher());
    file.notifications.iter().flat_map(|channel| &channel.services).filter_map(move |text| {
        Some(ConfiguredName::services("notifications[].services", text, matcher(text)?))
    })
}

pub(super) fn flux_receivers(file: &raw::File, diagnostics: &mut Diagnostics) -> Vec<FluxReceiver> {
    let raw = &file.git.flux_receivers;
    refuse_repeated(raw.iter().map(|receiver| &receiver.name), "receiver", diagnostics);
    let receiver = |raw: &raw::FluxReceiver| {
        let at = raw.name.at;
        let name = name(&raw.name, diagnostics);
        let url = url(raw.url_env.as_ref(), raw.url_file.as_ref(), at, "url", diagnostics);
        let key = secret(raw.secret_env.as_ref(), raw.secret_file.as_ref(), at, diagnostics);
        let environments = environments(&raw.environments, file, diagnostics);
        Some(FluxReceiver { name: name?, url: url?, secret: key, environments })
    };
    raw.iter().filter_map(receiver).collect()
}

fn refuse_repeated<'a>(
    names: impl Iterator<Item = &'a Located<String>>,
    what: &str,
    diagnostics: &mut Diagnostics,
) {
    let mut seen: HashMap<&str, Location> = HashMap::new();
    for name in names {
        if let Some(first) = seen.insert(&name.value, name.at) {
            let shown = Printable::bounded(&name.value, 63);
            let message = format!("duplicate {what} `{shown}`; the other is on line {}", first.line);
            diagnostics.error(name.at, message, format!("give each {what} its own name"));
        }
    }
}

fn channel(raw: &raw::Channel, around: &Surroundings<'_>, diagnostics: &mut Diagnostics) -> Option<Channel> {
    let name = name(&raw.name, diagnostics);
    let target = target(raw, around, diagnostics);
    let events = events(raw, target.as_ref(), diagnostics);
    let environments = environments(&raw.environments, around.file, diagnostics);
    let services = raw.services.iter().filter_map(|text| service(text, diagnostics)).collect();
    let blocked_after = duration(raw.blocked_after.as_ref(), DEFAULT_BLOCKED_AFTER, diagnostics);
    let give_up_after = duration(raw.give_up_after.as_ref(), DEFAULT_GIVE_UP_AFTER, diagnostics);
    let digest = digest(raw, around.zone, diagnostics);
    let report = raw.report.as_ref().map(|raw| report(&raw.value, around.zone, diagnostics));
    let texts = raw.template.as_ref().map(|raw| &raw.value);
    let title = texts.and_then(|texts| template(texts.title.as_ref(), diagnostics));
    let body = texts.and_then(|texts| template(texts.body.as_ref(), diagnostics));
    Some(Channel {
        name: name?,
        target: target?,
        events,
        environments,
        services,
        blocked_after: blocked_after?,
        give_up_after: give_up_after?,
        digest: digest?,
        report: report.flatten(),
        title,
        body,
    })
}

fn name(raw: &Located<String>, diagnostics: &mut Diagnostics) -> Option<String> {
    // The same letters as for an environment.
    let parsed = raw.value.parse::<EnvironmentName>().map_err(|_| {
        InvalidValue::new(
            format!("`{}` is not a valid name", Printable::bounded(&raw.value, 63)),
            "write 1 to 63 letters, digits, `-`, `_` or `.`, starting with a letter or a digit",
        )
    });
    diagnostics.ok_or_report(raw.at, parsed).map(|name| name.to_string())
}

fn target(
    raw: &raw::Channel,
    around: &Surroundings<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<ChannelTarget> {
    let set = [
        raw.slack.is_some(),
        raw.teams.is_some(),
        raw.google_chat.is_some(),
        raw.webhook.is_some(),
        raw.email.is_some(),
        raw.github.is_some(),
    ];
    if set.into_iter().filter(|is_set| *is_set).count() != 1 {
        let message = if set.contains(&true) {
            "the channel goes to more than one place"
        } else {
            "the channel goes nowhere"
        };
        diagnostics.error(raw.name.at, message, EXAMPLE);
        return None;
    }
    let mut chat = |raw: &Located<raw::ChatWebhook>| {
        let (variable, file) = (raw.value.webhook_url_env.as_ref(), raw.value.webhook_url_file.as_ref());
        url(variable, file, raw.at.start(), "webhookUrl", diagnostics)
    };
    if let Some(slack) = &raw.slack {
        return chat(slack).map(|url| ChannelTarget::Slack { url });
    }
    if let Some(teams) = &raw.teams {
        return chat(teams).map(|url| ChannelTarget::Teams { url });
    }
    if let Some(google) = &raw.google_chat {
        return chat(google).map(|url| ChannelTarget::GoogleChat { url });
    }
    if let Some(webhook) = &raw.webhook {
        return self::webhook(webhook, diagnostics);
    }
    if let Some(email) = &raw.email {
        return email::email(email, diagnostics).map(|email| ChannelTarget::Email(Box::new(email)));
    }
    github(raw.github.as_ref()?, around, diagnostics).map(ChannelTarget::GitHub)
}

fn webhook(raw: &Located<raw::Webhook>, diagnostics: &mut Diagnostics) -> Option<ChannelTarget> {
    let at = raw.at.start();
    let url = url(raw.value.url_env.as_ref(), raw.value.url_file.as_ref(), at, "url", diagnostics);
    if raw.value.secret_env.is_none() && raw.value.secret_file.is_none() {
        let hint = "write `secretFile: /etc/tidegate/webhook-secret` or `secretEnv: WEBHOOK_SECRET`";
        diagnostics.error(at, "`webhook` has no secret to sign its requests with", hint);
    }
    let key = secret(raw.value.secret_env.as_ref(), raw.value.secret_file.as_ref(), at, diagnostics);
    Some(ChannelTarget::Webhook { url: url?, secret: key? })
}

/// A URL that is a secret.
fn url(
    variable: Option<&Located<String>>,
    file: Option<&Located<raw::FilePath>>,
    at: Location,
    key: &str,
    diagnostics: &mut Diagnostics,
) -> Option<SecretSource> {
    if variable.is_none() && file.is_none() {
        let hint =
            format!("write `{key}File: /etc/tidegate/url` or `{key}Env: WEBHOOK_URL`; never the URL itself");
        diagnostics.error(at, format!("this needs `{key}File` or `{key}Env`"), hint);
        return None;
    }
    secret(variable, file, at, diagnostics)
}

fn github(
    raw: &Located<raw::GithubChannel>,
    around: &Surroundings<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<GitHubChannel> {
    let at = raw.at.start();
    let raw = &raw.value;
    let repository = match &raw.repository {
        Some(text) => diagnostics.ok_or_report(text.at, forge::repository(&text.value)),
        None => diagnostics.ok_or_report(at, forge::repository_of(&around.git?.remote)),
    };
    let api = match &raw.api {
        Some(text) => diagnostics.ok_or_report(text.at, git_auth::api(&text.value)).map(Some),
        None => Some(None),
    };
    let token = match &raw.token {
        Some(token) => forge::token_of(token, diagnostics).map(Some),
        None => Some(None),
    };
    let has_login = matches!(around.git?.auth, Auth::Token { .. } | Auth::GithubApp { .. });
    if raw.token.is_none() && !has_login {
        diagnostics.error(at, "there is no token for GitHub", "write `github: {token: {env: GITHUB_TOKEN}}`");
        return None;
    }
    let (has_statuses, has_deployments) = (raw.statuses.unwrap_or(true), raw.deployments.unwrap_or(true));
    if !has_statuses && !has_deployments {
        let hint = "remove the channel, or one of `statuses: false` and `deployments: false`";
        diagnostics.error(at, "the channel sets neither statuses nor deployments", hint);
    }
    Some(GitHubChannel { repository: repository?, token: token?, api: api?, has_statuses, has_deployments })
}

fn events(
    raw: &raw::Channel,
    target: Option<&ChannelTarget>,
    diagnostics: &mut Diagnostics,
) -> BTreeSet<EventKind> {
    const AT_GITHUB: [EventKind; 2] = [EventKind::Promoted, EventKind::RolledBack];
    let is_github = matches!(target, Some(ChannelTarget::GitHub(_)));
    let Some(asked) = &raw.events else {
        return if is_github { AT_GITHUB.into() } else { EventKind::CHOICES.into() };
    };
    if asked.value.is_empty() && raw.report.is_none() {
        let hint = "name kinds, such as `[promoted, passesFailing]`, or leave `events` out for all";
        diagnostics.error(asked.at.start(), "the channel has no events", hint);
    }
    let events: BTreeSet<EventKind> = asked.value.iter().copied().collect();
    if events.contains(&EventKind::Report) {
        let hint = "remove it, and write `report: {schedule: \"0 9 * * mon\"}` beside `events`";
        diagnostics.error(asked.at.start(), "a report has a schedule and is no event", hint);
    }
    if is_github && events.iter().any(|kind| !AT_GITHUB.contains(kind)) {
        let hint = "write `events: [promoted, rolledBack]`, or leave `events` out";
        diagnostics.error(asked.at.start(), "a GitHub channel only gets promotions and rollbacks", hint);
    }
    events
}

fn environments(
    raw: &[Located<String>],
    file: &raw::File,
    diagnostics: &mut Diagnostics,
) -> BTreeSet<EnvironmentName> {
    let known =
        |text| environment::known(text, &file.environments.value, diagnostics)?.name.value.parse().ok();
    raw.iter().filter_map(known).collect()
}

fn service(text: &Located<String>, diagnostics: &mut Diagnostics) -> Option<ServicePattern> {
    let parsed = text.value.parse::<ServicePattern>().map_err(|error| {
        let shown = Printable::bounded(&text.value, 80);
        InvalidValue::new(format!("`{shown}` is not a service or a pattern"), error.to_string())
    });
    diagnostics.ok_or_report(text.at, parsed)
}

/// `None` is an error; `Some(None)` is no digest.
#[expect(clippy::option_option, reason = "an error and an absent key differ")]
fn digest(raw: &raw::Channel, zone: Tz, diagnostics: &mut Diagnostics) -> Option<Option<compile::Schedule>> {
    if raw.digest.is_none() {
        if let Some(at) = &raw.digest_at {
            let hint = "add `digest: daily`, or remove `digestAt`";
            diagnostics.error(at.at, "`digestAt` has no effect without `digest`", hint);
        }
        return Some(None);
    }
    let (text, at) = match &raw.digest_at {
        Some(time) => (time.value.0.as_str(), time.at),
        None => (DEFAULT_DIGEST_AT, raw.name.at),
    };
    diagnostics.ok_or_report(at, compile::daily(text, zone, at)).map(Some)
}

fn report(raw: &raw::Report, zone: Tz, diagnostics: &mut Diagnostics) -> Option<Report> {
    let default = Located { value: DEFAULT_REPORT_SCHEDULE.to_owned(), at: Location::START };
    let schedule = compile::schedule(raw.schedule.as_ref().unwrap_or(&default), zone, diagnostics);
    let since = duration(raw.since.as_ref(), DEFAULT_REPORT_SINCE, diagnostics);
    Some(Report { schedule: schedule?, since: since? })
}

fn template(raw: Option<&Located<String>>, diagnostics: &mut Diagnostics) -> Option<Template> {
    let raw = raw?;
    let read = Template::new(raw.value.clone(), Escape::None, &[]).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        InvalidValue::new(
            format!("{error}{}", Printable::bounded(&cause, 200)),
            "write a Jinja template such as `{{ service }} {{ to }} is in {{ environment }}`",
        )
    });
    diagnostics.ok_or_report(raw.at.start(), read)
}
