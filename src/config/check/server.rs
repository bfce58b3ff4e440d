//! The `server` section.

use std::net::SocketAddr;

use super::file;
use super::registry::variable_name;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::location::Located;
use crate::config::raw;
use crate::config::secret::SecretSource;
use crate::config::settings::{Access, Server, ServerTls};
use crate::model::WebhookSender;

pub(super) fn server(raw: Option<&Located<raw::Server>>, diagnostics: &mut Diagnostics) -> Option<Server> {
    let raw = &raw?.value;
    let listen = diagnostics.ok_or_report(raw.listen.at, address(&raw.listen.value));
    let raw::Webhooks { github, gitlab, gitea, harbor, docker_hub, quay, distribution, generic } =
        &raw.webhooks;
    let configured = [
        (WebhookSender::GitHub, github),
        (WebhookSender::GitLab, gitlab),
        (WebhookSender::Gitea, gitea),
        (WebhookSender::Harbor, harbor),
        (WebhookSender::DockerHub, docker_hub),
        (WebhookSender::Quay, quay),
        (WebhookSender::Distribution, distribution),
        (WebhookSender::Generic, generic),
    ];
    let webhooks = configured
        .into_iter()
        .filter_map(|(sender, secret)| Some((sender, self::secret(secret.as_ref()?, diagnostics)?)))
        .collect();
    let tls = raw.tls.as_ref().map(|tls| self::tls(tls, diagnostics));
    let listen = listen?;
    let access = match raw.access {
        Some(raw::Access::None) => Access::None,
        Some(raw::Access::Open) => Access::Open,
        Some(raw::Access::Token) => Access::Token,
        None if listen.ip().is_loopback() => Access::Local,
        None => {
            diagnostics.error(
                raw.listen.at,
                "everybody who reaches this address could read the board and the API",
                "write `access: token` to ask for tokens, `access: open` to allow it, `access: none` to serve only health, \
                 metrics and webhooks, or listen on a loopback address such as `127.0.0.1:8080`",
            );
            return None;
        }
    };
    Some(Server { listen, tls: tls.flatten(), access, webhooks })
}

fn tls(raw: &raw::ServerTls, diagnostics: &mut Diagnostics) -> Option<ServerTls> {
    let certificate = file::path(&raw.certificate_file, diagnostics);
    let key = file::path(&raw.key_file, diagnostics);
    Some(ServerTls { certificate: certificate?, key: key? })
}

fn address(text: &str) -> Result<SocketAddr, InvalidValue> {
    text.parse().map_err(|_| {
        InvalidValue::new(
            "this is not an IP address with a port",
            "write `127.0.0.1:8080` for this machine alone, or `0.0.0.0:8080` or `\"[::]:8080\"` for every network",
        )
    })
}

fn secret(raw: &Located<raw::WebhookSecret>, diagnostics: &mut Diagnostics) -> Option<SecretSource> {
    match (&raw.value.secret_env, &raw.value.secret_file) {
        (Some(variable), None) => {
            diagnostics.ok_or_report(variable.at, variable_name(&variable.value)).map(SecretSource::Env)
        }
        (None, Some(path)) => file::path(path, diagnostics).map(SecretSource::File),
        (variable, _) => {
            let message =
                if variable.is_some() { "the webhook has two secrets" } else { "the webhook has no secret" };
            diagnostics.error(
                raw.at.start(),
                message,
                "write one of `secretEnv: GITHUB_WEBHOOK_SECRET` and `secretFile: /etc/tidegate/webhooks/github`",
            );
            None
        }
    }
}
