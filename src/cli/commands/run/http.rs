//! The HTTP server beside the daemon: started, replaced when its configuration changes, and stopped.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::{self, Access, Config, ProcessEnv, Remote, SecretSource};
use crate::model::{Fault, WebhookSender};
use crate::server::{Parts, Reading, Server, ServerLimits, Site, TlsFiles, Tokens, Webhook};

use super::monitor::Shared;
use crate::cli::notifications::commit_page;

/// A server that answers, if the configuration has one.
#[derive(Default)]
pub(super) struct HttpServer {
    running: Option<Running>,
}

struct Running {
    settings: Settings,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

/// The parts of the server.
#[derive(PartialEq)]
struct Settings {
    server: config::Server,
    repository: Option<String>,
    branch: String,
    commit_page: Option<String>,
}

impl Settings {
    fn of(config: &Config) -> Option<Self> {
        let repository = match &config.git.remote {
            Remote::Network(url) => {
                let path = url.path().trim_matches('/');
                Some(path.strip_suffix(".git").unwrap_or(path).to_owned())
            }
            Remote::Path(_) => None,
        };
        Some(Self {
            server: config.server.clone()?,
            repository,
            branch: config.git.branch.to_string(),
            commit_page: commit_page(config),
        })
    }
}

impl HttpServer {
    /// Starts, stops or replaces the server according to `config`. Unchanged settings leave it running.
    pub(super) async fn apply(&mut self, config: &Config, shared: &Shared) -> Result<(), Fault> {
        let wanted = Settings::of(config);
        if self.running.as_ref().map(|running| &running.settings) == wanted.as_ref() {
            return Ok(());
        }
        // The new one may want the same port.
        self.stop().await;
        let Some(settings) = wanted else { return Ok(()) };
        let webhooks = settings.server.webhooks.iter().map(|(sender, secret)| webhook(*sender, secret));
        let access = settings.server.access;
        let reading = match access {
            Access::None => None,
            Access::Local => Some(Reading::OnThisMachine),
            Access::Open => Some(Reading::ByEverybody),
            Access::Token => Some(Reading::WithToken),
        };
        let site = reading.map(|reading| Site {
            snapshots: Arc::clone(&shared.snapshots),
            commands: Some(Arc::clone(&shared.commands)),
            reading,
            tokens: Arc::clone(&shared.tokens) as Arc<dyn Tokens>,
            commit_page: settings.commit_page.clone(),
        });
        let parts = Parts {
            metrics: Arc::clone(&shared.metrics),
            health: Arc::clone(&shared.health),
            triggers: Arc::clone(&shared.triggers),
            site,
            webhooks: webhooks.collect(),
            repository: settings.repository.clone(),
            branch: settings.branch.clone(),
            tls: settings
                .server
                .tls
                .as_ref()
                .map(|tls| TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() }),
        };
        let server = Server::bind(settings.server.listen, parts, ServerLimits::default()).await?;
        let senders: Vec<&str> = settings.server.webhooks.iter().map(|(sender, _)| sender.as_str()).collect();
        let board = if access == Access::None { "off".to_owned() } else { server.url() };
        tracing::info!(address = %server.address(), %board, webhooks = %senders.join(" "), "listening");
        let (stop, stopped) = oneshot::channel();
        // Dropping the sender stops it too.
        let ended = tokio::spawn(server.run(async move { drop(stopped.await) }));
        self.running = Some(Running { settings, stop, ended });
        Ok(())
    }

    /// Stops the server, after the requests that have begun.
    pub(super) async fn stop(&mut self) {
        let Some(Running { stop, ended, .. }) = self.running.take() else { return };
        drop(stop);
        if let Err(error) = ended.await {
            tracing::error!(%error, "the HTTP server panicked");
        }
    }
}

fn webhook(sender: WebhookSender, secret: &SecretSource) -> Webhook {
    let secret = secret.clone();
    Webhook { sender, secret: Arc::new(move || Ok(secret.read(&ProcessEnv)?)) }
}
