//! The shape of the `changelog` and `templates` sections, and of a service's `source`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::git::Token;
use super::{DurationText, FilePath, or_default};
use crate::config::location::Located;

/// Release changelogs: what changed between two images.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Changelog {
    /// The source repositories that labels of images may name: globs over names such as `github.com/vtr/app`. Without
    /// it, those of the image's own namespace on github.com: for `ghcr.io/vtr/app`, `github.com/vtr/*`.
    #[schemars(extend("examples" = [["github.com/vtr/*", "gitlab.vtr.cl/**"]]))]
    pub(in crate::config) sources: Option<Located<Vec<Located<String>>>>,

    /// How hosts of source repositories are reached, for those that need more than anonymous https.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) hosts: Vec<SourceHost>,

    /// Trackers whose tickets are linked where commits name them.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) tickets: Vec<Tickets>,

    /// Authors that are machines, beside those that everybody knows; their upkeep is counted and not listed.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) bots: Vec<String>,

    /// Whether the commit of a promotion tells what changed.
    #[schemars(extend("default" = true))]
    pub(in crate::config) in_commits: Option<bool>,

    /// How long the promotions of a pass wait for what changed. Then they go without, and say so.
    #[schemars(extend("default" = "10s"))]
    pub(in crate::config) time_limit: Option<Located<DurationText>>,

    /// How many lines of it a commit takes.
    #[schemars(extend("default" = 40))]
    pub(in crate::config) most_lines: Option<Located<u32>>,

    /// How much space the history of one source repository may take, in MiB.
    #[schemars(extend("default" = 1024))]
    pub(in crate::config) most_mib: Option<Located<u32>>,

    /// A Markdown file of the GitOps repository that each promotion adds a section to, in its own commit, in the form of
    /// Keep a Changelog. One that lies in an environment's folder is of that environment alone, any other of all; with
    /// `{environment}` in it, each environment has its own. It is made when it is not there.
    #[schemars(extend("examples" = ["clusters/prod-digital-eks/CHANGELOG.md", "changelogs/{environment}.md"]))]
    pub(in crate::config) file: Option<Located<String>>,

    /// Releases of the GitOps repository on GitHub, of what was promoted to the last environments, with the notes: one
    /// a `day`, or one a `batch`, which is what went by one push. Each has a tag of its own. It needs a token with the
    /// permission `contents: write`: that of the repository's host under `hosts`, or else the login of `git.auth`.
    pub(in crate::config) releases: Option<Located<Releases>>,
}

/// How releases are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Releases {
    Day,
    Batch,
}

/// How one host of source repositories is reached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct SourceHost {
    /// The host, with its port if it has one.
    #[schemars(extend("examples" = ["github.com"]))]
    pub(in crate::config) host: Located<String>,

    /// Which forge it is, for links. Without it, it is told by the name, and no links are made for an unknown one.
    pub(in crate::config) forge: Option<Forge>,

    /// The token to read with over https.
    pub(in crate::config) token: Option<Located<Token>>,

    /// How commits are had from a GitHub. `api` asks its API first, and Git for what that doesn't answer; `git` asks Git
    /// alone.
    #[schemars(extend("default" = "api"))]
    pub(in crate::config) commits: Option<Located<CommitsBy>>,

    /// The URL of the API of a GitHub. Without it, `https://api.github.com`, or `/api/v3` at the host of a GitHub
    /// Enterprise.
    #[schemars(extend("examples" = ["https://github.vtr.cl/api/v3"]))]
    pub(in crate::config) api: Option<Located<String>>,
}

/// How commits are had from a GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum CommitsBy {
    Api,
    Git,
}

/// Which forge a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Forge {
    Github,
    Gitlab,
    Gitea,
    Bitbucket,
}

/// The tickets of one project of a tracker.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Tickets {
    /// What a ticket's key begins with: `OPS` for `OPS-123`.
    #[schemars(extend("examples" = ["OPS"]))]
    pub(in crate::config) project: Located<String>,

    /// The page of a ticket, with `{key}` where its key stands. Without it, tickets are known and not linked.
    #[schemars(extend("examples" = ["https://jira.vtr.cl/browse/{key}"]))]
    pub(in crate::config) url: Option<Located<String>>,
}

/// A template of a changelog.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Template {
    /// The file of the Jinja template. It sees the fields that `changelog -o json` prints.
    pub(in crate::config) file: Located<FilePath>,
    /// Whether it makes HTML, so that every value is escaped for it.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub(in crate::config) html: bool,
}

/// Where the source of a service is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ServiceSource {
    /// The repository, instead of the one that the images' labels name: a name such as `github.com/vtr/app`, a URL, or
    /// an absolute path.
    #[schemars(extend("examples" = ["github.com/vtr/app"]))]
    pub(in crate::config) repository: Option<Located<String>>,

    /// How tags of the repository are read, to find the commit of an image that does not name it and to tell releases
    /// apart: a regular expression with a group named `version`. Without it, a tag is a version.
    #[schemars(extend("examples" = [r"^graphql-server/(?P<version>v\d+\.\d+\.\d+)$"]))]
    pub(in crate::config) tag_pattern: Option<Located<String>>,

    /// The folders of the repository that concern the service, where it has several services in it. Without it, all.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) paths: Vec<Located<String>>,
}
