//! The shape of the `forge` section.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Token;
use crate::config::location::Located;

/// Where pull requests are opened, for environments with `delivery: pullRequest`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ForgeSection {
    /// GitHub, or a GitHub Enterprise. For a repository at github.com that `git.auth` opens by a token or as a GitHub App,
    /// nothing need be said.
    pub(in crate::config) github: Option<Located<GithubForge>>,
}

/// A repository at GitHub or at a GitHub Enterprise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct GithubForge {
    /// The repository, as `owner/name`. Without it, the one that `git.url` names.
    #[schemars(extend("examples" = ["vtr/gitops"]))]
    pub(in crate::config) repository: Option<Located<String>>,

    /// The URL of the API. Without it, `https://api.github.com`, or `/api/v3` at the host of a GitHub Enterprise.
    #[schemars(extend("examples" = ["https://github.vtr.cl/api/v3"]))]
    pub(in crate::config) api: Option<Located<String>>,

    /// The token, with the permissions `contents: write` and `pull requests: write` (and `issues: write`, for labels).
    /// Without it, the login of `git.auth`, which is a token or a GitHub App then.
    pub(in crate::config) token: Option<Located<Token>>,
}
