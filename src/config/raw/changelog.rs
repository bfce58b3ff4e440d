//! The shape of the `changelog` and `templates` sections, and of a service's `source`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::git::Token;
use super::{DurationText, FilePath, or_default};
use crate::config::location::Located;

/// Changelogs: what changed between two images.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Changelog {
    /// Source repositories that image labels may name: globs of names such as `github.com/vtr/app`. Without it, those of the
    /// image's owner on github.com: for `ghcr.io/vtr/app`, `github.com/vtr/*`.
    #[schemars(extend("examples" = [["github.com/vtr/*", "gitlab.vtr.cl/**"]]))]
    pub(in crate::config) sources: Option<Located<Vec<Located<String>>>>,

    /// Hosts of source repositories that need more than anonymous https.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) hosts: Vec<SourceHost>,

    /// Issue trackers, to link tickets that commits mention.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) tickets: Vec<Tickets>,

    /// Additional authors that are bots. Release notes count their commits and do not list them.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) bots: Vec<String>,

    /// Put release notes into promotion commits.
    #[schemars(extend("default" = true))]
    pub(in crate::config) in_commits: Option<bool>,

    /// How long the promotions of a pass wait for release notes. After that they go without, and say so.
    #[schemars(extend("default" = "10s"))]
    pub(in crate::config) time_limit: Option<Located<DurationText>>,

    /// Maximum lines of release notes in a commit.
    #[serde(alias = "mostLines")]
    #[schemars(extend("default" = 40))]
    pub(in crate::config) max_lines: Option<Located<u32>>,

    /// Maximum size of the mirror of one source repository, in MiB.
    #[serde(alias = "mostMib")]
    #[schemars(extend("default" = 1024))]
    pub(in crate::config) max_mib: Option<Located<u32>>,

    /// A Markdown file in the GitOps repository. Each promotion adds a section to it, in its own commit, in the style of Keep a
    /// Changelog. A file in the folder of an environment is for that environment alone, any other for all; with
    /// `{environment}` in the path, each environment has its own. Tidegate creates the file.
    #[schemars(extend("examples" = ["clusters/prod-digital-eks/CHANGELOG.md", "changelogs/{environment}.md"]))]
    pub(in crate::config) file: Option<Located<String>>,

    /// Create GitHub releases of the GitOps repository, with the notes of what was promoted to the last environments: one per
    /// `day`, or one per `batch`, which is one push. Each has its own Git tag. This needs a token with the permission
    /// `contents: write`: the one of the repository's host under `hosts`, or else `git.auth`.
    pub(in crate::config) releases: Option<Located<Releases>>,
}

/// What one GitHub release covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Releases {
    Day,
    Batch,
}

/// How to reach one host of source repositories.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct SourceHost {
    /// The host, with its port if it has one.
    #[schemars(extend("examples" = ["github.com"]))]
    pub(in crate::config) host: Located<String>,

    /// Which forge it runs, for links. Without it, the host name decides; an unknown host has no links.
    pub(in crate::config) forge: Option<Forge>,

    /// The token for reading over https.
    pub(in crate::config) token: Option<Located<Token>>,

    /// How to get commits from GitHub: `api` asks the API first and falls back to Git; `git` uses Git alone.
    #[schemars(extend("default" = "api"))]
    pub(in crate::config) commits: Option<Located<CommitsBy>>,

    /// The URL of the GitHub API. Without it, `https://api.github.com`, or `/api/v3` on the host of a GitHub Enterprise.
    #[schemars(extend("examples" = ["https://github.vtr.cl/api/v3"]))]
    pub(in crate::config) api: Option<Located<String>>,
}

/// How to get commits from GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum CommitsBy {
    Api,
    Git,
}

/// Which forge a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Forge {
    Github,
    Gitlab,
    Gitea,
    Bitbucket,
}

/// The tickets of one project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Tickets {
    /// The project part of a ticket: `OPS` for `OPS-123`.
    #[schemars(extend("examples" = ["OPS"]))]
    pub(in crate::config) project: Located<String>,

    /// The URL of a ticket, with `{key}` in place of its key. Without it, tickets are recognised but not linked.
    #[schemars(extend("examples" = ["https://jira.vtr.cl/browse/{key}"]))]
    pub(in crate::config) url: Option<Located<String>>,
}

/// A changelog template.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Template {
    /// The Jinja template. It sees the fields of `changelog -o json`.
    pub(in crate::config) file: Located<FilePath>,
    /// The output is HTML, so values are escaped.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub(in crate::config) html: bool,
}

/// The source repository of a service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ServiceSource {
    /// The repository, instead of the one in the image labels: a name such as `github.com/vtr/app`, a URL, or an absolute
    /// path.
    #[schemars(extend("examples" = ["github.com/vtr/app"]))]
    pub(in crate::config) repository: Option<Located<String>>,

    /// How to read the version from a Git tag, to find releases and the commit of an image without a revision label: a
    /// regular expression with a group named `version`. Without it, the tag is the version.
    #[schemars(extend("examples" = [r"^graphql-server/(?P<version>v\d+\.\d+\.\d+)$"]))]
    pub(in crate::config) tag_pattern: Option<Located<String>>,

    /// The folders of the repository that belong to the service, for a repository with several services. Without it, all.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) paths: Vec<Located<String>>,
}
