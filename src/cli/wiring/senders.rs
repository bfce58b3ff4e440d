//! The channels of a configuration as senders.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::json;

use crate::config::{Channel, ChannelTarget, Config, EmailTls, GitHubChannel, SecretSource};
use crate::forge::{Api, CommitStatus, DeploymentDraft, Deployments, RepositoryAccess};
use crate::git::Secret;
use crate::model::{Class, EventKind, Fault};
use crate::notify::{
    Accepted, EmailSettings, Event, HttpClient, Mail, Parcel, Post, PostForm, SendFuture, Sender, Undelivered,
};

use super::forge;
use super::secrets::read;

/// The sender of a channel. Called on the runtime, which a GitHub App needs later.
pub(crate) fn sender(config: &Config, channel: &Channel) -> Result<Arc<dyn Sender>, Fault> {
    let post = |url: &SecretSource, form| -> Result<Arc<dyn Sender>, Fault> {
        Ok(Arc::new(Post::new(HttpClient::new()?, read(url), form)))
    };
    match &channel.target {
        ChannelTarget::Slack { url } => post(url, PostForm::Slack),
        ChannelTarget::Teams { url } => post(url, PostForm::Teams),
        ChannelTarget::GoogleChat { url } => post(url, PostForm::GoogleChat),
        ChannelTarget::Webhook { url, secret } => post(url, PostForm::Webhook { secret: read(secret) }),
        ChannelTarget::Email(email) => {
            let mail = Mail::new(EmailSettings {
                host: email.host.clone(),
                port: email.port,
                tls: match email.tls {
                    EmailTls::StartTls => crate::notify::EmailTls::StartTls,
                    EmailTls::Implicit => crate::notify::EmailTls::Implicit,
                    EmailTls::None => crate::notify::EmailTls::None,
                },
                login: email.login.as_ref().map(|(name, password)| (name.clone(), read(password))),
                from: email.from.clone(),
                to: email.to.clone(),
            })?;
            Ok(Arc::new(mail))
        }
        ChannelTarget::GitHub(github) => Ok(Arc::new(GitHubSender::new(config, github)?)),
    }
}

/// Sets statuses and creates deployments at GitHub.
struct GitHubSender {
    deployments: Deployments,
    token: Arc<dyn Secret>,
    channel: GitHubChannel,
}

impl GitHubSender {
    fn new(config: &Config, channel: &GitHubChannel) -> Result<Self, Fault> {
        let (api, token) = forge::github(config, channel.api.as_ref(), channel.token.as_ref())?;
        Ok(Self { deployments: Deployments::new(Api::new(&api)?), token, channel: channel.clone() })
    }

    async fn token(&self) -> Result<SecretString, Fault> {
        let token = Arc::clone(&self.token);
        tokio::task::spawn_blocking(move || token.read())
            .await
            .map_err(|error| Fault::new(Class::Failed, "cannot read the token").with_source(error))?
    }

    async fn check(&self) -> Result<Accepted, Fault> {
        let token = self.token().await?;
        let access = RepositoryAccess { repository: &self.channel.repository, token: Some(&token) };
        self.deployments.check(access).await?;
        Ok(Accepted { answer: format!("the token sees {}", self.channel.repository) })
    }

    async fn tell(&self, id: &str, events: &[Event]) -> Result<Accepted, Fault> {
        let token = self.token().await?;
        let access = RepositoryAccess { repository: &self.channel.repository, token: Some(&token) };
        let mut done = 0;
        for event in events.iter().filter(|event| is_move(event)) {
            let (Some(commit), Some(environment), Some(service), Some(to)) =
                (&event.commit, &event.environment, &event.service, &event.to)
            else {
                continue;
            };
            let verb = if event.kind == EventKind::RolledBack { "back to" } else { "now" };
            let description = format!("{service} is {verb} {to} in {environment}");
            if self.channel.has_statuses {
                let context = format!("tidegate/{environment}/{service}");
                let (commit, description) = (commit.clone(), description.clone());
                self.deployments.set_status(access, &CommitStatus { commit, context, description }).await?;
                done += 1;
            }
            if self.channel.has_deployments {
                let draft = DeploymentDraft {
                    commit: commit.clone(),
                    environment: environment.clone(),
                    description,
                    id: format!("{id} {service} {}", event.image.as_deref().unwrap_or_default()),
                    payload: json!({"service": service, "image": event.image, "from": event.from, "tag": to}),
                };
                self.deployments.deploy(access, &draft).await?;
                done += 1;
            }
        }
        Ok(Accepted { answer: format!("GitHub took {done} statuses and deployments") })
    }
}

fn is_move(event: &Event) -> bool {
    matches!(event.kind, EventKind::Promoted | EventKind::RolledBack)
}

impl Sender for GitHubSender {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> SendFuture<'a> {
        Box::pin(
            async move { self.tell(&parcel.id, &parcel.events).await.map_err(|fault| undelivered(&fault)) },
        )
    }

    fn check(&self) -> SendFuture<'_> {
        Box::pin(async move { self.check().await.map_err(|fault| undelivered(&fault)) })
    }
}

fn undelivered(fault: &Fault) -> Undelivered {
    match fault.class() {
        Class::Refused => Undelivered::Rejected { reason: fault.in_one_line() },
        _ => Undelivered::later(fault.in_one_line()),
    }
}

impl fmt::Debug for GitHubSender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GitHubSender")
            .field("repository", &self.channel.repository)
            .finish_non_exhaustive()
    }
}
