//! Container registries, by the OCI distribution specification 1.1, and Helm repositories over HTTP: lists tags, resolves digests,
//! reads labels.
//!
//! Read-only. Registries are hostile until checked: bodies are bounded, manifests are verified against their digest, and
//! credentials go to the registry and its token server alone. Timeouts, retries, rate limits and tokens stay in this
//! room; a caller sees a result or an error.
//!
//! From the outside in: `client` is the API; `host` is one registry with its retries; `auth` makes the `Authorization`
//! header; `transport` is one HTTP exchange; `pool` its connections.
//!
//! Must not know the engine, policy or configuration files.

mod artifact;
mod auth;
mod chart_index;
mod check;
mod client;
mod error;
mod helm;
mod host;
mod manifest;
mod observer;
mod operation;
mod pool;
mod retry;
mod settings;
mod status;
mod tag_page;
mod tags;
mod throttle;
mod transport;

pub use self::auth::CredentialsError;
pub use self::check::{Authentication, HostReport};
pub use self::client::Client;
pub use self::error::{Attempts, RegistryError, RequestError};
pub use self::observer::{RequestObserver, RequestResult};
pub use self::operation::Operation;
pub use self::settings::{Credentials, HostSettings, Limits, SecretSource, SettingsError};
