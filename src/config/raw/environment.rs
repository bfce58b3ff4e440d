//! The shape of the `environments` and `freezes` sections.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, LocalDateTime, TimeOfDayText, or_default};
use crate::config::location::Located;

/// One environment: folders of the repository that move together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Environment {
    /// The name: 1 to 63 letters, digits, `-`, `_` or `.`, of which the first is a letter or a digit.
    #[schemars(extend("examples" = ["non-prod"]))]
    pub(in crate::config) name: Located<String>,

    /// The folders, relative to the root of the repository. No folder may lie in another one that is named here or
    /// in another environment.
    #[schemars(length(min = 1), extend("examples" = [["clusters/non-prod"]]))]
    pub(in crate::config) paths: Located<Vec<Located<String>>>,

    /// The environment that versions come from. Without it, they come from the registry.
    pub(in crate::config) after: Option<Located<String>>,

    /// How long a version runs in the environment before, in one piece, until it may come here. Only with `after`.
    #[schemars(extend("default" = "0s"))]
    pub(in crate::config) soak: Option<Located<DurationText>>,

    /// Whether each promotion needs an approval: `required` asks for a control file, as `tidegate approve` writes it; `review`
    /// for an approving review of its pull request, or such a file, and goes with `delivery: pullRequest`.
    #[schemars(extend("default" = "none"))]
    pub(in crate::config) approval: Option<Located<Approval>>,

    /// When promotions may happen; without any, always.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) windows: Vec<Located<Window>>,

    /// How a promotion is delivered: `push` puts it on the branch; `pullRequest` proposes it by a pull request from a branch
    /// of Tidegate's own, and people merge it. See `forge`.
    #[schemars(extend("default" = "push"))]
    pub(in crate::config) delivery: Option<Located<Delivery>>,

    /// What its pull requests are like. Only with `delivery: pullRequest`.
    pub(in crate::config) pull_request: Option<Located<PullRequest>>,
}

/// What the pull requests of an environment are like.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct PullRequest {
    /// What goes into one: `service` is one service, or one of the sets under `groups`, which ship together; `environment` is
    /// all that may go into the environment.
    #[schemars(extend("default" = "service"))]
    pub(in crate::config) group: Option<RequestGroup>,
    /// The labels that it is given when it is opened. One that the repository does not have yet is made by GitHub.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = [], "examples" = [["promotion"]]))]
    pub(in crate::config) labels: Vec<Located<String>>,
    /// Whose review is asked for when it is opened, by their logins.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) reviewers: Vec<Located<String>>,
    /// The teams whose review is asked for, by their names without the organisation's.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) team_reviewers: Vec<Located<String>>,
    /// Whether it is opened as a draft.
    #[schemars(extend("default" = false))]
    pub(in crate::config) draft: Option<bool>,
    /// Has it merge by itself, in this way, when all that the branch's protection asks for is there. The repository must
    /// allow auto-merge.
    pub(in crate::config) auto_merge: Option<MergeMethod>,
}

/// What goes into one pull request.
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

/// How a promotion is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Delivery {
    Push,
    PullRequest,
}

/// A stretch of the day in which promotions may happen, from `from` until just before `to`. When `to` is earlier than
/// `from`, it goes on into the next day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Window {
    /// The days on which the window opens. Without it, every day.
    #[schemars(length(min = 1))]
    pub(in crate::config) days: Option<Located<Vec<Day>>>,
    /// When it opens.
    pub(in crate::config) from: Located<TimeOfDayText>,
    /// When it closes.
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

/// A stretch of time in which nothing is promoted, from `from` until just before `to`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Freeze {
    /// The name, told as the reason why a promotion waits.
    #[schemars(extend("examples" = ["christmas"]))]
    pub(in crate::config) name: Located<String>,
    /// The environments that are frozen. Without it, all.
    #[schemars(length(min = 1))]
    pub(in crate::config) environments: Option<Located<Vec<Located<String>>>>,
    /// When it begins.
    pub(in crate::config) from: Located<LocalDateTime>,
    /// When it ends.
    pub(in crate::config) to: Located<LocalDateTime>,
}
