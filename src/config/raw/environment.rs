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

    /// Whether each promotion needs an approval: a control file, as `tidegate approve` writes it.
    #[schemars(extend("default" = "none"))]
    pub(in crate::config) approval: Option<Approval>,

    /// When promotions may happen; without any, always.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) windows: Vec<Located<Window>>,

    /// How a promotion is delivered: `push` puts it on the branch. `pullRequest` is refused in this version.
    #[schemars(extend("default" = "push"))]
    pub(in crate::config) delivery: Option<Located<Delivery>>,
}

/// Whether a promotion needs an approval.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Approval {
    None,
    Required,
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
