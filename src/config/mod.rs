//! Configuration: one YAML file and environment variables, read into validated types. Knows no engine and no client.
//!
//! `yaml` parses the text into the shape of `raw`, whose doc comments are the reference. `check` validates that shape in one
//! go and reports every error with its position and a hint. `compile` parses the texts with a syntax of their own (ranges,
//! tag patterns, schedules, windows). What comes out needs no further check.

mod body;
mod changelog;
mod check;
mod compile;
mod diagnostic;
mod duration;
mod env_lookup;
mod environment;
mod error;
mod fields;
mod host;
mod load;
mod location;
mod names;
mod notifications;
mod raw;
mod reference;
mod schema;
mod secret;
mod services;
mod settings;
mod source;
mod subject;
mod suggest;
mod yaml;

pub use body::{BodyForm, BodyValues, OverrideValues, PromotionValues};
pub use changelog::{
    Changelog, ChangelogFile, GitHubApi, GitRelease, ServiceSource, SourceHost, SourceRepository, Template,
};
pub use compile::{PathGlobs, Schedule, TagPattern, VersionRange};
pub use diagnostic::{Diagnostic, FileDiagnostics, InvalidValue};
pub use duration::parse_duration;
pub use env_lookup::{EnvLookup, ProcessEnv};
pub use environment::{Cluster, Environment, PullRequests};
pub use error::ConfigError;
pub use fields::{ConfiguredField, rules_of};
pub use host::Endpoint;
pub use load::Loaded;
pub use location::{Located, Location};
pub use names::ConfiguredName;
pub use notifications::{Channel, ChannelTarget, Email, EmailTls, FluxReceiver, GitHubChannel, Report};
pub use reference::reference;
pub use schema::json_schema;
pub use secret::{SecretError, SecretSource};
pub use services::{ServiceSettings, Setting};
pub use settings::{
    Access, Auth, Author, Batch, Config, Credentials, Forge, Git, RateLimit, Registry, Remote, Server,
    ServerTls, Signing, Store, Verify,
};
pub use subject::{SubjectForm, SubjectValues};
pub use suggest::nearest;
