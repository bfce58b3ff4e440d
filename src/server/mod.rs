//! The HTTP server of the daemon: the board, the API, health, metrics, and webhooks that start a look at an image or at the
//! repository.
//!
//! It reads what the daemon hands over and never waits for a pass. `snapshot` holds what the last pass found; `api` and `pages`
//! render it, once per pass, behind the checks of `site` and `access`. Every request is bounded: `listener` limits connections,
//! headers and time, `routes` the bodies. Nothing that a webhook claims is believed: `payload` reads what it is about,
//! `secret` whether its sender knows the secret, and `triggers` collects what to look at, each thing once.
//!
//! Must not know the engine, SQL or Git.

mod access;
mod answer;
mod api;
mod commands;
mod filter;
mod health;
mod listener;
mod pages;
mod payload;
mod problem;
mod query;
mod routes;
mod secret;
mod site;
mod snapshot;
#[cfg(test)]
mod tests;
mod tls;
mod triggers;

pub(crate) use access::{Answering, Tokens};
pub(crate) use commands::{CommandReply, CommandRequest, CommandRun, Commands, WaitingCommand};
pub use health::{Health, HealthCheck};
pub use listener::{Server, ServerLimits};
pub use routes::{Parts, Webhook};
pub use secret::SecretReader;
pub use site::{Reading, Site};
pub(crate) use snapshot::{HistoryQuestion, Snapshots};
pub use tls::TlsFiles;
pub use triggers::{Due, KnownImages, Triggers};

/// The description of the API in OpenAPI 3.1, as `/api/v1/openapi.json` gives it.
pub fn openapi() -> &'static str {
    api::openapi_text()
}
