//! The shape of the `registries` section.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FilePath, or_default};
use crate::config::location::Located;

/// How to reach one registry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Registry {
    /// The host with its port, if any, as image references write it.
    #[schemars(extend("examples" = ["ghcr.io", "127.0.0.1:5000"]))]
    pub(in crate::config) host: Located<String>,

    /// The URL to ask instead of the host: a mirror or a pull-through cache. A path in it precedes the name of the repository.
    #[schemars(extend("examples" = ["https://harbor.vtr.cl/dockerhub"]))]
    pub(in crate::config) endpoint: Option<Located<String>>,

    /// Use plain HTTP.
    #[schemars(extend("default" = false))]
    pub(in crate::config) plain_http: Option<Located<bool>>,

    /// The credentials: `username` with `passwordEnv` or `passwordFile`, or `dockerConfig` alone. Without it, requests are
    /// anonymous.
    pub(in crate::config) credentials: Option<Located<Credentials>>,

    /// PEM file of additional certificate authorities to trust for this registry.
    pub(in crate::config) ca_file: Option<Located<FilePath>>,

    /// Additional hosts that may receive the credentials, such as a token server. The registry's own host always may.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = [], "examples" = [["auth.docker.io"]]))]
    pub(in crate::config) token_hosts: Vec<Located<String>>,

    /// Maximum request rate.
    pub(in crate::config) rate_limit: Option<RateLimit>,
}

/// Credentials of a registry: `username` with `passwordEnv` or `passwordFile`, or `dockerConfig` alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Credentials {
    /// The user name.
    pub(in crate::config) username: Option<Located<String>>,
    /// The name of the environment variable that holds the password or the token.
    #[schemars(extend("examples" = ["GHCR_TOKEN"]))]
    pub(in crate::config) password_env: Option<Located<String>>,
    /// The file that holds the password or the token; a trailing line break is ignored.
    pub(in crate::config) password_file: Option<Located<FilePath>>,
    /// A Docker `config.json`; its credential helpers work too.
    pub(in crate::config) docker_config: Option<Located<FilePath>>,
}

/// Maximum request rate of a registry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct RateLimit {
    /// Requests per second, from 1 to 10000.
    #[schemars(range(min = 1, max = 10000))]
    pub(in crate::config) per_second: Located<u32>,
    /// Requests that may go at once after a pause, from 1 to 10000. Without it, the value of `perSecond`.
    #[schemars(range(min = 1, max = 10000))]
    pub(in crate::config) burst: Option<Located<u32>>,
}
