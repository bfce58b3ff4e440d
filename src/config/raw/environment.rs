//! The shape of the `environments` and `freezes` sections.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Clusters, DurationText, LocalDateTime, TimeOfDayText, or_default};
use crate::config::location::Located;

/// One environment: folders of the repository whose versions move together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Environment {
    /// The name: 1 to 63 letters, digits, `-`, `_` or `.`, starting with a letter or a digit.
    #[schemars(extend("examples" = ["non-prod"]))]
    pub(in crate::config) name: Located<String>,

    /// The folders, relative to the root of the repository, or files where each stage has one; `*` matches any characters
    /// within one path segment, as in `clusters/*/prod` and `apps/*/prod.yaml`. No folder may lie in another one, of this environment or of another.
    #[schemars(length(min = 1), extend("examples" = [["clusters/non-prod"]]))]
    pub(in crate::config) paths: Located<Vec<Located<String>>>,

    /// The environment that versions come from. Without it, they come from the registry.
    pub(in crate::config) after: Option<Located<String>>,

    /// How long a version must run in the previous environment, without interruption. Only with `after`.
    #[schemars(extend("default" = "0s"))]
    pub(in crate::config) soak: Option<Located<DurationText>>,

    /// How long ago an image must have been first seen in the registry by this Tidegate. `services` may say otherwise.
    #[schemars(extend("default" = "0s", "examples" = ["3d"]))]
    pub(in crate::config) minimum_age: Option<Located<DurationText>>,

    /// Whether each promotion needs an approval: `required` needs a control file, as `tidegate approve` writes it; `review`
    /// needs an approving review of the pull request, or such a file, and works with `delivery: pullRequest` only.
    #[schemars(extend("default" = "none"))]
    pub(in crate::config) approval: Option<Located<Approval>>,

    /// When promotions may happen; without windows, at any time.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) windows: Vec<Located<Window>>,

    /// How a promotion is delivered: `push` pushes it to the branch; `pullRequest` opens a pull request, which people merge.
    /// See `forge`.
    #[schemars(extend("default" = "push"))]
    pub(in crate::config) delivery: Option<Located<Delivery>>,

    /// How its pull requests are opened. Only with `delivery: pullRequest`.
    pub(in crate::config) pull_request: Option<Located<PullRequest>>,

    /// The cluster that Flux applies its folders to, or a list of several. A version soaks, and goes on from here, only while
    /// every one of them reports it healthy. Without it, a soak is time in Git.
    #[schemars(extend("examples" = [{"kubeconfig": "/etc/tidegate/kubeconfig", "context": "aws-digital-eks-prod"}]))]
    pub(in crate::config) cluster: Option<Located<Clusters>>,

    /// How long after its push a promoted version must be healthy in the cluster. Only with `cluster`.
    #[schemars(extend("examples" = ["15m"]))]
    pub(in crate::config) verify_within: Option<Located<DurationText>>,

    /// What follows if it is not: `report` notifies; `hold` commits a hold of the service in the environment; `rollback` goes
    /// back to the last version that ran well and quarantines the new one, in one commit. A version that a person set is only
    /// reported. Only with `verifyWithin`.
    #[schemars(extend("default" = "report"))]
    pub(in crate::config) on_failure: Option<Located<OnFailure>>,
}

/// How the pull requests of an environment are opened.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct PullRequest {
    /// What one pull request contains: `service` for one service, or one group that ships together; `environment` for
    /// everything that may be promoted to the environment.
    #[schemars(extend("default" = "service"))]
    pub(in crate::config) group: Option<RequestGroup>,
    /// Labels to set on opening. GitHub creates missing ones.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = [], "examples" = [["promotion"]]))]
    pub(in crate::config) labels: Vec<Located<String>>,
    /// Logins to ask for a review on opening.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) reviewers: Vec<Located<String>>,
    /// Teams to ask for a review, without the name of the organisation.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) team_reviewers: Vec<Located<String>>,
    /// Open it as a draft.
    #[schemars(extend("default" = false))]
    pub(in crate::config) draft: Option<bool>,
    /// Merge automatically with this method once the branch protection allows it. The repository must allow auto-merge.
    pub(in crate::config) auto_merge: Option<MergeMethod>,
}

/// What one pull request contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum RequestGroup {
    Service,
    Environment,
}

/// How a pull request is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum MergeMethod {
    Merge,
    Squash,
    Rebase,
}

/// Whether a promotion needs an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Approval {
    None,
    Required,
    Review,
}

/// What follows when a promoted version does not become healthy in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum OnFailure {
    Report,
    Hold,
    Rollback,
}

/// How a promotion is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Delivery {
    Push,
    PullRequest,
}

/// A part of the day in which promotions may happen: from `from`, until just before `to`. A `to` earlier than `from` is on
/// the next day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Window {
    /// The days on which the window opens. Without it, every day.
    #[schemars(length(min = 1))]
    pub(in crate::config) days: Option<Located<Vec<Day>>>,
    /// When the window opens.
    pub(in crate::config) from: Located<TimeOfDayText>,
    /// When the window closes.
    pub(in crate::config) to: Located<TimeOfDayText>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A period in which nothing is promoted: from `from`, until just before `to`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Freeze {
    /// The name, which reports use.
    #[schemars(extend("examples" = ["christmas"]))]
    pub(in crate::config) name: Located<String>,
    /// The frozen environments. Without it, all.
    #[schemars(length(min = 1))]
    pub(in crate::config) environments: Option<Located<Vec<Located<String>>>>,
    /// When the freeze begins.
    pub(in crate::config) from: Located<LocalDateTime>,
    /// When the freeze ends.
    pub(in crate::config) to: Located<LocalDateTime>,
}
