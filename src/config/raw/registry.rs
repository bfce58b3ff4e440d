//! The shape of the `registries` section.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FilePath, or_default};
use crate::config::location::Located;

/// How one registry is reached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Registry {
    /// The registry, as image references name it: a host, with its port if there is one.
    #[schemars(extend("examples" = ["ghcr.io", "127.0.0.1:5000"]))]
    pub(in crate::config) host: Located<String>,

    /// Ask this URL instead of the host: a mirror or a pull-through cache. A path in it is put before the
    /// repository's name.
    #[schemars(extend("examples" = ["https://harbor.vtr.cl/dockerhub"]))]
    pub(in crate::config) endpoint: Option<Located<String>>,

    /// Whether the registry is spoken to by plain HTTP.
    #[schemars(extend("default" = false))]
    pub(in crate::config) plain_http: Option<Located<bool>>,

    /// The account: `username` with `passwordEnv` or `passwordFile`, or else `dockerConfig` alone. Without it, the
    /// registry is asked anonymously.
    pub(in crate::config) credentials: Option<Located<Credentials>>,

    /// A file of further certificate authorities that are trusted for this registry, in PEM form.
    pub(in crate::config) ca_file: Option<Located<FilePath>>,

    /// Further hosts that this registry may send a login to. Its own host is always one.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = [], "examples" = [["auth.docker.io"]]))]
    pub(in crate::config) token_hosts: Vec<Located<String>>,

    /// How fast the registry may be asked at most.
    pub(in crate::config) rate_limit: Option<RateLimit>,
}

/// An account of a registry: `username` with `passwordEnv` or `passwordFile`, or else `dockerConfig` alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Credentials {
    /// The name of the account.
    pub(in crate::config) username: Option<Located<String>>,
    /// The name of the environment variable that holds the password or the token.
    #[schemars(extend("examples" = ["GHCR_TOKEN"]))]
    pub(in crate::config) password_env: Option<Located<String>>,
    /// The file that holds the password or the token; an end of line after it is not part of it.
    pub(in crate::config) password_file: Option<Located<FilePath>>,
    /// A Docker `config.json`, whose credential helpers are asked too.
    pub(in crate::config) docker_config: Option<Located<FilePath>>,
}

/// How fast a registry may be asked at most.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct RateLimit {
    /// Requests a second, from 1 to 10000.
    #[schemars(range(min = 1, max = 10000))]
    pub(in crate::config) per_second: Located<u32>,
    /// How many requests may go at once after a pause, from 1 to 10000. Without it, as many as `perSecond`.
    #[schemars(range(min = 1, max = 10000))]
    pub(in crate::config) burst: Option<Located<u32>>,
}
