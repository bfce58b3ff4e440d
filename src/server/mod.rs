//! The HTTP server of the daemon: health, metrics, and webhooks that start a look at an image or at the repository.
//!
//! It reads what the daemon hands over and never waits for a pass. Every request is bounded: `listener` limits connections,
//! headers and time, `routes` the bodies. Nothing that a webhook claims is believed: `payload` reads what it is about,
//! `secret` whether its sender knows the secret, and `triggers` collects what to look at, each thing once.
//!
//! Must not know the engine, SQL or Git.

mod health;
mod listener;
mod payload;
mod routes;
mod secret;
mod triggers;

pub use health::{Health, HealthCheck};
pub use listener::{Server, ServerLimits};
pub use routes::{Parts, Webhook};
pub use secret::SecretReader;
pub use triggers::{Due, KnownImages, Triggers};
