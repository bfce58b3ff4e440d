//! Configuration: one YAML file and the environment, read into validated types. Knows no engine and no client.
//!
//! The text is read into a raw shape, whose doc comments are the reference; the raw shape is checked in one go, so that
//! every problem is told with its line and what to write instead; and what comes out needs no further check. The
//! policy's own texts (ranges, tag patterns, the schedule, windows) are turned into values in one place, `compile`.

mod body;
mod changelog;
mod changelog_file;
mod check;
mod compile;
mod duration;
mod environment_variables;
mod error;
mod host;
mod load;
mod location;
mod problem;
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
    Changelog, GitHubApi, GitRelease, ServiceSource, SourceHost, SourceRepository, Template,
};
pub use changelog_file::ChangelogFile;
pub use compile::{Schedule, TagPattern, VersionRange, length_of_time};
pub use environment_variables::{EnvLookup, ProcessEnv};
pub use error::ConfigError;
pub use host::Endpoint;
pub use load::Loaded;
pub use location::{Located, Location};
pub use problem::{Diagnosis, Problem};
pub use reference::reference;
pub use schema::json_schema;
pub use secret::{SecretError, SecretSource};
pub use services::{ServiceSettings, Setting};
pub use settings::{
    Auth, Author, Batch, Config, Credentials, Environment, Forge, Git, PullRequests, RateLimit, Registry,
    Remote, Signing, Store, Verify,
};
pub use subject::{SubjectForm, SubjectValues};
pub use suggest::nearest;
