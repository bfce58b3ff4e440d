//! The paths of the server and what each answers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use secrecy::SecretString;

use super::health::{Health, HealthCheck};
use super::payload::{Claim, Malformed, claims};
use super::secret::{SecretReader, WebhookSecret, is_secret, is_signed};
use super::site::{self, Site};
use super::tls::TlsFiles;
use super::triggers::Triggers;
use crate::metrics::{Format, Metrics, WebhookResult};
use crate::model::{Fault, WebhookSender};

/// Maximum body of a webhook. GitHub sends more for pushes of thousands of commits; the next pass sees those.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What the server shows and fills.
pub struct Parts {
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// What the probes ask.
    pub health: Arc<Health>,
    /// What webhooks fill.
    pub triggers: Arc<Triggers>,
    /// The board and the API; none where they are off.
    pub site: Option<Site>,
    /// The senders whose webhooks are accepted.
    pub webhooks: Vec<Webhook>,
    /// The GitOps repository as forges name it, `owner/name`, if it is at one.
    pub repository: Option<String>,
    /// The branch that Flux follows.
    pub branch: String,
    /// The certificate and its key; plain HTTP without.
    pub tls: Option<TlsFiles>,
}

/// A sender whose webhooks are accepted.
pub struct Webhook {
    /// The sender.
    pub sender: WebhookSender,
    /// Reads its secret.
    pub secret: SecretReader,
}

#[derive(Debug)]
struct App {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    triggers: Arc<Triggers>,
    senders: Vec<Sender>,
    repository: Option<String>,
    branch: String,
}

#[derive(Debug)]
struct Sender {
    name: WebhookSender,
    secret: WebhookSecret,
    /// Whether the last webhook was rejected, so that a flood of them is logged once.
    is_rejecting: AtomicBool,
}

/// The paths. Reads every secret, so that a missing one shows at the start.
pub(super) fn router(parts: Parts) -> Result<Router, Fault> {
    let Parts { metrics, health, triggers, site, webhooks, repository, branch, tls: _ } = parts;
    let sender = |webhook: Webhook| {
        metrics.webhooks.begin(webhook.sender);
        let secret = WebhookSecret::new(webhook.secret)?;
        Ok(Sender { name: webhook.sender, secret, is_rejecting: AtomicBool::new(false) })
    };
    let senders = webhooks.into_iter().map(sender).collect::<Result<Vec<_>, Fault>>()?;
    let app = App { metrics, health, triggers, senders, repository, branch };
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/metrics", get(metrics_text))
        .route("/webhooks/{sender}", post(webhook))
        .route("/webhooks/{sender}/{secret}", post(webhook_with_secret))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(app));
    Ok(match site {
        Some(site) => router.merge(site::router(site)),
        None => router,
    })
}

async fn livez(State(app): State<Arc<App>>) -> Response {
    probe(&app.health.liveness())
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    probe(&app.health.readiness())
}

async fn startupz(State(app): State<Arc<App>>) -> Response {
    probe(&app.health.startup())
}

fn probe(check: &HealthCheck) -> Response {
    let (status, word) =
        if check.is_ok { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ok") };
    text(status, format!("{word}: {}\n", check.reason))
}

async fn metrics_text(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = if accepted.contains("application/openmetrics-text") {
        Format::OpenMetrics
    } else {
        Format::Prometheus
    };
    let mut response = Response::new(Body::from(app.metrics.render(format)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    response
}

async fn webhook(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    app.webhook(&name, None, &headers, &body)
}

async fn webhook_with_secret(
    State(app): State<Arc<App>>,
    Path((name, secret)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    app.webhook(&name, Some(&secret), &headers, &body)
}

impl App {
    fn webhook(&self, name: &str, in_path: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Response {
        let named = WebhookSender::named(name);
        let Some(sender) = self.senders.iter().find(|sender| Some(sender.name) == named) else {
            return text(StatusCode::NOT_FOUND, "no such webhook is configured\n");
        };
        let (result, status, answer) = self.handle(sender, in_path, headers, body);
        self.metrics.webhooks.arrived(sender.name, result);
        let is_rejected = result == WebhookResult::Unauthorized;
        if is_rejected && !sender.is_rejecting.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                sender = name,
                hint = "compare the secret of the sender with the one in the configuration",
                "rejecting webhooks: the secret is missing or wrong"
            );
        } else if !is_rejected && sender.is_rejecting.swap(false, Ordering::Relaxed) {
            tracing::info!(sender = name, "webhooks have the right secret again");
        }
        text(status, answer)
    }

    fn handle(
        &self,
        sender: &Sender,
        in_path: Option<&str>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> (WebhookResult, StatusCode, &'static str) {
        let secret = match sender.secret.current() {
            Ok(secret) => secret,
            Err(fault) => {
                tracing::error!(
                    sender = sender.name.as_str(), error = %fault.in_one_line(), hint = fault.hint(),
                    "cannot read the secret of a webhook"
                );
                return (
                    WebhookResult::Failed,
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the secret cannot be read; see the log\n",
                );
            }
        };
        if !is_authentic(sender.name, &secret, in_path, headers, body) {
            return (
                WebhookResult::Unauthorized,
                StatusCode::UNAUTHORIZED,
                "the secret is missing or wrong\n",
            );
        }
        let named = match claims(sender.name, event_of(sender.name, headers), body) {
            Ok(named) => named,
            Err(Malformed) => {
                return (
                    WebhookResult::Malformed,
                    StatusCode::BAD_REQUEST,
                    "the body is not a payload of this sender\n",
                );
            }
        };
        // Not `any`: each claim is to be followed.
        let followed = named.iter().filter(|claim| self.follow(claim)).count();
        tracing::debug!(sender = sender.name.as_str(), claims = named.len(), followed, "webhook");
        if followed == 0 {
            return (WebhookResult::Ignored, StatusCode::OK, "nothing to look at\n");
        }
        (WebhookResult::Accepted, StatusCode::ACCEPTED, "looking\n")
    }

    /// Asks for a look at what is claimed, if it is anything of ours.
    fn follow(&self, claim: &Claim) -> bool {
        match claim {
            Claim::Image { host, name } => self.triggers.look_at_image(host.as_deref(), name),
            Claim::Branch { repository, branch } => {
                let is_ours = match (&self.repository, repository) {
                    (Some(ours), Some(named)) => ours.eq_ignore_ascii_case(named),
                    _ => true,
                };
                let is_followed = is_ours && *branch == self.branch;
                if is_followed {
                    self.triggers.look_at_branch();
                }
                is_followed
            }
            Claim::Everything => {
                self.triggers.look_at_everything();
                true
            }
        }
    }
}

fn event_of(sender: WebhookSender, headers: &HeaderMap) -> Option<&str> {
    let name = match sender {
        WebhookSender::GitHub => "x-github-event",
        WebhookSender::GitLab => "x-gitlab-event",
        WebhookSender::Gitea => "x-gitea-event",
        _ => return None,
    };
    headers.get(name)?.to_str().ok()
}

/// Whether the sender knows the secret, in the way in which it can show it.
fn is_authentic(
    sender: WebhookSender,
    secret: &SecretString,
    in_path: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match sender {
        WebhookSender::GitHub => header("x-hub-signature-256")
            .and_then(|value| value.strip_prefix("sha256="))
            .is_some_and(|signature| is_signed(secret, body, signature)),
        WebhookSender::Gitea => {
            header("x-gitea-signature").is_some_and(|signature| is_signed(secret, body, signature))
        }
        WebhookSender::GitLab => {
            header("x-gitlab-token").is_some_and(|token| is_secret(secret, token.as_bytes()))
        }
        WebhookSender::DockerHub | WebhookSender::Quay => {
            in_path.is_some_and(|token| is_secret(secret, token.as_bytes()))
        }
        WebhookSender::Harbor | WebhookSender::Distribution | WebhookSender::Generic => {
            let authorization = header(AUTHORIZATION.as_str());
            // Harbor sends what its policy has as the auth header, with the word before it or without.
            let token = authorization.map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
            token.is_some_and(|token| is_secret(secret, token.as_bytes()))
        }
    }
}

fn text(status: StatusCode, body: impl Into<String>) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, headers, body.into()).into_response()
}

impl fmt::Debug for Parts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Parts").finish_non_exhaustive()
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Webhook").field("sender", &self.sender).finish_non_exhaustive()
    }
}
