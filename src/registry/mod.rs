//! Registries of container images, by the OCI distribution specification 1.1: which tags there are, what they hold, and
//! how the image is labelled.
//!
//! It only reads. Everything that comes from a registry is hostile until it was checked: bodies are bounded, manifests
//! are verified against their digest, and credentials go to the registry, to its token server and to nobody else.
//! Deadlines, retries, rate limits and tokens live here, so that a caller sees an answer or an error and no more.
//!
//! From the outside in: `client` is what others call; `host` is one registry, asked until it answers; `auth` is what to
//! send to be let in; `wire` is one request and its answer; `pool` is the connections beneath it.
//!
//! Knows no engine, no policy and no file of configuration.

mod auth;
mod check;
mod client;
mod error;
mod host;
mod link;
mod manifest;
mod operation;
mod pool;
mod retry;
mod settings;
mod tag_page;
mod tags;
mod throttle;
mod verdict;
mod wire;

pub use self::auth::CredentialsError;
pub use self::check::{Authentication, HostReport};
pub use self::client::Client;
pub use self::error::{Problem, RegistryError};
pub use self::operation::Operation;
pub use self::settings::{Credentials, HostSettings, Limits, SecretSource, SettingsError};
